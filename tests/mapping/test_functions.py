"""Every conversion between HL7's types and DICOM's, value by value (RAD TF-2 Appendix B)."""

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import encoding
from swf.dicom.encoding import Value
from swf.mapping import functions, selectors
from tests.mapping.conftest import groups

SUMMER_AND_WINTER = "CET-1CEST,M3.5.0,M10.5.0/3"


def convert(function: str, field: str, selector: str = "OBX-5") -> Value:
    """What a function makes of a field; the field is OBX-5 of an order."""
    (group,) = groups("ORC|NW|1", "OBR|1", f"OBX|1|ST|||{field}")
    (source,) = selectors.sources(selectors.parse(selector), group)
    return functions.FUNCTIONS[function](source)


@pytest.fixture
def berlin() -> Iterator[None]:
    """The site is in central Europe, where summer time changes the offset."""
    before = os.environ["TZ"]
    os.environ["TZ"] = SUMMER_AND_WINTER
    time.tzset()
    yield
    os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("function", "field", "expected"),
    [
        ("name", "DOE^JANE^MARY^JR^DR", "DOE^JANE^MARY^DR^JR"),
        ("name", "DOE^JANE^MARY^JR^DR^MD", "DOE^JANE^MARY^DR^JR MD"),
        ("name", "DOE^JANE^^^^MD", "DOE^JANE^^^MD"),
        ("name", "DOE^JANE^^^^^L", "DOE^JANE"),
        ("name", "DOE&VAN&DOE^JANE", "DOE^JANE"),
        ("name", " DOE ^ JANE ", "DOE^JANE"),
        ("name", "^JANE", "^JANE"),
        ("name", r"DOE\S\ROE^J=A\E\NE", "DOE ROE^J A NE"),
        ("name", 'DOE^JANE^""', "DOE^JANE"),
        ("name", "^^^^^^L", ""),
        ("name", "", ""),
        ("person", "7001^WEBER^KARL^M^SR^DR^PHD^^HOSP", "WEBER^KARL^M^DR^SR PHD"),
        ("person", "7001", ""),
        ("person_in_component", "9100&TECH&TOM&T&III&MR", "TECH^TOM^T^MR^III"),
        ("person_in_component", "9100&TECH", "TECH"),
    ],
)
def test_names(function: str, field: str, expected: str) -> None:
    """HL7 writes the suffix before the prefix and DICOM after it; degrees join the suffix, nothing breaks the name."""
    assert convert(function, field) == expected


@pytest.mark.parametrize(
    ("field", "date", "at"),
    [
        ("20260316093000", "20260316", "093000"),
        ("202603160930", "20260316", "093000"),
        ("2026031609", "20260316", "090000"),
        ("20260316093000.1234", "20260316", "093000"),
        ("20260316", "20260316", "000000"),
        ("20260316T0930", "20260316", "093000"),
        ("20240229", "20240229", "000000"),
        ("202603", "", ""),
        ("2026", "", ""),
        ("20260230", "", ""),
        ("20260316240000", "20260316", "000000"),
        ("202603162430", "20260316", "000000"),
        ("20260316093060", "20260316", "093000"),
        ("20260316235960.5+0000", "20260316", "235900"),
        ("20260316093000.123456", "20260316", "093000"),
        ("20260316093000^D", "20260316", "093000"),
        ("20260316093000  ", "20260316", "093000"),
        ("2026-03-16", "20260316", "000000"),
        ("2026-03-16T09:30", "20260316", "093000"),
        ("2026-03-16 09:30:15.25Z", "20260316", "093015"),
        ("2026-03-16T09:30:00+00:00", "20260316", "093000"),
        ("2026-03", "", ""),
        ("2026-0316", "", ""),
        ("00000000", "", ""),
        ("0000", "", ""),
        ("00000000000000+0000", "", ""),
        ("20260316256000", "", ""),
        ("20260316096100", "", ""),
        ("2026031609300", "", ""),
        ("16.03.2026", "", ""),
        ("20260316093000+9900", "", ""),
        ("00010101000000+1400", "", ""),
        ("99991231235959-1400", "", ""),
        ("", "", ""),
    ],
)
def test_dates_and_times(field: str, date: str, at: str) -> None:
    """A date is taken only when its day is known: no first of January is ever invented, and nobody moves to another
    day.
    """
    assert (convert("date", field), convert("time", field)) == (date, at)


@pytest.mark.parametrize(
    ("field", "date", "at"),
    [
        ("20260316093000+0100", "20260316", "093000"),
        ("20260316093000+0000", "20260316", "103000"),
        ("20260316093000Z", "20260316", "103000"),
        ("20260316233000-0500", "20260317", "053000"),
        ("20260716093000+0100", "20260716", "103000"),
        ("20260328233000+0000", "20260329", "003000"),
        ("20260329013000+0000", "20260329", "033000"),
        ("20261025003000+0000", "20261025", "023000"),
        ("20261025013000+0000", "20261025", "023000"),
        ("20260316+0500", "20260316", "000000"),
        ("20260316093000+0530", "20260316", "050000"),
        ("20260316093000", "20260316", "093000"),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_zones(field: str, date: str, at: str) -> None:
    """A time with an offset is shown in the site's own time, summer and winter; one without is the site's already."""
    assert (convert("date", field), convert("time", field)) == (date, at)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("sex", {"F": "F", "M": "M", "O": "O", "f": "F", "A": "O", "N": "O", "U": "", "": "", "X": ""}),
        (
            "priority",
            {
                "S": "STAT",
                "A": "HIGH",
                "P": "HIGH",
                "C": "HIGH",
                "R": "ROUTINE",
                "T": "MEDIUM",
                "TM10": "MEDIUM",
                "s": "STAT",
                "STAT": "STAT",
                "ROUTINE": "ROUTINE",
                "PRN": "ROUTINE",
                "X": "ROUTINE",
                "R~S~A": "STAT",
                "R~~T": "MEDIUM",
                "": "",
            },
        ),
        ("pregnancy", {"B6": "3", "A2": "", "": ""}),
        ("capitals", {" ct ": "CT", "": ""}),
        ("meaning", {"A2^Deep isolation": "Deep isolation", "A2": "A2", "^Text": "Text", "": ""}),
        ("joined", {"STREET 1^^TOWN^^1010^AT": "STREET 1 TOWN 1010 AT", "": ""}),
        ("location_name", {"RAD^R1^1^HOSP": "RAD R1 1", "^^^HOSP": "", "WARD": "WARD"}),
        ("text", {r"50\T\60\F\ \E\ \S\ \R\ ": "50&60| \\ ^ ~ ", "\\H\\bold\\N\\": "bold"}),
    ],
)
def test_codes_and_texts(function: str, expected: dict[str, str]) -> None:
    """Sex, priority, pregnancy and the like become the terms a modality knows; what is unknown is never guessed."""
    assert {field: convert(function, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            "CTABD^CT abdomen^99HIS",
            {"CodeValue": "CTABD", "CodingSchemeDesignator": "99HIS", "CodeMeaning": "CT abdomen"},
        ),
        ("CTABD", {"CodeValue": "CTABD", "CodingSchemeDesignator": "99LOCAL", "CodeMeaning": "CTABD"}),
        ("CTABD^CT^L", {"CodeValue": "CTABD", "CodingSchemeDesignator": "L", "CodeMeaning": "CT"}),
        ('CTABD^""^I10', {"CodeValue": "CTABD", "CodingSchemeDesignator": "I10", "CodeMeaning": "CTABD"}),
        ("1" * 16, {"CodeValue": "1" * 16, "CodingSchemeDesignator": "99LOCAL", "CodeMeaning": "1" * 16}),
        ("1" * 17, {"LongCodeValue": "1" * 17, "CodingSchemeDesignator": "99LOCAL", "CodeMeaning": "1" * 17}),
    ],
)
def test_codes(field: str, expected: dict[str, str]) -> None:
    """A code keeps its value, long ones in their own attribute, and always has a scheme and a meaning."""
    assert convert("code", field) == [expected]


def test_a_text_without_code_is_no_code() -> None:
    """A coded field that holds a text alone makes no code."""
    assert convert("code", "^CT abdomen^99HIS") == []


@pytest.mark.parametrize(
    ("function", "field", "selector", "expected"),
    [
        ("authority", "8100^HIS", "OBX-5.2", [{"LocalNamespaceEntityID": "HIS"}]),
        (
            "authority",
            "8100^HIS^1.2.40^ISO",
            "OBX-5.2",
            [{"LocalNamespaceEntityID": "HIS", "UniversalEntityID": "1.2.40", "UniversalEntityIDType": "ISO"}],
        ),
        ("authority", "8100^^1.2.40^ISO", "OBX-5.2", [{"UniversalEntityID": "1.2.40", "UniversalEntityIDType": "ISO"}]),
        ("authority", "8100^HIS^^ISO", "OBX-5.2", [{"LocalNamespaceEntityID": "HIS"}]),
        ("authority", "8100", "OBX-5.2", []),
        (
            "authority_in_component",
            "V1^^^HOSP&1.2.40&ISO",
            "OBX-5.4",
            [{"LocalNamespaceEntityID": "HOSP", "UniversalEntityID": "1.2.40", "UniversalEntityIDType": "ISO"}],
        ),
        ("authority_in_component", "V1^^^HOSP", "OBX-5.4", [{"LocalNamespaceEntityID": "HOSP"}]),
    ],
)
def test_authorities(function: str, field: str, selector: str, expected: list[dict[str, str]]) -> None:
    """Whoever issued a number is named with it: by name, by universal id, or both; a type alone names nobody."""
    assert convert(function, field, selector) == expected


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n|~"), max_size=40))
def test_no_field_breaks_a_function(field: str) -> None:
    """Whatever a sender writes into a field, every function makes a value of it and none fails."""
    for function in functions.FUNCTIONS:
        value = convert(function, field)
        if function in {"date", "time"}:
            keyword = {"date": "PatientBirthDate", "time": "PatientBirthTime"}[function]
            assert isinstance(value, str)
            assert encoding.violations(keyword, value) == []
        if function.startswith(("name", "person")):
            assert str(value).count("^") <= 4
            assert "=" not in str(value)

"""Matching keys as predicates, and what those cover (PS3.4 C.2.2.2)."""

import fnmatch
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import matching
from swf.dicom.matching import AnyOf, DateTimeRange, Equal, Range, Wildcard


@pytest.mark.parametrize(
    ("vr", "values", "predicate"),
    [
        ("SH", [], None),
        ("SH", [""], None),
        ("SH", ["  "], None),
        ("SH", ["*"], None),
        ("SH", ["***"], None),
        ("SH", ["A3  "], Equal("column", ("A3",))),
        ("SH", ["a3"], Equal("column", ("a3",))),
        ("SH", ["A?"], Wildcard("column", "A?")),
        ("CS", ["CT", "MR"], Equal("column", ("CT", "MR"))),
        ("CS", ["CT", ""], Equal("column", ("CT",))),
        ("CS", ["C*"], Wildcard("column", "C*")),
        ("CS", ["C*", "MR"], AnyOf("column", (Wildcard("column", "C*"), Equal("column", ("MR",))))),
        ("CS", ["ct"], Equal("column", ("CT",))),
        ("CS", ["c*"], Wildcard("column", "C*")),
        ("CS", ["*", "MR"], None),
        ("AE", ["*"], None),
        ("UI", ["1.2", "1.3\0"], Equal("column", ("1.2", "1.3"))),
        ("UI", ["1.*"], Equal("column", ("1.*",))),
        ("UI", ["*"], None),
        ("DA", ["20261122"], Equal("column", ("20261122",))),
        ("DA", ["2026.11.22"], Equal("column", ("20261122",))),
        ("DA", ["*"], None),
        ("DA", ["-"], None),
        ("DA", ["202611*"], Wildcard("column", "202611*")),
        ("DA", ["20261101-20261130"], Range("column", "20261101", "20261130")),
        ("DA", ["2026.11.01 - 2026.11.30"], Range("column", "20261101", "20261130")),
        ("DA", ["20261101-"], Range("column", "20261101", "")),
        ("DA", ["-20261130"], Range("column", "", "20261130")),
        ("DA", ["tomorrow"], Equal("column", ("tomorrow",))),
        ("DA", ["20261101-tomorrow"], Equal("column", ("20261101-tomorrow",))),
        (
            "DA",
            ["20261101-20261102", "20261104"],
            AnyOf("column", (Range("column", "20261101", "20261102"), Equal("column", ("20261104",)))),
        ),
        ("TM", ["2230"], Equal("column", ("223000",))),
        ("TM", ["22:30:15"], Equal("column", ("223015",))),
        ("TM", ["223015.25"], Equal("column", ("223015",))),
        ("TM", ["1000-1800"], Range("column", "100000", "180059")),
        ("TM", ["08-"], Range("column", "080000", "")),
        ("PN", ["SMITH^ANNA^^"], Equal("column", ("smith^anna",))),
        ("PN", ["MÜLLER*"], Wildcard("column", "muller*")),
        ("PN", ["*=*"], None),
        ("PN", ["^"], None),
        ("PN", ["=山田*"], Wildcard("column", "山田*")),
        ("PN", ["*^*^^^"], None),
        ("PN", ["SMITH*^*"], Wildcard("column", "smith*")),
        ("PN", ["SMITH^*^^*"], AnyOf("column", (Equal("column", ("smith",)), Wildcard("column", "smith^*")))),
        ("PN", ["SM?TH^*"], AnyOf("column", (Wildcard("column", "sm?th"), Wildcard("column", "sm?th^*")))),
        ("PN", ["*=山田*"], Wildcard("column", "山田*")),
        ("PN", ["SMITH", "Poe*"], AnyOf("column", (Equal("column", ("smith",)), Wildcard("column", "poe*")))),
        ("PN", ["SMITH", "*"], None),
    ],
)
def test_a_key_asks_what_the_modality_means(vr: str, values: list[str], predicate: matching.Predicate | None) -> None:
    """Padding, old date forms, lists and lone stars are understood the way the scanner means them."""
    assert matching.asked("column", vr, values) == ([predicate] if predicate else [])


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Müller^Jürgen", "muller^jurgen"),
        ("MULLER^JURGEN^^", "muller^jurgen"),
        (" Smith ^ Anna ", "smith^anna"),
        ("Smith Anna", "smith^anna"),
        ("Smith^^Anna", "smith^anna"),
        ("Ødegård^Łucja", "odegard^lucja"),
        ("Groß^Æsa", "gross^aesa"),
        ("Đorđević^Þóra", "dordevic^thora"),
        ("İnan^Iş\u0131l", "inan^isil"),
        ("Иванов^Пётр", "иванов^петр"),
        ("がま^たろう", "がま^たろう"),
        ("Yamada^Tarou=山田^太郎", "yamada^tarou\\山田^太郎"),
        ("Smith^Ann*", "smith^ann*"),
        ("^^^", ""),
        ("", ""),
    ],
)
def test_names_are_compared_without_case_accents_and_empty_parts(name: str, folded: str) -> None:
    """A patient is found however the scanner's keyboard writes the name."""
    assert matching.fold(name) == folded


def test_each_group_of_a_name_is_asked_for() -> None:
    """Of two patients whose names sound the same, the one is found whose name is written so."""
    asked = matching.asked("patient_name", "PN", ["Yamada^Tarou=山田^太郎="])
    assert asked == [Equal("patient_name", ("yamada^tarou",)), Equal("patient_name", ("山田^太郎",))]
    assert all(matching.matches(each, {"patient_name": "yamada^tarou\\山田^太郎"}) for each in asked)
    assert not all(matching.matches(each, {"patient_name": "yamada^tarou\\山田^太朗"}) for each in asked)


@pytest.mark.parametrize(
    ("key", "found"), [("Smith", {"A3", "A4"}), ("SMITH^B", set()), ("MÜLLER", {"A1"}), ("smith^anna", {"A3"})]
)
def test_a_family_name_may_be_enough(key: str, found: set[str]) -> None:
    """Where the site wants it, a name without a star finds everybody whose name begins with these parts, in full."""
    asked = matching.asked("patient_name", "PN", [key], names_begin=True)
    assert {name for name, row in ROWS.items() if all(matching.matches(each, row) for each in asked)} == found


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_case_and_folding_twice_change_nothing(name: str) -> None:
    """A name that was stored folded still compares equal to itself."""
    once = matching.fold(name)
    assert matching.fold(once.replace("\\", "=")) == once
    assert matching.fold(name.upper()) == once


ROWS = {
    "A1": {
        "patient_name": matching.fold("Müller^Jürgen"), "station": "CT1", "modality": "CT", "accession_number": "A1",
        "start_date": "20261122", "start_time": "090000",
    },
    "A2": {
        "patient_name": matching.fold("MUELLER^K"), "station": "CT1", "modality": "CT", "accession_number": "A2",
        "start_date": "20261122", "start_time": "223000",
    },
    "A3": {
        "patient_name": matching.fold("Smith^Anna"), "station": "CT2", "modality": "CT", "accession_number": "A3",
        "start_date": "20261123", "start_time": "080000",
    },
    "A4": {
        "patient_name": matching.fold("SMITH^BOB"), "station": "MR1\\MR2", "modality": "MR", "accession_number": "A4",
        "start_date": "20261124", "start_time": "100000",
    },
    "A5": {
        "patient_name": matching.fold("Иванов^Пётр"), "station": "US1", "modality": "US", "accession_number": "A5",
        "start_date": "20261125", "start_time": "",
    },
    "A6": {
        "patient_name": matching.fold("DOE^JANE"), "station": "", "modality": "CR", "accession_number": "A6",
        "start_date": "", "start_time": "",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "vr", "key", "found"),
    [
        ("patient_name", "PN", "Müller*", {"A1"}),
        ("patient_name", "PN", "MULLER*", {"A1"}),
        ("patient_name", "PN", "smith*", {"A3", "A4"}),
        ("patient_name", "PN", "Smith", set()),
        ("patient_name", "PN", "Smith^Anna", {"A3"}),
        ("patient_name", "PN", "SMITH^ANNA^^", {"A3"}),
        ("patient_name", "PN", "иванов*", {"A5"}),
        ("patient_name", "PN", "SMITH^?OB", {"A4"}),
        ("accession_number", "SH", "A3  ", {"A3"}),
        ("accession_number", "SH", "a3", set()),
        ("modality", "CS", "C*", {"A1", "A2", "A3", "A6"}),
        ("modality", "CS", "CT\\MR", {"A1", "A2", "A3", "A4"}),
        ("station", "AE", "MR2", {"A4"}),
        ("station", "AE", "M?1", {"A4"}),
        ("station", "AE", "MR", set()),
        ("station", "AE", "?*", {"A1", "A2", "A3", "A4", "A5"}),
        ("start_date", "DA", "20261122-20261123", {"A1", "A2", "A3"}),
        ("start_date", "DA", "-20261122", {"A1", "A2"}),
        ("start_date", "DA", "20261124-", {"A4", "A5"}),
        ("start_date", "DA", "2026.11.22", {"A1", "A2"}),
        ("start_time", "TM", "2230", {"A2"}),
        ("start_time", "TM", "0800-0900", {"A1", "A3"}),
        ("start_time", "TM", "2200-0100", set()),
    ],
)
def test_the_right_patients_are_found(column: str, vr: str, key: str, found: set[str]) -> None:
    """Each way a scanner may ask finds exactly the patients it should, and an unknown value matches no key."""
    asked = matching.asked(column, vr, key.split("\\"))
    assert asked
    assert {name for name, row in ROWS.items() if all(matching.matches(each, row) for each in asked)} == found


@pytest.mark.parametrize("group", ["Yamada^Tarou", "=山田^太郎", "==やまだ^たろう", "yamada*", "=山田*"])
def test_a_name_is_found_in_each_of_its_scripts(group: str) -> None:
    """A name kept in three scripts is found by any of them."""
    (asked,) = matching.asked("patient_name", "PN", [group])
    assert matching.matches(asked, {"patient_name": matching.fold("Yamada^Tarou=山田^太郎=やまだ^たろう")})


@pytest.mark.parametrize(
    ("date", "time", "combined"),
    [
        ("20261122-20261123", "2200-0830", DateTimeRange("20261122220000", "20261123083059")),
        ("20260705-20260707", "100000-180000", DateTimeRange("20260705100000", "20260707180000")),
        ("20261122-", "2200-", DateTimeRange("20261122220000", "")),
        ("-20261122", "-2200", DateTimeRange("", "20261122220059")),
        ("20261122-20261123", "2200-", DateTimeRange("20261122220000", "20261123235959")),
        ("20261122-20261123", "-2200", DateTimeRange("20261122000000", "20261123220059")),
    ],
)
def test_a_range_of_days_and_one_of_times_are_one_range(date: str, time: str, combined: DateTimeRange) -> None:
    """A night shift asking for 22:00 to 08:30 of the next day gets the night, not two evenings."""
    asked = matching.asked("start_date", "DA", [date]) + matching.asked("start_time", "TM", [time])
    assert matching.combine([Equal("modality", ("CT",)), *asked]) == [
        Equal("modality", ("CT",)),
        combined,
    ]


def test_the_night_shift_finds_its_patients() -> None:
    """From 22:00 until 08:30 the late and the early patient are found, the one of the morning before is not."""
    asked = DateTimeRange("20261122220000", "20261123083059")
    assert {name for name, row in ROWS.items() if matching.matches(asked, row)} == {"A2", "A3"}


@pytest.mark.parametrize(("date", "time"), [("20261122", "0800-1000"), ("20261122-20261123", "0900"), ("", "08-09")])
def test_a_range_with_a_single_value_stays_two_conditions(date: str, time: str) -> None:
    """One day and a range of times means those hours of that day."""
    both = matching.asked("start_date", "DA", [date]) + matching.asked("start_time", "TM", [time])
    assert matching.combine(both) == both


ALPHABET = st.text("ab%_[]\\^.", max_size=9)
PATTERN = st.text("ab%_[]\\^.**??", max_size=8)


@settings(max_examples=400, deadline=None)
@given(PATTERN, ALPHABET)
def test_wildcards_cover_what_other_matchers_cover(pattern: str, value: str) -> None:
    """Only the star and the question mark are special; everything else is the letter it is."""
    oracle = re.sub(r"\[", "[[]", pattern)
    assert matching.covers(pattern, value) is fnmatch.fnmatchcase(value, oracle)


@settings(max_examples=100, deadline=None)
@given(st.text("ab*", min_size=1, max_size=12), st.text("ab", max_size=12))
def test_a_key_matches_no_unknown_value(pattern: str, value: str) -> None:
    """A patient without a birth date is not found by any birth date."""
    for asked in (Equal("c", (value, "")), Wildcard("c", pattern), Range("c", "", ""), Range("c", "", "z")):
        assert not matching.matches(asked, {"c": ""})
        assert not matching.matches(asked, {})
    assert not matching.matches(DateTimeRange("", ""), {"start_date": "20261122", "start_time": ""})


def test_a_hostile_pattern_takes_no_time() -> None:
    """A key made of many stars cannot stall the worklist."""
    steps = 0

    class Counting(str):
        __slots__ = ()

        def __getitem__(self, at: object) -> str:
            nonlocal steps
            steps += 1
            return super().__getitem__(at)  # type: ignore[index]

    assert not matching.covers("a*" * 31 + "b", Counting("a" * 63))
    assert steps < 64 * 63

"""Named transforms of a mapping line: HL7 data types in, DICOM values out (RAD TF-2 Appendix B, PS3.5 6.2).

Each takes one `Source` and gives the attribute's value, empty when the field says nothing. NULL (`""`) is seen by the
caller; no function has to know it.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from swf.dicom.encoding import Item, Value
from swf.mapping import times
from swf.mapping.selectors import Source
from swf.mapping.times import birth_date, birth_time, date, time, time_of_day

Function = Callable[[Source], Value]

_SEX = {"F": "F", "M": "M", "O": "O", "A": "O", "N": "O"}
_PRIORITY = {"S": "STAT", "A": "HIGH", "P": "HIGH", "C": "HIGH", "R": "ROUTINE", "PRN": "ROUTINE", "T": "MEDIUM"}
_HIGHEST_FIRST = ("STAT", "HIGH", "MEDIUM", "ROUTINE")
_PREGNANT = "B6"
_LONGEST_CODE_VALUE = 16
LOCAL = "99LOCAL"
"""The designator of codes whose scheme is not named."""

_DESIGNATOR = "CodingSchemeDesignator"
_PARTING = str.maketrans("\\^=", "   ")
_URN = re.compile(r"(?:urn:|https?://)", re.IGNORECASE)
_TYPE, _REPRESENTATION = 7, 8  # XPN
_OTHER_SCRIPTS = frozenset({"I", "P"})
_PATIENT_NAME = ("PID", 5)
_AUTHORITY_OF_PERSON, _AUTHORITY_OF_NUMBER = 9, 4  # XCN, CX
_UNIT_OF_OBSERVATION = 6
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,6})?")
_KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001"), "lb": Decimal("0.45359237"), "lbs": Decimal("0.45359237")}
_KILOGRAMS |= {"lb_av": _KILOGRAMS["lb"]}
_METRES = {"m": Decimal(1), "cm": Decimal("0.01"), "mm": Decimal("0.001"), "in": Decimal("0.0254")}
_METRES |= {"in_i": _METRES["in"], "inch": _METRES["in"]}


def text(source: Source) -> Value:
    """The text as it stands."""
    return source.text()


def capitals(source: Source) -> Value:
    """A code, in capitals and without blanks around it."""
    return source.text().strip().upper()


def name(source: Source) -> Value:
    """XPN to PN: family^given^middle^prefix^suffix, the legal name (XPN-7) first; its ideographic and phonetic forms
    (XPN-8) become the other groups. HL7 has suffix before prefix, DICOM after (PS3.5 6.2.1).
    """
    if source.segment.repetitions(source.field) <= 1 and not source.component_text(_REPRESENTATION):
        return _person_name(source, first=1)
    chosen = _groups(source)
    return "=".join(_person_name(chosen[group], first=1) if group in chosen else "" for group in "AIP").rstrip("=")


def other_names(source: Source) -> Value:
    """XPN to PN, of a name that is not the patient's legal one: aliases, maiden names (PID-5 from the second, PID-9)."""
    if (source.segment.name, source.field) == _PATIENT_NAME:
        if source.repetition in {one.repetition for one in _groups(source).values()}:
            return ""
        if source.component_text(_REPRESENTATION) in _OTHER_SCRIPTS:
            return ""
    return _person_name(source, first=1)


def _groups(source: Source) -> dict[str, Source]:
    """The repetitions that make the legal name: one for each representation, a legal one before any other."""
    chosen: dict[str, Source] = {}
    every = [source._replace(repetition=number) for number in range(1, source.segment.repetitions(source.field) + 1)]
    for one in sorted(every, key=lambda one: one.component_text(_TYPE) not in ("", "L")):
        script = one.component_text(_REPRESENTATION)
        chosen.setdefault(script if script in _OTHER_SCRIPTS else "A", one)
    return chosen


def person(source: Source) -> Value:
    """XCN to PN: as `name`, behind an identifier."""
    return _person_name(source, first=2)


def _person_name(source: Source, first: int) -> str:
    family, given, middle, suffix, prefix, degree = source.component_texts(first, 6)
    parts = (family, given, middle, prefix, " ".join(part for part in (suffix, degree) if part))
    return _joined_name(parts)


def person_in_component(source: Source) -> Value:
    """CN in subcomponents (`id&family&given`, as OBR-34.1) to PN."""
    family, given, middle, suffix, prefix = (source.subcomponent_text(number).strip() for number in range(2, 7))
    return _joined_name((family, given, middle, prefix, suffix))


def _joined_name(parts: tuple[str, ...]) -> str:
    # ^, = and \ part a DICOM name; inside a part they can only be mistakes
    return "^".join(part.translate(_PARTING) for part in parts).rstrip("^")


def identification(source: Source) -> Value:
    """The identifier of an XCN, with its authority (XCN-9), to an item of the person identification macro."""
    value = source.component_text(1).strip()
    return _identified(value, source.component_text(_AUTHORITY_OF_PERSON).strip(), str(person(source)))


def identification_in_component(source: Source) -> Value:
    """The same from subcomponents (`id&family&given`, as OBR-34.1)."""
    return _identified(source.subcomponent_text(1).strip(), "", str(person_in_component(source)))


def _identified(value: str, institution: str, name_: str) -> list[Item]:
    if not value:
        return []
    meaning_ = " ".join(part for part in name_.split("^") if part)
    item: dict[str, Value] = {"PersonIdentificationCodeSequence": [_coded(value, meaning_, "")]}
    return [{**item, "InstitutionName": institution} if institution else item]


def sex(source: Source) -> Value:
    """HL7 table 0001 to M, F or O; unknown stays empty (PS3.3 C.2.3)."""
    return _SEX.get(source.text().strip().upper(), "")


def priority(source: Source) -> Value:
    """HL7 priority (TQ.6, TQ1-9) to the defined terms of (0040,1003): the highest sent; an unknown code is routine."""
    numbers = range(1, source.segment.repetitions(source.field) + 1)
    codes = (source._replace(repetition=number).text().strip().upper() for number in numbers)
    found = {_PRIORITY.get(code) or _PRIORITY.get(code[:1], "ROUTINE") for code in codes if code}
    return next((term for term in _HIGHEST_FIRST if term in found), "")


def pregnancy(source: Source) -> Value:
    """Ambulatory status B6 (HL7 table 0009) to 3, definitely pregnant; nothing else is known."""
    return "3" if source.text().strip() == _PREGNANT else ""


def meaning(source: Source) -> Value:
    """The text of a coded element, else its code."""
    return source.component_text(2) or source.component_text(1)


def joined(source: Source) -> Value:
    """All components, separated by blanks: addresses and locations."""
    parts = source.component_texts(1, 8)
    return " ".join(part for part in parts if part)


def location_name(source: Source) -> Value:
    """PL to text: point of care, room and bed."""
    parts = source.component_texts(1, 3)
    return " ".join(part for part in parts if part)


def code(source: Source) -> Value:
    """CE or CWE to an item of the code sequence macro (PS3.3 table 8.8-1), with the version of the scheme (CWE-7); the
    meaning is never empty.
    """
    value, text_, scheme, _, _, _, version = source.component_texts(1, 7)
    return [_coded(value, text_, scheme, version)] if value else []


def language(source: Source) -> Value:
    """A language (PID-15) to a code item of RFC 5646."""
    value, text_ = source.component_texts(1, 2)
    return [_coded(value.lower(), text_, "RFC5646")] if value else []


def _coded(value: str, meaning_: str, scheme: str, version: str = "") -> Item:
    keyword = "URNCodeValue" if _URN.match(value) else "CodeValue"
    if keyword == "CodeValue" and len(value) > _LONGEST_CODE_VALUE:
        keyword = "LongCodeValue"
    item = {keyword: value, _DESIGNATOR: scheme or LOCAL, "CodeMeaning": meaning_ or value}
    return {**item, "CodingSchemeVersion": version} if version and scheme else item


def authority(source: Source) -> Value:
    """The assigning authority of a number (HD in EI-2 to 4) to an item of the HL7v2 hierarchic designator macro."""
    return _authority(*source.component_texts(1, 3))


def authority_in_component(source: Source) -> Value:
    """The same from subcomponents (CX-4)."""
    return _authority(*(source.subcomponent_text(number).strip() for number in (1, 2, 3)))


def _authority(namespace: str, universal: str, kind: str) -> list[Item]:
    item = {
        "LocalNamespaceEntityID": namespace,
        "UniversalEntityID": universal,
        "UniversalEntityIDType": kind if universal else "",
    }
    known = {keyword: value for keyword, value in item.items() if value}
    return [known] if known else []


def qualifiers(source: Source) -> Value:
    """The universal id of an assigning authority and its type (CX-4) to an item of the issuer's qualifiers."""
    found = _authority("", *(source.subcomponent_text(number).strip() for number in (2, 3)))
    return found if found and "UniversalEntityIDType" in found[0] else []


def other_identifiers(source: Source) -> Value:
    """A further identifier of the patient (CX) with its issuer to an item of (0010,1002)."""
    value = source.component_text(1).strip()
    if not value:
        return []
    item: dict[str, Value] = {"PatientID": value, "TypeOfPatientID": "TEXT"}
    authority_ = source._replace(component=_AUTHORITY_OF_NUMBER)
    issuer, issuers = authority_.subcomponent_text(1).strip(), qualifiers(authority_)
    if issuer:
        item["IssuerOfPatientID"] = issuer
    if issuers:
        item["IssuerOfPatientIDQualifiersSequence"] = issuers
    return [item]


def kilograms(source: Source) -> Value:
    """A weight (OBX-5) in the unit of OBX-6 to kilograms; nothing when the unit is not known."""
    return _measured(source, _KILOGRAMS)


def metres(source: Source) -> Value:
    """A height (OBX-5) in the unit of OBX-6 to metres; nothing when the unit is not known."""
    return _measured(source, _METRES)


def _measured(source: Source, units: Mapping[str, Decimal]) -> str:
    factor = units.get(source.segment.value(_UNIT_OF_OBSERVATION, component=1).strip().lower().strip("[]_"))
    number = source.text().strip().replace(",", ".")
    if factor is None or not _NUMBER.fullmatch(number):
        return ""
    # a hundredth of a millimetre or of a gram is more than any scale knows
    return f"{Decimal(number) * factor:.5f}".rstrip("0").rstrip(".")


def with_schemes(function: Function, names: Mapping[str, str]) -> Function:
    """`function`, the coding schemes in its items called by their DICOM names; `names` are HL7's → DICOM's."""

    def renamed(value: Value) -> Value:
        return value if isinstance(value, str) else [part if isinstance(part, str) else item(part) for part in value]  # type: ignore[return-value]

    def item(part: Item) -> Item:
        found = {keyword: renamed(value) for keyword, value in part.items()}
        scheme = found.get(_DESIGNATOR)
        return {**found, _DESIGNATOR: names.get(str(scheme), str(scheme))} if scheme else found

    return lambda source: renamed(function(source))


OF_ITEMS = frozenset(
    {
        "authority",
        "authority_in_component",
        "code",
        "identification",
        "identification_in_component",
        "language",
        "other_identifiers",
        "qualifiers",
    }
)
"""The functions whose values are items of a sequence."""

OF_THE_FIELD_ALONE = frozenset(
    {
        "authority",
        "authority_in_component",
        "capitals",
        "code",
        "identification",
        "identification_in_component",
        "joined",
        "location_name",
        "meaning",
        "person",
        "person_in_component",
        "pregnancy",
        "priority",
        "text",
    }
)
"""The functions whose values depend on nothing but the field, so that a field that came before need not be read again."""

ONLY_FOR: Mapping[str, tuple[str, ...]] = {
    "birth_date": ("DA",),
    "birth_time": ("TM",),
    "date": ("DA",),
    "kilograms": ("DS",),
    "metres": ("DS",),
    "name": ("PN",),
    "other_names": ("PN",),
    "person": ("PN",),
    "person_in_component": ("PN",),
    "time": ("TM",),
    "time_of_day": ("TM",),
}
"""The VRs that can hold what a function makes; the others make text for any."""

ONLY_BY: Mapping[str, tuple[str, ...]] = {
    "DA": ("date", "birth_date"),
    "TM": ("time", "time_of_day", "birth_time"),
}
"""The functions without which a field can hardly be a value of that VR."""

REMARKS: Mapping[str, Callable[[Source], str]] = dict.fromkeys(
    ("date", "time", "time_of_day", "birth_date", "birth_time"), times.remark
)
"""What a function has to say of a field it read otherwise than it is written."""

ON_TEXT: Mapping[str, Callable[[str], str]] = {
    "capitals": lambda value: value.strip().upper(),
    "digits": lambda value: "".join(re.findall("[0-9]", value)),
    "without_zeros": lambda value: value.strip().lstrip("0"),
}
"""What may follow another function in `as`: text in, text out."""

FUNCTIONS: Mapping[str, Function] = {
    function.__name__: function
    for function in (
        text,
        capitals,
        name,
        person,
        person_in_component,
        other_names,
        identification,
        identification_in_component,
        date,
        time,
        time_of_day,
        birth_date,
        birth_time,
        sex,
        priority,
        pregnancy,
        meaning,
        joined,
        location_name,
        code,
        language,
        authority,
        authority_in_component,
        qualifiers,
        other_identifiers,
        kilograms,
        metres,
    )
}

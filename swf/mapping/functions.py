"""Named transforms of a mapping line: HL7 data types in, DICOM values out (RAD TF-2 Appendix B, PS3.5 6.2).

Each takes one `Source` and gives the attribute's value, empty when the field says nothing. NULL (`""`) is seen by the
caller; no function has to know it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone

from swf import clock
from swf.dicom.encoding import Item, Value
from swf.mapping.selectors import Source

Function = Callable[[Source], Value]

_SEX = {"F": "F", "M": "M", "O": "O", "A": "O", "N": "O"}
_PRIORITY = {"S": "STAT", "A": "HIGH", "P": "HIGH", "C": "HIGH", "R": "ROUTINE", "PRN": "ROUTINE", "T": "MEDIUM"}
_HIGHEST_FIRST = ("STAT", "HIGH", "MEDIUM", "ROUTINE")
_PREGNANT = "B6"
_LONGEST_CODE_VALUE = 16
_LOCAL_SCHEME = "99LOCAL"
_TIMESTAMP = re.compile(r"(?P<date>\d{8})(?:T?(?P<time>\d{2}(?:\d{2}(?:\d{2}(?:\.\d+)?)?)?))?\s*(?P<zone>[+-]\d{4}|Z)?")


def text(source: Source) -> Value:
    """The text as it stands."""
    return source.text()


def capitals(source: Source) -> Value:
    """A code, in capitals and without blanks around it."""
    return source.text().strip().upper()


def name(source: Source) -> Value:
    """XPN to PN: family^given^middle^prefix^suffix. HL7 has suffix before prefix, DICOM after (PS3.5 6.2.1)."""
    return _person_name(source, first=1)


def person(source: Source) -> Value:
    """XCN to PN: as `name`, behind an identifier."""
    return _person_name(source, first=2)


def _person_name(source: Source, first: int) -> str:
    family, given, middle, suffix, prefix, degree = (
        source.component_text(number).strip() for number in range(first, first + 6)
    )
    parts = (family, given, middle, prefix, " ".join(part for part in (suffix, degree) if part))
    return _joined_name(parts)


def person_in_component(source: Source) -> Value:
    """CN in subcomponents (`id&family&given`, as OBR-34.1) to PN."""
    family, given, middle, suffix, prefix = (source.subcomponent_text(number).strip() for number in range(2, 7))
    return _joined_name((family, given, middle, prefix, suffix))


def _joined_name(parts: tuple[str, ...]) -> str:
    # ^, = and \ part a DICOM name; inside a part they can only be mistakes
    return "^".join(re.sub(r"[\\^=]", " ", part) for part in parts).rstrip("^")


def date(source: Source) -> Value:
    """TS or DTM to DA, in the zone of the site; nothing for less than a whole day, since no day is invented."""
    moment = _moment(source.text())
    return moment[0] if moment else ""


def time(source: Source) -> Value:
    """TS or DTM to TM, in the zone of the site; midnight for a day without a time, which a worklist cannot leave out."""
    moment = _moment(source.text())
    return moment[1] if moment else ""


def _moment(value: str) -> tuple[str, str] | None:
    found = _TIMESTAMP.fullmatch(value.strip())
    if found is None:
        return None
    day, at, zone = found["date"], found["time"] or "", found["zone"]
    digits = at.partition(".")[0].ljust(6, "0")
    try:
        moment = datetime.strptime(day + digits, "%Y%m%d%H%M%S")
        if zone and at:
            moment = clock.local(moment.replace(tzinfo=_zone(zone)))
    except (ValueError, OverflowError):  # no such day, no such zone, or beyond the calendar
        return None
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")


def _zone(text: str) -> timezone:
    if text == "Z":
        return timezone.utc  # noqa: UP017  the class is needed, not its alias
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-offset if text[0] == "-" else offset)


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
    parts = (source.component_text(number).strip() for number in range(1, 9))
    return " ".join(part for part in parts if part)


def location_name(source: Source) -> Value:
    """PL to text: point of care, room and bed."""
    parts = (source.component_text(number).strip() for number in range(1, 4))
    return " ".join(part for part in parts if part)


def code(source: Source) -> Value:
    """CE or CWE to an item of the code sequence macro (PS3.3 table 8.8-1); the meaning is never empty."""
    value, text_, scheme = (source.component_text(number).strip() for number in (1, 2, 3))
    if not value:
        return []
    keyword = "CodeValue" if len(value) <= _LONGEST_CODE_VALUE else "LongCodeValue"
    designator = _LOCAL_SCHEME if scheme in ("", "L") else scheme
    return [{keyword: value, "CodingSchemeDesignator": designator, "CodeMeaning": text_ or value}]


def authority(source: Source) -> Value:
    """The assigning authority of a number (HD in EI-2 to 4) to an item of the HL7v2 hierarchic designator macro."""
    return _authority(*(source.component_text(number).strip() for number in (1, 2, 3)))


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


OF_ITEMS = frozenset({"code", "authority", "authority_in_component"})
"""The functions whose values are items of a sequence."""

FUNCTIONS: Mapping[str, Function] = {
    function.__name__: function
    for function in (
        text,
        capitals,
        name,
        person,
        person_in_component,
        date,
        time,
        sex,
        priority,
        pregnancy,
        meaning,
        joined,
        location_name,
        code,
        authority,
        authority_in_component,
    )
}

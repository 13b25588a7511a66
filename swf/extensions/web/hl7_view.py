"""A message as people read it: each field under its name, and what says who a patient is behind a mask.

The mask is put on here, in the server, over every field that is not listed as harmless: what a page does not hold it
cannot show.
"""

from typing import NamedTuple

from swf.errors import UnreadableMessage
from swf.extensions.web.mask import MASK
from swf.hl7 import charset, dictionary, message
from swf.hl7.header import read_header
from swf.hl7.message import Segment

_WHOLE = frozenset(
    {"MSH", "EVN", "ORC", "TQ1", "IPC", "ZDS", "MSA", "ERR", "SCH", "RGS", "AIS", "AIL", "AIG", "AIP", "BHS", "BTS"}
)
_PARTS = {
    "PID": frozenset({1}),
    "PV1": frozenset({1, 2, 3, 4, 6, 10, 18, 36}),
    "PV2": frozenset({1}),
    "OBR": frozenset(range(1, 51)) - {13, 31, 39, 46},
    "OBX": frozenset({1, 2, 3, 4, 6, 11}),
    "NTE": frozenset({1, 2}),
    "MRG": frozenset[int](),
}
_NOTHING = frozenset[int]()


class Field(NamedTuple):
    """One field: its place and name, its text as it was sent, and what that means where escapes make a difference."""

    place: str
    name: str
    text: str
    meaning: str
    masked: bool


class Line(NamedTuple):
    """One segment; `rest` is a line that is none."""

    name: str
    fields: list[Field]
    rest: str = ""


def lines(raw: bytes, *, revealed: bool) -> list[Line]:
    """The segments of a message; of bytes that are no message one line, which is masked whole."""
    text, header = charset.for_people(raw), read_header(raw)
    try:
        content = message.parse(text, header)
    except UnreadableMessage:
        return [Line("", [], text if revealed else MASK)]
    return [Line(each.name, _fields(each, header.version, revealed=revealed)) for each in content.segments]


def shows(raw: bytes, text: str) -> bool:
    """Whether the text is to be read in a message without what is behind the mask."""
    return any(
        text in "|".join([each.name, *(field.text for field in each.fields)]) for each in lines(raw, revealed=False)
    )


def _fields(segment: Segment, version: str, *, revealed: bool) -> list[Field]:
    first = 2 if segment.name == "MSH" else 1  # MSH-1 is the separator itself
    return [_field(segment, number, version, revealed=revealed) for number in range(first, segment.last + 1)]


def _field(segment: Segment, number: int, version: str, *, revealed: bool) -> Field:
    name = dictionary.field_name(version, segment.name, number) or ""
    text = segment.raw(number)
    masked = bool(text) and not revealed and not is_harmless(segment.name, number)
    meaning = "" if masked or segment.repetitions(number) > 1 else segment.value(number)
    shown = MASK if masked else text
    return Field(f"{segment.name}-{number}", name, shown, meaning if meaning != text else "", masked)


def is_harmless(segment: str, number: int) -> bool:
    """Whether a field says nothing of a patient, so that it is shown to everybody."""
    return segment in _WHOLE or number in _PARTS.get(segment, _NOTHING)

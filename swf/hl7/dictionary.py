"""HL7's own tables of fields and structures, compiled from hl7apy, and the conformance check (hl7v2.md §2.3)."""

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import hl7apy
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_field

from swf.errors import UnreadableMessage
from swf.hl7 import terms
from swf.hl7.header import Delimiters, Header, read_header
from swf.hl7.message import NULL, Message, Segment, parse

VERSIONS: tuple[str, ...] = tuple(sorted(hl7apy.SUPPORTED_LIBRARIES, key=terms.version_number))
"""The versions that have tables."""

_UNCHECKED = frozenset({("MSH", 1), ("MSH", 2), ("MSH", 9), ("OBX", 5)})
"""Fields hl7apy judges wrongly: separators, MSH-9 with three components before 2.4, OBX-5 by its default type ST."""

_SAME_STRUCTURE = {
    "ADT_A01": ("ADT_A04", "ADT_A08", "ADT_A13", "ADT_A05", "ADT_A28", "ADT_A31"),
    "ADT_A05": ("ADT_A14", "ADT_A28", "ADT_A31"),
    "ADT_A06": ("ADT_A07",),
    "ADT_A09": ("ADT_A10", "ADT_A11"),
    "ADT_A39": ("ADT_A40", "ADT_A41", "ADT_A42"),
    "SIU_S12": ("SIU_S13", "SIU_S14", "SIU_S15", "SIU_S17", "SIU_S26"),
}
"""Structure → events that use it too (table 0354); where two are named, the later exists in later versions only."""


class _Field(NamedTuple):
    name: str
    components: int
    """0: as many as the value's own type has."""
    required: bool
    repetitions: int
    """-1: any number."""


def nearest(version: str) -> str:
    """The version itself if it has tables, else the next lower one; the lowest if there is none."""
    wanted = terms.version_number(version)
    return max(
        (known for known in VERSIONS if terms.version_number(known) <= wanted),
        key=terms.version_number,
        default=VERSIONS[0],
    )


@cache
def _segments(version: str) -> dict[str, tuple[_Field, ...]]:
    """Segment → its fields in order, of a version that has tables; without the library's pseudo and broken ones."""
    return {
        name: tuple(_field(entry) for fields in definition[1:] for entry in fields)
        for name, definition in hl7apy.load_library(version).SEGMENTS.items()
        if name != "ANYHL7SEGMENT" and definition[0] == "sequence"
    }


def _field(entry: Any) -> _Field:
    _, (kind, content, datatype, name, *_), (least, most), _ = entry
    components = len(content or ()) if kind == "sequence" else int(datatype != "varies")
    return _Field(name.replace("_", " ").capitalize(), components, least > 0, most)


def field_name(version: str, segment: str, field: int) -> str | None:
    """What the standard calls a field, such as `Patient name` for PID-5; None if there is no such field."""
    fields = _segments(nearest(version)).get(segment, ())
    return fields[field - 1].name if 1 <= field <= len(fields) else None


def selector_problem(version: str, segment: str, field: int, component: int) -> str | None:
    """Why a path such as PID-5.1 reads nothing in this version, in a sentence; None if it is sound.

    Component 0 is the whole field. Z segments belong to the site and are always sound.
    """
    if segment.startswith("Z"):
        return None
    known = nearest(version)
    fields = _segments(known).get(segment)
    if fields is None:
        alike = difflib.get_close_matches(segment, _segments(known), cutoff=0.5)
        question = f"; did you mean {' or '.join(alike)}?" if alike else ""
        return f"HL7 {known} has no segment {segment}{question}"
    if not 1 <= field <= len(fields):
        return f"HL7 {known} has no {segment}-{field}; {segment} ends with {segment}-{len(fields)}"
    name, components, *_ = fields[field - 1]
    if components and component > components:
        return f"HL7 {known} has no {segment}-{field}.{component}; {name} ends with component {components}"
    return None


def check(text: str) -> list[str]:
    """What does not conform to the message's own version of HL7, a sentence each; empty if nothing was found.

    Judged are unknown and missing segments, fields required, repeated or beyond the definition, and data types. Not
    reported is what hl7apy alone objects to: Z segments, `""`, choices between segments, several OBR under one ORC,
    segments out of order, long OBX-5, and events that share a structure.
    """
    header = read_header(text.encode(errors="replace"))
    try:
        message = parse(text, header)
    except UnreadableMessage as error:
        return [str(error)]
    version = nearest(header.version)
    return [*_structure_findings(message, version), *_content_findings(message, version)]


def _structure_findings(message: Message, version: str) -> Iterator[str]:
    structure = _structure(message.header, version)
    if structure is None:
        yield f"HL7 {version} has no message {message.header.type}"
        return
    present = {segment.name for segment in message.segments if not segment.name.startswith("Z")}
    for name in sorted(present - _allowed(structure)):
        yield f"{message.header.type} of HL7 {version} has no segment {name}"
    for name in sorted(_required(structure) - present):
        yield f"The segment {name} is required in {message.header.type} of HL7 {version}"


def _structure(header: Header, version: str) -> Any:
    """hl7apy's definition of the message, found by MSH-9.3 or by the event; None if the version has none."""
    messages = hl7apy.load_library(version).MESSAGES
    event = f"{header.message_code}_{header.trigger_event}"
    shared = [name for name, events in _SAME_STRUCTURE.items() if event in events]
    names = (header.structure, event, *reversed(shared), header.message_code)
    return next((messages[name] for name in names if name in messages), None)


def _allowed(structure: Any) -> set[str]:
    names: set[str] = set()
    for name, content, _, kind in structure[1]:
        names |= _allowed(content) if kind == "GRP" else {name}
    return names


def _required(structure: Any) -> set[str]:
    """Segments without which no message has this structure; of a choice none is."""
    names: set[str] = set()
    if structure[0] == "choice":
        return names
    for name, content, (least, _), kind in structure[1]:
        if least > 0:
            names |= _required(content) if kind == "GRP" else {name}
    return names


def _content_findings(message: Message, version: str) -> Iterator[str]:
    definitions = _segments(version)
    for segment in message.segments:
        fields = definitions.get(segment.name, ())
        for number, definition in enumerate(fields, start=1):
            yield from _field_findings(segment, number, definition, message.delimiters, version)
        if fields and any(map(segment.raw, range(len(fields) + 1, segment.last + 1))):
            yield f"{segment.name}: fields beyond {segment.name}-{len(fields)}, the last one of HL7 {version}"


def _field_findings(
    segment: Segment, number: int, definition: _Field, delimiters: Delimiters, version: str
) -> Iterator[str]:
    place = f"{segment.name}-{number}"
    text = segment.raw(number)
    if not text:
        if definition.required:
            yield f"{place}: {definition.name} is required"
        return
    if 0 <= definition.repetitions < segment.repetitions(number):
        yield f"{place}: {definition.name} may be sent {definition.repetitions} times at most"
    if (segment.name, number) in _UNCHECKED:
        return
    for repetition in text.split(delimiters.repetition) if delimiters.repetition else [text]:
        problem = _datatype_problem(repetition.replace(NULL, ""), place.replace("-", "_"), delimiters, version)
        if problem:
            yield f"{place}: {problem}"


def _datatype_problem(text: str, name: str, delimiters: Delimiters, version: str) -> str:
    """What hl7apy's strict reader says about one repetition of a field."""
    try:
        parse_field(text, name, version, _encoding(delimiters), VALIDATION_LEVEL.STRICT)
    except (HL7apyException, ValueError) as error:
        return str(error)
    return ""


def _encoding(delimiters: Delimiters) -> dict[str, str]:
    """hl7apy's form of the delimiters; one that is not declared becomes a control character no message has."""
    declared = {
        name.upper(): character or chr(place) for place, (name, character) in enumerate(delimiters._asdict().items())
    }
    return declared | {"SEGMENT": "\r", "GROUP": "\r"}

"""DIMSE command sets as bytes: always Implicit VR Little Endian, group 0000 and nothing else (PS3.7 6.3, 9.3, 10.3, E)."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

Value: TypeAlias = int | str | Sequence[int]

NO_DATASET, A_DATASET = 0x0101, 0x0001
RESPONSE_BIT = 0x8000
_HEADER = struct.Struct("<HHL")


class Command(IntEnum):
    """Command Field (0000,0100) of the requests; that of a response has the highest bit set (PS3.7 E.1)."""

    C_FIND = 0x0020
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150
    C_CANCEL = 0x0FFF


class _Field(NamedTuple):
    element: int
    vr: str


_FIELDS = {  # PS3.7 table E.1-1
    "AffectedSOPClassUID": _Field(0x0002, "UI"),
    "RequestedSOPClassUID": _Field(0x0003, "UI"),
    "CommandField": _Field(0x0100, "US"),
    "MessageID": _Field(0x0110, "US"),
    "MessageIDBeingRespondedTo": _Field(0x0120, "US"),
    "Priority": _Field(0x0700, "US"),
    "CommandDataSetType": _Field(0x0800, "US"),
    "Status": _Field(0x0900, "US"),
    "OffendingElement": _Field(0x0901, "AT"),
    "ErrorComment": _Field(0x0902, "LO"),
    "ErrorID": _Field(0x0903, "US"),
    "AffectedSOPInstanceUID": _Field(0x1000, "UI"),
    "RequestedSOPInstanceUID": _Field(0x1001, "UI"),
    "EventTypeID": _Field(0x1002, "US"),
    "AttributeIdentifierList": _Field(0x1005, "AT"),
    "ActionTypeID": _Field(0x1008, "US"),
}
_KEYWORDS = {field.element: keyword for keyword, field in _FIELDS.items()}
_LONGEST_COMMENT = 64


class CommandSet(NamedTuple):
    """What a request or a C-CANCEL says of itself. `sop_class` and `sop_instance` are the affected or requested ones."""

    command: int
    message_id: int
    responds_to: int
    sop_class: str
    sop_instance: str
    has_dataset: bool
    attributes: tuple[int, ...]


def read(content: bytes) -> CommandSet:
    """The command set of these bytes; ValueError when they are none or name no command."""
    found = dict(_elements(content))
    if "CommandField" not in found:
        raise ValueError("a command set without a command")
    return CommandSet(
        command=_number(found, "CommandField"),
        message_id=_number(found, "MessageID"),
        responds_to=_number(found, "MessageIDBeingRespondedTo"),
        sop_class=_text(found, "AffectedSOPClassUID") or _text(found, "RequestedSOPClassUID"),
        sop_instance=_text(found, "AffectedSOPInstanceUID") or _text(found, "RequestedSOPInstanceUID"),
        has_dataset=_number(found, "CommandDataSetType", NO_DATASET) != NO_DATASET,
        attributes=_tags(found.get("AttributeIdentifierList", b"")),
    )


def status(content: bytes) -> int | None:
    """The Status of a response; None when it has none. ValueError when these bytes are no command set."""
    found = dict(_elements(content))
    return _number(found, "Status") if "Status" in found else None


def response(request: CommandSet, status: Mapping[str, Value], *, has_dataset: bool) -> bytes:
    """The command set that answers `request`: `status` holds Status and what goes with it, by keyword (PS3.7 annex C).

    The SOP Instance UID of the request comes back, unless `status` has another.
    """
    fields: dict[str, Value] = {
        "AffectedSOPClassUID": request.sop_class,
        "CommandField": request.command | RESPONSE_BIT,
        "MessageIDBeingRespondedTo": request.message_id,
        "CommandDataSetType": A_DATASET if has_dataset else NO_DATASET,
        "AffectedSOPInstanceUID": request.sop_instance,
    }
    return write({name: value for name, value in {**fields, **status}.items() if value not in ("", None)})


def write(fields: Mapping[str, Value]) -> bytes:
    """A command set of these fields by keyword, its group length first; KeyError for what belongs in no command set."""
    elements = sorted((_FIELDS[keyword], value) for keyword, value in fields.items())
    body = b"".join(_element(field, value) for field, value in elements)
    return _HEADER.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


def _element(field: _Field, value: Value) -> bytes:
    content = _content(field.vr, value)
    return _HEADER.pack(0, field.element, len(content)) + content


def _content(vr: str, value: Value) -> bytes:
    if vr == "US":
        return struct.pack("<H", value)
    if vr == "AT":
        tags = [value] if isinstance(value, int) else value
        return b"".join(struct.pack("<HH", int(tag) >> 16, int(tag) & 0xFFFF) for tag in tags)
    text = str(value)[:_LONGEST_COMMENT].encode("ascii", "replace")
    return text + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)


def _elements(content: bytes) -> Iterator[tuple[str, bytes]]:
    offset = 0
    while offset < len(content):
        if offset + _HEADER.size > len(content):
            raise ValueError("a command set ends within an element")
        group, element, length = _HEADER.unpack_from(content, offset)
        begin, offset = offset + _HEADER.size, offset + _HEADER.size + length
        if group != 0 or offset > len(content):
            raise ValueError("a command set holds something that is no command element")
        if element in _KEYWORDS:
            yield _KEYWORDS[element], content[begin:offset]


def _number(found: Mapping[str, bytes], keyword: str, default: int = 0) -> int:
    return int.from_bytes(found[keyword][:2], "little") if keyword in found else default


def _text(found: Mapping[str, bytes], keyword: str) -> str:
    return found.get(keyword, b"").decode("latin-1").strip(" \0")


def _tags(content: bytes) -> tuple[int, ...]:
    pairs = struct.iter_unpack("<HH", content[: len(content) // 4 * 4])
    return tuple(group << 16 | element for group, element in pairs)

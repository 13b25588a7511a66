"""Protocol data units of the DICOM upper layer as bytes (PS3.8 9.3, user information PS3.7 D.3): what comes in is read,
what goes out is written. No socket is touched here, and every length is checked against what is really there.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

HEADER = struct.Struct(">BxL")
_PDV = struct.Struct(">LBB")
_ITEM = struct.Struct(">BxH")
_SHORT = struct.Struct(">H")
_FIXED = struct.Struct(">Hxx16s16s32x")
_CONTEXT = struct.Struct(">BxBx")

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
COMMAND_BIT, LAST_BIT = 0x01, 0x02


class Type(IntEnum):
    """PDU types (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class _Item(IntEnum):
    APPLICATION_CONTEXT = 0x10
    CONTEXT_RQ = 0x20
    CONTEXT_AC = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_UID = 0x52
    ASYNCHRONOUS_OPERATIONS = 0x53
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION = 0x55
    EXTENDED_NEGOTIATION = 0x56
    USER_IDENTITY = 0x58


class Rejection(NamedTuple):
    """Result, source and reason of A-ASSOCIATE-RJ (PS3.8 table 9-21), and what an operator calls it."""

    result: int
    source: int
    reason: int
    text: str


NO_REASON = Rejection(1, 1, 1, "no reason given")
CONTEXT_NOT_SUPPORTED = Rejection(1, 1, 2, "application context name not supported")
CALLING_NOT_RECOGNISED = Rejection(1, 1, 3, "calling AE title not recognised")
CALLED_NOT_RECOGNISED = Rejection(1, 1, 7, "called AE title not recognised")
VERSION_NOT_SUPPORTED = Rejection(1, 2, 2, "protocol version not supported")
TEMPORARY_CONGESTION = Rejection(2, 3, 1, "temporary congestion")
LIMIT_EXCEEDED = Rejection(2, 3, 2, "local limit exceeded")


_TOLD = {  # PS3.8 table 9-21, by source and reason
    (1, 1): NO_REASON.text,
    (1, 2): CONTEXT_NOT_SUPPORTED.text,
    (1, 3): CALLING_NOT_RECOGNISED.text,
    (1, 7): CALLED_NOT_RECOGNISED.text,
    (2, 1): "no reason given by the protocol machine",
    (2, 2): VERSION_NOT_SUPPORTED.text,
    (3, 1): TEMPORARY_CONGESTION.text,
    (3, 2): LIMIT_EXCEEDED.text,
}


class AbortReason(IntEnum):
    """Why the service provider aborts (PS3.8 table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNISED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNISED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class Proposal(NamedTuple):
    """A presentation context as it is proposed (PS3.8 9.3.2.2)."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass
class AssociateRequest:
    """What A-ASSOCIATE-RQ says. Titles are without blanks; `largest` is the longest P-DATA body the peer takes, 0 any.

    `roles` holds what is proposed for a SOP class, SCU and SCP; `extended` its application information.
    """

    version: int
    called: str
    calling: str
    application_context: str = ""
    proposals: list[Proposal] = field(default_factory=list)
    largest: int = 0
    implementation: str = ""
    operations: tuple[int, int] | None = None
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    extended: dict[str, bytes] = field(default_factory=dict)


class Answer(NamedTuple):
    """The answer to one proposal: 0 accepted, 3 abstract syntax, 4 transfer syntaxes not supported (PS3.8 9.3.3.2)."""

    id: int
    result: int
    transfer_syntax: str


class Fragment(NamedTuple):
    """A presentation data value (PS3.8 9.3.5.1 and annex E.2)."""

    context: int
    is_command: bool
    is_last: bool
    content: bytes


# ---- what comes in ----


def read_request(body: bytes) -> AssociateRequest:
    """The A-ASSOCIATE-RQ whose body (without type and length) this is; ValueError when it is none."""
    if len(body) < _FIXED.size:
        raise ValueError("A-ASSOCIATE-RQ is shorter than its fixed part")
    version, called, calling = _FIXED.unpack_from(body)
    request = AssociateRequest(version, _title(called), _title(calling))
    for kind, content in _items(body[_FIXED.size :]):
        if kind == _Item.APPLICATION_CONTEXT:
            request.application_context = _uid(content)
        elif kind == _Item.CONTEXT_RQ:
            request.proposals.append(_proposal(content))
        elif kind == _Item.USER_INFORMATION:
            _read_user_information(content, request)
    return request


def read_rejection(body: bytes) -> Rejection:
    """The A-ASSOCIATE-RJ whose body this is; ValueError when it is none."""
    if len(body) < 4:  # noqa: PLR2004  a reserved byte and three codes
        raise ValueError("A-ASSOCIATE-RJ is too short")
    _, result, source, reason = body[:4]
    return Rejection(result, source, reason, _TOLD.get((source, reason), f"source {source}, reason {reason}"))


def read_answers(body: bytes) -> list[Answer]:
    """What the A-ASSOCIATE-AC whose body this is says to each proposal; ValueError when it is none."""
    if len(body) < _FIXED.size:
        raise ValueError("A-ASSOCIATE-AC is shorter than its fixed part")
    found = (content for kind, content in _items(body[_FIXED.size :]) if kind == _Item.CONTEXT_AC)
    return [_accepted(content) for content in found]


def _accepted(content: bytes) -> Answer:
    if len(content) < _CONTEXT.size:
        raise ValueError("a presentation context is shorter than its fixed part")
    number, result = _CONTEXT.unpack_from(content)
    syntaxes = [_uid(value) for kind, value in _items(content[_CONTEXT.size :]) if kind == _Item.TRANSFER_SYNTAX]
    return Answer(number, result, syntaxes[0] if syntaxes else "")


def read_fragments(body: bytes) -> Iterator[Fragment]:
    """The data values of a P-DATA-TF body; ValueError when the lengths do not add up."""
    offset = 0
    while offset < len(body):
        if offset + _PDV.size > len(body):
            raise ValueError("P-DATA-TF ends within the header of a data value")
        length, context, control = _PDV.unpack_from(body, offset)
        begin, offset = offset + _PDV.size, offset + 4 + length
        if offset < begin or offset > len(body):
            raise ValueError("the length of a data value is not that of its PDU")
        yield Fragment(context, bool(control & COMMAND_BIT), bool(control & LAST_BIT), body[begin:offset])


def _items(content: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(content):
        if offset + _ITEM.size > len(content):
            raise ValueError("an item ends within its header")
        kind, length = _ITEM.unpack_from(content, offset)
        begin, offset = offset + _ITEM.size, offset + _ITEM.size + length
        if offset > len(content):
            raise ValueError("an item is longer than what it stands in")
        yield kind, content[begin:offset]


def _title(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0")


def _uid(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0")


def _proposal(content: bytes) -> Proposal:
    if len(content) < _CONTEXT.size:
        raise ValueError("a presentation context is shorter than its fixed part")
    syntaxes: dict[int, list[str]] = {_Item.ABSTRACT_SYNTAX: [], _Item.TRANSFER_SYNTAX: []}
    for kind, value in _items(content[_CONTEXT.size :]):
        if kind in syntaxes:
            syntaxes[kind].append(_uid(value))
    abstract = syntaxes[_Item.ABSTRACT_SYNTAX]
    return Proposal(content[0], abstract[0] if abstract else "", tuple(syntaxes[_Item.TRANSFER_SYNTAX]))


def _read_user_information(content: bytes, request: AssociateRequest) -> None:
    for kind, value in _items(content):
        if kind == _Item.MAXIMUM_LENGTH and len(value) == 4:  # noqa: PLR2004  the length of a length
            request.largest = int.from_bytes(value, "big")
        elif kind == _Item.IMPLEMENTATION_UID:
            request.implementation = _uid(value)
        elif kind == _Item.ASYNCHRONOUS_OPERATIONS and len(value) == 4:  # noqa: PLR2004  two numbers of two bytes
            request.operations = (int.from_bytes(value[:2], "big"), int.from_bytes(value[2:], "big"))
        elif kind == _Item.ROLE_SELECTION:
            uid, rest = _named(value)
            request.roles[uid] = (rest[:1] == b"\x01", rest[1:2] == b"\x01")
        elif kind == _Item.EXTENDED_NEGOTIATION:
            uid, rest = _named(value)
            request.extended[uid] = rest


def _named(value: bytes) -> tuple[str, bytes]:
    """A SOP class and what is said of it: its UID comes first, with its length."""
    if len(value) < _SHORT.size:
        raise ValueError("a sub-item is shorter than the length of its UID")
    (length,) = _SHORT.unpack_from(value)
    if _SHORT.size + length > len(value):
        raise ValueError("a UID is longer than its sub-item")
    return _uid(value[_SHORT.size : _SHORT.size + length]), value[_SHORT.size + length :]


# ---- what goes out ----


def associate_request(
    calling: str, called: str, proposals: Sequence[Proposal], *, largest: int, implementation: tuple[str, str]
) -> bytes:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2); `largest` is the longest P-DATA body we take, `implementation` our UID and version."""
    uid, version = implementation
    user = [
        _item(_Item.MAXIMUM_LENGTH, largest.to_bytes(4, "big")),
        _item(_Item.IMPLEMENTATION_UID, uid.encode()),
        _item(_Item.IMPLEMENTATION_VERSION, version.encode()),
    ]
    body = [
        _FIXED.pack(1, called.encode("latin-1").ljust(16), calling.encode("latin-1").ljust(16)),
        _item(_Item.APPLICATION_CONTEXT, APPLICATION_CONTEXT.encode()),
        *map(_proposing, proposals),
        _item(_Item.USER_INFORMATION, b"".join(user)),
    ]
    return _pdu(Type.ASSOCIATE_RQ, b"".join(body))


def _proposing(proposal: Proposal) -> bytes:
    syntaxes = [_item(_Item.TRANSFER_SYNTAX, each.encode("latin-1")) for each in proposal.transfer_syntaxes]
    abstract = _item(_Item.ABSTRACT_SYNTAX, proposal.abstract_syntax.encode("latin-1"))
    return _item(_Item.CONTEXT_RQ, _CONTEXT.pack(proposal.id, 0) + abstract + b"".join(syntaxes))


def release_request() -> bytes:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""
    return _pdu(Type.RELEASE_RQ, bytes(4))


def associate_accept(
    request: AssociateRequest,
    answers: Sequence[Answer],
    *,
    largest: int,
    implementation: tuple[str, str],
    roles: Mapping[str, tuple[bool, bool]],
    extended: Mapping[str, bytes],
) -> bytes:
    """A-ASSOCIATE-AC (PS3.8 9.3.3); `largest` is the longest P-DATA body we take, `implementation` our UID and version.

    Of operations at a time only one is granted, whatever was proposed (PS3.7 D.3.3.3).
    """
    uid, version = implementation
    user = [
        _item(_Item.MAXIMUM_LENGTH, largest.to_bytes(4, "big")),
        _item(_Item.IMPLEMENTATION_UID, uid.encode()),
        *([_item(_Item.ASYNCHRONOUS_OPERATIONS, b"\0\1\0\1")] if request.operations else []),
        *(_item(_Item.ROLE_SELECTION, _naming(name) + bytes(pair)) for name, pair in roles.items()),
        _item(_Item.IMPLEMENTATION_VERSION, version.encode()),
        *(_item(_Item.EXTENDED_NEGOTIATION, _naming(name) + value) for name, value in extended.items()),
    ]
    body = [
        # The titles come back as they were sent: they are not to be tested (PS3.8 table 9-17)
        _FIXED.pack(1, request.called.encode("latin-1").ljust(16), request.calling.encode("latin-1").ljust(16)),
        _item(_Item.APPLICATION_CONTEXT, APPLICATION_CONTEXT.encode()),
        *(_answer(answer) for answer in answers),
        _item(_Item.USER_INFORMATION, b"".join(user)),
    ]
    return _pdu(Type.ASSOCIATE_AC, b"".join(body))


def associate_reject(rejection: Rejection) -> bytes:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return _pdu(Type.ASSOCIATE_RJ, bytes((0, rejection.result, rejection.source, rejection.reason)))


def release_reply() -> bytes:
    """A-RELEASE-RP (PS3.8 9.3.7)."""
    return _pdu(Type.RELEASE_RP, bytes(4))


def abort(reason: AbortReason | None = None) -> bytes:
    """A-ABORT (PS3.8 9.3.8): by the service provider for a `reason`, by the service user without one."""
    return _pdu(Type.ABORT, bytes(4) if reason is None else bytes((0, 0, 2, reason)))


def data(context: int, content: bytes, *, is_command: bool, largest: int) -> bytes:
    """`content` as the P-DATA-TF PDUs it takes; none has a body longer than `largest`, unless that is 0 (PS3.8 D.1)."""
    room = max(1, largest - _PDV.size) if largest else max(1, len(content))
    kind = COMMAND_BIT if is_command else 0
    if len(content) <= room:
        head = HEADER.pack(Type.DATA, len(content) + _PDV.size)
        return head + _PDV.pack(len(content) + 2, context, kind | LAST_BIT) + content
    pieces = [content[begin : begin + room] for begin in range(0, len(content), room)]
    last = len(pieces) - 1
    return b"".join(
        HEADER.pack(Type.DATA, len(piece) + _PDV.size)
        + _PDV.pack(len(piece) + 2, context, kind | (LAST_BIT if number == last else 0))
        + piece
        for number, piece in enumerate(pieces)
    )


def _pdu(kind: Type, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def _item(kind: _Item, content: bytes) -> bytes:
    return _ITEM.pack(kind, len(content)) + content


def _naming(uid: str) -> bytes:
    return _SHORT.pack(len(uid)) + uid.encode("latin-1")


def _answer(answer: Answer) -> bytes:
    syntax = _item(_Item.TRANSFER_SYNTAX, answer.transfer_syntax.encode("latin-1"))
    return _item(_Item.CONTEXT_AC, _CONTEXT.pack(answer.id, answer.result) + syntax)

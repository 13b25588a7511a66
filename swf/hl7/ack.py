"""Acknowledgements, original and enhanced mode: MSA and ERR by version, even for garbage, and read (hl7v2.md §5, H-2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from swf.errors import MessageError, StoreError, UnreadableMessage
from swf.hl7 import charset, terms, writer
from swf.hl7.header import STANDARD, Delimiters, Header, read_header
from swf.hl7.message import Message, parse

_CONTROL = dict.fromkeys(range(0x20))
_MOST_ERRORS = 5
_LONGEST_TEXT = 80
ACCEPTED = frozenset({"AA", "CA"})
ACKNOWLEDGEMENTS = frozenset({"ACK", "MCF"})
"""The message codes (MSH-9.1) of what only acknowledges: never answered, or two systems would do so for ever."""
_DUE = {"AL": (True, True), "NE": (False, False), "ER": (False, True), "SU": (True, False), "": (False, False)}
"""Table 0155: whether a condition of MSH-15 and MSH-16 asks for an answer after success, and after a failure."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an application's reply has beyond an ACK: message code, trigger event, and segments in the sender's
    delimiters.
    """

    code: str
    event: str
    segments: tuple[str, ...] = ()


class Due(NamedTuple):
    """Which acknowledgements a sender gets; `accepted` tells that the first of two says CA though the second refuses."""

    accept: bool
    application: bool
    accepted: bool = False


def due(header: Header, *, enhanced: bool, failed: bool, kept: bool = False) -> Due:
    """Whether an accept (CA, CE, CR) and an application acknowledgement (AA, AE, AR) are due (HL7 2.5.1 2.9.3).

    In original mode, and while MSH-15 and MSH-16 are both empty, exactly the latter is. After CE or CR nothing follows,
    so that a message which failed for its content alone, and is safely `kept`, is accepted when an application
    acknowledgement then tells of the failure; when none does, CE tells. An acknowledgement is never answered, unless its
    own MSH-15 asks for it.
    """
    if header.message_code in ACKNOWLEDGEMENTS:
        return Due(_DUE.get(header.accept_ack, _DUE["NE"])[failed], False)
    if not enhanced or not asks(header):
        return Due(False, True)
    accept, application = (_DUE.get(code, _DUE["AL"]) for code in (header.accept_ack, header.application_ack))
    if failed and kept and application[failed]:
        return Due(accept[False], True, accepted=True)
    return Due(accept[failed], application[failed] and not (accept[failed] and failed))


def asks(header: Header) -> bool:
    """Whether a message says in MSH-15 or MSH-16 which acknowledgements it wants."""
    return bool(header.accept_ack or header.application_ack)


def acknowledge(
    header: Header,
    *,
    control_id: str,
    at: datetime,
    errors: Sequence[MessageError | StoreError] = (),
    text: str = "",
    codec: str | None = None,
    accept: bool = False,
    reply: Reply | None = None,
    conditions: tuple[str, str] = ("", ""),
) -> bytes:
    """The unframed answer to the message of `header`: AA without errors, AR if one of them rejects, else AE.

    Written in the sender's delimiters with application and facility swapped, `control_id` as MSH-10 and `at`, in the
    zone to be shown, as MSH-7. MSA-2 is the sender's MSH-10 byte for byte but for control characters. At most five
    errors are told, in ERR-1 up to HL7 2.4 and in an ERR segment each from 2.5. Our own words are written in `codec`,
    else in what MSH-18 declares, else in UTF-8. Never raises: a character the codec does not have becomes `?`.
    `accept` makes it an accept acknowledgement (CA, CE, CR), `reply` an application's reply instead of a plain ACK.
    `conditions` are its own MSH-15 and MSH-16, for one that travels as a message of its own.
    """
    delimiters = header.delimiters if header.recognised else STANDARD
    version = terms.version_number(header.version)
    code = _code(errors)
    msa = delimiters.field.join(("MSA", f"C{code[1]}" if accept else code, _echo(header.control_id, delimiters)))
    reason = _plain(text or (str(errors[0]) if errors else ""), delimiters)
    told = (_located if version >= (2, 5) else _packed)(errors[:_MOST_ERRORS], delimiters)
    # What is echoed was read as ISO 8859-1 and goes back as the same bytes; our own words go in the sender's codec.
    kind = _type(header, delimiters, version, reply)
    own = (control_id, at, conditions)
    echoed = f"{_header_line(header, delimiters, version, kind, own)}\r{msa}".encode("latin-1", "replace")
    words = "\r".join([f"{delimiters.field}{reason}" if reason else "", *told, *(reply.segments if reply else ()), ""])
    return echoed + words.encode(codec or _declared(header), "replace")


def _declared(header: Header) -> str:
    return next((codec for name in header.charsets if (codec := charset.codec_for(name))), "utf-8")


def _code(errors: Sequence[MessageError | StoreError]) -> str:
    if not errors:
        return "AA"
    return "AR" if any(error.ack_code == "AR" for error in errors) else "AE"


def _header_line(
    header: Header,
    delimiters: Delimiters,
    version: tuple[int, ...],
    kind: str,
    own: tuple[str, datetime, tuple[str, str]],
) -> str:
    control_id, at, conditions = own
    encoding = delimiters.component + delimiters.repetition + delimiters.escape + delimiters.subcomponent
    echoed = [
        header.receiving_application,
        header.receiving_facility,
        header.sending_application,
        header.sending_facility,
    ]
    fields = [
        *(_echo(field, delimiters) for field in echoed),
        writer.timestamp(at, zone=version >= (2, 5)),
        "",
        kind,
        control_id,
        _echo(header.processing_text, delimiters) or "P",
        _echo(header.version_text, delimiters) or terms.ASSUMED_VERSION,
        *("", "", *conditions, ""),
        _echo(delimiters.repetition.join(header.charsets), delimiters),
    ]
    return delimiters.field.join([f"MSH{delimiters.field}{encoding}", *fields]).rstrip(delimiters.field)


def _type(header: Header, delimiters: Delimiters, version: tuple[int, ...], reply: Reply | None) -> str:
    """MSH-9: `ACK` up to 2.3, `ACK^O01` in 2.3.1, `ACK^O01^ACK` from 2.4; without an event always `ACK`.

    A reply's type is `ORR^O02`, and `ORR^O02^ORR_O02` from 2.4.
    """
    if reply is not None:
        parts = (reply.code, reply.event, f"{reply.code}_{reply.event}")
        return delimiters.component.join(parts[: 2 if version < (2, 4) else 3])
    event = _echo(header.trigger_event, delimiters)
    if not event or version < (2, 3, 1):
        return "ACK"
    return delimiters.component.join(("ACK", event) if version < (2, 4) else ("ACK", event, "ACK"))


def _echo(field: str, delimiters: Delimiters) -> str:
    """A header field as it came, without what would break the framing or, from an unusable header, a field."""
    plain = field if field.isprintable() else field.translate(_CONTROL)
    return plain.replace(delimiters.field, "")


def _plain(text: str, delimiters: Delimiters) -> str:
    """MSA-3 is read by operators and cut by receivers: one short line without separators."""
    blanks = {ord(character): " " for character in "".join(delimiters)}
    return " ".join(text.translate(blanks).split()).translate(_CONTROL)[:_LONGEST_TEXT].rstrip()


def _packed(errors: Iterable[MessageError | StoreError], delimiters: Delimiters) -> list[str]:
    """One ERR whose ERR-1 repeats, `PID^1^5^101&Required field missing&HL70357` (ELD, up to 2.4)."""
    parts = []
    for error in errors:
        segment, sequence, field = [*_location(error), "", "", ""][:3]
        condition = (str(error.code), _meaning(error), "HL70357")
        # Without a subcomponent separator only the code itself has a place.
        code = delimiters.subcomponent.join(condition) if delimiters.subcomponent else condition[0]
        parts.append(delimiters.component.join((segment, sequence, field, code)))
    if not parts:
        return []
    repeated = delimiters.repetition.join(parts) if delimiters.repetition else parts[0]
    return [f"ERR{delimiters.field}{repeated}"]


def _located(errors: Iterable[MessageError | StoreError], delimiters: Delimiters) -> list[str]:
    """An ERR each: ERR-2 location, ERR-3 condition, ERR-4 severity, ERR-8 our sentence (from 2.5)."""
    segments = []
    for error in errors:
        place = _location(error)
        if len(place) > 3:  # noqa: PLR2004  ERL has the repetition between field and component
            place.insert(3, "1")
        condition = delimiters.component.join((str(error.code), _meaning(error), "HL70357"))
        sentence = writer.escape(str(error), delimiters)
        fields = ("ERR", "", delimiters.component.join(place), condition, "E", "", "", "", sentence)
        segments.append(delimiters.field.join(fields))
    return segments


def _location(error: MessageError | StoreError) -> list[str]:
    location = error.location if isinstance(error, MessageError) else ""
    return location.split("^") if location else []


def _meaning(error: MessageError | StoreError) -> str:
    return terms.ERROR_CONDITION.get(error.code, "")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a receiver answered: MSA-1, MSA-2, its words and its table 0357 code; `accepted` for AA and CA."""

    code: str
    control_id: str
    text: str
    error_code: str
    accepted: bool


def read_acknowledgement(raw: bytes) -> Acknowledgement:
    """The acknowledgement in an unframed payload, in whatever delimiters and character set the receiver chose.

    Raises `UnreadableMessage` if the payload is no HL7 message or has no MSA.
    """
    header = read_header(raw)
    answer = parse(_text(raw, header), header)
    msa = answer.first("MSA")
    if msa is None:
        raise UnreadableMessage("The answer has no MSA segment")
    code = msa.value(1).strip().upper()
    return Acknowledgement(
        code=code,
        control_id=msa.value(2).strip(),
        text=msa.value(3) or answer.value("ERR", 8),
        error_code=_error_code(answer),
        accepted=code in ACCEPTED,
    )


def _text(raw: bytes, header: Header) -> str:
    """An answer's code and number are ASCII; its words must not make it unreadable."""
    try:
        return charset.decode(raw, header)[0]
    except UnreadableMessage:
        return raw.decode("latin-1")


def _error_code(answer: Message) -> str:
    """ERR-3.1 (from 2.5), ERR-1.4.1 (up to 2.4) or MSA-6.1."""
    return (
        answer.value("ERR", 3, component=1)
        or answer.value("ERR", 1, component=4)
        or answer.value("MSA", 6, component=1)
    )

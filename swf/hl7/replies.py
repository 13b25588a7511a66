"""Application replies to orders: ORR^O02, ORG^O20, ORI^O24, what became of each order (RAD-2, RAD-3, RAD-4; H-4)."""

from collections.abc import Mapping
from dataclasses import dataclass

from swf.hl7 import writer
from swf.hl7.ack import Reply
from swf.hl7.header import Delimiters, Header
from swf.hl7.message import Message
from swf.hl7.order_groups import OrderGroup, order_groups

_REPLIES = {"ORM": ("ORR", "O02"), "OMG": ("ORG", "O20"), "OMI": ("ORI", "O24")}
_ANSWERS = {
    "NW": ("OK", "UA"),
    "SN": ("NA", "UA"),
    "XO": ("XR", "UX"),
    "CA": ("CR", "UC"),
    "DC": ("DR", "UD"),
    "HD": ("HR", "UH"),
    "RL": ("OR", "UR"),
    "RP": ("RQ", "UM"),
    "SS": ("SR", "UA"),
    "SR": ("SR", "UA"),
}
"""Table 0119: what answers an order control when it was done, and when it was not."""

_ASKS = frozenset({"SS", "SR"})
_CONTROL = dict.fromkeys(range(0x20))
_OTHERWISE = ("OK", "UA")
_OBSERVATION_FIELDS = 4  # OBR-1 to OBR-4: which procedure is meant


@dataclass(frozen=True, slots=True)
class Numbers:
    """(number, issuer) of an order, given by its placer and by its filler; its status, HL7 table 0038."""

    placer: tuple[str, str] = ("", "")
    filler: tuple[str, str] = ("", "")
    status: str = ""


def reply(header: Header, message: Message | None, *, done: bool, known: Mapping[str, Numbers]) -> Reply | None:
    """The reply to the orders of `message`, None if `header` is of no order; without orders if there is no message.

    Each order gets its control's answer of table 0119, its ORC-2 to ORC-4 and OBR-1 to OBR-4 as they came. A number it
    came without is taken from `known`, by the one it has; so is its status (ORC-5), for who asked for that.
    """
    kind = _REPLIES.get(header.message_code)
    if kind is None:
        return None
    groups = order_groups(message) if message else []
    segments = [line for group in groups for line in _order(group, header.delimiters, done=done, known=known)]
    return Reply(*kind, tuple(segments))


def _order(group: OrderGroup, delimiters: Delimiters, *, done: bool, known: Mapping[str, Numbers]) -> list[str]:
    control = _value(group, "ORC", 1).upper()
    numbers = next((known[number] for number in _named(group) if number in known), Numbers())
    common = group.first("ORC")
    placer = _either(_raw(group, 2), numbers.placer, delimiters)
    # No number was assigned where there is none to tell.
    answers = _OTHERWISE if control == "SN" and not placer else _ANSWERS.get(control, _OTHERWISE)
    fields = [
        answers[0 if done else 1],
        placer,
        _either(_raw(group, 3), numbers.filler, delimiters),
        common.raw(4) if common else "",
        numbers.status if done and control in _ASKS else "",
    ]
    observation = group.first("OBR")
    procedure = [observation.raw(field) for field in range(1, _OBSERVATION_FIELDS + 1)] if observation else []
    lines = [["ORC", *fields], ["OBR", *procedure]] if procedure else [["ORC", *fields]]
    # What was a stray control character in the order would be a line or a frame end in the reply.
    return [delimiters.field.join(line).translate(_CONTROL).rstrip(delimiters.field) for line in lines]


def _named(group: OrderGroup) -> list[str]:
    return [_value(group, name, field) for field in (2, 3) for name in ("ORC", "OBR")]


def _value(group: OrderGroup, name: str, field: int) -> str:
    segment = group.first(name)
    return segment.value(field, component=1).strip() if segment else ""


def _raw(group: OrderGroup, field: int) -> str:
    """The placer's number (2) or the filler's (3), which stand in OBR too, under the same field."""
    texts = [segment.raw(field) for name in ("ORC", "OBR") if (segment := group.first(name))]
    return next(filter(None, texts), "")


def _either(text: str, number: tuple[str, str], delimiters: Delimiters) -> str:
    if text or not number[0]:
        return text
    return delimiters.component.join(writer.escape(part, delimiters) for part in number if part)

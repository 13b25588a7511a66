"""Writes OMG^O19 2.5.1: an order as this program says it, for orders an operator makes by hand (RAD-2; HL7 2.5.1 4.4.6)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from swf.hl7 import writer

CHARSET = "UNICODE UTF-8"
Fields = Mapping[int, str]
"""Field number → its text, separators already escaped by `components`."""
_HL7_OF_PN = ("family", "given", "middle", "suffix", "prefix")
_REPRESENTATIONS = "AIP"


class Envelope(NamedTuple):
    """Who says it (MSH-3, MSH-4), when (MSH-7), under which number (MSH-10) and processing id (MSH-11)."""

    application: str
    facility: str
    at: str
    control_id: str
    processing_id: str


class Order(NamedTuple):
    """The segments of one order."""

    orc: Fields
    tq1: Fields
    obr: Fields


def message(envelope: Envelope, patient: Fields, visit: Fields, orders: Sequence[Order]) -> bytes:
    """The message in UTF-8."""
    lines = [_header(envelope), _segment("PID", patient), _segment("PV1", visit)]
    for each in orders:
        lines += [_segment("ORC", each.orc), _segment("TQ1", each.tq1), _segment("OBR", each.obr)]
    return writer.assemble(lines).encode()


def components(*parts: str) -> str:
    """Components of a field, each escaped."""
    return "^".join(map(writer.escape, parts))


def person_name(name: str) -> str:
    """PN to XPN: each group a repetition with its representation (XPN-8); HL7 has suffix before prefix."""
    groups = [group for group in zip(_REPRESENTATIONS, name.split("="), strict=False) if group[1]]
    return "~".join(components(*_in_hl7_order(group), "", "L", script) for script, group in groups)


def person(name: str) -> str:
    """PN to XCN, without an identifier."""
    return components("", *_in_hl7_order(name.partition("=")[0])) if name else ""


def _in_hl7_order(group: str) -> list[str]:
    family, given, middle, prefix, suffix = [*group.split("^"), "", "", "", ""][: len(_HL7_OF_PN)]
    return [family, given, middle, suffix, prefix]


def _header(envelope: Envelope) -> str:
    own = (writer.escape(envelope.application), writer.escape(envelope.facility))
    fields = {3: own[0], 4: own[1], 5: own[0], 6: own[1], 7: envelope.at, 9: "OMG^O19^OMG_O19", 10: envelope.control_id}
    fields |= {11: envelope.processing_id, 12: "2.5.1", 18: CHARSET}
    # MSH-1 is the separator itself
    return "MSH|^~\\&" + _segment("", {number - 2: text for number, text in fields.items()})


def _segment(name: str, fields: Fields) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))]) if fields else ""

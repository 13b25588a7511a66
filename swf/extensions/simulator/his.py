"""A HIS that sends orders (RAD-4 Procedure Scheduled, RAD-13 Procedure Update; ORM^O01 2.3.1 and OMI^O23 2.5.1)."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydicom.uid import generate_uid

from swf import clock
from swf.hl7 import charset, writer

MSH_2 = "^~\\&"


def number(prefix: str) -> str:
    """A fresh number that fits every identifier of 16 characters."""
    return f"{prefix}{secrets.token_hex(4).upper()}"


@dataclass(frozen=True)
class Order:
    """One requested procedure for an invented person, with one scheduled step for each of `step_ids`.

    `name` and `code` are written as HL7 writes them, components separated by `^`; `forms` are the same name in other
    scripts. Every order made without numbers gets numbers of its own.
    """

    patient_id: str = "SIM4711"
    issuer: str = "HOSP"
    name: str = "DOE^JANE"
    forms: tuple[str, ...] = ()
    birth_date: str = "19800229"
    sex: str = "F"
    placer_number: str = field(default_factory=lambda: number("P"))
    filler_number: str = field(default_factory=lambda: number("F"))
    accession: str = field(default_factory=lambda: number("A"))
    procedure_id: str = field(default_factory=lambda: number("RP"))
    step_ids: tuple[str, ...] = field(default_factory=lambda: (number("S"),))
    study_uid: str = field(default_factory=lambda: str(generate_uid(prefix=None)))
    code: str = "CTABD^CT abdomen^99SIM"
    protocol: str = "PABD^Abdomen native^99SIM"
    modality: str = "CT"
    station_ae: str = "CT1"
    start: datetime = field(default_factory=lambda: clock.local(clock.now()))


@dataclass(frozen=True)
class Envelope:
    """What MSH says of a message: its number and when it was made; without them a fresh number, and now."""

    control_id: str = ""
    at: datetime | None = None


FRESH = Envelope()
NEW, CHANGED, CANCELLED = ("NW", "SC"), ("XO", "SC"), ("CA", "CA")
"""ORC-1 and ORC-5."""


def order_orm(order: Order, *, character_set: str = "8859/1", envelope: Envelope = FRESH) -> bytes:
    """A new order as ORM^O01 2.3.1: one ORC and OBR for each step, ZDS with the Study Instance UID (RAD-4)."""
    return orm(order, NEW, character_set, envelope)


def change(order: Order, *, character_set: str = "8859/1") -> bytes:
    """The complete order as it is from now on, as ORM^O01 with ORC-1 XO (RAD-13). The Study Instance UID is its key."""
    return orm(order, CHANGED, character_set)


def cancel(order: Order, *, character_set: str = "8859/1") -> bytes:
    """The cancellation of every step of the order, as ORM^O01 with ORC-1 CA (RAD-13)."""
    return orm(order, CANCELLED, character_set)


def order_omi(order: Order) -> bytes:
    """A new order as OMI^O23 2.5.1 in UTF-8 (RAD-4)."""
    return omi(order, NEW, "UNICODE UTF-8")


def omi(order: Order, control: tuple[str, str], character_set: str, envelope: Envelope = FRESH) -> bytes:
    """An order as OMI^O23 2.5.1: one ORC, TQ1 and OBR, one IPC for each step (RAD-4, RAD-13)."""
    numbers = {2: _text(order.placer_number, "HIS"), 3: _text(order.filler_number, "HIS")}
    lines = [
        _header("OMI^O23^OMI_O23", "2.5.1", character_set, envelope),
        _patient(order),
        _line("PV1", {2: "O"}),
        _line("ORC", {1: control[0], **numbers, 5: control[1]}),
        _line("TQ1", {1: "1", 7: writer.timestamp(order.start, zone=True), 9: "R^Routine^HL70485"}),
        _line("OBR", {1: "1", **numbers, 4: _components(order.code)}),
        *(_imaging_procedure(order, step_id) for step_id in order.step_ids),
    ]
    return _encoded(lines, character_set)


def orm(order: Order, control: tuple[str, str], character_set: str, envelope: Envelope = FRESH) -> bytes:
    """An order as ORM^O01 2.3.1, as `order_orm` has it (RAD-4, RAD-13)."""
    lines = [_header("ORM^O01", "2.3.1", character_set, envelope), _patient(order), _line("PV1", {2: "O"})]
    for number, step_id in enumerate(order.step_ids, start=1):
        lines += [_common_order(order, control), _observation_request(order, number, step_id)]
    lines.append(_line("ZDS", {1: _text(order.study_uid, "100", "Application", "DICOM")}))
    return _encoded(lines, character_set)


def _header(message_type: str, version: str, character_set: str, envelope: Envelope) -> str:
    at = clock.local(envelope.at or clock.now())
    fields = {3: "HIS", 4: "HOSP", 5: "SWF", 6: "RAD", 7: writer.timestamp(at, zone=False), 9: message_type}
    fields |= {10: envelope.control_id or number("HIS"), 11: "P", 12: version, 18: character_set}
    # MSH-1 is the separator itself, so the line's second part is MSH-2.
    return "MSH|" + MSH_2 + _line("", {number - 2: value for number, value in fields.items()})


def _patient(order: Order) -> str:
    identifier = _text(order.patient_id, "", "", order.issuer, "MR")
    return _line(
        "PID",
        {3: identifier, 5: "~".join(map(_components, (order.name, *order.forms))), 7: order.birth_date, 8: order.sex},
    )


def _common_order(order: Order, control: tuple[str, str]) -> str:
    fields = {1: control[0], 2: _text(order.placer_number, "HIS"), 3: _text(order.filler_number, "HIS"), 5: control[1]}
    # 2.3.1 has no field for the station; ORC-18, the entering device, is where senders of ORM put it.
    return _line("ORC", fields | {7: _timing(order), 18: _text(order.station_ae)})


def _observation_request(order: Order, number: int, step_id: str) -> str:
    fields = {1: str(number), 2: _text(order.placer_number, "HIS"), 3: _text(order.filler_number, "HIS")}
    fields |= {4: f"{_components(order.code)}^{_components(order.protocol)}", 18: _text(order.accession)}
    fields |= {19: _text(order.procedure_id), 20: _text(step_id), 24: _text(order.modality), 27: _timing(order)}
    return _line("OBR", fields | {44: _components(order.code)})


def _imaging_procedure(order: Order, step_id: str) -> str:
    fields = {1: _text(order.accession), 2: _text(order.procedure_id), 3: _text(order.study_uid), 4: _text(step_id)}
    return _line("IPC", fields | {5: _text(order.modality), 6: _components(order.protocol), 9: _text(order.station_ae)})


def _timing(order: Order) -> str:
    return f"^^^{writer.timestamp(order.start, zone=False)}^^R"


def _components(value: str) -> str:
    return _text(*value.split("^"))


def _text(*components: str) -> str:
    return "^".join(writer.escape(component) for component in components)


def _line(name: str, fields: Mapping[int, str]) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def _encoded(lines: Iterable[str], character_set: str) -> bytes:
    return charset.encode(writer.assemble(lines), charset.codec_for(character_set) or "utf-8")

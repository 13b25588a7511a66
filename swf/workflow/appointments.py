"""Appointments: booked, moved, called off, missed (RAD-48; SIU^S12 to S15, S17, S26).

An appointment gives the open steps of an order a time and a place. Without one a step is on hold: nobody waits for the
patient, and the order is still there to be booked again. Only the order itself can be cancelled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from swf.dicom import attributes, columns, encoding
from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition, MappingError, UnknownOrder
from swf.hl7.message import Message, Segment
from swf.mapping import times
from swf.mapping.selectors import Source
from swf.model.journal import Event
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import patients, states, steps
from swf.workflow.order_request import settle
from swf.workflow.site import Site
from swf.workflow.states import StepEvent

_SEGMENT_SEQUENCE, _REQUIRED_FIELD = 100, 101
_DELETED = "D"  # AIS-2, HL7 table 0206
_DATE, _TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
_TITLE, _STATION, _PLACE = "ScheduledStationAETitle", "ScheduledStationName", "ScheduledProcedureStepLocation"
_NUMBERS = ((26, 27), (1, 2))  # SCH: order numbers since HL7 2.4; before, the appointment goes by them


@dataclass(frozen=True, slots=True)
class _Booking:
    """One service of an appointment (AIS): its code, and what it says of the step, as attributes of the step."""

    code: str
    deleted: bool
    changes: dict[str, str]


def book(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """SIU^S12, S13, S14: the order's open steps get the time and the place of the appointment.

    Raises UnknownOrder, MappingError without a time for a step that has none, IllegalTransition when all is done.
    """
    order = _order(transaction, site, message)
    still_open = _open(transaction, order)
    entries: list[Entry] = []
    for step, booking in _pairs(still_open, _bookings(site, message)):
        entries += _book_one(transaction, step, booking, at)
    settle(transaction, order.id, at, entries)
    booked = Entry(Event.APPOINTMENT_BOOKED, order.id, detail=_appointment(message))
    return [booked, *entries, *_remarks(order, message)]


def cancel(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """SIU^S15, S17: the steps lose their time and are held until they are booked again; the order is not cancelled."""
    order = _order(transaction, site, message)
    entries: list[Entry] = []
    for step in _open(transaction, order):
        entries += _unbook(transaction, step, at)
    settle(transaction, order.id, at, entries)
    return [Entry(Event.APPOINTMENT_CANCELLED, order.id, detail=_appointment(message)), *entries]


def miss(
    transaction: Transaction,
    site: Site,
    message: Message,
    at: datetime,  # noqa: ARG001  the signature of every use case
) -> list[Entry]:
    """SIU^S26: the patient did not come; the step stays where it is, for the patient may still come."""
    order = _order(transaction, site, message)
    return [Entry(Event.APPOINTMENT_MISSED, order.id, detail=_appointment(message))]


# ---- which order, which steps ----


def _order(transaction: Transaction, site: Site, message: Message) -> Record:
    """The order of the appointment; raises UnknownOrder, and IdentifierConflict when it is another patient's."""
    schedule = message.first("SCH")
    if schedule is None:
        raise MappingError("the message has no SCH segment", location="SCH^1", code=_SEGMENT_SEQUENCE)
    found = (_numbered(transaction, site, message, schedule, fields) for fields in _NUMBERS)
    order = next((row for row in found if row is not None), None)
    if order is None:
        raise UnknownOrder("no order of that number is known", location="SCH^1^26")
    pid = message.first("PID")
    if pid is not None and pid.value(3, 1, 1):
        known = patients.find(transaction, site, patients.described(site, {"PID": [pid]}).item)
        if known is None or known.id != order.patient:
            raise IdentifierConflict("the appointment is for an order of another patient", location="PID^1^3")
    return order


def _numbered(
    transaction: Transaction, site: Site, message: Message, schedule: Segment, fields: tuple[int, int]
) -> Record | None:
    sender = f"{message.header.sending_application}@{message.header.sending_facility}"
    placer, filler = ((schedule.value(field, 1, 1), schedule.value(field, 1, 2) or sender) for field in fields)
    ours = (filler[0], site.settings.site.name)
    return orders.find(transaction, placer=placer, filler=filler) or orders.find(
        transaction, placer=("", ""), filler=ours
    )


def _open(transaction: Transaction, order: Record) -> list[Record]:
    """The steps an appointment is about: those that have neither begun nor ended."""
    found = [row for row in orders.steps(transaction, order.id) if row.status in states.TRANSITIONS[StepEvent.HOLD]]
    if not found:
        raise IllegalTransition("no step of the order is still to be performed", location="SCH^1^26")
    return found


def _pairs(still_open: Sequence[Record], bookings: list[_Booking]) -> list[tuple[Record, _Booking]]:
    """Which booking is for which step: by the code of the procedure, else by position, else the one there is for all."""
    wanted = [booking for booking in bookings if not booking.deleted]
    if not wanted:
        raise MappingError("every service is deleted; S15 calls the appointment off", location="AIS^1^2")
    if len(wanted) == 1:
        return [(step, wanted[0]) for step in _of_code(still_open, wanted[0]) or still_open]
    pairs = [(step, booking) for booking in wanted for step in _of_code(still_open, booking)]
    if len(pairs) == len({step.id for step, _ in pairs}) == len(wanted):
        return pairs
    return list(zip(still_open, wanted, strict=False))


def _of_code(still_open: Sequence[Record], booking: _Booking) -> list[Record]:
    return [step for step in still_open if booking.code and booking.code in _codes(step)]


def _codes(step: Record) -> set[str]:
    """The codes of the requested procedure and of the protocols of a step."""
    item = encoding.decode(step.dataset)
    inner = item.get(attributes.SPS) or [item]
    found = [*item.get("RequestedProcedureCodeSequence", []), *inner[0].get("ScheduledProtocolCodeSequence", [])]
    return {str(code.get("CodeValue") or code.get("LongCodeValue") or "") for code in found}


# ---- what the appointment says ----


def _bookings(site: Site, message: Message) -> list[_Booking]:
    """One booking for each AIS, with the resources that follow it; without AIS the time of SCH-11 alone."""
    schedule = message.all("SCH")[0]
    common = _time(schedule, 11, 4)
    services = [_booking(site, group, common) for group in _groups(message.segments)]
    return services or [_Booking("", deleted=False, changes=common)]


def _groups(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Each AIS and what stands between it and the next."""
    groups: list[list[Segment]] = []
    for segment in segments:
        if segment.name == "AIS":
            groups.append([segment])
        elif groups:
            groups[-1].append(segment)
    return groups


def _booking(site: Site, group: list[Segment], common: dict[str, str]) -> _Booking:
    service = group[0]
    changes = {**common, **_time(service, 4, 0)}
    for segment in group:
        changes.update(_resource(site, segment))
    return _Booking(service.value(3, 1, 1), service.value(2).strip().upper() == _DELETED, changes)


def _remarks(order: Record, message: Message) -> list[Entry]:
    """Warnings of times that were read otherwise than they are written."""
    places = [(segment, 11, 4) for segment in message.all("SCH")] + [(segment, 4, 0) for segment in message.all("AIS")]
    said = ((segment, field, times.remark(Source(segment, field, 1, part, 0))) for segment, field, part in places)
    texts = dict.fromkeys(f"{segment.name}-{field} {text}" for segment, field, text in said if text)
    return [Entry(Event.WARNING, order.id, detail={"text": text}) for text in texts]


def _time(segment: Segment, field: int, component: int) -> dict[str, str]:
    source = Source(segment, field, 1, component, 0)
    found = {_DATE: times.date(source), _TIME: times.time(source)}
    return found if found[_DATE] else {}


def _resource(site: Site, segment: Segment) -> dict[str, str]:
    """AIG-3 names a device: an AE title when it is one of the site's, else a station name; AIL-3 a place."""
    if segment.name == "AIG" and (name := segment.value(3, 1, 1).strip()):
        return _fitting(_TITLE if name in _titles(site) else _STATION, name)
    if segment.name == "AIL" and (place := segment.value(3, 1, 1).strip()):
        return _fitting(_PLACE, place)
    return {}


def _fitting(keyword: str, value: str) -> dict[str, str]:
    """Nothing for what the attribute cannot hold: the time of the appointment is worth more than its room."""
    return {} if encoding.violations(keyword, value) else {keyword: value}


def _titles(site: Site) -> set[str]:
    listed = {title for titles in site.mapping.stations.values() for title in titles}
    return listed | {modality.ae_title for modality in site.settings.modality}


def _appointment(message: Message) -> dict[str, str]:
    """What an operator reads of an appointment: its own numbers and the reason of the event."""
    schedule = message.all("SCH")[0]
    said = {"placer": schedule.value(1, 1, 1), "filler": schedule.value(2, 1, 1), "reason": schedule.value(6, 1, 2)}
    return {name: text for name, text in said.items() if text}


# ---- what becomes of a step ----


def _book_one(transaction: Transaction, step: Record, booking: _Booking, at: datetime) -> list[Entry]:
    if not (step.start_date or booking.changes.get(_DATE)):
        raise MappingError("the appointment has no time (AIS-4, SCH-11.4)", location="AIS^1^4", code=_REQUIRED_FIELD)
    was_unbooked = steps.is_unbooked(step)
    stored = columns.merge(step.dataset, {attributes.SPS: [booking.changes]})
    steps.rewrite(transaction, step, stored, at, own_identifiers=step.own_identifiers)
    if not was_unbooked:  # what is on hold for another reason waits on, at its new time
        return []
    return _set(transaction, step, StepStatus.SCHEDULED, at)


def _unbook(transaction: Transaction, step: Record, at: datetime) -> list[Entry]:
    stored = columns.merge(step.dataset, {attributes.SPS: [{_DATE: "", _TIME: ""}]})
    steps.rewrite(transaction, step, stored, at, own_identifiers=step.own_identifiers)
    return _set(transaction, step, states.after(StepStatus(step.status), StepEvent.HOLD), at)


def _set(transaction: Transaction, step: Record, status: StepStatus, at: datetime) -> list[Entry]:
    """Give a step that was just written another status."""
    (current,) = (row for row in orders.steps(transaction, step.order) if row.id == step.id)
    return steps.set_status(transaction, current, status, at)

"""Appointments: booked, moved, called off, missed (RAD-48; SIU^S12 to S15, S17, S26).

An appointment gives the open steps of its orders a time and a place. Without one a step is on hold: nobody waits for the
patient, and the order is still there to be booked again. Only the order itself can be cancelled, or held and released.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from swf.dicom import attributes, columns, encoding
from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition, MappingError, UnknownOrder
from swf.hl7.message import Message, Segment
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import bookings, lateness, patients, states, steps
from swf.workflow.bookings import Booking
from swf.workflow.order_request import settle
from swf.workflow.site import Site
from swf.workflow.states import StepEvent

_SEGMENT_SEQUENCE, _REQUIRED_FIELD = 100, 101
_OF_ORDER, _OF_SCHEDULE, _OF_APPOINTMENT = ("ORC", 2, 3), ("SCH", 26, 27), ("SCH", 1, 2)
Pairs = list[tuple[Record, Booking]]


def book(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """SIU^S12, S13, S14: the open steps of the orders get the time and the place of their services.

    A service that is deleted (segment action code D) calls its step off. Raises UnknownOrder, MappingError without a time
    for a step that has none, IllegalTransition when all is done.
    """
    every = _orders(transaction, site, message)
    wanted = bookings.read(site, message)
    entries = [Entry(Event.APPOINTMENT_BOOKED, order.id, detail=_appointment(message)) for order in every]
    pairs = _assigned(transaction, every, wanted, entries)
    for step, booking in pairs:
        entries += _unbook(transaction, step, at) if booking.deleted else _book_one(transaction, step, booking, at)
    for order in dict.fromkeys(step.order for step, _ in pairs):
        settle(transaction, order, at, entries)
    entries += _placed_in_time(transaction, site, message, every)
    texts = dict.fromkeys(text for booking in wanted for text in booking.warnings)
    return [*entries, *(Entry(Event.WARNING, order.id, detail={"text": text}) for order in every for text in texts)]


def cancel(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """SIU^S15, S17: the steps of the services, or all, lose their time and are held until they are booked again."""
    every = _orders(transaction, site, message)
    wanted = bookings.read(site, message)
    entries = [Entry(Event.APPOINTMENT_CANCELLED, order.id, detail=_appointment(message)) for order in every]
    still_open = [step for steps_ in _open(transaction, every, entries).values() for step in steps_]
    named = [step for booking in wanted for step in _of_code(still_open, booking)]
    chosen = list({step.id: step for step in named or still_open}.values())
    for step in chosen:
        entries += _unbook(transaction, step, at)
    for order in dict.fromkeys(step.order for step in chosen):
        settle(transaction, order, at, entries)
    return [*entries, *_placed_in_time(transaction, site, message, every)]


def _placed_in_time(transaction: Transaction, site: Site, message: Message, every: Iterable[Record]) -> Iterable[Entry]:
    """What there is to journal of an appointment that comes after newer messages about its orders."""
    numbers = [order.id for order in every]
    return lateness.of_orders(transaction, site, lateness.said(site, message), numbers, "MSH^1^7")


def miss(
    transaction: Transaction,
    site: Site,
    message: Message,
    at: datetime,  # noqa: ARG001  the signature of every use case
) -> list[Entry]:
    """SIU^S26: the patient did not come; the step stays where it is, for the patient may still come."""
    every = _orders(transaction, site, message)
    return [Entry(Event.APPOINTMENT_MISSED, order.id, detail=_appointment(message)) for order in every]


# ---- which orders ----


def _orders(transaction: Transaction, site: Site, message: Message) -> list[Record]:
    """The orders of an appointment, by the ORC of each, else SCH-26 and SCH-27, before HL7 2.4 SCH-1 and SCH-2.

    Raises UnknownOrder when one of them is not known, and IdentifierConflict when it is another patient's.
    """
    if message.first("SCH") is None:
        raise MappingError(say("the message has no SCH segment"), location="SCH^1", code=_SEGMENT_SEQUENCE)
    found = _named(transaction, site, message)
    if not found:
        raise UnknownOrder(say("no order of that number is known"), location="SCH^1^26")
    pid = message.first("PID")
    if pid is not None and pid.value(3, 1, 1):
        known = patients.find(transaction, site, patients.described(site, {"PID": [pid]}).item)
        if known is None or any(known.id != order.patient for order in found):
            raise IdentifierConflict(say("the appointment is for an order of another patient"), location="PID^1^3")
    return found


def _named(transaction: Transaction, site: Site, message: Message) -> list[Record]:
    """The orders at the first place that names any we know, each once and in the order of the message."""
    for name, placer, filler in (_OF_ORDER, _OF_SCHEDULE, _OF_APPOINTMENT):
        places = [
            (segment, repetition)
            for segment in message.all(name)
            for repetition in range(1, max(segment.repetitions(placer), segment.repetitions(filler)) + 1)
        ]
        found = [_numbered(transaction, site, message, segment, (placer, filler, n)) for segment, n in places]
        known = {order.id: order for order in found if order is not None}
        if known and None in found:
            segment, _ = places[found.index(None)]
            location = f"{name}^{segment.sequence}^{placer}"
            raise UnknownOrder(
                say("no order of that number is known; the others are not moved either"), location=location
            )
        if known:
            return list(known.values())
    return []


def _numbered(
    transaction: Transaction, site: Site, message: Message, segment: Segment, place: tuple[int, int, int]
) -> Record | None:
    sender = f"{message.header.sending_application}@{message.header.sending_facility}"
    *fields, repetition = place
    placer, filler = (
        (segment.value(field, repetition, 1), segment.value(field, repetition, 2) or sender) for field in fields
    )
    return orders.find(transaction, placer=placer, filler=filler, ours=site.settings.site.name)


# ---- which steps ----


def _open(transaction: Transaction, every: Sequence[Record], entries: list[Entry]) -> dict[int, list[Record]]:
    """The steps an appointment is about, by order: those that have neither begun nor ended.

    IllegalTransition when there is none at all; an order that has none beside others that have is only told of.
    """
    found = {
        order.id: [
            row for row in orders.family_steps(transaction, order) if row.status in states.TRANSITIONS[StepEvent.HOLD]
        ]
        for order in every
    }
    if not any(found.values()):
        raise IllegalTransition(say("no step of the order is still to be performed"), location="SCH^1^26")
    text = "no step of the order is still to be performed; the appointment changes nothing of it"
    entries += [Entry(Event.WARNING, order, detail={"text": text}) for order, rows in found.items() if not rows]
    return found


def _assigned(transaction: Transaction, every: list[Record], wanted: list[Booking], entries: list[Entry]) -> Pairs:
    """Which booking is for which step; where each order brings its own services, those are for it alone."""
    still_open = _open(transaction, every, entries)
    owners = [order.id for order in every]
    own = [[booking for booking in wanted if booking.owner == number] for number in range(1, len(owners) + 1)]
    if len(owners) > 1 and all(own):
        return [
            pair
            for order, services in zip(owners, own, strict=True)
            for pair in _matched(still_open[order], services, order, entries)
        ]
    everything = [step for rows in still_open.values() for step in rows]
    return _matched(everything, wanted, owners[0], entries)


def _matched(still_open: Sequence[Record], wanted: Sequence[Booking], order: int, entries: list[Entry]) -> Pairs:
    """By the code of the procedure or protocol, the rest by position; a single booking is for all steps it may mean."""
    if len(wanted) == 1:
        return [(step, wanted[0]) for step in _of_code(still_open, wanted[0]) or still_open]
    free = {step.id: step for step in still_open}
    taken: dict[int, Record] = {}
    for number, booking in enumerate(wanted):
        same = _of_code(list(free.values()), booking)
        if same:
            taken[number] = free.pop(same[0].id)
    for number in (number for number in range(len(wanted)) if number not in taken):
        if free:
            taken[number] = free.pop(next(iter(free)))
        else:
            text = f"service {wanted[number].code or number + 1} of the appointment is of no open step"
            entries.append(Entry(Event.WARNING, order, detail={"text": text}))
    return [(step, wanted[number]) for number, step in sorted(taken.items(), key=lambda each: each[0])]


def _of_code(still_open: Iterable[Record], booking: Booking) -> list[Record]:
    return [step for step in still_open if booking.code and booking.code in _codes(step)]


def _codes(step: Record) -> set[str]:
    """The codes of the requested procedure and of the protocols of a step."""
    item = encoding.decode(step.dataset)
    inner = item.get(attributes.SPS) or [item]
    found = [*item.get("RequestedProcedureCodeSequence", []), *inner[0].get("ScheduledProtocolCodeSequence", [])]
    return {str(code.get("CodeValue") or code.get("LongCodeValue") or "") for code in found}


def _appointment(message: Message) -> dict[str, str]:
    """What an operator reads of an appointment: its own numbers and the reason of the event."""
    schedule = message.all("SCH")[0]
    said = {"placer": schedule.value(1, 1, 1), "filler": schedule.value(2, 1, 1), "reason": schedule.value(6, 1, 2)}
    return {name: text for name, text in said.items() if text}


# ---- what becomes of a step ----


def _book_one(transaction: Transaction, step: Record, booking: Booking, at: datetime) -> list[Entry]:
    if not (step.start_date or booking.changes.get(bookings.DATE)):
        raise MappingError(
            say("the appointment has no time (AIS-4, SCH-11.4)"), location="AIS^1^4", code=_REQUIRED_FIELD
        )
    listed = steps.is_unbooked(step) and not step.on_hold  # what somebody holds waits on, at its new time
    stored = columns.merge(step.dataset, {attributes.SPS: [bookings.timed(booking, step)]})
    steps.rewrite(transaction, step, stored, at, own_identifiers=step.own_identifiers)
    return _set(transaction, step, StepStatus.SCHEDULED, at) if listed else []


def _unbook(transaction: Transaction, step: Record, at: datetime) -> list[Entry]:
    stored = columns.merge(step.dataset, {attributes.SPS: [bookings.UNTIMED]})
    steps.rewrite(transaction, step, stored, at, own_identifiers=step.own_identifiers)
    return _set(transaction, step, states.after(StepStatus(step.status), StepEvent.HOLD), at)


def _set(transaction: Transaction, step: Record, status: StepStatus, at: datetime) -> list[Entry]:
    """Give a step that was just written another status."""
    (current,) = (row for row in orders.steps(transaction, step.order) if row.id == step.id)
    return steps.set_status(transaction, current, status, at)

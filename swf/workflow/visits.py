"""Visits: of another class, arrived, discharged, called off (RAD-1, RAD-12; ADT^A03, A06, A07, A10, A11, A32, A38).

A visit is no row of its own. What is known of it stands in the steps of its orders, and only those change.
"""

from collections.abc import Iterable
from datetime import datetime

from swf.dicom import columns
from swf.dicom.terms import StepStatus
from swf.hl7.message import Message
from swf.mapping import inbound, times
from swf.mapping.selectors import Source
from swf.model.journal import Event
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import patients, states, steps
from swf.workflow.site import Site
from swf.workflow.states import StepEvent

_OCCURRED = (("EVN", 6), ("EVN", 2), ("MSH", 7))
_PRIOR = (("MRG", 5), ("MRG", 3), ("PV1", 50))
_LOCATION = "CurrentPatientLocation"


def arrive(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A10: what is planned for the patient that day, and for that visit, is ARRIVED; nothing else is."""
    entries = patients.update(transaction, site, message, at)
    day = _day(message)
    expected = [step for step in _of_visit(transaction, site, message) if step.start_date == day]
    return [*entries, *_moved(transaction, expected, StepEvent.ARRIVE, at), _note(Event.PATIENT_ARRIVED, day, expected)]


def leave(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A32: the arrival of that day, and of that visit, did not take place."""
    entries = patients.update(transaction, site, message, at)
    day = _day(message)
    expected = [step for step in _of_visit(transaction, site, message) if step.start_date == day]
    return [*entries, *_moved(transaction, expected, StepEvent.LEAVE, at), _note(Event.PATIENT_LEFT, day, expected)]


def change_class(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A06, A07: an outpatient is admitted or the other way round; the open steps go on under the new visit number."""
    segments = patients.by_name(message.segments)
    known = patients.find(transaction, site, patients.described(site, segments).item)
    prior = next((text for name, field in _PRIOR if (text := message.value(name, field, 1, 1))), "")
    visit = inbound.admission(site.mapping, segments)
    entries: list[Entry] = []
    for step in patients.open_steps(transaction, [known.id] if known and prior and visit else []):
        if step.admission_id == prior:
            stored = columns.merge(step.dataset, {"AdmissionID": visit})
            entries += patients.rewritten(transaction, step, stored, at, Event.VISIT_CHANGED)
    return [*entries, *patients.update(transaction, site, message, at)]


def discharge(
    transaction: Transaction,
    site: Site,
    message: Message,
    at: datetime,  # noqa: ARG001  the signature of every use case
) -> list[Entry]:
    """ADT^A03: the end of a visit stands in the journal of its orders; what is planned stays planned."""
    still_open = list(_of_visit(transaction, site, message))
    orders = dict.fromkeys(step.order for step in still_open)
    return [Entry(Event.VISIT_CHANGED, order, detail={"text": "discharged"}) for order in orders or [None]]


def cancel(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A11, A38: a visit that will not be takes its location and its arrival with it; patient and orders stay."""
    entries: list[Entry] = []
    still_open = list(_of_visit(transaction, site, message))
    for step in still_open:
        stored = columns.merge(step.dataset, {_LOCATION: ""})
        entries += patients.rewritten(transaction, step, stored, at, Event.VISIT_CHANGED)
    arrived = [step for step in _of_visit(transaction, site, message) if step.status == StepStatus.ARRIVED]
    entries += _moved(transaction, arrived, StepEvent.LEAVE, at)
    return entries or [Entry(Event.VISIT_CHANGED, detail={"text": "called off"})]


def _of_visit(transaction: Transaction, site: Site, message: Message) -> Iterable[Record]:
    """The open steps of the patient that belong to the visit; raises MappingError when nobody is identified."""
    segments = patients.by_name(message.segments)
    known = patients.find(transaction, site, patients.described(site, segments).item)
    if known is None:
        return []
    visit = inbound.admission(site.mapping, segments)
    found = patients.open_steps(transaction, [known.id])
    return [step for step in found if patients.is_of_visit(step, visit)]


def _moved(transaction: Transaction, found: Iterable[Record], event: StepEvent, at: datetime) -> list[Entry]:
    """Move the steps the event means something to; the others, begun or on hold, stay as they are."""
    allowed = states.TRANSITIONS[event]
    entries: list[Entry] = []
    for step in found:
        if step.status in allowed:
            entries += steps.set_status(transaction, step, states.after(StepStatus(step.status), event), at)
    return entries


def _note(event: Event, day: str, expected: list[Record]) -> Entry:
    return Entry(event, detail={"day": day, "steps": [step.step_id for step in expected]})


def _day(message: Message) -> str:
    """The day it happened, else was entered, else was sent."""
    for name, field in _OCCURRED:
        segment = message.first(name)
        day = times.date(Source(segment, field, 1, 0, 0)) if segment else ""
        if day:
            return day
    return ""

"""Visits: begun, moved, arrived, discharged, and each of these taken back (RAD-1, RAD-12; ADT^A01 to A13, A27, A32, A38).

A visit is no row of its own. What is known of it stands in the steps of its orders, and only those change; what they
were before is kept, so that a change can be taken back.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from swf.dicom import columns, encoding
from swf.dicom.terms import StepStatus
from swf.hl7.message import Message, by_name
from swf.mapping import inbound, times
from swf.mapping.selectors import Source
from swf.model.journal import Event
from swf.store import patients as patient_store
from swf.store import visits
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import patients, states, steps
from swf.workflow.site import Site
from swf.workflow.states import StepEvent

_OCCURRED = (("EVN", 6), ("EVN", 2), ("MSH", 7))
_PRIOR = (("MRG", 5), ("MRG", 3), ("PV1", 50))
_LOCATION = "CurrentPatientLocation"
_VISIT_GROUPS = (0x0038,)
_BEGUN = {"A11": ("A01", "A04"), "A12": ("A02",), "A27": ("A05",), "A38": ("A05",)}
"""What each event takes back."""


def change(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A01, A02, A04, A05, A08: what is said of patient and visit changes, and what the visit was before is kept."""
    was = {step.id: _visit_part(step.dataset) for step in _of_visit(transaction, site, message)}
    entries = patients.update(transaction, site, message, at)
    _remember(transaction, site, message, at, was)
    return entries


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
    segments = by_name(message.segments)
    known = patients.find(transaction, site, patients.described(site, segments).item)
    prior = next((text for name, field in _PRIOR if (text := message.value(name, field, 1, 1))), "")
    visit = inbound.admission(site.mapping, segments)
    entries: list[Entry] = []
    for step in patients.open_steps(transaction, [known.id] if known and prior and visit else []):
        if step.admission_id == prior:
            stored = columns.merge(step.dataset, {"AdmissionID": visit})
            entries += patients.rewritten(transaction, step, stored, at, Event.VISIT_CHANGED)
    return [*entries, *change(transaction, site, message, at)]


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


def resume(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A13: the visit goes on; a discharge had changed nothing but the journal, so what is told of the visit counts."""
    entries = change(transaction, site, message, at)
    orders = dict.fromkeys(step.order for step in _of_visit(transaction, site, message))
    text = "the discharge is taken back"
    return [*entries, *(Entry(Event.VISIT_CHANGED, order, detail={"text": text}) for order in orders or [None])]


def cancel(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A11, A27, A38: a visit that will not be is what it was before, its arrival taken back; patient and orders stay.

    Of a visit whose beginning is not known only the location is taken away.
    """
    begun = _since(transaction, site, message)
    entries = _undo(transaction, _of_visit(transaction, site, message), at, begun)
    for step in _of_visit(transaction, site, message) if not begun else ():
        stored = columns.merge(step.dataset, {_LOCATION: ""})
        entries += patients.rewritten(transaction, step, stored, at, Event.VISIT_CHANGED)
    arrived = [step for step in _of_visit(transaction, site, message) if step.status == StepStatus.ARRIVED]
    entries += _moved(transaction, arrived, StepEvent.LEAVE, at)
    return entries or [Entry(Event.VISIT_CHANGED, detail={"text": "called off"})]


def stay(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A12: a transfer did not take place; the location is that of before, unless the message names another one.

    Some senders repeat in PV1-3 where the patient was to go. Of a transfer nobody knows the location told counts.
    """
    moved = _since(transaction, site, message)
    told = patients.described(site, by_name(message.segments)).item.get(_LOCATION)
    where_to = next((encoding.text(row.after, _LOCATION) for row in moved if row.step is None), "")
    only = [encoding.layout(_LOCATION).tag]
    entries = _undo(transaction, _of_visit(transaction, site, message), at, moved, only)
    if not moved or (told and told != where_to):
        entries += patients.update(transaction, site, message, at)
    return entries or [Entry(Event.VISIT_CHANGED, detail={"text": "stays where it is"})]


# ---- what visits were before ----


def _visit_part(stored: bytes) -> bytes:
    return encoding.only_groups(stored, _VISIT_GROUPS)


def _identities(transaction: Transaction, site: Site, message: Message) -> tuple[set[int], str]:
    """The rows of the patient, merged ones included, and the number of the visit."""
    segments = by_name(message.segments)
    known = patients.find(transaction, site, patients.described(site, segments).item)
    visit = inbound.admission(site.mapping, segments)
    return (patient_store.leading_to(transaction, known.id) if known else set()), visit


def _remember(transaction: Transaction, site: Site, message: Message, at: datetime, was: dict[int, bytes]) -> None:
    """Keep what the message changed, of the visit and of each of its open steps."""
    described = patients.described(site, by_name(message.segments)).item
    told = _visit_part(encoding.encode(described))
    known = patients.find(transaction, site, described)
    if not told or known is None:
        return
    numbers, visit = _identities(transaction, site, message)
    last = visits.last(transaction, numbers, visit)
    before = last.after if last else next(iter(was.values()), b"")
    after = encoding.overlay(before, told)
    rows: list[dict[str, object]] = [{"step": None, "before": before, "after": after}]
    for step in _of_visit(transaction, site, message):
        now = _visit_part(step.dataset)
        if step.id in was and was[step.id] != now:
            rows.append({"step": step.id, "before": was[step.id], "after": now})
    if len(rows) == 1 and before == after:
        return
    common = {"patient": known.id, "admission_id": visit, "event": message.header.trigger_event, "at": at}
    visits.add(transaction, [{**common, **row} for row in rows])


def _since(transaction: Transaction, site: Site, message: Message) -> Sequence[Record]:
    """What has to be taken back, the newest first: the change the message means, and all later ones of the visit."""
    numbers, visit = _identities(transaction, site, message)
    return visits.since(transaction, numbers, visit, _BEGUN[message.header.trigger_event])


def _undo(
    transaction: Transaction,
    of_visit: Iterable[Record],
    at: datetime,
    changes: Sequence[Record],
    only: Sequence[int] = (),
) -> list[Entry]:
    """Give every open step of the visit what it had before these changes; `only` these attributes, if any are named."""
    entries: list[Entry] = []
    own = {(row.at, row.step): row for row in changes}
    moments = list(dict.fromkeys(row.at for row in changes))
    for step in of_visit if changes else ():
        stored = step.dataset
        for moment in moments:
            row = own.get((moment, step.id)) or own.get((moment, None))
            stored = _restored(stored, row, only) if row else stored
        entries += patients.rewritten(transaction, step, stored, at, Event.VISIT_CHANGED)
    if changes:
        visits.remove(transaction, changes)
    return entries


def _restored(stored: bytes, row: Record, only: Sequence[int]) -> bytes:
    """`stored` with what the change replaced; what was said otherwise since then stays."""
    before, after, now = (encoding.contents(part) for part in (row.before, row.after, stored))
    changed = {tag for tag in {*before, *after} if before.get(tag, b"") != after.get(tag, b"")}
    tags = {tag for tag in changed if now.get(tag, b"") == after.get(tag, b"") and (not only or tag in only)}
    return encoding.overlay(encoding.without(stored, tags), encoding.without(row.before, before.keys() - tags))


# ---- which steps ----


def _of_visit(transaction: Transaction, site: Site, message: Message) -> Iterable[Record]:
    """The open steps of the patient that belong to the visit; raises MappingError when nobody is identified."""
    segments = by_name(message.segments)
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

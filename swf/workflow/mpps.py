"""What modalities report: in progress, completed, discontinued (RAD-6, RAD-7; PS3.4 F.7.2).

A report is taken whatever it refers to: that a step cannot be found is never a reason to refuse it. What it was for is
settled when it is created, by the strictest reference that finds something.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from swf.dicom import mpps as rules
from swf.dicom import mpps_rules, uid
from swf.dicom.mpps import Reference, Summary
from swf.dicom.terms import FINAL, PUTS_BACK, PerformedStatus, StepStatus
from swf.errors import DuplicateStep, InvalidInstance, ProcedureStepError, UnknownStep
from swf.model.journal import Event
from swf.store import journal, mpps, orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import notices, states, steps
from swf.workflow.notices import Change
from swf.workflow.order_request import settle
from swf.workflow.site import Site

_CANCELLED = StepStatus.CANCELLED
_NOT_LISTED = (_CANCELLED, StepStatus.HELD)  # a wrong entry leaves them so
_EVENTS = {
    PerformedStatus.IN_PROGRESS: Event.MPPS_IN_PROGRESS,
    PerformedStatus.COMPLETED: Event.MPPS_COMPLETED,
    PerformedStatus.DISCONTINUED: Event.MPPS_DISCONTINUED,
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a modality sends: its AE title, the SOP Instance UID, and the attributes of N-CREATE or N-SET."""

    calling_ae_title: str
    sop_instance_uid: str
    dataset: Dataset
    assigned: bool = False  # the modality left the UID to us


@dataclass(frozen=True, slots=True)
class _Performed:
    """A performed step as it now stands: its row and what it says."""

    number: int
    sop_instance_uid: str
    summary: Summary

    def detail(self) -> dict[str, object]:
        """What an operator reads of it."""
        reason = self.summary.discontinuation_reason
        return {
            "mpps": self.sop_instance_uid,
            "ae_title": self.summary.performed_station,
            "series": len(self.summary.series),
            "images": sum(series.images for series in self.summary.series),
            **({"reason": f"{reason.code} {reason.meaning}".strip()} if reason else {}),
        }


def create(transaction: Transaction, site: Site, report: Report, at: datetime) -> None:
    """N-CREATE: a modality has begun. Raises a ProcedureStepError with the DIMSE status of what is wrong.

    From a lenient modality the very same report once more is no mistake: it never heard our answer.
    """
    measure, sop_instance_uid = site.device(report.calling_ae_title).mpps, report.sop_instance_uid
    if not uid.valid(sop_instance_uid) or (report.assigned and measure == "strict"):
        raise InvalidInstance("the SOP Instance UID is missing or malformed")
    dataset, warnings = _repaired(report.dataset, measure, creating=True)
    warnings += mpps_rules.check_create(dataset, measure)
    stored = rules.encode(dataset)
    present = mpps.find(transaction, sop_instance_uid)
    if present is not None:
        _said_again(transaction, report, present.id, at, same=measure == "lenient" and present.dataset == stored)
        return
    number = mpps.add(
        transaction,
        sop_instance_uid=sop_instance_uid,
        status=PerformedStatus.IN_PROGRESS,
        calling_ae_title=report.calling_ae_title,
        dataset=stored,
        created_at=at,
        updated_at=at,
    )
    found = _scheduled(transaction, dataset)
    mpps.link(transaction, number, (row.id for row in found))
    entries = [] if found else [Entry(Event.MPPS_UNMATCHED, detail=_unmatched(sop_instance_uid, dataset))]
    performed = _Performed(number, sop_instance_uid, rules.summary(dataset))
    entries += _consequences(transaction, site, performed, at)
    entries += _warned(found, sop_instance_uid, [*warnings, *_strangers(found, performed.summary)])
    journal.add(transaction, at, entries)


def change(transaction: Transaction, site: Site, report: Report, at: datetime) -> None:
    """N-SET: a modality reports more, or that it has ended. Raises a ProcedureStepError and then changes nothing."""
    measure, sop_instance_uid = site.device(report.calling_ae_title).mpps, report.sop_instance_uid
    row = mpps.find(transaction, sop_instance_uid)
    if row is None:
        raise UnknownStep("no performed step of that SOP Instance UID was created")
    changes, warnings = _repaired(report.dataset, measure, creating=False)
    stored = rules.decode(row.dataset)
    if measure == "lenient" and row.status in FINAL and rules.encode(mpps_rules.merge(stored, changes)) == row.dataset:
        _said_again(transaction, report, row.id, at, same=True)
        return
    warnings += mpps_rules.check_set(stored, changes, measure)
    merged = mpps_rules.merge(stored, changes)
    performed = _Performed(row.id, sop_instance_uid, rules.summary(merged))
    status = performed.summary.status
    mpps.change(transaction, row.id, dataset=rules.encode(merged), status=status, updated_at=at)
    linked = mpps.scheduled_for(transaction, row.id)
    if status == row.status:
        entries = [Entry(Event.MPPS_CHANGED, order, detail=performed.detail()) for order in _orders_or_none(linked)]
    else:
        entries = _consequences(transaction, site, performed, at)
    journal.add(transaction, at, [*entries, *_warned(linked, sop_instance_uid, warnings)])


def refused(transaction: Transaction, report: Report, error: ProcedureStepError, at: datetime) -> None:
    """Write down that a report was refused and why, with the orders of the step it is about when that is known."""
    row = mpps.find(transaction, report.sop_instance_uid)
    linked = mpps.scheduled_for(transaction, row.id) if row else []
    detail = {
        "mpps": report.sop_instance_uid,
        "ae_title": report.calling_ae_title,
        "status": f"0x{error.dimse_status:04X}",
        "text": error.text,
    }
    journal.add(transaction, at, [Entry(Event.MPPS_REFUSED, order, detail=detail) for order in _orders_or_none(linked)])


def _repaired(dataset: Dataset, measure: str, *, creating: bool) -> tuple[Dataset, list[str]]:
    return mpps_rules.repaired(dataset, creating=creating) if measure == "lenient" else (dataset, [])


def _said_again(transaction: Transaction, report: Report, number: int, at: datetime, *, same: bool) -> None:
    """A report that repeats what is known; DuplicateStep unless it is the `same` and may be."""
    if not same:
        raise DuplicateStep("a performed step of that SOP Instance UID exists")
    linked = mpps.scheduled_for(transaction, number)
    journal.add(transaction, at, _warned(linked, report.sop_instance_uid, ["the modality said the same once more"]))


def _consequences(transaction: Transaction, site: Site, performed: _Performed, at: datetime) -> list[Entry]:
    """Move the steps that were performed, settle their orders, tell the destinations."""
    event = _EVENTS[PerformedStatus(performed.summary.status)]
    linked = mpps.scheduled_for(transaction, performed.number)
    mine = {row.id for row in linked}
    entries: list[Entry] = []
    for order in _orders(linked):
        entries.append(Entry(event, order, detail=performed.detail()))
        for step in (row for row in linked if row.order == order):
            entries += _move(transaction, step, performed.summary, at)
        settle(transaction, order, at, entries)
        every = orders.steps(transaction, order)
        done = [row for row in every if row.id in mine]
        entries += notices.tell(transaction, site, Change(order, done, every, performed.summary, at))
    return entries or [Entry(event, detail=performed.detail())]


def _move(transaction: Transaction, step: Record, performed: Summary, at: datetime) -> list[Entry]:
    reason = performed.discontinuation_reason
    event = states.performed_event(
        mpps.statuses_for(transaction, step.id), wrong_entry=reason is not None and reason.code in PUTS_BACK
    )
    entries = []
    if step.status == _CANCELLED:
        text = "a modality performs a step that had been cancelled"
        entries.append(Entry(Event.WARNING, step.order, detail={"step_id": step.step_id, "text": text}))
    return entries + steps.set_status(transaction, step, states.after(_before(transaction, step), event), at)


def _before(transaction: Transaction, step: Record) -> StepStatus:
    """The status the event meets: a step that a modality has begun though it was cancelled or held is that still."""
    before = journal.came_from(transaction, step.order, step.step_id) if step.status == StepStatus.STARTED else ""
    return StepStatus(before if before in _NOT_LISTED else step.status)


def _scheduled(transaction: Transaction, dataset: Dataset) -> list[Record]:
    """The scheduled steps a report refers to, each once."""
    patient_id = rules.summary(dataset).patient_id
    found = (
        row for reference in rules.references(dataset) for row in _of_reference(transaction, reference, patient_id)
    )
    return list({row.id: row for row in found}.values())


def _of_reference(transaction: Transaction, reference: Reference, patient_id: str) -> Sequence[Record]:
    """By study and step id; else, for the same patient only, by the strictest set of identifiers that finds something.

    A modality that names a study or an accession but no step has performed what was still to be done of it; one that
    names a step nobody knows can only have meant the one there is.
    """
    for columns in _keys(reference):
        found = orders.find_steps(transaction, columns)
        if {"study_instance_uid", "step_id"} <= columns.keys() and found:
            return found
        same_patient = [row for row in found if patient_id in ("", row.patient_id)]
        candidates = [row for row in same_patient if not states.is_closed(row.status)] or same_patient
        if candidates and (len(candidates) == 1 or not reference.step_id):
            return candidates
    return []


def _keys(reference: Reference) -> Iterator[dict[str, str]]:
    """Which columns to look for, the strictest first; a set with an empty value finds nothing and is left out."""
    study, accession = reference.study_instance_uid, reference.accession_number
    procedure, step = reference.requested_procedure_id, reference.step_id
    candidates = (
        {"study_instance_uid": study, "step_id": step},
        {"accession_number": accession, "requested_procedure_id": procedure, "step_id": step},
        {"accession_number": accession, "step_id": step},
        {"study_instance_uid": study},
        {"accession_number": accession},
    )
    return (columns for columns in candidates if all(columns.values()))


def _orders(linked: Sequence[Record]) -> list[int]:
    return list(dict.fromkeys(row.order for row in linked))


def _orders_or_none(linked: Sequence[Record]) -> list[int | None]:
    """An entry is made for each order; for a report that belongs to none there is still one."""
    return [*_orders(linked)] or [None]


def _unmatched(sop_instance_uid: str, dataset: Dataset) -> dict[str, object]:
    accessions = [reference.accession_number for reference in rules.references(dataset) if reference.accession_number]
    return {"mpps": sop_instance_uid, "accession_numbers": accessions}


def _strangers(found: Sequence[Record], performed: Summary) -> list[str]:
    if not performed.patient_id or all(row.patient_id == performed.patient_id for row in found):
        return []
    return ["the Patient ID of the performed step is not the one that was scheduled"]


def _warned(linked: Sequence[Record], sop_instance_uid: str, texts: Sequence[str]) -> list[Entry]:
    return [
        Entry(Event.WARNING, order, detail={"mpps": sop_instance_uid, "text": text})
        for order in _orders_or_none(linked)
        for text in texts
    ]

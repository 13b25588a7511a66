"""What modalities report: in progress, completed, discontinued (RAD-6, RAD-7; PS3.4 F.7.2).

A report is taken whatever it refers to: that a step cannot be found is never a reason to refuse it. What it was for is
settled when it is created, by the strictest reference that finds something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from swf.dicom import mpps as rules
from swf.dicom import mpps_rules, uid
from swf.dicom.mpps_rules import Rules
from swf.dicom.terms import FINAL, PerformedStatus
from swf.errors import DuplicateStep, InvalidInstance, ProcedureStepError, UnknownStep
from swf.model.journal import Event
from swf.model.mpps import Matching
from swf.store import journal, mpps
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import partitions, references, relays
from swf.workflow import performed as effects
from swf.workflow.references import Found
from swf.workflow.relays import Passed
from swf.workflow.site import Site

_DOUBTS = {
    Matching.OTHER_PATIENT: "the Patient ID of the performed step is not the one that was scheduled",
    Matching.PARTLY: "some of the scheduled steps it names are not known",
}
_ANOTHERS = "an exam names this order, but another patient by number and by name or birth date"


@dataclass(frozen=True, slots=True)
class Report:
    """What a modality sends: its AE title, the SOP Instance UID, and the attributes of N-CREATE or N-SET."""

    calling_ae_title: str
    sop_instance_uid: str
    dataset: Dataset
    assigned: bool = False  # the modality left the UID to us
    syntax: str = ""
    raw: bytes = b""  # the dataset as it came
    called: str = ""  # which of our AE titles; "" is that of the site
    misread: tuple[str, ...] = ()  # whose bytes were none of the declared character set

    def passed(self) -> Passed:
        """The report as it is passed on to others."""
        if self.raw:
            return Passed(self.calling_ae_title, self.sop_instance_uid, self.syntax, self.raw)
        written = rules.encode(self.dataset)
        return Passed(self.calling_ae_title, self.sop_instance_uid, ExplicitVRLittleEndian, written)


def create(transaction: Transaction, site: Site, report: Report, at: datetime) -> None:
    """N-CREATE: a modality has begun. Raises a ProcedureStepError with the DIMSE status of what is wrong.

    From a lenient modality the very same report once more is no mistake: it never heard our answer.
    """
    measure, sop_instance_uid = site.device(report.calling_ae_title).mpps, report.sop_instance_uid
    if not uid.valid(sop_instance_uid) or (report.assigned and measure == "strict"):
        raise InvalidInstance("the SOP Instance UID is missing or malformed")
    dataset, warnings = _repaired(report.dataset, measure, creating=True)
    warnings += mpps_rules.check_create(dataset, measure, report.misread)
    stored = rules.encode(dataset)
    present = mpps.find(transaction, sop_instance_uid)
    if present is not None:
        _said_again(transaction, report, present.id, at, same=measure == "lenient" and present.dataset == stored)
        return
    found = references.find(transaction, site, dataset, (report.calling_ae_title, report.called))
    number = mpps.add(
        transaction,
        sop_instance_uid=sop_instance_uid,
        status=PerformedStatus.IN_PROGRESS,
        calling_ae_title=report.calling_ae_title,
        called_ae_title=report.called,
        dataset=stored,
        matching=found.matching,
        **_looked_for(dataset),
        created_at=at,
        updated_at=at,
    )
    mpps.link(transaction, number, (row.id for row in found.steps))
    performed = effects.of(number, sop_instance_uid, dataset)
    entries = effects.consequences(transaction, site, performed, at)
    told = [*warnings, *([_DOUBTS[found.matching]] if found.matching in _DOUBTS else [])]
    warned = _warned(found.steps, sop_instance_uid, told)
    order = effects.orders_or_none(found.steps)[0]
    queued = relays.queue(transaction, site, "N-CREATE", report.passed, at, order=order)
    journal.add(transaction, at, [*_how(found, report), *entries, *warned, *queued])


def change(transaction: Transaction, site: Site, report: Report, at: datetime) -> None:
    """N-SET: a modality reports more, or that it has ended. Raises a ProcedureStepError and then changes nothing."""
    measure, sop_instance_uid = site.device(report.calling_ae_title).mpps, report.sop_instance_uid
    row = mpps.find(transaction, sop_instance_uid)
    if row is None:
        raise UnknownStep("no performed step of that SOP Instance UID was created")
    linked = mpps.scheduled_for(transaction, row.id)
    if not partitions.admits(site.settings, report.called, row, linked):
        raise UnknownStep("the performed step belongs to another partition")
    changes, warnings = _repaired(report.dataset, measure, creating=False)
    stored = rules.decode(row.dataset)
    if measure == "lenient" and row.status in FINAL and rules.encode(mpps_rules.merge(stored, changes)) == row.dataset:
        _said_again(transaction, report, row.id, at, same=True)
        return
    merged = mpps_rules.merge(stored, changes)
    warnings += mpps_rules.check_set(stored, changes, measure, merged, report.misread)
    performed = effects.read(row, merged)
    status = performed.summary.status
    presumed = "" if status in FINAL else row.presumed
    heard = {"presumed": presumed, "overdue_at": None, "updated_at": at}
    mpps.change(transaction, row.id, dataset=rules.encode_unicode(merged), status=status, **heard)
    if status == row.status:
        detail = performed.detail()
        entries = [Entry(Event.MPPS_CHANGED, order, detail=detail) for order in effects.orders_or_none(linked)]
    else:
        entries = effects.consequences(transaction, site, performed, at)
    order = effects.orders_or_none(linked)[0]
    queued = relays.queue(transaction, site, "N-SET", report.passed, at, order=order)
    journal.add(transaction, at, [*entries, *_warned(linked, sop_instance_uid, warnings), *queued])


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
    journal.add(
        transaction, at, [Entry(Event.MPPS_REFUSED, order, detail=detail) for order in effects.orders_or_none(linked)]
    )


def _repaired(dataset: Dataset, measure: Rules, *, creating: bool) -> tuple[Dataset, list[str]]:
    return mpps_rules.repaired(dataset, creating=creating) if measure == "lenient" else (dataset, [])


def _said_again(transaction: Transaction, report: Report, number: int, at: datetime, *, same: bool) -> None:
    """A report that repeats what is known; DuplicateStep unless it is the `same` and may be."""
    if not same:
        raise DuplicateStep("a performed step of that SOP Instance UID exists")
    linked = mpps.scheduled_for(transaction, number)
    journal.add(transaction, at, _warned(linked, report.sop_instance_uid, ["the modality said the same once more"]))


def _looked_for(dataset: Dataset) -> dict[str, str]:
    """What a step that belongs to nobody yet is looked for by."""
    named = rules.references(dataset)
    return {
        "patient_id": rules.summary(dataset).patient_id,
        "study_instance_uid": next((each.study_instance_uid for each in named if each.study_instance_uid), ""),
        "accession_number": next((each.accession_number for each in named if each.accession_number), ""),
    }


def _how(found: Found, report: Report) -> list[Entry]:
    """What there is to journal of how the scheduled steps were found."""
    detail: dict[str, object] = {"mpps": report.sop_instance_uid, "text": _ANOTHERS}
    anothers = [Entry(Event.MPPS_SUGGESTED, order, detail=detail) for order in effects.orders_of(found.anothers)]
    if found.matching == Matching.FOUND:
        return effects.linked_by(report.sop_instance_uid, found.steps, "lesser identifiers")
    if found.steps:
        return anothers
    named = rules.references(report.dataset)
    accessions = [each.accession_number for each in named if each.accession_number]
    detail = {"mpps": report.sop_instance_uid, "accession_numbers": accessions}
    return [*anothers, Entry(Event.MPPS_UNMATCHED, detail=detail)]


def _warned(linked: Sequence[Record], sop_instance_uid: str, texts: Sequence[str]) -> list[Entry]:
    return [
        Entry(Event.WARNING, order, detail={"mpps": sop_instance_uid, "text": text})
        for order in effects.orders_or_none(linked)
        for text in texts
    ]

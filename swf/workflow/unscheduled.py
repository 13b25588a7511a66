"""Exams without an order: an order that comes later is theirs or may be, and an operator decides what is left (PIR cases 3, 5).

A late order is linked by itself only when it brings the exam's study or accession number for the same patient; the same
patient, modality and day is a suggestion, since the order may be for what is still to be done.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from swf.dicom import mpps as rules
from swf.dicom.mpps import Summary
from swf.errors import Unresolvable
from swf.hl7.message import Message
from swf.model.journal import Event
from swf.sentence import say
from swf.store import journal, mpps, orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import partitions, patients, references
from swf.workflow import performed as effects
from swf.workflow.site import Site


class Candidate(NamedTuple):
    """A scheduled step that an unscheduled exam may have been, and why."""

    accession_number: str
    step_id: str
    status: str
    why: str


def orders_came(transaction: Transaction, site: Site, numbers: Collection[int], at: datetime) -> list[Entry]:
    """Link what was performed before these order rows came, or suggest it; what there is to journal."""
    if not numbers or not mpps.any_unmatched(transaction):
        return []
    return [entry for number in sorted(numbers) for entry in _order_came(transaction, site, number, at)]


def merge(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A34, A39, A40: as `patients.merge`; then exams reported under one identity meet the open orders of the other.

    An emergency may be examined under a number of its own, and its order written under the real one, before anybody says
    that both are one person (PIR case 5).
    """
    entries = patients.merge(transaction, site, message, at)
    survivors = [int(entry.detail["survivor"]) for entry in entries if "survivor" in entry.detail]
    still_open = {step.order for step in patients.open_steps(transaction, survivors)} if survivors else set()
    return entries + orders_came(transaction, site, still_open, at)


def _order_came(transaction: Transaction, site: Site, order: int, at: datetime) -> list[Entry]:
    row = orders.one(transaction, order)
    scheduled = orders.steps(transaction, order)
    entries: list[Entry] = []
    for performed in mpps.unmatched(transaction, row.patient, {step.study_instance_uid for step in scheduled}):
        here = partitions.within(partitions.labels(site.settings, performed.called_ae_title), scheduled)
        summary = rules.summary(rules.decode(performed.dataset))
        same_patient = row.patient in references.named_person(transaction, summary).rows
        named = _named_by(performed, here)
        if named and same_patient:
            entries += effects.link(transaction, site, performed, named, at, by="an order that came later")
        elif named or any(_is_like(step, summary) for step in here):
            why = "of the same day" if same_patient else "of the same study, under another patient identifier"
            detail = {"mpps": performed.sop_instance_uid, "text": f"an exam {why} was reported before the order came"}
            entries.append(Entry(Event.MPPS_SUGGESTED, order, detail=detail))
    return entries


def link(
    transaction: Transaction,
    site: Site,
    uid: str,
    accession_number: str,
    at: datetime,
    *,
    step_id: str = "",
    force: bool = False,
) -> None:
    """An operator says which order an exam was performed for.

    Raises Unresolvable when exam, order or step is not known, or when they are of different patients without `force`.
    """
    row = _known(transaction, uid)
    scheduled = _steps(transaction, accession_number, step_id)
    summary = rules.summary(rules.decode(row.dataset))
    person = references.named_person(transaction, summary)
    if person.patient_id and not force and not all(step.patient in person.namesakes for step in scheduled):
        raise Unresolvable(
            say("the exam was reported for another patient than the order; --force links it all the same")
        )
    journal.add(transaction, at, effects.link(transaction, site, row, scheduled, at, by="an operator"))


def unlink(transaction: Transaction, site: Site, uid: str, at: datetime, *, accession_number: str = "") -> None:
    """An operator says that an exam was not performed for an order, or for none of those it is linked to.

    Raises Unresolvable when it is linked to no such order.
    """
    row = _known(transaction, uid)
    linked = mpps.scheduled_for(transaction, row.id)
    mine = [step for step in linked if accession_number in ("", step.accession_number)]
    if not mine:
        raise Unresolvable(say("the exam is not linked to such an order"))
    journal.add(transaction, at, effects.unlink(transaction, site, row, mine, at))


def candidates(transaction: Transaction, row: Record) -> list[Candidate]:
    """The scheduled steps a performed step that is to be resolved may belong to, for an operator to choose from."""
    summary = rules.summary(rules.decode(row.dataset))
    person = references.named_person(transaction, summary)
    found = {
        say("same study"): orders.find_steps(transaction, {"study_instance_uid": row.study_instance_uid}),
        say("same patient, modality and day"): references.of_the_day(transaction, person, summary),
    }
    candidates = {
        step.id: Candidate(step.accession_number, step.step_id, step.status, why)
        for why, steps in reversed(found.items())
        for step in steps
    }
    return list(candidates.values())


def _known(transaction: Transaction, uid: str) -> Record:
    row = mpps.find(transaction, uid)
    if row is None:
        raise Unresolvable(say("no performed step of that SOP Instance UID is known"))
    return row


def _steps(transaction: Transaction, accession_number: str, step_id: str) -> Sequence[Record]:
    wanted = {"accession_number": accession_number, **({"step_id": step_id} if step_id else {})}
    found = orders.find_steps(transaction, wanted)
    if not found:
        raise Unresolvable(say("no scheduled step of that accession number and step id is known"))
    return found


def _named_by(performed: Record, scheduled: Sequence[Record]) -> list[Record]:
    """The steps of the study the modality made, else those of the accession number it was given by hand."""
    of_study = [step for step in scheduled if step.study_instance_uid == performed.study_instance_uid]
    number = performed.accession_number
    return of_study or [step for step in scheduled if number and step.accession_number == number]


def _is_like(step: Record, summary: Summary) -> bool:
    day = summary.started.strftime("%Y%m%d") if summary.started else ""
    return bool(summary.modality) and (step.modality, step.start_date) == (summary.modality, day)

"""What a performed step does to the steps that were scheduled: their status, their orders, who is told (RAD-6, RAD-7, RAD-3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydicom.dataset import Dataset

from swf.dicom import mpps as rules
from swf.dicom import mpps_details
from swf.dicom.mpps import Summary
from swf.dicom.terms import PUTS_BACK, PerformedStatus, StepStatus
from swf.model.journal import Event
from swf.model.mpps import Matching
from swf.store import journal, mpps, orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import notices, states, steps
from swf.workflow.notices import Change
from swf.workflow.order_request import settle
from swf.workflow.site import Site

_CANCELLED = StepStatus.CANCELLED
_NOT_LISTED = (_CANCELLED, StepStatus.HELD, StepStatus.DISCONTINUED)  # a wrong entry leaves them so
_EVENTS = {
    PerformedStatus.IN_PROGRESS: Event.MPPS_IN_PROGRESS,
    PerformedStatus.COMPLETED: Event.MPPS_COMPLETED,
    PerformedStatus.DISCONTINUED: Event.MPPS_DISCONTINUED,
}


@dataclass(frozen=True, slots=True)
class Performed:
    """A performed step as it now stands: its row, what it says, and the end it was presumed to have had before."""

    number: int
    sop_instance_uid: str
    summary: Summary
    dose: dict[str, str]
    was_presumed: bool = False

    def detail(self) -> dict[str, object]:
        """What an operator reads of it."""
        reason = self.summary.discontinuation_reason
        protocols = dict.fromkeys(series.protocol for series in self.summary.series if series.protocol)
        return {
            "mpps": self.sop_instance_uid,
            "ae_title": self.summary.performed_station,
            "series": len(self.summary.series),
            "images": sum(series.images for series in self.summary.series),
            **({"protocols": ", ".join(protocols)} if protocols else {}),
            **({"dose": ", ".join(f"{name} {value}" for name, value in self.dose.items())} if self.dose else {}),
            **({"reason": f"{reason.code} {reason.meaning}".strip()} if reason else {}),
        }


def read(row: Record, dataset: Dataset | None = None) -> Performed:
    """The performed step of a row; `dataset` where it has just changed."""
    found = rules.decode(row.dataset) if dataset is None else dataset
    return of(row.id, row.sop_instance_uid, found, was_presumed=bool(row.presumed))


def of(number: int, sop_instance_uid: str, dataset: Dataset, *, was_presumed: bool = False) -> Performed:
    """A performed step as `dataset` has it."""
    return Performed(number, sop_instance_uid, rules.summary(dataset), mpps_details.dose(dataset), was_presumed)


def consequences(transaction: Transaction, site: Site, performed: Performed, at: datetime) -> list[Entry]:
    """Move the steps that were performed, settle their orders, tell the destinations; what there is to journal."""
    event = _EVENTS[PerformedStatus(performed.summary.status)]
    linked = mpps.scheduled_for(transaction, performed.number)
    entries: list[Entry] = []
    for order in orders_of(linked):
        entries.append(Entry(event, order, detail=performed.detail()))
        mine = [row for row in linked if row.order == order]
        for step in mine:
            entries += _move(transaction, step, performed, at)
        entries += _tell(transaction, site, mine, performed.summary, at)
    return entries or [Entry(event, detail=performed.detail())]


def link(
    transaction: Transaction, site: Site, row: Record, scheduled: Sequence[Record], at: datetime, *, by: str
) -> list[Entry]:
    """Say that a performed step was performed for these scheduled steps too, with all that follows."""
    mpps.link(transaction, row.id, (step.id for step in scheduled))
    mpps.change(transaction, row.id, matching=Matching.LINKED)
    entries = linked_by(row.sop_instance_uid, scheduled, by)
    performed = read(row)
    if row.presumed:
        performed = replace(performed, summary=replace(performed.summary, status=row.presumed))
    return entries + consequences(transaction, site, performed, at)


def linked_by(sop_instance_uid: str, scheduled: Sequence[Record], by: str) -> list[Entry]:
    """What there is to journal of steps that the modality itself did not name."""
    detail = {"mpps": sop_instance_uid, "by": by}
    return [Entry(Event.MPPS_LINKED, step.order, detail={**detail, "step_id": step.step_id}) for step in scheduled]


def unlink(transaction: Transaction, site: Site, row: Record, scheduled: Sequence[Record], at: datetime) -> list[Entry]:
    """Say that a performed step was not performed for these: they are what everything else performed for them says."""
    mpps.unlink(transaction, row.id, [step.id for step in scheduled])
    if not mpps.scheduled_for(transaction, row.id):
        mpps.change(transaction, row.id, matching=Matching.UNMATCHED)
    entries: list[Entry] = []
    for order in orders_of(scheduled):
        mine = [step for step in scheduled if step.order == order]
        for step in mine:
            detail = {"mpps": row.sop_instance_uid, "step_id": step.step_id}
            entries.append(Entry(Event.MPPS_UNLINKED, order, detail=detail))
            event = states.performed_event(mpps.statuses_for(transaction, step.id), wrong_entry=False)
            entries += steps.set_status(transaction, step, states.after(_before(transaction, step), event), at)
        entries += _tell(transaction, site, mine, rules.summary(Dataset()), at)
    return entries


def presume(
    transaction: Transaction, site: Site, row: Record, status: PerformedStatus, at: datetime, *, why: str
) -> list[Entry]:
    """Take a step nobody reports the end of for ended. The report itself stays open: what comes later still counts."""
    mpps.change(transaction, row.id, presumed=status)
    performed = read(row)
    ended = replace(performed, summary=replace(performed.summary, status=status))
    linked = mpps.scheduled_for(transaction, row.id)
    detail = {"mpps": row.sop_instance_uid, "status": status, "text": why}
    entries = [Entry(Event.END_PRESUMED, order, detail=detail) for order in orders_or_none(linked)]
    return entries + consequences(transaction, site, ended, at)


def orders_of(linked: Sequence[Record]) -> list[int]:
    """The orders of these steps, each once."""
    return list(dict.fromkeys(row.order for row in linked))


def orders_or_none(linked: Sequence[Record]) -> list[int | None]:
    """An entry is made for each order; for a report that belongs to none there is still one."""
    return [*orders_of(linked)] or [None]


def _tell(transaction: Transaction, site: Site, mine: Sequence[Record], summary: Summary, at: datetime) -> list[Entry]:
    """Settle the one order of these steps, and tell the destinations what was performed of it."""
    order, done = mine[0].order, {row.id for row in mine}
    entries: list[Entry] = []
    settle(transaction, order, at, entries)
    every = orders.steps(transaction, order)
    change = Change(order, [row for row in every if row.id in done], every, summary, at)
    return entries + notices.tell(transaction, site, change)


def _move(transaction: Transaction, step: Record, performed: Performed, at: datetime) -> list[Entry]:
    reason = performed.summary.discontinuation_reason
    statuses = mpps.statuses_for(transaction, step.id)
    event = states.performed_event(statuses, wrong_entry=reason is not None and reason.code in PUTS_BACK)
    entries = []
    if step.status == _CANCELLED:
        text = "a modality performs a step that had been cancelled"
        entries.append(Entry(Event.WARNING, step.order, detail={"step_id": step.step_id, "text": text}))
    before = _before(transaction, step)
    if performed.was_presumed and PerformedStatus.COMPLETED not in statuses:
        before = StepStatus.STARTED  # what was only presumed of it does not stand against what is reported
    return entries + steps.set_status(transaction, step, states.after(before, event), at)


def _before(transaction: Transaction, step: Record) -> StepStatus:
    """The status the event meets: a step that a modality has begun though it was cancelled or held is that still."""
    before = journal.came_from(transaction, step.order, step.step_id) if step.status == StepStatus.STARTED else ""
    return StepStatus(before if before in _NOT_LISTED else step.status)

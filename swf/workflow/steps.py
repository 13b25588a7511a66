"""Writes a scheduled procedure step as it now stands: its dataset, and the columns it is found by, always together."""

from datetime import datetime

from swf.dicom import attributes, columns, encoding, flaws
from swf.dicom.terms import StepStatus
from swf.mapping.inbound import MappedStep
from swf.model.journal import Event
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry

_STATUS = "ScheduledProcedureStepStatus"


_PATIENT_AND_VISIT = (0x0010, 0x0038)


def add(
    transaction: Transaction,
    order: int,
    mapped: MappedStep,
    person: bytes,
    at: datetime,
    *,
    own_identifiers: bool,
    sibling: Record | None = None,
) -> list[Entry]:
    """Schedule a step for order row `order`, for the patient whose own attributes are `person`; what to journal of it.

    What `sibling`, a step of the same order, knows of patient and visit is known of this one too, unless `mapped` says
    otherwise: a step added later to a pregnant patient's order must show it.
    """
    known = encoding.only_groups(sibling.dataset, _PATIENT_AND_VISIT) if sibling else b""
    mapped.step[_STATUS] = StepStatus.SCHEDULED
    stored, contents = encoding.layered(mapped.item, under=known, over=person)
    found, flawed = columns.of_contents(contents), flaws.bits_of_contents(contents)
    orders.add_step(
        transaction,
        _stations(found),
        order=order,
        status=StepStatus.SCHEDULED,
        own_identifiers=own_identifiers,
        dataset=stored,
        flaws=flawed,
        version=1,
        created_at=at,
        updated_at=at,
        **found,
    )
    return _flawed(order, str(found["step_id"]), stored, before=0, now=flawed)


def rewrite(transaction: Transaction, step: Record, stored: bytes, at: datetime, *, own_identifiers: bool) -> bool:
    """Let `stored` be what the step holds; False, and nothing written, when it holds that already."""
    if stored == step.dataset and own_identifiers == step.own_identifiers:
        return False
    found = columns.columns(stored)
    orders.change_step(
        transaction,
        step.id,
        _stations(found),
        dataset=stored,
        flaws=flaws.bits(stored),
        own_identifiers=own_identifiers,
        updated_at=at,
        **found,
    )
    return True


def judged(step: Record, stored: bytes) -> list[Entry]:
    """What there is to journal of the flaws of `stored`, now in the place of what `step` held before."""
    return _flawed(step.order, step.step_id, stored, before=step.flaws, now=flaws.bits(stored))


def _flawed(order: int, step_id: str, stored: bytes, *, before: int, now: int) -> list[Entry]:
    """What a strict modality would choke on is told when it is found and when it is gone; a flawless step says nothing."""
    if now == before:
        return []
    if not now:
        return [Entry(Event.STEP_MENDED, order, detail={"step_id": step_id})]
    return [Entry(Event.STEP_FLAWED, order, detail={"step_id": step_id, "flaws": [*map(str, flaws.of(stored))]})]


def set_status(transaction: Transaction, step: Record, status: StepStatus, at: datetime) -> list[Entry]:
    """Give the step another status; what there is to journal of it, nothing when it has that status."""
    if step.status == status:
        return []
    orders.set_step_status(
        transaction, step.id, status, columns.merge(step.dataset, {attributes.SPS: [{_STATUS: status}]}), at
    )
    return [Entry(Event.STEP_STATUS, step.order, detail={"step_id": step.step_id, "from": step.status, "to": status})]


def hold(transaction: Transaction, step: Record, *, on_hold: bool) -> None:
    """Keep that a step is, or is no longer, to be held whatever becomes of its appointment."""
    if step.on_hold != on_hold:
        orders.set_step_hold(transaction, step.id, on_hold=on_hold)


def is_unbooked(step: Record) -> bool:
    """Whether the step waits for a time, because its appointment was cancelled."""
    return step.status == StepStatus.HELD and not step.start_date


def _stations(found: dict[str, str]) -> list[str]:
    return found.pop(columns.STATION).split("\\")

"""Performed procedure steps and what they were performed for (RAD-6, RAD-7)."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from swf.dicom.terms import PerformedStatus
from swf.model.mpps import PERFORMED, PERFORMED_FOR, TO_BE_RESOLVED, Matching
from swf.model.order import ORDER, STEP
from swf.model.patient import PATIENT
from swf.store import dialect
from swf.store.database import Record, Transaction
from swf.store.prepared import Prepared

_LOOK = select(PERFORMED).where(PERFORMED.c.sop_instance_uid == bindparam("uid"))
_BY_UID = _LOOK.with_for_update()
_INSERT = insert(PERFORMED).returning(PERFORMED.c.id)
_FOR = (
    select(STEP, ORDER.c.patient)
    .join(PERFORMED_FOR, PERFORMED_FOR.c.scheduled == STEP.c.id)
    .join(ORDER, ORDER.c.id == STEP.c.order)
    .where(PERFORMED_FOR.c.performed == bindparam("number"))
    .order_by(STEP.c.id)
)
_SCHEDULED_FOR = _FOR.with_for_update(of=STEP)
# What nobody reported the end of counts as what it is presumed to have become
_EFFECTIVE = case((PERFORMED.c.presumed == "", PERFORMED.c.status), else_=PERFORMED.c.presumed)
# Who has the identifier now, and under which others he or she has been known
_IDENTIFIERS = select(PATIENT.c.patient_id).where(
    (PATIENT.c.id == bindparam("patient")) | (PATIENT.c.merged_into == bindparam("patient"))
)
_UNFINISHED = (
    select(PERFORMED.c.sop_instance_uid, PERFORMED.c.calling_ae_title, PERFORMED.c.updated_at)
    .where(PERFORMED.c.status == PerformedStatus.IN_PROGRESS, PERFORMED.c.overdue_at.is_(None))
    .order_by(PERFORMED.c.updated_at)
)
_ONLY = {
    "UNRESOLVED": PERFORMED.c.matching.in_(TO_BE_RESOLVED),
    "OVERDUE": PERFORMED.c.overdue_at.is_not(None) & (PERFORMED.c.status == PerformedStatus.IN_PROGRESS),
}
_ANY_UNMATCHED = Prepared(select(PERFORMED.c.id).where(PERFORMED.c.matching == Matching.UNMATCHED).limit(1))
_UNMATCHED = Prepared(
    select(PERFORMED)
    .where(
        PERFORMED.c.matching == Matching.UNMATCHED,
        PERFORMED.c.patient_id.in_(_IDENTIFIERS) | (PERFORMED.c.study_instance_uid == bindparam("study")),
    )
    .order_by(PERFORMED.c.id)
    .with_for_update()
)


def find(transaction: Transaction, sop_instance_uid: str) -> Record | None:
    """The performed step of that SOP Instance UID."""
    return transaction.execute(_BY_UID, {"uid": sop_instance_uid}).first()


def seen(connection: Connection, sop_instance_uid: str) -> Record | None:
    """The same, for looking only."""
    return connection.execute(_LOOK, {"uid": sop_instance_uid}).first()


def add(transaction: Transaction, **columns: Any) -> int:
    """Add a performed step; returns its row number."""
    return int(transaction.execute(_INSERT, {"presumed": "", "called_ae_title": "", **columns}).scalar_one())


def change(transaction: Transaction, number: int, **columns: Any) -> None:
    """Set `columns` of performed step row `number`."""
    transaction.execute(update(PERFORMED).where(PERFORMED.c.id == number), columns)


def link(transaction: Transaction, performed: int, scheduled: Iterable[int]) -> None:
    """Say that row `performed` was performed for these scheduled steps."""
    rows = [{"performed": performed, "scheduled": number} for number in scheduled]
    if rows:
        transaction.execute(dialect.new_row(transaction.dialect.name, PERFORMED_FOR).on_conflict_do_nothing(), rows)


def unlink(transaction: Transaction, performed: int, scheduled: Collection[int]) -> None:
    """Say that row `performed` was not performed for these scheduled steps."""
    mine = (PERFORMED_FOR.c.performed == performed) & PERFORMED_FOR.c.scheduled.in_(scheduled)
    transaction.execute(delete(PERFORMED_FOR).where(mine))


def scheduled_for(transaction: Transaction, performed: int) -> Sequence[Record]:
    """The scheduled steps row `performed` was performed for, each with its order's patient row."""
    return transaction.execute(_SCHEDULED_FOR, {"number": performed}).all()


def seen_for(connection: Connection, performed: int) -> Sequence[Record]:
    """The same, for looking only."""
    return connection.execute(_FOR, {"number": performed}).all()


def statuses_for(transaction: Transaction, scheduled: int) -> Sequence[str]:
    """The statuses of everything performed for scheduled step row `scheduled`, reported or presumed."""
    statement = select(_EFFECTIVE).join(PERFORMED_FOR, PERFORMED_FOR.c.performed == PERFORMED.c.id)
    return transaction.scalars(statement.where(PERFORMED_FOR.c.scheduled == scheduled)).all()


def any_unmatched(transaction: Transaction) -> bool:
    """Whether anything was performed for no scheduled step; seldom, and asked for every new order."""
    return _ANY_UNMATCHED.first(transaction) is not None


def unmatched(transaction: Transaction, patient: int, studies: Collection[str]) -> list[Record]:
    """What was performed for no scheduled step, in one of these studies or under an identifier of that patient row."""
    found = (row for study in studies for row in _UNMATCHED.all(transaction, patient=patient, study=study))
    return list({row.id: row for row in found}.values())


def unfinished(connection: Connection) -> Sequence[Record]:
    """What is in progress and not yet called overdue, the longest silent first, without its dataset."""
    return connection.execute(_UNFINISHED).all()


def overview(connection: Connection, *, limit: int, only: str = "") -> Sequence[Record]:
    """The newest performed steps first, each with an accession number it was performed for.

    `only` those that are UNRESOLVED, OVERDUE, or of a status.
    """
    orders = (
        select(func.min(ORDER.c.accession_number))
        .join(STEP, STEP.c.order == ORDER.c.id)
        .join(PERFORMED_FOR, PERFORMED_FOR.c.scheduled == STEP.c.id)
        .where(PERFORMED_FOR.c.performed == PERFORMED.c.id)
        .scalar_subquery()
        .label("linked_to")
    )
    statement = select(PERFORMED, orders)
    if only:
        statement = statement.where(_ONLY.get(only, PERFORMED.c.status == only))
    return connection.execute(statement.order_by(PERFORMED.c.id.desc()).limit(limit)).all()


def of_devices(connection: Connection, titles: Collection[str], *, among: int, limit: int) -> Sequence[Record]:
    """Of the newest `among` performed steps those reported by one of these AE titles, the newest first, without dataset."""
    newest = select(PERFORMED.c.id).order_by(PERFORMED.c.id.desc()).limit(among).subquery()
    columns = [column for column in PERFORMED.c if column.name != "dataset"]
    mine = PERFORMED.c.id.in_(select(newest.c.id)) & PERFORMED.c.calling_ae_title.in_(titles)
    return connection.execute(select(*columns).where(mine).order_by(PERFORMED.c.id.desc()).limit(limit)).all()

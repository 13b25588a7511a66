"""Performed procedure steps and what they were performed for (RAD-6, RAD-7)."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from swf.model.mpps import PERFORMED, PERFORMED_FOR
from swf.model.order import ORDER, STEP
from swf.store import dialect
from swf.store.database import Record, Transaction

_LOOK = select(PERFORMED).where(PERFORMED.c.sop_instance_uid == bindparam("uid"))
_BY_UID = _LOOK.with_for_update()
_INSERT = insert(PERFORMED).returning(PERFORMED.c.id)
_SCHEDULED_FOR = (
    select(STEP, ORDER.c.patient)
    .join(PERFORMED_FOR, PERFORMED_FOR.c.scheduled == STEP.c.id)
    .join(ORDER, ORDER.c.id == STEP.c.order)
    .where(PERFORMED_FOR.c.performed == bindparam("number"))
    .order_by(STEP.c.id)
    .with_for_update(of=STEP)
)


def find(transaction: Transaction, sop_instance_uid: str) -> Record | None:
    """The performed step of that SOP Instance UID."""
    return transaction.execute(_BY_UID, {"uid": sop_instance_uid}).first()


def seen(connection: Connection, sop_instance_uid: str) -> Record | None:
    """The same, for looking only."""
    return connection.execute(_LOOK, {"uid": sop_instance_uid}).first()


def add(transaction: Transaction, **columns: Any) -> int:
    """Add a performed step; returns its row number."""
    return int(transaction.execute(_INSERT, columns).scalar_one())


def change(transaction: Transaction, number: int, **columns: Any) -> None:
    """Set `columns` of performed step row `number`."""
    transaction.execute(update(PERFORMED).where(PERFORMED.c.id == number), columns)


def link(transaction: Transaction, performed: int, scheduled: Iterable[int]) -> None:
    """Say that row `performed` was performed for these scheduled steps."""
    rows = [{"performed": performed, "scheduled": number} for number in scheduled]
    if rows:
        transaction.execute(dialect.new_row(transaction.dialect.name, PERFORMED_FOR).on_conflict_do_nothing(), rows)


def scheduled_for(transaction: Transaction, performed: int) -> Sequence[Record]:
    """The scheduled steps row `performed` was performed for, each with its order's patient row."""
    return transaction.execute(_SCHEDULED_FOR, {"number": performed}).all()


def statuses_for(transaction: Transaction, scheduled: int) -> Sequence[str]:
    """The statuses of everything performed for scheduled step row `scheduled`."""
    statement = select(PERFORMED.c.status).join(PERFORMED_FOR, PERFORMED_FOR.c.performed == PERFORMED.c.id)
    return transaction.scalars(statement.where(PERFORMED_FOR.c.scheduled == scheduled)).all()

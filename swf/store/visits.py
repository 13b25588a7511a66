"""What visits were before they changed."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select

from swf.model.visit import VISIT_CHANGE
from swf.store.database import Record, Transaction

_MOST_CHANGES = 20  # of one visit; nobody takes back what lies longer ago


def add(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what one change did; the oldest changes of that visit are forgotten."""
    transaction.execute(insert(VISIT_CHANGE), rows)
    visit = and_(VISIT_CHANGE.c.patient == rows[0]["patient"], VISIT_CHANGE.c.admission_id == rows[0]["admission_id"])
    moments = select(VISIT_CHANGE.c.at).where(visit).distinct().order_by(VISIT_CHANGE.c.at.desc())
    oldest = transaction.execute(moments.offset(_MOST_CHANGES).limit(1)).scalar()
    if oldest is not None:
        transaction.execute(delete(VISIT_CHANGE).where(visit, VISIT_CHANGE.c.at <= oldest))


def last(transaction: Transaction, patients: Collection[int], visit: str) -> Record | None:
    """The last change of a visit itself."""
    statement = select(VISIT_CHANGE).where(_of(patients, visit), VISIT_CHANGE.c.step.is_(None))
    return transaction.execute(statement.order_by(VISIT_CHANGE.c.at.desc(), VISIT_CHANGE.c.id.desc()).limit(1)).first()


def since(transaction: Transaction, patients: Collection[int], visit: str, events: Collection[str]) -> Sequence[Record]:
    """The last change by one of these events and every later one of the visit, the newest first; none without such a one."""
    wanted = and_(_of(patients, visit), VISIT_CHANGE.c.event.in_(events))
    begin = transaction.execute(
        select(VISIT_CHANGE.c.at).where(wanted).order_by(VISIT_CHANGE.c.at.desc()).limit(1)
    ).scalar()
    if begin is None:
        return []
    statement = select(VISIT_CHANGE).where(_of(patients, visit), VISIT_CHANGE.c.at >= begin)
    return transaction.execute(statement.order_by(VISIT_CHANGE.c.at.desc(), VISIT_CHANGE.c.id.desc())).all()


def remove(transaction: Transaction, rows: Sequence[Record]) -> None:
    """Forget changes that were taken back."""
    transaction.execute(delete(VISIT_CHANGE).where(VISIT_CHANGE.c.id.in_([row.id for row in rows])))


def _of(patients: Collection[int], visit: str) -> ColumnElement[bool]:
    """Changes of the visit; without a number on either side any may be meant."""
    mine = VISIT_CHANGE.c.patient.in_(patients)
    return and_(mine, VISIT_CHANGE.c.admission_id.in_(("", visit))) if visit else mine

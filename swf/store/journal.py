"""Reads and writes the journal: what happened, in commit order."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, union

from swf.model.journal import JOURNAL, Event
from swf.model.message import BY_HAND, MESSAGE, Disposition
from swf.model.order import ORDER, STEP, WORKLIST_ANSWER
from swf.store.database import Record, Transaction
from swf.store.prepared import Prepared

_INSERT = Prepared(insert(JOURNAL))


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `order` and `message` are row numbers, `detail` is what an operator reads."""

    event: Event
    order: int | None = None
    message: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a trace."""

    at: datetime
    event: str
    detail: dict[str, Any]


def add(transaction: Transaction, at: datetime, entries: Iterable[Entry], *, message: int | None = None) -> None:
    """Append `entries`, all with the time `at`; `message` is the row of the message that caused them."""
    rows = [
        {"at": at, "event": each.event, "order": each.order, "message": message or each.message, "detail": each.detail}
        for each in entries
    ]
    if rows:
        _INSERT.run_many(transaction, rows)


def of_message(connection: Connection, message: int) -> Sequence[Record]:
    """What message row `message` caused."""
    return connection.execute(select(JOURNAL).where(JOURNAL.c.message == message).order_by(JOURNAL.c.id)).all()


def numbers_of(connection: Connection, orders: Collection[int]) -> list[str]:
    """The accession numbers of these order rows, or their placer numbers where they have none."""
    columns = (ORDER.c.accession_number, ORDER.c.placer_order_number)
    rows = connection.execute(select(*columns).where(ORDER.c.id.in_(orders)).order_by(ORDER.c.id))
    return [row.accession_number or row.placer_order_number for row in rows]


def recent(connection: Connection, *, limit: int, event: str = "") -> Sequence[Record]:
    """The newest entries first, each with the accession number of its order."""
    columns = (
        JOURNAL.c.id,
        JOURNAL.c.at,
        JOURNAL.c.event,
        ORDER.c.accession_number,
        JOURNAL.c.message,
        JOURNAL.c.detail,
    )
    statement = select(*columns).outerjoin(ORDER, ORDER.c.id == JOURNAL.c.order).order_by(JOURNAL.c.id.desc())
    if event:
        statement = statement.where(JOURNAL.c.event == event)
    return connection.execute(statement.limit(limit)).all()


def happened_since(connection: Connection, order: int, moment: datetime, events: Collection[Event]) -> bool:
    """Whether any of these events befell order row `order` after `moment`."""
    wanted = (JOURNAL.c.order == order, JOURNAL.c.at > moment, JOURNAL.c.event.in_(events))
    return connection.execute(select(JOURNAL.c.id).where(*wanted).limit(1)).first() is not None


def later_messages(connection: Connection, orders: Collection[int], message: int) -> list[int]:
    """The messages that came after message row `message` and had an effect on one of these order rows."""
    statement = (
        select(JOURNAL.c.message)
        .join(MESSAGE, MESSAGE.c.id == JOURNAL.c.message)
        .where(
            JOURNAL.c.order.in_(orders),
            JOURNAL.c.message > message,
            JOURNAL.c.event != Event.MESSAGE_REPEATED,
            MESSAGE.c.disposition == Disposition.APPLIED,
        )
        .distinct()
    )
    return sorted(connection.scalars(statement))


def messages_about(connection: Connection, orders: Collection[int], limit: int = 50) -> Sequence[Record]:
    """The messages about any of these order rows, the newest first: number, time of arrival, type."""
    about = select(JOURNAL.c.message).where(JOURNAL.c.order.in_(orders), JOURNAL.c.message.is_not(None))
    statement = select(MESSAGE.c.id, MESSAGE.c.received_at, MESSAGE.c.type).where(MESSAGE.c.id.in_(about))
    return connection.execute(statement.order_by(MESSAGE.c.id.desc()).limit(limit)).all()


def last_messages(connection: Connection, orders: Collection[int]) -> dict[int, int]:
    """Order row → the newest message about it."""
    about = (JOURNAL.c.order.in_(orders), JOURNAL.c.message.is_not(None))
    statement = select(JOURNAL.c.order, func.max(JOURNAL.c.message)).where(*about).group_by(JOURNAL.c.order)
    return {row[0]: row[1] for row in connection.execute(statement)}


def came_from(connection: Connection, order: int, step_id: str) -> str:
    """The status that step of order row `order` had before its last change; "" when it never had another."""
    statement = select(JOURNAL.c.detail).where(JOURNAL.c.order == order, JOURNAL.c.event == Event.STEP_STATUS)
    changes = connection.scalars(statement.order_by(JOURNAL.c.id.desc()))
    return next((str(detail["from"]) for detail in changes if detail["step_id"] == step_id), "")


def trace(connection: Connection, accession_number: str) -> list[Moment]:
    """Everything that happened to the orders of `accession_number` (or of that placer order number), oldest first."""
    placed = text("placer_order_number <> ''")  # the very words of the index
    found = union(
        select(ORDER.c.id).where(ORDER.c.accession_number == accession_number),
        select(ORDER.c.id).where(ORDER.c.placer_order_number == accession_number, placed),
    )
    orders = connection.scalars(found).all()
    return trace_of(connection, orders)


def trace_of(connection: Connection, orders: Sequence[int]) -> list[Moment]:
    """Everything that happened to these order rows, oldest first."""
    moments = [*_messages(connection, orders), *_entries(connection, orders), *_answers(connection, orders)]
    return sorted(moments, key=lambda moment: moment.at)  # what has one time stays in the order given above


def _messages(connection: Connection, orders: Sequence[int]) -> Iterable[Moment]:
    """The messages that did something to the orders: who sent them, and how they were answered."""
    caused = select(JOURNAL.c.message).where(JOURNAL.c.order.in_(orders))
    for row in connection.execute(select(MESSAGE).where(MESSAGE.c.id.in_(caused)).order_by(MESSAGE.c.id)):
        detail = {"type": row.type, "from": row.source, "control_id": row.control_id, "answer": row.ack_code}
        if row.door == BY_HAND:
            detail |= {"from": "by hand", "by": row.peer}
        yield Moment(row.received_at, "message received", {**detail, "message": row.id})


def _entries(connection: Connection, orders: Sequence[int]) -> Iterable[Moment]:
    statement = select(JOURNAL).where(JOURNAL.c.order.in_(orders)).order_by(JOURNAL.c.id)
    for row in connection.execute(statement):
        yield Moment(row.at, row.event, {**row.detail, **({"message": row.message} if row.message else {})})


def _answers(connection: Connection, orders: Sequence[int]) -> Iterable[Moment]:
    statement = (
        select(WORKLIST_ANSWER, STEP.c.step_id)
        .join(STEP, STEP.c.id == WORKLIST_ANSWER.c.step)
        .where(STEP.c.order.in_(orders))
    )
    for row in connection.execute(statement):
        seen = {"ae_title": row.ae_title, "step_id": row.step_id}
        yield Moment(row.first_at, "worklist answered", {**seen, "first": True})
        if row.times > 1:
            yield Moment(row.last_at, "worklist answered", {**seen, "times": row.times})

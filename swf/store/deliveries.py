"""The queue of messages to destinations: one line per destination, first in, first out (RAD-3)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update

from swf.model.delivery import DELIVERY, DeliveryStatus
from swf.model.order import ORDER
from swf.model.settled import HELD
from swf.store import database, dialect
from swf.store.database import Record, Transaction

_UNTRIED = {
    "subject": "",
    "status": DeliveryStatus.WAITING,
    "attempts": 0,
    "refusals": 0,
    "last_error": "",
    "acknowledgement": "",
}
_EARLIER = DELIVERY.alias("earlier")
_HELD_UP = exists().where(
    _EARLIER.c.destination == DELIVERY.c.destination,
    _EARLIER.c.status == DeliveryStatus.PARKED,
    _EARLIER.c.subject == DELIVERY.c.subject,
    _EARLIER.c.id < DELIVERY.c.id,
)
_HEAD = (
    select(DELIVERY)
    .where(
        DELIVERY.c.destination == bindparam("name"),
        DELIVERY.c.status == DeliveryStatus.WAITING,
        (DELIVERY.c.subject == "") | ~_HELD_UP,
        ~exists().where(HELD.c.name == DELIVERY.c.destination),
    )
    .order_by(DELIVERY.c.id)
    .limit(1)
)


def add(transaction: Transaction, **columns: Any) -> int:
    """Queue a message and wake the workers once it is durable; returns its row number."""
    values = {**_UNTRIED, "next_attempt_at": columns["created_at"], **columns}
    number = transaction.execute(insert(DELIVERY).values(values).returning(DELIVERY.c.id)).scalar_one()
    database.ring_after_commit(transaction)
    return int(number)


def of_control_id(connection: Connection, control_id: str) -> Record | None:
    """The delivery whose message has that MSH-10."""
    return connection.execute(select(DELIVERY).where(DELIVERY.c.control_id == control_id)).first()


def numbers_of(connection: Connection, orders: Collection[int]) -> dict[str, int]:
    """The rows of what destinations are told of these order rows, by MSH-10."""
    statement = select(DELIVERY.c.control_id, DELIVERY.c.id).where(DELIVERY.c.order.in_(orders))
    return {row[0]: row[1] for row in connection.execute(statement)}


def head(connection: Connection, destination: str) -> Record | None:
    """The delivery whose turn it is; what is about the subject of a parked one waits for that.

    None while the destination is held.
    """
    return connection.execute(_HEAD, {"name": destination}).first()


def first_of(connection: Connection, destination: str, subject: str, kind: str) -> Record | None:
    """The first delivery of that type about a subject."""
    mine = (DELIVERY.c.destination == destination) & (DELIVERY.c.subject == subject) & (DELIVERY.c.type == kind)
    return connection.execute(select(DELIVERY).where(mine).order_by(DELIVERY.c.id).limit(1)).first()


def delivered(transaction: Transaction, number: int, acknowledgement: str, at: datetime) -> None:
    """The destination took delivery row `number`."""
    values = {"status": DeliveryStatus.DELIVERED, "acknowledgement": acknowledgement, "delivered_at": at}
    mine = DELIVERY.c.id == number
    transaction.execute(update(DELIVERY).where(mine).values(attempts=DELIVERY.c.attempts + 1, **values))


def failed(
    transaction: Transaction, number: int, *, error: str, refused: bool, next_attempt_at: datetime, park: bool
) -> None:
    """An attempt failed; `park` takes the delivery out of the line until an operator decides.

    One that was skipped while it was tried stays skipped.
    """
    status = DeliveryStatus.PARKED if park else DeliveryStatus.WAITING
    refusals = DELIVERY.c.refusals + int(refused)
    mine = (DELIVERY.c.id == number) & (DELIVERY.c.status != DeliveryStatus.SKIPPED)
    values = {"status": status, "last_error": error, "refusals": refusals, "next_attempt_at": next_attempt_at}
    transaction.execute(update(DELIVERY).where(mine).values(attempts=DELIVERY.c.attempts + 1, **values))


def release(transaction: Transaction, number: int, at: datetime) -> bool:
    """Put a parked delivery back into its line; False when it is not parked."""
    parked = (DELIVERY.c.id == number) & (DELIVERY.c.status == DeliveryStatus.PARKED)
    values = {"status": DeliveryStatus.WAITING, "refusals": 0, "next_attempt_at": at}
    database.ring_after_commit(transaction)
    return transaction.execute(update(DELIVERY).where(parked).values(values)).rowcount == 1


def skip(transaction: Transaction, number: int, reason: str) -> bool:
    """Give a delivery up that waits or is parked; what stands behind it goes on. False when it is neither."""
    open_ones = DELIVERY.c.status.in_((DeliveryStatus.WAITING, DeliveryStatus.PARKED))
    values = {"status": DeliveryStatus.SKIPPED, "last_error": reason}
    database.ring_after_commit(transaction)
    statement = update(DELIVERY).where((DELIVERY.c.id == number) & open_ones).values(values)
    return transaction.execute(statement).rowcount == 1


def hold(transaction: Transaction, name: str, reason: str, by: str, at: datetime) -> None:
    """Tell a destination nothing until it is released."""
    new = dialect.new_row(transaction.dialect.name, HELD)
    values = {"name": name, "reason": reason, "by": by, "at": at}
    changed = {column: new.excluded[column] for column in ("reason", "by", "at")}
    transaction.execute(new.on_conflict_do_update(index_elements=["name"], set_=changed), values)


def let_go(transaction: Transaction, name: str) -> bool:
    """Tell a held destination again what waits for it; False when it is not held."""
    database.ring_after_commit(transaction)
    return transaction.execute(delete(HELD).where(HELD.c.name == name)).rowcount == 1


def held(connection: Connection) -> dict[str, Record]:
    """The destinations that are held."""
    return {row.name: row for row in connection.execute(select(HELD))}


def overview(connection: Connection, *, limit: int, status: str = "") -> Sequence[Record]:
    """The newest deliveries first, without their payload."""
    columns = [column for column in DELIVERY.c if column.name not in ("payload", "order")]
    statement = select(*columns, ORDER.c.accession_number).outerjoin(ORDER, ORDER.c.id == DELIVERY.c.order)
    if status:
        statement = statement.where(DELIVERY.c.status == status)
    if status in (
        DeliveryStatus.WAITING,
        DeliveryStatus.PARKED,
    ):  # few among many: by the index, which begins with whom
        statement = statement.where(DELIVERY.c.destination.in_(select(DELIVERY.c.destination).distinct()))
    return connection.execute(statement.order_by(DELIVERY.c.id.desc()).limit(limit)).all()


def one(connection: Connection, number: int) -> Record | None:
    """A delivery whole."""
    return connection.execute(select(DELIVERY).where(DELIVERY.c.id == number)).first()


def waiting(connection: Connection) -> dict[str, int]:
    """How many wait, by destination."""
    statement = select(DELIVERY.c.destination, func.count()).where(DELIVERY.c.status == DeliveryStatus.WAITING)
    rows = connection.execute(statement.group_by(DELIVERY.c.destination))
    return {row[0]: row[1] for row in rows}

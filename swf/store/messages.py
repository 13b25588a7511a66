"""The archive of received messages."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from swf.model.message import MESSAGE, Disposition
from swf.store.database import Record, Transaction

_INSERT = insert(MESSAGE).returning(MESSAGE.c.id)
_EARLIER = (
    select(MESSAGE.c.id, MESSAGE.c.acknowledgement)
    .where(
        MESSAGE.c.control_id == bindparam("control"),
        MESSAGE.c.source == bindparam("sender"),
        MESSAGE.c.content_hash == bindparam("hash"),
        MESSAGE.c.disposition == Disposition.APPLIED,
    )
    .order_by(MESSAGE.c.id)
    .limit(1)
)


def add(transaction: Transaction, **columns: Any) -> int:
    """Keep a message; returns its row number."""
    return int(transaction.execute(_INSERT, columns).scalar_one())


def applied_before(transaction: Transaction, *, source: str, control_id: str, content_hash: str) -> Record | None:
    """The same message, applied earlier: its row number and acknowledgement. A refused one may be sent again."""
    return transaction.execute(_EARLIER, {"control": control_id, "sender": source, "hash": content_hash}).first()


def recent(connection: Connection, *, limit: int, refused_only: bool = False) -> Sequence[Record]:
    """The newest messages first, without their bytes."""
    columns = [column for column in MESSAGE.c if column.name not in ("raw", "acknowledgement")]
    statement = select(*columns).order_by(MESSAGE.c.id.desc()).limit(limit)
    if refused_only:
        statement = statement.where(MESSAGE.c.disposition == Disposition.REFUSED)
    return connection.execute(statement).all()


def one(connection: Connection, number: int) -> Record | None:
    """A message whole."""
    return connection.execute(select(MESSAGE).where(MESSAGE.c.id == number)).first()

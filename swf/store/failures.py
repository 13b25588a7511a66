"""Messages without effect, and which causes of them are dealt with."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, text

from swf.model.message import MESSAGE
from swf.model.settled import SETTLED
from swf.store import dialect
from swf.store.database import Record, Transaction

_COLUMNS = [MESSAGE.c[name] for name in ("id", "received_at", "source", "type", "disposition", "reason")]


def newest(connection: Connection, limit: int) -> Sequence[Record]:
    """The newest messages without effect first, only what tells them apart."""
    without_effect = text("disposition <> 'APPLIED'")  # the very words of the index
    statement = select(*_COLUMNS).where(without_effect).order_by(MESSAGE.c.received_at.desc(), MESSAGE.c.id.desc())
    return connection.execute(statement.limit(limit)).all()


def settled(connection: Connection) -> Sequence[Record]:
    """The causes that are dealt with."""
    return connection.execute(select(SETTLED)).all()


def settle(transaction: Transaction, **columns: Any) -> None:
    """Note that a cause is dealt with, in the place of what was noted before."""
    new = dialect.new_row(transaction.dialect.name, SETTLED)
    changed = {name: new.excluded[name] for name in columns if name != "cause"}
    transaction.execute(new.on_conflict_do_update(index_elements=["cause"], set_=changed), columns)


def reopen(transaction: Transaction, cause: str) -> bool:
    """Forget that a cause is dealt with; False when it is not."""
    return transaction.execute(delete(SETTLED).where(SETTLED.c.cause == cause)).rowcount == 1

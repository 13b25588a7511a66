"""The archive of received messages."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, text, union_all, update

from swf.model.message import MESSAGE, Disposition
from swf.store import dialect
from swf.store.database import Record, Transaction
from swf.store.prepared import Prepared

_WITHOUT_BYTES = [column for column in MESSAGE.c if column.name not in ("raw", "acknowledgement")]
_SEARCHED = 20_000
_INSERT = Prepared(insert(MESSAGE).returning(MESSAGE.c.id))
_SAME_NUMBER = select(MESSAGE.c.id, MESSAGE.c.acknowledgement, MESSAGE.c.content_hash).where(
    MESSAGE.c.control_id == bindparam("control"),
    MESSAGE.c.source == bindparam("sender"),
    MESSAGE.c.disposition == Disposition.APPLIED,
    or_(
        MESSAGE.c.ack_code == "AA", MESSAGE.c.ack_code == "CA"
    ),  # one that was refused first and replayed later got no such answer
)
_SAME_CONTENT = _SAME_NUMBER.where(MESSAGE.c.content_hash == bindparam("hash")).order_by(MESSAGE.c.id).limit(1)
# One look for both; a sender that gives every message the same number has thousands of the second kind.
_EARLIER = Prepared(union_all(select(_SAME_CONTENT.subquery()), select(_SAME_NUMBER.limit(1).subquery())))


def add(transaction: Transaction, **columns: Any) -> int:
    """Keep a message; returns its row number."""
    return int(_INSERT.one(transaction, **columns).id)


def applied_before(transaction: Transaction, *, source: str, control_id: str, content_hash: str) -> Record | None:
    """A message of this sender and number that was applied: row number, acknowledgement and digest of its content.

    The one with this very content if there is one, else any other. A refused one may be sent again.
    """
    found = _EARLIER.all(transaction, control=control_id, sender=source, hash=content_hash)
    return next((row for row in found if row.content_hash == content_hash), found[0] if found else None)


def recent(connection: Connection, *, limit: int, refused_only: bool = False) -> Sequence[Record]:
    """The newest messages first, without their bytes."""
    return found(connection, refused_only=refused_only, limit=limit)


def found(
    connection: Connection, *, search: str = "", refused_only: bool = False, before: int = 0, after: int = 0, limit: int
) -> Sequence[Record]:
    """`recent`, only those before and after these rows when given, and those of the newest that hold `search`."""
    statement = select(*_WITHOUT_BYTES).order_by(MESSAGE.c.id.desc()).limit(limit)
    if before:
        statement = statement.where(MESSAGE.c.id < before)
    if after:
        statement = statement.where(MESSAGE.c.id > after)
    if refused_only:
        # The very words of the index, and its order, or SQLite reads every message there is
        statement = statement.where(text("disposition <> 'APPLIED'")).order_by(None)
        statement = statement.order_by(MESSAGE.c.received_at.desc(), MESSAGE.c.id.desc())
    if search:
        newest = select(MESSAGE.c.id).order_by(MESSAGE.c.id.desc()).limit(_SEARCHED)
        searched = newest.where(MESSAGE.c.id < before) if before else newest
        held = dialect.contains(connection, MESSAGE.c.raw, search.encode())
        statement = statement.where(MESSAGE.c.id.in_(select(searched.subquery().c.id)), held)
    return connection.execute(statement).all()


def one(connection: Connection, number: int) -> Record | None:
    """A message whole."""
    return connection.execute(select(MESSAGE).where(MESSAGE.c.id == number)).first()


def several(connection: Connection, numbers: Collection[int]) -> Sequence[Record]:
    """These messages whole, in the order they came."""
    return connection.execute(select(MESSAGE).where(MESSAGE.c.id.in_(numbers)).order_by(MESSAGE.c.id)).all()


def newest(connection: Connection, limit: int) -> Sequence[Record]:
    """The newest messages first, whole but for their answers."""
    columns = [column for column in MESSAGE.c if column.name != "acknowledgement"]
    return connection.execute(select(*columns).order_by(MESSAGE.c.id.desc()).limit(limit)).all()


def dispose(transaction: Transaction, number: int, disposition: Disposition, reason: str) -> None:
    """Say anew what became of a message. Its bytes and the answer its sender got stay as they were."""
    transaction.execute(update(MESSAGE).where(MESSAGE.c.id == number).values(disposition=disposition, reason=reason))

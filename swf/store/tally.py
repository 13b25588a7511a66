"""How much came since somebody last looked, by row numbers: what is counted does not depend on what is kept or forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, func, select, true

from swf.model.journal import JOURNAL
from swf.model.message import MESSAGE
from swf.model.query import QUERY
from swf.store.database import Record

_SETTLES = timedelta(seconds=5)  # PostgreSQL: a transaction that took its numbers first may be committed last


class Since(NamedTuple):
    """What is beyond a row number, by kind, and the last number there."""

    last: int
    by_kind: dict[str, int]


def newest(connection: Connection) -> tuple[int, int]:
    """The last row numbers of messages and of the journal."""
    found = [connection.execute(select(func.max(table.c.id))).scalar() for table in (MESSAGE, JOURNAL)]
    return int(found[0] or 0), int(found[1] or 0)


def messages(connection: Connection, after: int, now: datetime) -> Since:
    """The messages after that row, by what became of them."""
    kind, at = MESSAGE.c.disposition, MESSAGE.c.received_at
    return _since(connection, kind, _settled(connection, at, now) & (MESSAGE.c.id > after), MESSAGE.c.id, after)


def events(connection: Connection, after: int, now: datetime) -> Since:
    """The entries of the journal after that row, by what happened."""
    settled = _settled(connection, JOURNAL.c.at, now)
    return _since(connection, JOURNAL.c.event, settled & (JOURNAL.c.id > after), JOURNAL.c.id, after)


def queries(connection: Connection, since: datetime) -> Sequence[Record]:
    """The queries that came since then, in their runs: each with how many there are in it by now."""
    columns = (QUERY.c.id, QUERY.c.status, QUERY.c.times, QUERY.c.first_at, QUERY.c.last_at)
    return connection.execute(select(*columns).where(QUERY.c.last_at >= since)).all()


def _settled(connection: Connection, at: "Column[datetime]", now: datetime) -> ColumnElement[bool]:
    return true() if connection.dialect.name == "sqlite" else at <= now - _SETTLES


def _since(
    connection: Connection, kind: "Column[str]", which: ColumnElement[bool], number: "Column[int]", after: int
) -> Since:
    found = connection.execute(select(kind, func.count(), func.max(number)).where(which).group_by(kind)).all()
    return Since(max((row[2] for row in found), default=after), {row[0]: row[1] for row in found})

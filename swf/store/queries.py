"""The queries of modalities, as they came and with what became of them (RAD-5)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, delete, insert, select, update

from swf.model.query import QUERY
from swf.store.database import Record, Transaction


class Asked(NamedTuple):
    """One query; two with the same outcome are told apart only by when and how long. See `model.query` for the names."""

    ae_title: str
    called: str
    address: str
    syntax: str
    identifier: bytes
    status: str
    answers: int
    withheld: int = 0


def add(transaction: Transaction, asked: Asked, at: datetime, milliseconds: int) -> int:
    """Keep a query; returns its row number."""
    values = {**asked._asdict(), "milliseconds": milliseconds, "times": 1, "first_at": at, "last_at": at}
    return int(transaction.execute(insert(QUERY).returning(QUERY.c.id), values).scalar_one())


def repeat(transaction: Transaction, number: int, at: datetime, milliseconds: int) -> bool:
    """Note that the query in row `number` came again with the same outcome; False when the row is no longer there."""
    slower = case((QUERY.c.milliseconds < milliseconds, milliseconds), else_=QUERY.c.milliseconds)
    changes = {"times": QUERY.c.times + 1, "last_at": at, "milliseconds": slower}
    return bool(transaction.execute(update(QUERY).where(QUERY.c.id == number).values(changes)).rowcount)


def recent(connection: Connection, *, limit: int, ae_title: str = "") -> Sequence[Record]:
    """The newest first, of one modality or of all."""
    statement = select(QUERY).order_by(QUERY.c.id.desc()).limit(limit)
    return connection.execute(statement.where(QUERY.c.ae_title == ae_title) if ae_title else statement).all()


def of(connection: Connection, titles: Sequence[str], *, limit: int) -> Sequence[Record]:
    """The newest queries of whoever calls with one of these titles."""
    statement = select(QUERY).where(QUERY.c.ae_title.in_(titles)).order_by(QUERY.c.id.desc()).limit(limit)
    return connection.execute(statement).all()


def one(connection: Connection, number: int) -> Record | None:
    """The query in that row."""
    return connection.execute(select(QUERY).where(QUERY.c.id == number)).first()


def last(connection: Connection, titles: Sequence[str]) -> Record | None:
    """What a modality that calls with one of these titles asked last."""
    return next(iter(of(connection, titles, limit=1)), None)


def forget(transaction: Transaction, before: datetime) -> int:
    """Delete what was asked before that moment and not since; returns how many rows."""
    return int(transaction.execute(delete(QUERY).where(QUERY.c.last_at < before)).rowcount)

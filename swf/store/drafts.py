"""Drafts of mapping files and the savings that came of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from swf.model.draft import DRAFT, VERSION
from swf.store.database import Record, Transaction


def everything(connection: Connection) -> Sequence[Record]:
    """Every draft there is, by path."""
    return connection.execute(select(DRAFT).order_by(DRAFT.c.path)).all()


def one(connection: Connection, path: str) -> Record | None:
    """The draft of a file."""
    return connection.execute(select(DRAFT).where(DRAFT.c.path == path)).first()


def add(transaction: Transaction, **columns: Any) -> None:
    """Begin a draft."""
    transaction.execute(insert(DRAFT).values(revision=1, **columns))


def change(transaction: Transaction, path: str, revision: int, **columns: Any) -> bool:
    """Change a draft; False when it is not of that revision any more."""
    mine = (DRAFT.c.path == path) & (DRAFT.c.revision == revision)
    return transaction.execute(update(DRAFT).where(mine).values(revision=revision + 1, **columns)).rowcount == 1


def drop(transaction: Transaction, path: str) -> bool:
    """Throw a draft away; False when there is none."""
    return transaction.execute(delete(DRAFT).where(DRAFT.c.path == path)).rowcount == 1


def saved(transaction: Transaction, at: datetime, by: str, remark: str, files: Mapping[str, Any]) -> int:
    """Note a saving, path → before and after; its number."""
    values = {"at": at, "by": by, "remark": remark, "files": dict(files)}
    return int(transaction.execute(insert(VERSION).values(values).returning(VERSION.c.id)).scalar_one())


def versions(connection: Connection, limit: int) -> Sequence[Record]:
    """The newest savings first."""
    return connection.execute(select(VERSION).order_by(VERSION.c.id.desc()).limit(limit)).all()


def version(connection: Connection, number: int) -> Record | None:
    """One saving."""
    return connection.execute(select(VERSION).where(VERSION.c.id == number)).first()

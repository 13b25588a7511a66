"""Who looks after which problem."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from swf.model.issue import ISSUE_CARE
from swf.store import dialect
from swf.store.database import Record, Transaction

_UNTOUCHED: dict[str, Any] = {"owner": "", "remark": "", "snoozed_until": None}


def of(connection: Connection, keys: Iterable[str]) -> dict[str, Record]:
    """By key, what was said of these problems."""
    statement = select(ISSUE_CARE).where(ISSUE_CARE.c.key.in_(list(keys)))
    return {row.key: row for row in connection.execute(statement)}


def change(transaction: Transaction, named: dict[str, str], by: str, at: datetime, changes: dict[str, Any]) -> None:
    """Say this of the problem `named` by key, kind and subject; what was said of it before stays otherwise."""
    noted = {"changed_by": by, "changed_at": at, **changes}
    new = dialect.new_row(transaction.dialect.name, ISSUE_CARE)
    statement = new.on_conflict_do_update(index_elements=["key"], set_={name: new.excluded[name] for name in noted})
    transaction.execute(statement, {**named, **_UNTOUCHED, **noted})

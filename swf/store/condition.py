"""How the store itself is: the version of its tables, its size, the room it has, and what its clock says."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from swf import clock
from swf.model.journal import JOURNAL
from swf.store import dialect, schema


class Condition(NamedTuple):
    """Bytes of the database, of its log, free and in all on its disk; -1 where the database is elsewhere.

    `ahead_s` is how far the newest entry of the journal lies in the future, `skew_s` how far the clock of a database
    server is from ours.
    """

    version: str
    newest: str
    size: int
    log: int
    free: int
    total: int
    ahead_s: float
    skew_s: float


def of(connection: Connection, url: str) -> Condition:
    """The condition of the store at `url`, which `connection` looks into."""
    last = connection.execute(select(JOURNAL.c.at).order_by(JOURNAL.c.id.desc()).limit(1)).scalar()
    ahead = max((last - clock.now()).total_seconds(), 0.0) if last is not None else 0.0
    version, newest = schema.version(connection) or "", schema.NEWEST
    if dialect.is_sqlite(url):
        file = Path(make_url(url).database or "")
        room = shutil.disk_usage(file.absolute().parent)
        return Condition(version, newest, _size(file), _size(Path(f"{file}-wal")), room.free, room.total, ahead, 0.0)
    size = int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
    there: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return Condition(version, newest, size, -1, -1, -1, ahead, (there - clock.now()).total_seconds())


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0

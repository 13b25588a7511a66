"""Every difference between SQLite and PostgreSQL, and nothing else."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, Select, Table, create_engine, event, func, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from swf.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

# FULL: an acknowledged message survives a power cut; NORMAL loses the last commits (measured with torn images).
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA journal_size_limit=67108864",
    # Each page a savepoint may have to bring back is copied; in a file that is five times the writes of the log itself.
    "PRAGMA temp_store=MEMORY",
)
# Another transaction won: serialization failure, deadlock, unique key (PostgreSQL error codes, class 40 and 23).
_WORTH_REPEATING = frozenset({"40001", "40P01", "23505"})
OLDEST_POSTGRESQL = 140000
_MIGRATION_LOCK = 0x737766  # any number, as long as every broker takes the same


def is_sqlite(url: str) -> bool:
    """Whether `url` names the embedded database."""
    return make_url(url).get_backend_name() == "sqlite"


def need_file(url: str) -> None:
    """Raise ConfigError when `url` names no file that SQLite could make and keep."""
    database = make_url(url).database
    if database == ":memory:":
        raise ConfigError(["store.url: a store in memory forgets what was acknowledged; name a file"])
    if is_sqlite(url) and database and not Path(database).parent.is_dir():
        raise ConfigError([f"store.url: the folder {Path(database).parent} does not exist"])


def writer(url: str) -> Engine:
    """The engine every change goes through."""
    if not is_sqlite(url):
        return create_engine(url, hide_parameters=True, pool_size=8, max_overflow=24, pool_pre_ping=True)
    return _sqlite_engine(url, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0)


def reader(url: str) -> Engine:
    """An engine for looking only; readers of SQLite never wait for the writer."""
    if not is_sqlite(url):
        # A list and what is looked up for it are of one moment, as they are in SQLite by itself.
        return create_engine(
            url,
            hide_parameters=True,
            pool_size=8,
            max_overflow=120,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
        )
    return _sqlite_engine(url, begin="BEGIN", pool_size=8, max_overflow=120)


def _sqlite_engine(url: str, *, begin: str, pool_size: int, max_overflow: int) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=max_overflow,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def server_problem(connection: Connection) -> str:
    """Why this database server cannot be used, or an empty text."""
    if connection.dialect.name == "sqlite":
        return ""
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    return "" if version >= OLDEST_POSTGRESQL else f"PostgreSQL {version // 10000} is older than 14"


def wait_for_other_migrations(connection: Connection) -> None:
    """Hold off brokers that start at the same time until this transaction ends; SQLite's write lock does that already."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")


def tidy_statements(connection: Connection) -> tuple[str, ...]:
    """What keeps the planner's statistics fresh, beside running work: SQLite looks at some rows of each index only."""
    # Not PRAGMA optimize: before SQLite 3.46 it leaves out what this very connection has not queried.
    return ("PRAGMA analysis_limit=400", "ANALYZE") if connection.dialect.name == "sqlite" else ("ANALYZE",)


def worth_repeating(error: DBAPIError) -> bool:
    """Whether the same work would succeed when done again, because another transaction merely came first."""
    return getattr(error.orig, "sqlstate", None) in _WORTH_REPEATING


def new_row(kind: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT into `table` that can say what to do on a conflict; `kind` is the name of the connection's dialect."""
    if kind == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  reads all its drivers, which SQLite does not need

    return postgresql.insert(table)


def next_number(kind: str, table: Table) -> ColumnElement[int]:
    """The number of the row that comes next into `table`, whose numbers are never used again."""
    if kind != "sqlite":
        return func.nextval(func.pg_get_serial_sequence(f'"{table.name}"', "id"))
    used = text("SELECT seq FROM sqlite_sequence WHERE name = :table").bindparams(table=table.name)
    return func.coalesce(used.columns(seq=BigInteger).scalar_subquery(), 0) + 1


def pattern(kind: str, asked: str) -> str:
    """A DICOM pattern (`*` any run, `?` one character) as `fits` takes it; `kind` is the name of the dialect."""
    if kind == "sqlite":
        return asked.replace("[", "[[]")  # GLOB has the same two signs and a third, the bracket, which must not act
    return re.sub(r"([%_\\])", r"\\\1", asked).replace("*", "%").replace("?", "_")


def fits(kind: str, column: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[bool]:
    """`column` fits a `pattern`, case-sensitive in both databases."""
    return func.glob(value, column).is_(True) if kind == "sqlite" else column.like(value, escape="\\")


def among(kind: str, row: ColumnElement[int], rows: Select[tuple[int]]) -> ColumnElement[bool]:
    """`row` is one of `rows`, said so that beside an OR both sides can be looked up by index."""
    if kind == "sqlite":
        return row.in_(rows)
    return row == func.any(func.array(rows.scalar_subquery()))  # looked up once, before; IN would be a filter


def not_by_index(kind: str, column: ColumnElement[str]) -> ColumnElement[str]:
    """`column` so that SQLite, which knows little of how often values occur, looks for rows by another one."""
    return func.coalesce(column, "") if kind == "sqlite" else column


def contains(connection: Connection, column: ColumnElement[bytes], part: bytes) -> ColumnElement[bool]:
    """Whether the bytes of `column` hold `part`."""
    if connection.dialect.name == "sqlite":
        return func.instr(column, part) > 0
    return func.pg_catalog.position(column, part) > 0

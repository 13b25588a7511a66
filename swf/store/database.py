"""The engine and its transactions; nothing else commits.

SQLite has one writer, and a commit costs one fsync. `transaction()` therefore shares commits: whoever finds others
waiting leaves its work in the open transaction (inside a savepoint of its own, but for the first) and waits; the last
in line commits for all. Nobody returns before its work is on disk, and a failed commit fails for everyone in it.
PostgreSQL groups its commits itself, so there each transaction has a connection of its own.

Locks: `_turn` is held while writing, `_count` for the length of an addition. `_count` is taken inside `_turn`, never
the other way round.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from swf.errors import ConfigError, StoreError
from swf.store import dialect, schema
from swf.store.doorbell import Doorbell

Transaction = Connection
Record = Row[*tuple[Any, ...]]
Result = TypeVar("Result")

LARGEST_BATCH = 64
REPEATS = 5
_BELL = "ring after commit"


class _Rehearsed(Exception):
    """Undoes a transaction that was only tried."""


class _Batch:
    """Work that will be committed together."""

    def __init__(self) -> None:
        self.size = 0
        self.rings = False
        self.failure: SQLAlchemyError | None = None
        self.settled = threading.Event()


class Database:
    """One store. Safe for any number of threads; `close` it when no thread uses it any more."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.doorbell = Doorbell()
        self._shares_commits = dialect.is_sqlite(url)
        _need_file(url)
        self._writer: Engine = dialect.writer(url)
        self._reader: Engine = dialect.reader(url)
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._batch: _Batch | None = None
        self._shared: Connection | None = None

    def migrate(self) -> None:
        """Bring the tables to this program's version.

        Raises ConfigError when the store cannot be used: unreachable, too old a server, or written by a newer program.
        """
        try:
            with self._writer.connect() as connection:
                problem = dialect.server_problem(connection) or schema.problem(connection)
                if problem:
                    raise ConfigError([f"store.url: {problem}"])
                with connection.begin():
                    dialect.wait_for_other_migrations(connection)
                    schema.upgrade(connection)
        except SQLAlchemyError as error:
            raise ConfigError([f"store.url: {_shown(self.url)} cannot be opened: {_reason(error)}"]) from error

    def tidy(self) -> None:
        """Refresh the planner's statistics; raises StoreError when the database does not answer."""
        try:
            with self._reader.connect() as connection:
                for statement in dialect.tidy_statements(connection):
                    connection.exec_driver_sql(statement)
                connection.commit()
        except SQLAlchemyError as error:
            raise StoreError(f"the store was not tidied: {_reason(error)}") from error

    def close(self) -> None:
        """Close every connection."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view to look at; raises StoreError when the database does not answer."""
        try:
            with self._reader.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the store could not be read: {_reason(error)}") from error

    def run(self, work: Callable[[Transaction], Result]) -> Result:
        """Do `work` in one transaction and return its result once that is durable.

        `work` may be called again when another transaction came first (PostgreSQL), so it must touch nothing but the
        transaction. Raises what `work` raises, after undoing it; StoreError when the commit failed.
        """
        for _ in range(REPEATS):
            try:
                with self.transaction() as transaction:
                    result = work(transaction)
            except StoreError as error:
                if not _may_be_repeated(error):
                    raise
                failure = error
            else:
                return result
        raise failure

    def rehearse(self, work: Callable[[Transaction], Result]) -> Result:
        """Do `work` in a transaction, undo it, and return its result. Raises what `work` raises, and StoreError."""
        results: list[Result] = []
        with suppress(_Rehearsed), self.transaction() as transaction:
            results.append(work(transaction))
            raise _Rehearsed
        return results[0]

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that is durable when the block has been left.

        An exception undoes the block's own work only. Raises StoreError when the database fails.
        """
        try:
            with self._shared_transaction() if self._shares_commits else self._own_transaction() as transaction:
                yield transaction
        except SQLAlchemyError as error:
            raise StoreError(f"the store did not commit: {_reason(error)}") from error

    @contextmanager
    def _own_transaction(self) -> Iterator[Transaction]:
        with self._writer.connect() as connection:
            connection.info.pop(_BELL, None)
            with connection.begin():
                yield connection
            rings = connection.info.pop(_BELL, False)
        if rings:
            self.doorbell.ring()

    @contextmanager
    def _shared_transaction(self) -> Iterator[Transaction]:
        batch = self._take_turn()
        connection = self._connection()
        alone = batch.size == 0  # nobody else's work could be undone with ours, so we need no savepoint
        try:
            with nullcontext() if alone else _savepoint(connection, batch):
                yield connection
        except BaseException:
            connection.info.pop(_BELL, None)
            self._leave_turn(batch, undo=alone)
            raise
        batch.size += 1
        batch.rings |= connection.info.pop(_BELL, False)
        self._leave_turn(batch)
        batch.settled.wait()
        if batch.failure is not None:
            raise batch.failure

    def _take_turn(self) -> _Batch:
        with self._count:
            self._waiting += 1
        self._turn.acquire()
        with self._count:
            self._waiting -= 1
        if self._batch is None:
            try:
                self._connection().begin()
            except BaseException:
                self._turn.release()
                raise
            self._batch = _Batch()
        return self._batch

    def _leave_turn(self, batch: _Batch, *, undo: bool = False) -> None:
        """Hand the open transaction to the next in line; end it when nobody waits, or when all of it is to be undone."""
        with self._count:
            next_one_commits = not undo and self._waiting > 0 and batch.size < LARGEST_BATCH and batch.failure is None
        if not next_one_commits:
            self._settle(batch)
        self._turn.release()

    def _settle(self, batch: _Batch) -> None:
        self._batch = None
        connection = self._connection()
        try:
            if batch.size and batch.failure is None:
                connection.commit()
            else:
                connection.rollback()
        except SQLAlchemyError as error:
            batch.failure = error
            self._forget_connection()
        if batch.rings and batch.failure is None:
            self.doorbell.ring()
        batch.settled.set()

    def _connection(self) -> Connection:
        if self._shared is None:
            self._shared = self._writer.connect()
        return self._shared

    def _forget_connection(self) -> None:
        """After a failed commit the connection's state is unknown; the next writer gets a new one."""
        if self._shared is not None:
            self._shared.invalidate()
            self._shared.close()
            self._shared = None


def ring_after_commit(transaction: Transaction) -> None:
    """Wake the workers once `transaction` is durable."""
    transaction.info[_BELL] = True


@contextmanager
def _savepoint(connection: Connection, batch: _Batch) -> Iterator[None]:
    """Undo the block's own work when it fails; where that cannot be done, the whole batch has failed."""
    savepoint = connection.begin_nested()
    try:
        yield
    except BaseException as error:
        try:
            savepoint.rollback()
        except SQLAlchemyError as lost:
            # A full disk makes SQLite drop the whole transaction, with everybody's work in it.
            batch.failure = error if isinstance(error, SQLAlchemyError) else lost
        raise
    try:
        savepoint.commit()
    except SQLAlchemyError as error:
        batch.failure = error
        raise


def _may_be_repeated(error: StoreError) -> bool:
    return isinstance(error.__cause__, DBAPIError) and dialect.worth_repeating(error.__cause__)


def _need_file(url: str) -> None:
    database = make_url(url).database
    if database == ":memory:":
        raise ConfigError(["store.url: a store in memory forgets what was acknowledged; name a file"])
    if dialect.is_sqlite(url) and database and not Path(database).parent.is_dir():
        raise ConfigError([f"store.url: the folder {Path(database).parent} does not exist"])


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _reason(error: SQLAlchemyError) -> str:
    """The database's own first line; never the statement's parameters, which may name a patient."""
    return str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]

"""The engine and its transactions; nothing else commits.

SQLite has one writer, and a commit costs one fsync. Work that is given to `run` while somebody writes therefore queues:
whoever has the turn does it all, one after the other in one transaction (each but the first inside a savepoint of its
own), and commits once. Nobody returns before its work is on disk, and a failed commit fails for everyone in it. That
others do one's work also spares the threads waking each other for every message.
PostgreSQL groups its commits itself, so there each work has a connection and a transaction of its own.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from swf.errors import ConfigError, StoreError
from swf.store import dialect, prepared, schema
from swf.store.bells import Bells, NotifyBells, PipeBells
from swf.store.claims import Claims
from swf.store.doorbell import Doorbell
from swf.store.prepared import Prepared
from swf.store.turn import Turn

Transaction = Connection
Record = prepared.Record
Result = TypeVar("Result")

LARGEST_BATCH = 64
REPEATS = 5
_SAVE, _UNDO, _RELEASE = (Prepared(text(f"{verb} work")) for verb in ("SAVEPOINT", "ROLLBACK TO", "RELEASE"))
_AT_ONCE = 8  # as many connections as the writer's pool keeps
_BELL = "ring after commit"


class _Rehearsed(Exception):
    """Undoes a transaction that was only tried."""


class _Work:
    """What somebody waits for: done by whoever has the turn, settled when it is on disk or has failed."""

    def __init__(self, work: Callable[[Transaction], Any], more: Callable[[], "_Work | None"] = lambda: None) -> None:
        self.do = work
        self.more = more  # what its owner would have done in the same transaction, asked when nothing else waits
        self.result: Any = None
        self.failure: BaseException | None = None
        self.rings = False
        self.settled = False
        self.called = threading.Event()

    def settle(self, failure: BaseException | None) -> None:
        """It is over; `failure` is the work's own, or the commit's."""
        self.failure = failure
        self.settled = True


class Database:
    """One store. Safe for any number of threads; `close` it when no thread uses it any more.

    With `shared` other processes work on the same store: writers take turns with them, and a commit wakes their workers.
    """

    def __init__(self, url: str, *, shared: bool = False) -> None:
        self.url = url
        self.doorbell = Doorbell()
        self._shares_commits = dialect.is_sqlite(url)
        dialect.need_file(url)
        self._writer: Engine = dialect.writer(url)
        self._reader: Engine = dialect.reader(url)
        file = Path(make_url(url).database or "") if self._shares_commits else None
        self._turn = Turn(file if shared else None)
        self._claims = Claims(self._writer, file)
        self._bells: Bells | None = None
        if shared:
            self._bells = NotifyBells(self._writer) if file is None else PipeBells(Path(f"{file}-bells"))
        self._queue: deque[_Work] = deque()
        self._shared: Connection | None = None
        self._several = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="store")

    def migrate(self) -> None:
        """Bring the tables to this program's version.

        Raises ConfigError when the store cannot be used: unreachable, too old a server, or written by a newer program.
        """
        try:
            with self._reader.connect() as connection:
                problem, present = dialect.server_problem(connection), schema.version(connection)
            if problem := problem or schema.problem(present):
                raise ConfigError([f"store.url: {problem}"])
            if present != schema.NEWEST:
                with self._writer.begin() as connection:
                    dialect.wait_for_other_migrations(connection)
                    schema.upgrade(connection)
        except SQLAlchemyError as error:
            raise ConfigError([f"store.url: {_shown(self.url)} cannot be opened: {_reason(error)}"]) from error

    def tidy(self) -> None:
        """Refresh the planner's statistics, in turn with who writes; raises StoreError when the database does not answer."""
        try:
            with self._only_transaction() if self._shares_commits else self._own_transaction() as transaction:
                for statement in dialect.tidy_statements(transaction):
                    transaction.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            raise StoreError(f"the store was not tidied: {_reason(error)}") from error

    def claim(self, kind: str) -> None:
        """Be the only process on this store that does `kind`, until `close`; raises ConfigError when another one is."""
        try:
            claimed = self._claims.claim(kind)
        except SQLAlchemyError as error:
            raise ConfigError([f"store.url: {_shown(self.url)}: {_reason(error)}"]) from error
        if not claimed:
            raise ConfigError([f"node.roles: another process on {_shown(self.url)} already does {kind}"])

    def listen(self) -> None:
        """Let commits of other processes ring our doorbell as well, where the store is shared."""
        if self._bells is not None:
            self._bells.listen(self.doorbell.ring)

    def close(self) -> None:
        """Close every connection."""
        if self._bells is not None:
            self._bells.close()
        self._claims.close()
        self._several.shutdown()
        if self._shared is not None:
            self._shared.close()
            self._shared = None
        self._writer.dispose()
        self._reader.dispose()
        self._turn.close()

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
        if self._shares_commits:
            return self._run_with_others(work)
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

    def run_all(self, works: Iterable[Callable[[Transaction], Result]]) -> list[Result | BaseException]:
        """`run` each of `works` and give its result or what it raised; in SQLite with one commit for all, in turn.

        There the next one is asked for when those before it are done, and so may have come into being meanwhile.
        """
        if not self._shares_commits:
            works = list(works)
            return list(self._several.map(self._outcome, works)) if len(works) > 1 else [*map(self._outcome, works)]
        begun: list[_Work] = []
        following = iter(works)

        def more() -> _Work | None:
            try:
                work = next(following, None)
            except Exception as error:  # noqa: BLE001  it must not cost the others what is done already
                work = partial(_fail, error)
            begun.extend([_Work(work, more)] if work else [])
            return begun[-1] if work else None

        while (work := more()) is not None:
            self._queue.append(work)
            self._await(work)
        return [self._outcome_of(work) for work in begun]

    def _outcome(self, work: Callable[[Transaction], Result]) -> Result | BaseException:
        try:
            return self.run(work)
        except BaseException as error:  # noqa: BLE001  whose work it was decides what becomes of it
            return error

    def _outcome_of(self, work: _Work) -> Any:
        if isinstance(work.failure, SQLAlchemyError):
            return _not_committed(work.failure)
        return work.result if work.failure is None else work.failure

    @property
    def waiting(self) -> int:
        """How much work waits for its turn."""
        return len(self._queue)

    def rehearse(self, work: Callable[[Transaction], Result]) -> Result:
        """Do `work` in a transaction, undo it, and return its result. Raises what `work` raises, and StoreError."""
        results: list[Result] = []
        with suppress(_Rehearsed), self.transaction() as transaction:
            results.append(work(transaction))
            raise _Rehearsed
        return results[0]

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction of one's own that is durable when the block has been left; `run` is the cheaper way.

        An exception undoes it. Raises StoreError when the database fails.
        """
        try:
            with self._only_transaction() if self._shares_commits else self._own_transaction() as transaction:
                yield transaction
        except SQLAlchemyError as error:
            raise _not_committed(error) from error

    @contextmanager
    def _own_transaction(self) -> Iterator[Transaction]:
        with self._writer.connect() as connection:
            connection.info.pop(_BELL, None)
            with connection.begin():
                yield connection
            rings = connection.info.pop(_BELL, False)
        if rings:
            self._ring()

    @contextmanager
    def _only_transaction(self) -> Iterator[Transaction]:
        try:
            with self._turn:
                rings = yield from self._alone()
        finally:
            self._call_next()
        if rings:
            self._ring()

    def _alone(self) -> Generator[Transaction, None, bool]:
        """Lend the connection for one transaction; whether the bell is to be rung after it."""
        connection = self._connection()
        try:
            with connection.begin():
                yield connection
        except SQLAlchemyError:
            self._forget_connection()
            raise
        except BaseException:
            connection.info.pop(_BELL, None)
            raise
        return bool(connection.info.pop(_BELL, False))

    def _run_with_others(self, work: Callable[[Transaction], Result]) -> Result:
        mine = _Work(work)
        self._queue.append(mine)
        self._await(mine)
        if isinstance(mine.failure, SQLAlchemyError):
            raise _not_committed(mine.failure) from mine.failure
        if mine.failure is not None:
            raise mine.failure
        return cast(Result, mine.result)

    def _await(self, mine: _Work) -> None:
        """Come back when the work in the queue is settled, by ourselves or by others."""
        while not mine.settled:
            if self._turn.acquire(blocking=False):
                try:
                    self._work_off(mine)
                finally:
                    self._turn.release()
                self._call_next()
            else:
                mine.called.wait()
                mine.called.clear()

    def _call_next(self) -> None:
        """Let the first in line have the turn. Done after each turn, so that nobody who came during it is forgotten."""
        with suppress(IndexError):
            self._queue[0].called.set()

    def _work_off(self, mine: _Work) -> None:
        """Do what waits, and what comes meanwhile, in one transaction; whoever waits for `mine` has the turn."""
        together: list[_Work] = []
        failure: BaseException | None = None
        try:
            while len(together) < LARGEST_BATCH and failure is None:
                if (work := self._queue.popleft() if self._queue else mine.more()) is None:
                    break
                failure = self._attempt(work, together)
            self._end(together, failure)
        except SQLAlchemyError as error:
            failure = error
            self._forget_connection()
        for work in together:
            work.settle(failure)
            if work is not mine:
                work.called.set()

    def _attempt(self, work: _Work, together: list[_Work]) -> BaseException | None:
        """Do one work and add it to those that are to be committed; if it fails, undo it and let its owner know.

        Returns what cost all of them their transaction: a full disk makes SQLite drop it, with everybody's work in it.
        """
        alone = not together  # nobody else's work could be undone with ours, so we need no savepoint
        lost: BaseException | None = None
        try:
            connection = self._connection()
            if not connection.in_transaction():
                connection.begin()
            if not alone:
                _SAVE.run(connection)
            work.result = work.do(connection)
            if not alone:
                _RELEASE.run(connection)
            work.rings = connection.info.pop(_BELL, False)
        except BaseException as error:  # noqa: BLE001  it is its owner's, who waits for it
            try:
                lost = self._undo(error, alone=alone)
            finally:  # also when there is no connection to undo it on: its owner waits
                work.settle(error)
                work.called.set()
        else:
            together.append(work)
        return lost

    def _undo(self, error: BaseException, *, alone: bool) -> BaseException | None:
        """Take back what one work did; the error that made this impossible, if it was."""
        try:
            connection = self._connection()  # there may be none to be had, and the owner must hear of that too
            connection.info.pop(_BELL, None)
            if alone:
                connection.rollback()
            else:
                _UNDO.run(connection)
                _RELEASE.run(connection)
        except SQLAlchemyError as lost:
            return error if isinstance(error, SQLAlchemyError) else lost
        return None

    def _end(self, together: list[_Work], failure: BaseException | None) -> None:
        """Commit, or roll back after a failure, and ring when somebody asked for it."""
        if failure is not None:
            self._connection().rollback()
        elif together:
            self._connection().commit()
            if any(work.rings for work in together):
                self._ring()

    def _ring(self) -> None:
        self.doorbell.ring()
        if self._bells is not None:
            self._bells.ring()

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


def _fail(error: Exception, _transaction: Transaction) -> Any:
    raise error


def ring_after_commit(transaction: Transaction) -> None:
    """Wake the workers once `transaction` is durable."""
    transaction.info[_BELL] = True


def _not_committed(error: SQLAlchemyError) -> StoreError:
    return StoreError(f"the store did not commit: {_reason(error)}")


def _may_be_repeated(error: StoreError) -> bool:
    return isinstance(error.__cause__, DBAPIError) and dialect.worth_repeating(error.__cause__)


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _reason(error: SQLAlchemyError) -> str:
    """The database's own first line; never the statement's parameters, which may name a patient."""
    return str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]

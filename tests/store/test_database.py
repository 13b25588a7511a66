"""Transactions: all or nothing, on disk before anybody hears of it, and one sender's trouble is not another's."""

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import create_engine, func, select

from swf.errors import MessageError, StoreError
from swf.model.order import ORDER
from swf.model.patient import PATIENT
from swf.store import database as store
from swf.store import orders, patients
from swf.store.database import Database, Transaction
from tests import rows

PATIENCE_S = 10.0
SENDERS = 8


@pytest.fixture
def look(database: Database) -> Iterator[Callable[[], set[str]]]:
    """Who is in the store, seen through a connection that has nothing to do with the store's own."""
    engine = create_engine(database.url)

    def identifiers() -> set[str]:
        with engine.connect() as connection:
            return set(connection.scalars(select(PATIENT.c.patient_id)))

    yield identifiers
    engine.dispose()


@pytest.fixture
def sqlite(empty_store: Path, tmp_path: Path) -> Iterator[Database]:
    """The embedded store, for what only its shared commits can show."""
    opened = Database(f"sqlite:///{shutil.copy(empty_store, tmp_path)}")
    yield opened
    opened.close()


def admit(database: Database, identifier: str) -> str:
    """One sender's whole work."""
    with database.transaction() as transaction:
        rows.patient(transaction, identifier)
    return identifier


class Together:
    """Senders whose work shares commits: the first waits inside its transaction until all the others queue for it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.senders = ThreadPoolExecutor(SENDERS)

    def __enter__(self) -> Self:
        self.senders.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.senders.shutdown()

    def send(self, *works: Callable[[Transaction], object]) -> list[Future[None]]:
        """Start every work, the first one's transaction first; the others get their turn in any order."""
        entered = threading.Event()
        everybody = threading.Event()

        def first(transaction: Transaction) -> None:
            works[0](transaction)
            entered.set()
            assert everybody.wait(PATIENCE_S)

        started = [self.senders.submit(self._one, first)]
        assert entered.wait(PATIENCE_S)
        for waiting, work in enumerate(works[1:], start=1):
            started.append(self.senders.submit(self._one, work))
            until(lambda waiting=waiting: self.database.waiting == waiting)
        everybody.set()
        return started

    def _one(self, work: Callable[[Transaction], object]) -> None:
        self.database.run(work)


def until(reached: Callable[[], bool]) -> None:
    """Look again and again, for a limited time."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.002)):
        if reached():
            return
        pause.wait(0.002)
    raise AssertionError("it did not come to that in time")


def refuse(transaction: Transaction) -> None:
    """A message refused by a rule after it has done something."""
    rows.patient(transaction, "REFUSED")
    raise MessageError("refused")


def admission(identifier: str) -> Callable[[Transaction], object]:
    """Work that adds a patient and asks for the bell."""

    def work(transaction: Transaction) -> None:
        rows.patient(transaction, identifier)
        store.ring_after_commit(transaction)

    return work


def test_an_exception_undoes_its_own_work_only(database: Database, look: Callable[[], set[str]]) -> None:
    """A message that is refused half way leaves no trace; the ones before and after it stay."""
    admit(database, "BEFORE")
    with pytest.raises(MessageError, match="refused"), database.transaction() as transaction:
        refuse(transaction)
    admit(database, "AFTER")
    assert look() == {"BEFORE", "AFTER"}


def test_what_has_returned_is_on_disk(database: Database, look: Callable[[], set[str]]) -> None:
    """However many senders come at once, whoever is acknowledged finds the work committed, and all of it."""

    def send(sender: int) -> list[bool]:
        return [admit(database, f"DOE{sender}-{message}") in look() for message in range(10)]

    with ThreadPoolExecutor(SENDERS) as senders:
        assert all(all(seen) for seen in senders.map(send, range(SENDERS)))
    assert len(look()) == 10 * SENDERS


def test_nothing_is_seen_before_the_commit(database: Database, look: Callable[[], set[str]]) -> None:
    """A modality never sees half an order."""
    with database.transaction() as transaction:
        rows.patient(transaction, "DOE^JANE")
        assert look() == set()
    assert look() == {"DOE^JANE"}


def test_looking_sees_one_moment(database: Database) -> None:
    """A list that is being read does not change under the reader when an order arrives meanwhile."""
    count = select(func.count()).select_from(PATIENT)
    with database.reading() as connection:
        before = connection.execute(count).scalar_one()
        admit(database, "DOE^JANE")
        assert connection.execute(count).scalar_one() == before
    with database.reading() as connection:
        assert connection.execute(count).scalar_one() == before + 1


def test_the_bell_rings_after_the_commit_and_only_then(database: Database) -> None:
    """Workers are woken when there is something to see, not when it was undone or nothing was queued."""
    before = database.doorbell.rings
    admit(database, "SILENT")
    with contextlib.suppress(MessageError), database.transaction() as transaction:
        admission("UNDONE")(transaction)
        raise MessageError("refused")
    admit(database, "SILENT2")
    assert database.doorbell.rings == before
    with database.transaction() as transaction:
        admission("LOUD")(transaction)
        assert database.doorbell.rings == before
    assert database.doorbell.rings == before + 1


def test_a_worker_that_is_woken_finds_the_work(database: Database, look: Callable[[], set[str]]) -> None:
    """What the bell announces is already committed when it rings."""
    seen: list[set[str]] = []
    ready = threading.Event()

    def wait_and_look() -> None:
        rings = database.doorbell.rings
        ready.set()
        database.doorbell.wait(rings, PATIENCE_S)
        seen.append(look())

    worker = threading.Thread(target=wait_and_look)
    worker.start()
    assert ready.wait(PATIENCE_S)
    with database.transaction() as transaction:
        admission("DOE^JANE")(transaction)
    worker.join(PATIENCE_S)
    assert seen == [{"DOE^JANE"}]


def test_one_patient_however_many_senders_announce_him_at_once(database: Database) -> None:
    """The first message about a patient may come from several systems in the same instant; there is one patient."""

    def announce(_sender: int) -> int:
        return database.run(lambda transaction: rows.patient(transaction, "DOE1", "HOSP"))

    with ThreadPoolExecutor(SENDERS) as senders:
        assert len(set(senders.map(announce, range(2 * SENDERS)))) == 1
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(PATIENT)).scalar_one() == 1


def test_one_order_however_many_senders_place_it_at_once(database: Database) -> None:
    """The same order sent over several connections at once is one order."""
    meet = threading.Barrier(SENDERS)

    def place_once(transaction: Transaction) -> int:
        known = orders.find(transaction, placer=("P1", "HIS"), filler=("", ""))
        return known.id if known else rows.order(transaction, placer_order_number="P1", placer_issuer="HIS")

    def place(_sender: int) -> int:
        meet.wait(PATIENCE_S)
        return database.run(place_once)

    with ThreadPoolExecutor(SENDERS) as senders:
        assert len(set(senders.map(place, range(SENDERS)))) == 1
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(ORDER)).scalar_one() == 1


def test_two_messages_that_block_each_other_are_both_done(database: Database) -> None:
    """Two systems that touch the same two patients in opposite order do not lose a message to a deadlock."""
    pair = [admit(database, "DOE1"), admit(database, "DOE2")]
    meet = threading.Barrier(2)

    def change(identifiers: list[str], transaction: Transaction) -> None:
        for identifier in identifiers:
            known = patients.find(transaction, identifier, "HOSP")
            patients.set_dataset(transaction, known.id, known.dataset + b"x", rows.AT)
            with contextlib.suppress(threading.BrokenBarrierError):  # one at a time in SQLite; they meet once elsewhere
                meet.wait(0.5)
            meet.abort()

    with ThreadPoolExecutor(2) as senders:
        works = [lambda transaction: change(pair, transaction), lambda transaction: change(pair[::-1], transaction)]
        for done in [senders.submit(database.run, work) for work in works]:
            done.result(PATIENCE_S)
    with database.reading() as connection:
        datasets = connection.scalars(select(PATIENT.c.dataset)).all()
    assert [len(dataset) for dataset in datasets] == [2, 2]


def test_an_error_of_the_database_is_told_without_the_patient(database: Database) -> None:
    """What is logged and answered about a failing store names no patient."""
    with pytest.raises(StoreError) as caught, database.transaction() as transaction:
        rows.order(transaction, patient=404, accession_number="SECRET^JANE")
    assert "SECRET" not in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- commits that are shared (SQLite) ----


def test_senders_who_wait_share_one_commit(sqlite: Database) -> None:
    """Several messages at once cost one write to the disk, so a burst of orders does not queue up."""
    before = sqlite.doorbell.rings
    with Together(sqlite) as together:
        for done in together.send(*(admission(f"DOE{number}") for number in range(SENDERS))):
            done.result(PATIENCE_S)
    assert sqlite.doorbell.rings == before + 1
    assert patients_of(sqlite) == {f"DOE{number}" for number in range(SENDERS)}


def broken_statement(transaction: Transaction) -> None:
    """A fault of our own that the database notices."""
    transaction.exec_driver_sql("SELECT * FROM no_such_table")


def missing_row(transaction: Transaction) -> None:
    """A fault of our own that the database never hears of."""
    orders.one(transaction, 404)


def taken_key(transaction: Transaction) -> None:
    """A row that may not be there twice."""
    transaction.execute(PATIENT.insert(), [{"patient_id": "TWICE", "updated_at": rows.AT}] * 2)


@pytest.mark.parametrize("fault", [refuse, taken_key, missing_row, broken_statement])
def test_one_that_fails_does_not_harm_the_others(sqlite: Database, fault: Callable[[Transaction], object]) -> None:
    """A message that cannot be stored fails alone; those committed together with it are kept and acknowledged."""

    def failing(transaction: Transaction) -> None:
        rows.patient(transaction, "FAILED")
        fault(transaction)

    with Together(sqlite) as together:
        sent = together.send(admission("DOE0"), failing, admission("DOE1"), admission("DOE2"))
        results = [done.exception(PATIENCE_S) for done in sent]
    assert isinstance(results.pop(1), (StoreError, MessageError))
    assert results == [None] * 3
    assert patients_of(sqlite) == {"DOE0", "DOE1", "DOE2"}


def debt(transaction: Transaction) -> None:
    """Work that only the commit itself refuses: a reference to nobody, checked at the very end."""
    transaction.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    rows.order(transaction, patient=404)


def full_disk(transaction: Transaction) -> None:
    """Work for which there is no room: SQLite drops the whole transaction, not just the statement."""
    pages = transaction.exec_driver_sql("PRAGMA page_count").scalar_one()
    transaction.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    for _ in range(3):
        transaction.execute(PATIENT.insert(), {"patient_id": "BIG", "dataset": bytes(100_000), "updated_at": rows.AT})


@pytest.mark.parametrize("disaster", [debt, full_disk])
def test_a_commit_that_fails_fails_for_everybody_in_it(
    sqlite: Database, disaster: Callable[[Transaction], object]
) -> None:
    """When the disk does not take a commit, nobody in it is told otherwise, and the store works again afterwards."""
    admit(sqlite, "BEFORE")
    rings = sqlite.doorbell.rings
    with Together(sqlite) as together:
        first, second, failing = together.send(admission("FIRST"), admission("SECOND"), disaster)
        results = {"FIRST": first.exception(PATIENCE_S), "SECOND": second.exception(PATIENCE_S)}
        assert isinstance(failing.exception(PATIENCE_S), StoreError)
    assert isinstance(results["FIRST"], StoreError)
    # Who waits for the turn gets it in any order; the second may have come after the disaster, in a commit of its own.
    acknowledged = {name for name, failure in results.items() if failure is None}
    assert patients_of(sqlite) == {"BEFORE"} | acknowledged
    assert sqlite.doorbell.rings == rings + len(acknowledged)
    with sqlite.transaction() as transaction:
        transaction.exec_driver_sql("PRAGMA max_page_count=1000000")
    admit(sqlite, "AFTER")
    assert "AFTER" in patients_of(sqlite)


def test_a_full_disk_is_named(sqlite: Database) -> None:
    """The operator reads what is wrong, not what followed from it."""
    with pytest.raises(StoreError, match="full"), sqlite.transaction() as transaction:
        full_disk(transaction)


def test_a_store_that_somebody_holds_is_an_error_and_then_works_again(sqlite: Database) -> None:
    """While another program keeps the file locked nothing is acknowledged; afterwards everything goes on."""
    with sqlite.transaction() as transaction:
        transaction.exec_driver_sql("PRAGMA busy_timeout=10")
    with contextlib.closing(sqlite3.connect(sqlite.url.removeprefix("sqlite:///"))) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            with pytest.raises(StoreError, match="locked"):
                admit(sqlite, "DOE^JANE")
    admit(sqlite, "DOE^JOHN")
    assert patients_of(sqlite) == {"DOE^JOHN"}


def test_readers_do_not_wait_for_the_writer(sqlite: Database) -> None:
    """Worklists are answered while an order is being written."""
    admit(sqlite, "BEFORE")
    with sqlite.transaction() as transaction:
        rows.patient(transaction, "DOE^JANE")
        assert patients_of(sqlite) == {"BEFORE"}


def patients_of(database: Database) -> set[str]:
    """Every patient identifier in the store."""
    with database.reading() as connection:
        return set(connection.scalars(select(PATIENT.c.patient_id)))


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """Whoever writes to a file that is no database is told at once and does not wait for ever."""
    (tmp_path / "broken.db").write_bytes(b"no database" * 1000)
    opened = Database(f"sqlite:///{tmp_path}/broken.db")
    for _ in range(2):
        with pytest.raises(StoreError):
            opened.run(lambda transaction: transaction.exec_driver_sql("SELECT 1"))
    opened.close()


def test_several_works_are_done_with_one_commit(sqlite: Database) -> None:
    """What arrives over several connections in the same moment costs one write, and each is told its own result."""
    before = sqlite.doorbell.rings
    works = [admission("DOE0"), admission("DOE1"), refuse, admission("DOE2")]
    outcomes = sqlite.run_all(works)
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), MessageError, type(None)]
    assert sqlite.doorbell.rings == before + 1
    assert patients_of(sqlite) == {"DOE0", "DOE1", "DOE2"}


def test_works_that_come_meanwhile_share_the_commit(sqlite: Database) -> None:
    """What arrives while the first is carried out is asked for then, and saved with it in one write."""
    before = sqlite.doorbell.rings
    done: list[str] = []

    def told(name: str) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            admission(name)(transaction)
            done.append(name)

        return work

    def coming() -> Iterator[Callable[[Transaction], None]]:
        for number in range(3):
            assert len(done) == number
            yield told(f"DOE{number}")

    assert sqlite.run_all(coming()) == [None] * 3
    assert sqlite.doorbell.rings == before + 1
    assert patients_of(sqlite) == {"DOE0", "DOE1", "DOE2"}


def test_more_works_than_one_commit_takes(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long row of works is saved in several writes, all of it."""
    monkeypatch.setattr(store, "LARGEST_BATCH", 2)
    assert sqlite.run_all(admission(f"DOE{number}") for number in range(5)) == [None] * 5
    assert patients_of(sqlite) == {f"DOE{number}" for number in range(5)}


def test_a_source_of_works_that_fails(sqlite: Database) -> None:
    """When no further work can be had for a fault, that is one more outcome, and what was done is saved."""

    def coming() -> Iterator[Callable[[Transaction], None]]:
        yield admission("DOE0")
        raise ZeroDivisionError

    outcomes = sqlite.run_all(coming())
    assert [type(outcome) for outcome in outcomes] == [type(None), ZeroDivisionError]
    assert patients_of(sqlite) == {"DOE0"}


def test_each_of_several_works_has_its_own_outcome(database: Database, look: Callable[[], set[str]]) -> None:
    """On either database a message that fails among others fails alone."""
    outcomes = database.run_all([admission("DOE0"), refuse, admission("DOE1")])
    assert [isinstance(outcome, MessageError) for outcome in outcomes] == [False, True, False]
    assert look() == {"DOE0", "DOE1"}


def test_tidying_takes_its_turn_among_the_writers(sqlite: Database) -> None:
    """The nightly tidying waits until whoever writes is done, however long that takes, and then succeeds."""
    with sqlite.reading() as connection:  # whoever does not take turns, the database itself refuses, and here at once
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    with ThreadPoolExecutor(1) as pool:
        with sqlite.transaction() as transaction:
            rows.order(transaction)
            tidied = pool.submit(sqlite.tidy)
            with contextlib.suppress(TimeoutError):
                tidied.result(0.2)
        tidied.result(PATIENCE_S)
    with sqlite.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_stat1").scalar_one() > 0

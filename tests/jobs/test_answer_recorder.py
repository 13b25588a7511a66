"""Who was shown which step is written down behind the answer; a locked store loses none of it (RAD-5)."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from swf.errors import StoreError
from swf.jobs.answer_recorder import AnswerRecorder
from swf.model.order import WORKLIST_ANSWER
from swf.store import queries
from swf.store.database import Database
from swf.store.queries import Asked
from tests import rows


def times(database: Database) -> int:
    """How many answers are written down."""
    with database.reading() as connection:
        return connection.execute(select(func.coalesce(func.sum(WORKLIST_ANSWER.c.times), 0))).scalar_one()


def asked(title: str = "CT1", identifier: bytes = b"", answers: int = 1) -> Asked:
    """What a scanner asked, and how many steps it was given."""
    return Asked(title, "SWF", "192.0.2.7", "1.2.840.10008.1.2", identifier, "0000", answers)


def kept(database: Database) -> list[tuple[Any, ...]]:
    """The queries that are written down: who, with how many answers, how often, and the longest time it took."""
    with database.reading() as connection:
        found = queries.recent(connection, limit=100)
    return [(row.ae_title, row.answers, row.times, row.milliseconds) for row in reversed(found)]


def scheduled(database: Database) -> int:
    """A step to be shown."""
    with database.transaction() as transaction:
        return rows.step(transaction)


@contextlib.contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody else writes to the store for as long as the block lasts."""
    with contextlib.closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture
def recorder(archive: Database) -> Iterator[AnswerRecorder]:
    """A running recorder."""
    running = AnswerRecorder(archive)
    running.start()
    yield running
    running.stop()


def test_every_query_is_kept_and_who_polls_leaves_one_line(archive: Database, hand_clock: Any) -> None:
    """What a scanner asked and got can be read later; asking the same with the same outcome is counted, not repeated."""
    recorder = AnswerRecorder(archive)
    recorder.record(asked(answers=0), [], 5)
    recorder.record(asked("MR1"), [], 2)
    hand_clock.move(60)
    recorder.record(asked(answers=0), [], 9)
    recorder.turn()
    recorder.record(asked(answers=0), [], 3)
    recorder.record(asked(answers=2), [], 4)
    recorder.record(asked(identifier=b"x", answers=2), [], 4)
    recorder.record(asked(answers=2), [], 4)
    recorder.stop()
    one, two = ("CT1", 0, 3, 9), ("CT1", 2, 1, 4)
    assert kept(archive) == [one, ("MR1", 1, 1, 2), two, two, two]
    with archive.reading() as connection:
        first = queries.recent(connection, limit=100)[-1]
        assert (first.first_at, first.last_at) == (rows.AT, rows.AT + timedelta(seconds=60))
        last = queries.last(connection, ["CT1", "MR1"])
    assert last is not None
    assert (last.ae_title, last.identifier) == ("CT1", b"")


def test_a_query_that_was_forgotten_meanwhile_is_kept_anew(archive: Database, hand_clock: Any) -> None:
    """Old queries are deleted at night; a scanner that has polled the same for a month is still seen afterwards."""
    recorder = AnswerRecorder(archive)
    recorder.record(asked(), [], 1)
    recorder.turn()
    with archive.transaction() as transaction:
        assert queries.forget(transaction, rows.AT) == 0
        assert queries.forget(transaction, rows.AT + timedelta(seconds=1)) == 1
    recorder.record(asked(), [], 1)
    recorder.stop()
    assert kept(archive) == [("CT1", 1, 1, 1)]


def test_answers_are_written_down_while_it_runs(
    archive: Database, recorder: AnswerRecorder, until: Callable[[Callable[[], bool]], None]
) -> None:
    """Soon after a scanner asked, it can be seen what it was shown."""
    step = scheduled(archive)
    recorder.record(asked(), [], 1)
    recorder.record(asked(), [step], 1)
    until(lambda: times(archive) == 1)
    assert recorder.healthy()


def test_a_locked_store_delays_the_note_and_not_the_scanner(
    archive: Database,
    recorder: AnswerRecorder,
    until: Callable[[Callable[[], bool]], None],
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """While the store cannot be written scanners are answered without delay, and every answer is written down later."""
    step = scheduled(archive)
    with locked(archive):
        started = time.monotonic()
        for _ in range(20):
            recorder.record(asked(), [step], 1)
        assert time.monotonic() - started < 1
        until(lambda: bool(log_lines()))
        recorder.record(asked("CT2"), [step], 1)
        assert times(archive) == 0
    until(lambda: times(archive) == 21)


def test_notes_are_written_in_the_order_they_were_made_after_a_failure(archive: Database, hand_clock: Any) -> None:
    """After a failure the first and the last time a scanner was shown a step are still right."""
    step = scheduled(archive)
    recorder = AnswerRecorder(archive)
    for minute in range(3):
        recorder.record(asked(), [step], 1)
        hand_clock.move(60)
        if minute == 0:
            with locked(archive), pytest.raises(StoreError):
                recorder.turn()
    recorder.stop()
    with archive.reading() as connection:
        row = connection.execute(select(WORKLIST_ANSWER)).one()
    assert (row.first_at, row.last_at, row.times) == (rows.AT, rows.AT + timedelta(minutes=2), 3)


def test_stopping_writes_everything_that_is_still_noted(archive: Database) -> None:
    """A shutdown right after the morning's rush forgets no answer."""
    step = scheduled(archive)
    recorder = AnswerRecorder(archive)
    for _ in range(350):
        recorder.record(asked(), [step], 1)
    recorder.stop()
    assert times(archive) == 350


def test_a_store_that_stays_locked_does_not_keep_it_from_stopping(archive: Database) -> None:
    """A broken store does not hold up a shutdown; the error says that notes are missing."""
    step = scheduled(archive)
    recorder = AnswerRecorder(archive)
    recorder.start()
    with locked(archive):
        recorder.record(asked(), [step], 1)
        with pytest.raises(StoreError):
            recorder.stop()
    assert not recorder.healthy()

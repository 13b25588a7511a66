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
from swf.store.database import Database
from tests import rows


def times(database: Database) -> int:
    """How many answers are written down."""
    with database.reading() as connection:
        return connection.execute(select(func.coalesce(func.sum(WORKLIST_ANSWER.c.times), 0))).scalar_one()


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


def test_answers_are_written_down_while_it_runs(
    archive: Database, recorder: AnswerRecorder, until: Callable[[Callable[[], bool]], None]
) -> None:
    """Soon after a scanner asked, it can be seen what it was shown."""
    step = scheduled(archive)
    recorder.record("CT1", [])
    recorder.record("CT1", [step])
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
            recorder.record("CT1", [step])
        assert time.monotonic() - started < 1
        until(lambda: bool(log_lines()))
        recorder.record("CT2", [step])
        assert times(archive) == 0
    until(lambda: times(archive) == 21)


def test_notes_are_written_in_the_order_they_were_made_after_a_failure(archive: Database, hand_clock: Any) -> None:
    """After a failure the first and the last time a scanner was shown a step are still right."""
    step = scheduled(archive)
    recorder = AnswerRecorder(archive)
    for minute in range(3):
        recorder.record("CT1", [step])
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
        recorder.record("CT1", [step])
    recorder.stop()
    assert times(archive) == 350


def test_a_store_that_stays_locked_does_not_keep_it_from_stopping(archive: Database) -> None:
    """A broken store does not hold up a shutdown; the error says that notes are missing."""
    step = scheduled(archive)
    recorder = AnswerRecorder(archive)
    recorder.start()
    with locked(archive):
        recorder.record("CT1", [step])
        with pytest.raises(StoreError):
            recorder.stop()
    assert not recorder.healthy()

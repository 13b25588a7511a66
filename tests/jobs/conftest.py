"""What the tests of the jobs share: a store, a clock that is set by hand, the lines of the log."""

import io
import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from swf import clock, log
from swf.store.database import Database
from tests import rows

PATIENCE_S = 10.0


class HandClock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = rows.AT

    def now(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def hand_clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    """The wall clock in the test's hand; it begins at the time the rows of the tests are of."""
    hand = HandClock()
    monkeypatch.setattr(clock, "now", hand.now)
    return hand


@pytest.fixture
def archive(empty_store: Path, tmp_path: Path) -> Iterator[Database]:
    """The embedded store, which gives up waiting for a lock at once."""
    opened = Database(f"sqlite:///{shutil.copy(empty_store, tmp_path)}")
    with opened.transaction() as transaction:
        transaction.exec_driver_sql("PRAGMA busy_timeout=10")
    yield opened
    opened.close()


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_lines() -> Iterator[Lines]:
    """Everything the product has logged during the test so far."""
    logger = logging.getLogger("swf")
    before = (logger.handlers[:], logger.level, logger.propagate)
    stream = io.StringIO()
    log.configure(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers[:], logger.level, logger.propagate = before


Until = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def until() -> Until:
    """Looks again and again until something is so, for a limited time."""

    def look(reached: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.005)):
            if reached():
                return
            pause.wait(0.005)
        raise AssertionError("it did not come to that in time")

    return look

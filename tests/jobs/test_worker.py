"""A worker sleeps until the bell rings, survives what it did not expect, and ends when it is told to."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from swf.errors import StoreError
from swf.jobs.worker import LONGEST_SLEEP_S, Turn, Worker
from swf.store.doorbell import Doorbell

PATIENCE_S = 10.0
START = "a worker on a bell"


class Turns:
    """Counts the turns and says when each is over."""

    def __init__(self, *results: float | Exception | None) -> None:
        self.results = list(results)
        self.begun = 0
        self.done = threading.Semaphore(0)

    def __call__(self) -> float | None:
        self.begun += 1
        result = self.results.pop(0) if self.results else None
        self.done.release()
        if isinstance(result, Exception):
            raise result
        return result

    def wait(self) -> bool:
        return self.done.acquire(timeout=PATIENCE_S)


Hire = Callable[[Turn], tuple[Worker, Doorbell]]


@pytest.fixture
def hire() -> Iterator[Hire]:
    """Starts workers and stops them in the end."""
    hired: list[Worker] = []

    def start(turn: Turn) -> tuple[Worker, Doorbell]:
        bell = Doorbell()
        worker = Worker(START, turn, bell)
        worker.start()
        hired.append(worker)
        return worker, bell

    yield start
    for worker in hired:
        worker.stop()
        assert not worker.healthy()


def test_the_bell_wakes_a_sleeping_worker(hire: Hire) -> None:
    """A status message leaves at once, not at the next look at the clock."""
    turns = Turns()
    _worker, bell = hire(turns)
    assert turns.wait()
    started = time.monotonic()
    for _ in range(3):
        bell.ring()
        assert turns.wait()
    assert time.monotonic() - started < LONGEST_SLEEP_S


def test_a_ring_during_a_turn_causes_another_turn(hire: Hire) -> None:
    """What is queued while the worker is busy is not forgotten."""
    bells: list[Doorbell] = []
    ready = threading.Event()
    turns = Turns()

    def turn() -> float | None:
        assert ready.wait(PATIENCE_S)
        if turns.begun == 0:
            bells[0].ring()
        return turns()

    bells.append(hire(turn)[1])
    ready.set()
    assert turns.wait()
    assert turns.wait()


def test_a_worker_with_more_to_do_does_not_sleep(hire: Hire) -> None:
    """A line of many messages is worked off without a pause between them."""
    turns = Turns(*[0.0] * 50)
    started = time.monotonic()
    hire(turns)
    assert all(turns.wait() for _ in range(51))
    assert time.monotonic() - started < LONGEST_SLEEP_S


def test_a_worker_sleeps_as_long_as_its_turn_says(hire: Hire) -> None:
    """A message that is tried again in a moment is tried again in a moment."""
    turns = Turns(0.05)
    started = time.monotonic()
    hire(turns)
    assert turns.wait()
    assert turns.wait()
    assert 0.05 <= time.monotonic() - started < LONGEST_SLEEP_S


@pytest.mark.parametrize("fault", [StoreError("the disk is full"), RuntimeError("DOE^JANE"), RecursionError()])
def test_a_worker_survives_whatever_its_turn_raises(
    hire: Hire, fault: Exception, log_lines: Callable[[], list[dict[str, str]]]
) -> None:
    """One bad moment does not end deliveries until the next restart, and the log says so without naming the patient."""
    turns = Turns(fault)
    worker, bell = hire(turns)
    assert turns.wait()
    bell.ring()
    assert turns.wait()
    assert worker.healthy()
    (line,) = log_lines()
    assert (line["event"], line["service"]) == ("worker failed", START)
    assert "DOE" not in str(line)


def test_stopping_lets_the_turn_finish_and_begins_no_other(hire: Hire) -> None:
    """At a shutdown what was begun is finished, and nothing new is begun."""
    inside, go_on = threading.Event(), threading.Event()
    finished: list[bool] = []

    def turn() -> float | None:
        inside.set()
        assert go_on.wait(PATIENCE_S)
        finished.append(True)
        return 0

    worker, _bell = hire(turn)
    assert inside.wait(PATIENCE_S)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    while not worker._stopping.is_set():
        stopping.join(0.005)
    assert worker.healthy()
    go_on.set()
    stopping.join(PATIENCE_S)
    assert finished == [True]
    assert not worker.healthy()


def test_a_stop_is_lawful_before_the_start_and_twice_and_the_worker_starts_again(hire: Hire) -> None:
    """Starting and stopping in any order leaves nothing running and nothing broken."""
    turns = Turns()
    idle = Worker(START, turns, Doorbell())
    idle.stop()
    assert not idle.healthy()
    worker, _bell = hire(turns)
    assert turns.wait()
    worker.stop()
    worker.stop()
    worker.start()
    assert turns.wait()
    assert worker.healthy()


def test_a_worker_that_is_stopped_at_any_moment_ends_at_once() -> None:
    """A shutdown never waits for a sleeping worker to wake up by itself."""
    started = time.monotonic()
    for _ in range(300):
        worker = Worker(START, lambda: None, Doorbell())
        worker.start()
        worker.stop()
        assert not worker.healthy()
    assert time.monotonic() - started < LONGEST_SLEEP_S

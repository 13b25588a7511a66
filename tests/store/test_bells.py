"""Several processes on one store: a commit of one wakes the workers of the others, and writers take turns."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from swf.errors import ConfigError
from swf.store import database as stores
from swf.store.bells import PipeBells
from swf.store.database import Database
from swf.store.turn import Turn

PATIENCE_S = 5.0


@pytest.fixture
def pair(store_url: str) -> Iterator[tuple[Database, Database]]:
    """Two processes' views of one store, both listening."""
    with ExitStack() as stack:
        opened = [Database(store_url, shared=True) for _ in range(2)]
        for each in opened:
            stack.callback(each.close)
        opened[0].migrate()
        for each in opened:
            each.listen()
        yield opened[0], opened[1]


def test_a_commit_wakes_the_other_process(pair: tuple[Database, Database]) -> None:
    """What a modality reports to one process is delivered by another at once."""
    one, other = pair
    for _ in range(3):
        seen = other.doorbell.rings
        one.run(stores.ring_after_commit)
        other.doorbell.wait(seen, PATIENCE_S)
        assert other.doorbell.rings > seen


def test_what_is_undone_wakes_nobody(pair: tuple[Database, Database]) -> None:
    """A message that was refused wakes no worker anywhere."""
    one, other = pair
    seen = other.doorbell.rings
    one.rehearse(stores.ring_after_commit)
    other.doorbell.wait(seen, 0.3)
    assert other.doorbell.rings == seen


def test_a_pipe_nobody_reads_is_cleared_away(tmp_path: Path) -> None:
    """A process that was killed leaves nothing that grows."""
    folder = tmp_path / "bells"
    rung = threading.Event()
    listening, ringing = PipeBells(folder), PipeBells(folder)
    ringing.ring()  # before there is a folder
    listening.listen(rung.set)
    os.mkfifo(folder / "4711-killed")
    ringing.ring()
    assert rung.wait(PATIENCE_S)
    assert [path.name != "4711-killed" for path in folder.iterdir()] == [True]
    listening.close()
    assert list(folder.iterdir()) == []


def test_the_turn_is_handed_over(tmp_path: Path) -> None:
    """Of two processes that write without pause, neither waits longer than a few turns of the other."""
    counts = [0, 0]
    stop = threading.Event()

    def write(number: int) -> None:
        turn = Turn(tmp_path / "swf.db")
        while not stop.is_set():
            with turn:
                counts[number] += 1
                threading.Event().wait(0.001)
        turn.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    threading.Event().wait(0.5)
    stop.set()
    for writer in writers:
        writer.join()
    assert min(counts) > max(counts) / 4


def test_a_process_that_hangs_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that stopped in the middle leaves it to the database to say that the store is busy."""
    monkeypatch.setattr("swf.store.turn.PATIENCE_S", 0.05)
    hanging, next_one = Turn(tmp_path / "swf.db"), Turn(tmp_path / "swf.db")
    with hanging, next_one:
        assert not next_one.acquire(blocking=False)
    hanging.close()
    next_one.close()


def test_what_one_process_does_no_other_may(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes never send the same messages: the second one is told why it does not start, until the first ends."""
    monkeypatch.setattr("swf.store.claims.PATIENCE_S", 0.1)
    first, second = Database(store_url), Database(store_url)
    first.claim("delivery")
    with pytest.raises(ConfigError, match=r"another process on .* already does delivery"):
        second.claim("delivery")
    second.claim("housekeeping")
    first.close()
    second.claim("delivery")
    second.close()

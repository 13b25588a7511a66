"""Notes what each modality asked and which steps it was given, behind the answer and not before it (RAD-5).

A worklist must be answered even while the store cannot be written, so the door only leaves a note here.
"""

import queue
import threading
from dataclasses import dataclass
from datetime import datetime

from swf import clock, log
from swf.jobs.worker import Worker
from swf.store import queries, worklist
from swf.store.database import Database, Transaction
from swf.store.doorbell import Doorbell
from swf.store.queries import Asked

MOST_WAITING = 10_000
_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class _Note:
    asked: Asked
    steps: list[int]
    milliseconds: int
    at: datetime


_Last = dict[str, tuple[Asked, int]]
"""By AE title what was asked last, and the row that says so."""


class AnswerRecorder:
    """A queue of notes and the worker that writes them down."""

    name = "answer recorder"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._notes: queue.Queue[_Note] = queue.Queue(MOST_WAITING)
        self._unwritten: list[_Note] = []
        self._last: _Last = {}
        self._writing = threading.Lock()
        self._doorbell = Doorbell()
        self._worker = Worker(self.name, self.turn, self._doorbell)

    def record(self, asked: Asked, steps: list[int], milliseconds: int) -> None:
        """Note a query and the rows of the steps it was answered with; returns at once."""
        try:
            self._notes.put_nowait(_Note(asked, steps, milliseconds, clock.now()))
        except queue.Full:
            log.error("worklist answers not recorded", ae_title=asked.ae_title, count=len(steps))
        self._doorbell.ring()

    def start(self) -> None:
        """Begin to write."""
        self._worker.start()

    def stop(self) -> None:
        """Write what is still noted and end; raises StoreError when the store does not take it."""
        self._worker.stop()
        while self.turn() is not None:
            pass

    def healthy(self) -> bool:
        """True while notes are written."""
        return self._worker.healthy()

    def turn(self) -> float | None:
        """Write the notes there are, several in one commit. What the store does not take now is tried again first."""
        with self._writing:
            self._unwritten = self._unwritten or self._taken()
            if not self._unwritten:
                return None
            before, self._last = self._last, self._database.run(self._write)
            _tell_of_withheld(before, self._last)
            self._unwritten = []
        return 0

    def _write(self, transaction: Transaction) -> _Last:
        """Write the notes; what each modality asked last counts from when that is committed, for it may be done again."""
        known = dict(self._last)
        for note in self._unwritten:
            title = note.asked.ae_title
            before, row = known.get(title, (None, 0))
            if note.asked != before or not queries.repeat(transaction, row, note.at, note.milliseconds):
                known[title] = (note.asked, queries.add(transaction, note.asked, note.at, note.milliseconds))
            worklist.record_answers(transaction, title, note.steps, note.at)
        return known

    def _taken(self) -> list[_Note]:
        notes: list[_Note] = []
        while len(notes) < _AT_A_TIME and not self._notes.empty():
            notes.append(self._notes.get_nowait())
        return notes


def _tell_of_withheld(before: _Last, after: _Last) -> None:
    """Log once, not at each poll, that a device was not given all of its list."""
    for title, (asked, row) in after.items():
        if asked.withheld and before.get(title, (None, 0))[1] != row:
            log.warning("entries withheld", ae_title=title, count=asked.withheld, advice="swf held lists them")

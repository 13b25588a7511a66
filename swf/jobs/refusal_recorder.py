"""Puts into the journal who was turned away at the DICOM door, so that it is found when somebody asks (PS3.8 9.3.4)."""

import time
from dataclasses import asdict

from swf import clock
from swf.jobs.worker import Worker
from swf.model.journal import Event
from swf.net.dicom_refusals import Refusals
from swf.store import journal
from swf.store.database import Database
from swf.store.doorbell import Doorbell
from swf.store.journal import Entry

PAUSE_S = 10.0


class RefusalRecorder:
    """Writes what `refusals` has counted, at once and then now and then: a flood of them must not fill the store."""

    name = "refusal recorder"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._doorbell = Doorbell()
        self.refusals = Refusals(self._doorbell.ring)
        self._worker = Worker(self.name, self.turn, self._doorbell)
        self._next = 0.0

    def start(self) -> None:
        """Begin to write."""
        self._worker.start()

    def stop(self) -> None:
        """Write what is left and end; raises StoreError when the store does not take it."""
        self._worker.stop()
        self._write()

    def healthy(self) -> bool:
        """True while refusals are written."""
        return self._worker.healthy()

    def turn(self) -> float | None:
        """Write, unless that was done a moment ago."""
        left = self._next - time.monotonic()
        if left > 0:
            return left
        if self._write():
            self._next = time.monotonic() + PAUSE_S
        return None

    def _write(self) -> bool:
        times = self.refusals.drain()
        entries = [
            Entry(Event.ASSOCIATION_REJECTED, detail={**asdict(refused), "times": count})
            for refused, count in times.items()
        ]
        if entries:
            self._database.run(lambda transaction: journal.add(transaction, clock.now(), entries))
        return bool(entries)

"""Counters for Prometheus: messages, events and worklist queries since the window was opened.

Each scrape counts what came after the last one, so that it costs as much among a hundred rows as among a million, and
intake pays nothing for it.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily
from sqlalchemy import Connection

from swf import clock
from swf.model.journal import Event
from swf.model.message import Disposition
from swf.store import tally
from swf.store.database import Database
from swf.store.tally import Since

_RUN_LASTS = timedelta(hours=1)
_OVERLAP = timedelta(seconds=5)


class Counting:
    """What was counted so far; safe for several scrapes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._messages: Counter[str] = Counter(dict.fromkeys(Disposition, 0))
        self._events: Counter[str] = Counter(dict.fromkeys(Event, 0))
        self._queries: Counter[str] = Counter()
        self._runs: dict[int, tuple[int, datetime]] = {}
        self._looked = clock.now()
        with database.reading() as connection:
            self._last_message, self._last_event = tally.newest(connection)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Count what is new, and tell all."""
        with self._lock, self._database.reading() as connection:
            now = clock.now()
            self._last_message = _add(self._messages, tally.messages(connection, self._last_message, now))
            self._last_event = _add(self._events, tally.events(connection, self._last_event, now))
            self._count_queries(connection, now)
            yield _counter("swf_messages", "Messages by what became of them.", "disposition", self._messages)
            yield _counter("swf_events", "Entries of the journal by what happened.", "event", self._events)
            yield _counter("swf_worklist_queries", "Worklist queries by their final status.", "status", self._queries)

    def _count_queries(self, connection: Connection, now: datetime) -> None:
        """A modality that polls leaves one row for a run of the same query; what its run has grown by is counted."""
        for row in tally.queries(connection, self._looked - _OVERLAP):
            begun_since = row.first_at >= self._looked - _OVERLAP
            before = self._runs.get(row.id, (0 if begun_since else row.times - 1, now))[0]
            self._queries[row.status] += row.times - before
            self._runs[row.id] = (row.times, row.last_at)
        self._runs = {number: run for number, run in self._runs.items() if run[1] > now - _RUN_LASTS}
        self._looked = now


def _add(counted: Counter[str], new: Since) -> int:
    counted.update(new.by_kind)
    return new.last


def _counter(name: str, meaning: str, label: str, counted: Counter[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for kind, number in counted.items():
        family.add_metric([str(kind)], number)
    return family

"""Worklist answers already written, by what was asked of which item; the next scanner that asks the same gets the same.

The stored bytes of an item are its version: what has changed is another item, so nothing here can be out of date.
"""

import dataclasses
import threading
from collections.abc import Callable

from swf.dicom import worklist
from swf.dicom.worklist import WorklistQuery

MOST_BYTES = 32 * 2**20
_OVERHEAD = 200
# Of a query, what has no part in how an item is written
_NOT_WRITTEN = frozenset({"predicates", "remarks", "optional_unsupported", "statuses_asked", "local"})


class AnswerCache:
    """Answers as bytes, for any number of threads. When it is full it begins anew."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._size = 0
        self._answers: dict[str, dict[bytes, bytes]] = {}

    def writer(self, query: WorklistQuery, *, implicit: bool) -> Callable[[bytes], bytes]:
        """What makes the answer to `query` of a stored item, as `worklist.answer_bytes` does."""
        if query.zone_asked:  # the zone that is told is not the item's, and may be another tomorrow
            return lambda stored: worklist.answer_bytes(stored, query, implicit=implicit)
        written = self._answers_to(query, implicit=implicit)

        def answer(stored: bytes) -> bytes:
            found = written.get(stored)
            if found is None:
                found = worklist.answer_bytes(stored, query, implicit=implicit)
                self._keep(written, stored, found)
            return found

        return answer

    def _answers_to(self, query: WorklistQuery, *, implicit: bool) -> dict[bytes, bytes]:
        names = (each.name for each in dataclasses.fields(query) if each.name not in _NOT_WRITTEN)
        asked = repr([implicit, *((name, getattr(query, name)) for name in names)])
        with self._lock:
            return self._answers.setdefault(asked, {})

    def _keep(self, written: dict[bytes, bytes], stored: bytes, answer: bytes) -> None:
        with self._lock:
            if self._size > self._most:
                self._answers.clear()  # who still writes into one of these tables does so for itself
                self._size = 0
            written[stored] = answer
            self._size += len(stored) + len(answer) + _OVERHEAD

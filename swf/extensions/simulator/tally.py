"""What a simulated system has done so far, for whoever watches: counts, latencies, and what was not lawful."""

import threading
from collections import Counter, deque
from typing import Any

from swf.sentence import say

_KEPT, _NAMED = 10_000, 200
NAMES = (
    *(
        say("sent"),
        say("received"),
        say("accepted"),
        say("refused"),
        say("retried"),
        say("repeated"),
        say("unanswered"),
    ),
    *(say("given up"), say("lost connections"), say("seen on the list"), say("gone from the list"), say("lost orders")),
    *(say("begun before it was seen"), say("failed looks"), say("queries"), say("items"), say("not usable")),
    *(say("requests"), say("failed"), say("begun"), say("completed"), say("discontinued"), say("unscheduled")),
)
"""What is counted, in the order in which it is shown; beside it `with FAULT`, and types of messages."""


class Tally:
    """Counts from several threads. A finding is a sentence that names what the broker did and should not have."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._findings: dict[str, None] = {}

    def count(self, *names: str, by: int = 1) -> None:
        """So many more of each."""
        with self._lock:
            self._counts.update(dict.fromkeys(names, by))

    def took(self, milliseconds: float) -> None:
        """How long an answer took."""
        with self._lock:
            self._latencies.append(milliseconds)

    def found(self, sentence: str) -> None:
        """Something was not lawful. The same sentence counts once."""
        with self._lock:
            self._findings[sentence] = None

    def of(self, name: str) -> int:
        """How many of them."""
        with self._lock:
            return self._counts[name]

    @property
    def lawful(self) -> bool:
        """Whether nothing was found."""
        with self._lock:
            return not self._findings

    def state(self) -> dict[str, Any]:
        """Everything, for programs: of very many findings the first, and the latencies of the last ten thousand answers."""
        with self._lock:
            took = sorted(self._latencies)
            return {
                "counts": dict(sorted(self._counts.items(), key=_place)),
                "milliseconds": {name: _at(took, share) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
                "findings": list(self._findings)[:_NAMED],
                "found": len(self._findings),
            }


def _place(counted: tuple[str, int]) -> tuple[int, str]:
    name, _ = counted
    return (NAMES.index(name) if name in NAMES else len(NAMES), name)


def _at(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1) if ordered else None

"""A thread that drains a queue: sleep on the doorbell, wake, drain."""

import threading
from collections.abc import Callable

from swf import log
from swf.errors import SwfError
from swf.store.doorbell import Doorbell

Turn = Callable[[], float | None]  # does what is due; the seconds until the next thing is, None when nothing is known
LONGEST_SLEEP_S = 2.0
AFTER_A_FAILURE_S = 1.0
FINISH_S = 5.0


class Worker:
    """Calls `turn` until it is stopped; between turns it sleeps until the bell rings or something is due.

    It also looks by itself every few seconds, because another node's commits ring no bell here.
    """

    def __init__(self, name: str, turn: Turn, doorbell: Doorbell) -> None:
        self.name = name
        self._turn = turn
        self._doorbell = doorbell
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._thread.start()

    def stop(self, seconds: float = FINISH_S) -> None:
        """Begin no further turn, and give the one that has begun `seconds` to finish."""
        self._stopping.set()
        self._doorbell.ring()
        if self._thread is not None:
            self._thread.join(seconds)

    def healthy(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        seen = self._doorbell.rings  # read before every look at `_stopping`, or the bell of `stop` could be missed
        while not self._stopping.is_set():
            pause = self._one_turn()
            if pause is None or pause > 0:
                self._doorbell.wait(seen, min(LONGEST_SLEEP_S, LONGEST_SLEEP_S if pause is None else pause))
            seen = self._doorbell.rings

    def _one_turn(self) -> float | None:
        try:
            return self._turn()
        except SwfError as error:
            log.error("worker failed", service=self.name, error=str(error))
        except Exception as error:  # noqa: BLE001  a worker must outlive what it did not expect
            log.error("worker failed", service=self.name, error=type(error).__name__, traceback=log.frames(error))
        return AFTER_A_FAILURE_S

"""Wakes sleeping workers after a commit. What has to be done is a row; the bell only says "look".

A bell that is missed costs nothing but time: every worker also looks by itself at its next due moment.
"""

import threading


class Doorbell:
    """A counter of rings; a sleeper waits until it differs from what it last saw."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it has rung; read this before looking for work, wait with it afterwards."""
        with self._condition:
            return self._rings

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float | None) -> None:
        """Return when it has rung since `seen` was read, or after `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings != seen, seconds)

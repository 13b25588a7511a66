"""Whose turn it is to write: one thread at a time, and where several processes share an SQLite file, one process at a time.

SQLite itself lets a writer that was refused try again now and then, so that a process which writes without pause keeps
the others out for seconds. Here the next in line gets the turn: to ask for it one first has to hold the place at the
head of the line, which whoever just had the turn does not.
"""

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Self

PATIENCE_S = 5.0
GLANCE_S = 0.0005


class Turn:
    """A lock of threads; with `file` also of the processes that name the same one."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._files = () if file is None else tuple(_opened(file, kind) for kind in ("line", "turn"))

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take the turn; without `blocking`, False when another thread of this process has it.

        Another process is waited for in either case, but not for ever: one that hangs leaves it to the database to say so.
        """
        if not self._lock.acquire(blocking=blocking):
            return False
        if self._files:
            line, turn = self._files
            until = time.monotonic() + PATIENCE_S
            if _locked(line, until):
                _locked(turn, until)
                fcntl.flock(line, fcntl.LOCK_UN)
        return True

    def release(self) -> None:
        """Let the next one have it."""
        if self._files:
            fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._lock.release()

    def close(self) -> None:
        """Give back the files."""
        for file in self._files:
            os.close(file)
        self._files = ()


def _opened(file: Path, kind: str) -> int:
    return os.open(f"{file}-{kind}", os.O_RDWR | os.O_CREAT, 0o600)


def _locked(file: int, until: float) -> bool:
    pause = threading.Event()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            pause.wait(GLANCE_S)
        else:
            return True

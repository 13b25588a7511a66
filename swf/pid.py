"""The note a running broker leaves of its process, so that `swf reload` finds it.

The note is held by a lock of the system, which ends with the process however that ends: an old note deceives nobody.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swf import log


@contextmanager
def noted(path: Path) -> Iterator[None]:
    """Hold a note at `path` while the block runs; where that cannot be done, run it all the same, with a warning."""
    file = _held(path)
    try:
        yield
    finally:
        if file is not None:
            _write(file, "")
            os.close(file)


def _held(path: Path) -> int | None:
    """The open and locked note, with our process in it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        log.warning("no note of the process; swf reload will not find it", error=str(error))
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        log.warning("another broker of this folder holds the note; swf reload will find that one")
        return None
    _write(file, str(os.getpid()))
    return file


def _write(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(), 0)


def holder(path: Path) -> int | None:
    """The process that holds the note at `path`; None when nobody does."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(path.read_text())
    except OSError:
        return None
    return None

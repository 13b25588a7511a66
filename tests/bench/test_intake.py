"""How many orders a second are applied and acknowledged after their commit; prints a table, judges nothing.

Broker and senders are processes of their own, as they are in a hospital; both run on this machine and share it.
"""

import multiprocessing
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import SAMPLES

MESSAGES = 2000
TEMPLATE = (SAMPLES / "15_rad4_omi_nw_251.hl7").read_bytes()
ONE_STEP = b"\r".join(line for line in TEMPLATE.split(b"\r") if b"SPS1002" not in line)
_READY = re.compile(r"HL7 on ([\d.]+):(\d+)")


@pytest.mark.bench
@pytest.mark.parametrize("connections", [1, 8])
def test_orders_applied_a_second(tmp_path: Path, connections: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each order is parsed, mapped, stored, journalled and on the worklist when its acknowledgement leaves."""
    with _serving(tmp_path) as address:
        _send(address, 1, 100, first=10_000_000)  # compiles statements and fills caches
        began = time.perf_counter()
        latencies = sorted(_send(address, connections, MESSAGES // connections, first=0))
        seconds = time.perf_counter() - began
    with capsys.disabled():
        rate, middle = len(latencies) / seconds, latencies[len(latencies) // 2]
        worst = latencies[int(len(latencies) * 0.99)]
        print(f"\n{connections} connections: {rate:.0f} orders/s, p50 {middle * 1e3:.1f} ms, p99 {worst * 1e3:.1f} ms")


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, int]]:
    environment = {**os.environ, "SWF_HL7_PORT": "0", "SWF_DICOM_PORT": "0"}
    command = [sys.executable, "-m", "swf", "serve"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = _READY.search(process.stdout.readline())
        assert found is not None
        try:
            yield found[1], int(found[2])
        finally:
            process.terminate()


def _send(address: tuple[str, int], connections: int, each: int, first: int) -> list[float]:
    """Send from a process of its own; how long each acknowledgement took, in seconds."""
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    sender = context.Process(target=_sender, args=(address, connections, each, first, results))
    sender.start()
    latencies: list[float] = results.get()
    sender.join()
    return latencies


def _sender(address: tuple[str, int], connections: int, each: int, first: int, results: object) -> None:
    latencies: list[float] = []
    threads = [
        threading.Thread(target=_converse, args=(address, range(first + n * each, first + (n + 1) * each), latencies))
        for n in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(latencies)  # type: ignore[attr-defined]


def _converse(address: tuple[str, int], numbers: range, latencies: list[float]) -> None:
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in numbers:
            framed = b"\x0b" + _order(number) + b"\x1c\r"
            began = time.perf_counter()
            connection.sendall(framed)
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += connection.recv(65536)
            latencies.append(time.perf_counter() - began)
            assert b"\rMSA|AA|" in answer, answer


def _order(number: int) -> bytes:
    own = b"%d" % number
    content = ONE_STEP
    for was, now in (
        (b"SWF000600", b"M" + own),
        (b"8100^HIS", own + b"^HIS"),
        (b"F5500", b"F" + own),
        (b".498.1001", b".498.1001." + own),
        (b"ACC1001", b"A" + own),
        (b"P4711", b"P" + own),
    ):
        content = content.replace(was, now)
    return content

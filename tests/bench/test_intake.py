"""How many orders a second are applied and acknowledged after their commit; prints a table, judges nothing.

Broker and senders are processes of their own, as they are in a hospital; all run on this machine and share it. The two
other listeners only parse and acknowledge: they say what the wire and the language cost.
"""

import multiprocessing
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from swf.hl7 import charset, message, mllp
from swf.hl7.header import read_header
from tests.conftest import SAMPLES

WARM_UP = 100
TWO_STEPS = (SAMPLES / "15_rad4_omi_nw_251.hl7").read_bytes()
ORDERS = {
    "ORM^O01": (SAMPLES / "01_rad2_nw_231.hl7").read_bytes(),  # a HIS's order; the numbers are ours to give
    "OMI^O23": b"\r".join(line for line in TWO_STEPS.split(b"\r") if b"SPS1002" not in line),  # scheduled elsewhere
}


class Row(NamedTuple):
    """One line of the table: who is measured, with how many connections and messages, and how fast they are sent."""

    server: str
    connections: int
    messages: int
    order: str = "ORM^O01"
    a_second: float = 0.0  # 0: as fast as they are answered


ROWS = (
    Row("swf", 1, 2000),
    Row("swf", 8, 4000),
    Row("swf", 8, 2500, a_second=500.0),
    Row("swf", 1, 2000, order="OMI^O23"),
    Row("swf", 8, 4000, order="OMI^O23"),
    Row("python-hl7", 8, 4000, order="OMI^O23"),  # it takes UTF-8 only
    Row("hl7apy", 8, 200, order="OMI^O23"),
)
COMMANDS = {
    "swf": ([sys.executable, "-m", "swf", "serve"], re.compile(r"HL7 on [\d.]+:(\d+)")),
    "python-hl7": ([sys.executable, "-m", "tests.bench.peers", "python-hl7"], re.compile(r"^(\d+)$")),
    "hl7apy": ([sys.executable, "-m", "tests.bench.peers", "hl7apy"], re.compile(r"^(\d+)$")),
}


@pytest.mark.bench
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_orders_a_second(tmp_path: Path, row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours are parsed, mapped, stored, journalled and on the worklist when their acknowledgement leaves."""
    with _serving(row.server, tmp_path) as port:
        _send(
            port, row._replace(connections=1, messages=WARM_UP, a_second=0.0), first=10_000_000
        )  # compiles statements and fills caches
        seconds, latencies = _send(port, row, first=0)
    latencies.sort()
    middle, late = latencies[len(latencies) // 2] * 1e3, latencies[int(len(latencies) * 0.99)] * 1e3
    asked = f"at {row.a_second:.0f}/s" if row.a_second else "at once"
    with capsys.disabled():
        print(
            f"\n{row.server:>10} {row.order} {row.connections:2} connections {asked:>9}: {len(latencies) / seconds:6.0f} orders/s,"
            f" p50 {middle:6.1f} ms, p99 {late:6.1f} ms"
        )


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["10 MiB of VT", "10 MiB in one field", "16,000 components", "4,000 repetitions"])
def test_hostile_messages(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A message made to be slow costs about as much as its size."""
    contents = {
        "10 MiB of VT": b"\x0b" * 10 * 2**20,
        "10 MiB in one field": b"\x0bMSH|^~\\&|A\rOBX|1|ED|||" + b"Q" * 10 * 2**20 + b"\x1c\r",
        "16,000 components": b"\x0bMSH|^~\\&|A\rPID|||" + b"^".join([b"X"] * 16_000) + b"\x1c\r",
        "4,000 repetitions": b"\x0bMSH|^~\\&|A\rPID|||" + b"~".join([b"1^^^H"] * 4_000) + b"\x1c\r",
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    for frame in mllp.Deframer(limit=16 * 2**20).feed(contents[kind]):
        header = read_header(frame.payload)
        content = message.parse(charset.decode(frame.payload, header)[0], header)
        assert all(segment.value(3, 1, 1) is not None for segment in content.segments)
    seconds = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    with capsys.disabled():
        print(f"\n{kind:>20}: {seconds * 1e3:6.1f} ms, {len(contents[kind]) / 2**20:5.1f} MiB, memory +{grown:.1f} MiB")


@contextmanager
def _serving(server: str, folder: Path) -> Iterator[int]:
    command, ready = COMMANDS[server]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "SWF_HL7_PORT": "0", "SWF_DICOM_PORT": "0", "SWF_WEB_PORT": "0", "PYTHONPATH": root}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = ready.search(process.stdout.readline())
        assert found is not None
        try:
            yield int(found[1])
        finally:
            process.terminate()


def _send(port: int, row: Row, first: int) -> tuple[float, list[float]]:
    """Send from a process of its own; the seconds from the first to the last, and those until each acknowledgement."""
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    sender = context.Process(target=_sender, args=(port, row, first, results))
    sender.start()
    seconds, latencies = results.get()
    sender.join()
    return seconds, latencies


def _sender(port: int, row: Row, first: int, results: object) -> None:
    latencies: list[float] = []
    each = row.messages // row.connections
    pause = row.connections / row.a_second if row.a_second else 0.0
    threads = [
        threading.Thread(
            target=_converse,
            args=(port, row.server, [_order(row.order, first + n * each + k) for k in range(each)], pause, latencies),
        )
        for n in range(row.connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((time.perf_counter() - began, latencies))  # type: ignore[attr-defined]


def _converse(port: int, server: str, orders: list[bytes], pause: float, latencies: list[float]) -> None:
    connection = _connected(port)
    due = time.perf_counter()
    for order in orders:
        due += pause
        if pause:
            threading.Event().wait(max(0.0, due - time.perf_counter()))
        if server == "hl7apy":  # it closes after every message
            connection.close()
            connection = _connected(port)
        began = time.perf_counter()
        connection.sendall(mllp.frame(order))
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            received = connection.recv(65536)
            assert received, "the connection was closed before the answer came"
            answer += received
        latencies.append(time.perf_counter() - began)
        assert b"\rMSA|AA|" in answer, answer
    connection.close()


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 30.0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _order(kind: str, number: int) -> bytes:
    own = b"%d" % number
    content = ORDERS[kind]
    for was, now in (
        (b"HIS000001", b"M" + own),
        (b"SWF000600", b"M" + own),
        (b"8100^HIS", own + b"^HIS"),
        (b"F5500", b"F" + own),
        (b".498.1001", b".498.1001." + own),
        (b"ACC1001", b"A" + own),
        (b"P4711", b"P" + own),
    ):
        content = content.replace(was, now)
    return content

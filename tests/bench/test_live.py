"""What watching costs: intake beside a hundred open boards, and how soon a board hears of what came (`--bench`).

Broker, senders and boards are processes of their own. A board is what a browser has open with the front page: a stream
that brings what it shows.
"""

import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.test_intake import Row, _send

A_SECOND = 200.0
MESSAGES = 2400
STREAMS = 100
READY = re.compile(r"HL7 on [\d.]+:(\d+).*window on http://[\d.]+:(\d+)")


SETTINGS = (("nobody", 0, ""), ("programs", STREAMS, "/events"), ("boards", STREAMS, "/board"), ("board", 1, "/board"))


@pytest.mark.bench
def test_intake_beside_open_boards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Orders at two hundred a second while nobody watches, while a hundred do, and while one does."""
    with _serving(tmp_path) as (hl7, web):
        row = Row("swf", 8, MESSAGES, a_second=A_SECOND)
        _send(hl7, row._replace(connections=1, messages=200, a_second=0.0), first=10_000_000)
        for number, (name, streams, path) in enumerate(SETTINGS):
            with _watching(web, streams, path) as told:
                seconds, latencies = _send(hl7, row, first=number * MESSAGES)
            latencies.sort()
            middle, late = (latencies[int(len(latencies) * part)] * 1e3 for part in (0.5, 0.99))
            heard = f", each told {min(told)} to {max(told)} times in {seconds:.0f} s" if told else ""
            rate = len(latencies) / seconds
            with capsys.disabled():
                print(f"\n{streams:4} {name:<8} {rate:4.0f} orders/s, p50 {middle:6.1f} ms, p99 {late:6.1f} ms{heard}")


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[int, int]]:
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "SWF_HL7_PORT": "0", "SWF_DICOM_PORT": "0", "SWF_WEB_PORT": "0", "PYTHONPATH": root}
    command = [sys.executable, "-m", "swf", "serve"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = READY.search(process.stdout.readline())
        assert found is not None
        try:
            yield int(found[1]), int(found[2])
        finally:
            process.terminate()


@contextmanager
def _watching(port: int, streams: int, path: str) -> Iterator[list[int]]:
    """How many times each was told is in the list once the block is left."""
    told: list[int] = []
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    watchers = context.Process(target=_watchers, args=(port, streams, path, theirs))
    watchers.start()
    assert ours.recv() == "open"
    yield told
    ours.send("enough")
    told += ours.recv()
    watchers.join()


def _watchers(port: int, streams: int, path: str, pipe: Any) -> None:
    asyncio.run(_watch(port, streams, path, pipe))


async def _watch(port: int, streams: int, path: str, pipe: Any) -> None:
    told = [0] * streams
    opened = [asyncio.Event() for _ in range(streams)]
    open_ones = [asyncio.create_task(_hear(port, path, number, told, opened[number])) for number in range(streams)]
    for each in opened:
        await each.wait()
    pipe.send("open")
    await asyncio.to_thread(pipe.recv)
    for each in open_ones:
        each.cancel()
    pipe.send(told)


async def _hear(port: int, path: str, number: int, told: list[int], opened: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n".encode())
    while line := await reader.readline():
        if line.startswith(b"retry:"):
            opened.set()
        told[number] += line.startswith(b"event: changed")

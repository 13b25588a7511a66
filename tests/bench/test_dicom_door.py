"""What the door for modalities costs: idle associations, polling modalities, hostile crowds; prints tables, judges nothing.

The broker is a process of its own; the modalities share the machine with it.
"""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from pydicom.dataset import Dataset

from swf.extensions.simulator import his
from swf.extensions.simulator.modality import worklist_query
from tests.net import raw_peer
from tests.net.raw_peer import ACCEPTED, Address, RawPeer
from tests.processes import MllpClient, Served, serving

IDLE, IDLE_S = 100, 10.0
MODALITIES, POLLED_S = 50, 60.0
ORDERS = 20
QUERIES = 300
SENDERS, BURST_S = 4, 10.0
SILENT, HALF, DRIPPING = 500, 100, 10


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A broker with a day's list for one station."""
    with serving() as serve:
        broker = serve(tmp_path)
        with MllpClient(broker.hl7) as client:
            for _ in range(ORDERS):
                assert client.send(his.order_orm(his.Order())) == "AA"
        yield broker


def _say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        print(f"\n{line}")


def _cpu(served: Served) -> float:
    times = psutil.Process(served.process.pid).cpu_times()
    return float(times.user + times.system)


@pytest.mark.bench
def test_idle_associations(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred modalities that keep their association open and say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            peer = stack.enter_context(RawPeer(served.dicom))
            unit = peer.associate()
            assert unit
            assert unit.kind == ACCEPTED
        before = _cpu(served)
        threading.Event().wait(IDLE_S)
        used = (_cpu(served) - before) / IDLE_S
        _say(capsys, f"{IDLE} idle associations: {used:.2%} of a core")


@pytest.mark.bench
@pytest.mark.parametrize("anew", [True, False], ids=["an association for each query", "one for all"])
def test_polling_modalities(served: Served, capsys: pytest.CaptureFixture[str], *, anew: bool) -> None:
    """Fifty modalities that ask for their list once a second for a minute."""
    took: list[float] = []
    rejected: list[int] = []
    gate = threading.Barrier(MODALITIES)
    work = partial(_poll, served.dicom, gate, anew=anew, took=took, rejected=rejected)
    modalities = [threading.Thread(target=work, args=(number,)) for number in range(MODALITIES)]
    before, began = _cpu(served), time.perf_counter()
    for modality in modalities:
        modality.start()
    for modality in modalities:
        modality.join()
    used = (_cpu(served) - before) / (time.perf_counter() - began)
    _say(capsys, f"{MODALITIES} modalities, {len(took)} queries of {ORDERS} items: {_figures(took)}, ")
    _say(capsys, f"    {len(rejected)} rejected, {used:.0%} of a core")


def _poll(
    address: Address, gate: threading.Barrier, number: int, *, anew: bool, took: list[float], rejected: list[int]
) -> None:
    asked = worklist_query()
    gate.wait()
    due = time.perf_counter() + number / MODALITIES
    with contextlib.ExitStack() as stack:
        peer = None
        for _ in range(int(POLLED_S)):
            threading.Event().wait(max(0.0, due - time.perf_counter()))
            due += 1.0
            began = time.perf_counter()
            if peer is None:
                peer = stack.enter_context(RawPeer(address))
                unit = peer.associate(calling=f"M{number}")
                if unit is None or unit.kind != ACCEPTED:
                    rejected.append(number)
                    peer = None
                    continue
            assert len(_items(peer, asked)) == ORDERS
            took.append(time.perf_counter() - began)
            if anew:
                peer.release()
                peer.socket.close()
                peer = None


def _items(peer: RawPeer, asked: Dataset) -> list[bytes]:
    """The units of an answer, not decoded: that would cost the client more than the server."""
    peer.send(raw_peer.find_request(asked))
    units = []
    while unit := peer.unit():
        units.append(unit.body)
        if unit.body.find(b"\0\0\0\x09\x02\0\0\0\0\0") > 0:
            break
    return units[1::2]


@pytest.mark.bench
@pytest.mark.parametrize("split", [False, True], ids=["one process", "a process for each door"])
def test_a_burst_of_orders(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, split: bool) -> None:
    """What a query costs while orders come as fast as they are taken, from a process of its own or not."""
    with serving() as serve:
        if split:
            modalities = serve(tmp_path, node_roles=["dicom"])
            orders = serve(tmp_path, node_roles=["hl7", "delivery", "housekeeping"])
        else:
            modalities = orders = serve(tmp_path)
        with MllpClient(orders.hl7) as client:
            assert client.send(his.order_orm(his.Order())) == "AA"
        asked = worklist_query(ScheduledStationAETitle="NOBODY")
        took, taken, stop = [], [0] * SENDERS, threading.Event()
        senders = [threading.Thread(target=_send, args=(orders.hl7, taken, n, stop)) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        until = time.perf_counter() + BURST_S
        while time.perf_counter() < until:
            began = time.perf_counter()
            with RawPeer(modalities.dicom) as peer:
                peer.associate()
                assert _items(peer, asked) == []
                peer.release()
            took.append(time.perf_counter() - began)
            stop.wait(0.02)
        stop.set()
        for sender in senders:
            sender.join()
    what = "a process for each door" if split else "one process"
    _say(capsys, f"{what}, {sum(taken) / BURST_S:.0f} orders/s meanwhile: {_figures(took)}")


def _send(address: Address, taken: list[int], number: int, stop: threading.Event) -> None:
    with MllpClient(address) as client:
        while not stop.is_set():
            assert client.send(his.order_orm(his.Order())) == "AA"
            taken[number] += 1


@pytest.mark.bench
def test_a_hostile_crowd(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """Associations and queries of a good modality, alone and beside 610 connections that never associate."""
    quiet = [_one_query(served.dicom) for _ in range(QUERIES)]
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(RawPeer(served.dicom)) for _ in range(SILENT + HALF + DRIPPING)]
        for peer in crowd[SILENT:]:
            peer.send(raw_peer.request()[:3])
        busy = []
        for number in range(QUERIES):
            with contextlib.suppress(OSError):
                crowd[-1 - number % DRIPPING].send(b"\0")
            busy.append(_one_query(served.dicom))
    _say(capsys, f"alone: {_figures(quiet)}; in a crowd: {_figures(busy)}")


def _one_query(address: Address) -> float:
    began = time.perf_counter()
    with RawPeer(address) as peer:
        unit = peer.associate()
        assert unit
        assert unit.kind == ACCEPTED
        assert len(_items(peer, worklist_query())) == ORDERS
        peer.release()
    return time.perf_counter() - began


def _figures(took: list[float]) -> str:
    ordered = sorted(took)
    p99 = ordered[int(len(ordered) * 0.99)]
    return f"p50 {statistics.median(ordered) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"

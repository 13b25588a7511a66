"""Hundreds of silent, broken and dripping connections at once: a good modality does not notice (issue of the door)."""

import contextlib
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import trustme
from pydicom.dataset import Dataset

from tests.net import raw_peer
from tests.net.raw_peer import ACCEPTED, RELEASED, Address, RawPeer
from tests.processes import Serve, Served

SILENT, HALF, DRIPPING = 500, 100, 10
QUERIES = 30
DRIP_S = 0.05


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[dict[str, str], ssl.SSLContext]:
    """The settings of a broker that speaks TLS, and what a modality speaks to it with."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    both = str(tmp_path / "both.pem")
    return {"dicom_tls_certificate": both, "dicom_tls_key": both, "dicom_tls_port": "0"}, context


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
def test_a_good_modality_does_not_notice_a_crowd(
    serve: Serve, tmp_path: Path, certificates: tuple[dict[str, str], ssl.SSLContext], *, over_tls: bool
) -> None:
    """While 610 connections say nothing, half of something, or a byte now and then, every query is answered, as soon."""
    settings, context = certificates
    served = serve(tmp_path, **settings)
    address, secure = (served.tls, context) if over_tls else (served.dicom, None)
    process = psutil.Process(served.process.pid)
    quiet = _queries(address, secure)
    before = process.memory_info().rss
    with _crowd(address):
        busy = _queries(address, secure)
        threads, grown = process.num_threads(), process.memory_info().rss - before
    p50 = [statistics.median(took) * 1000 for took in (quiet, busy)]
    p99 = [max(took) * 1000 for took in (quiet, busy)]
    print(f"quiet p50 {p50[0]:.1f} ms, slowest {p99[0]:.1f} ms; crowd p50 {p50[1]:.1f} ms, slowest {p99[1]:.1f} ms")
    print(f"{threads} threads, memory +{grown / 2**20:.1f} MiB")
    assert p50[1] < 3 * p50[0] + 5
    assert threads < 64
    assert grown < 32 * 2**20
    _is_alive(served, address, secure)


def _queries(address: Address, secure: ssl.SSLContext | None) -> list[float]:
    """How long each query takes on an association of its own; all of them have to succeed."""
    took = []
    identifier = Dataset()
    identifier.PatientName = ""
    for _ in range(QUERIES):
        began = time.perf_counter()
        with RawPeer(address, secure=secure) as peer:
            unit = peer.associate()
            assert unit
            assert unit.kind == ACCEPTED
            assert [response.command.Status for response in peer.query(identifier)] == [0]
            unit = peer.release()
            assert unit
            assert unit.kind == RELEASED
        took.append(time.perf_counter() - began)
    return took


@contextlib.contextmanager
def _crowd(address: Address) -> Iterator[None]:
    """Connections that never associate; those that drip go on as long as they are let."""
    stop = threading.Event()
    request = raw_peer.request()
    with contextlib.ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(RawPeer(address))
        for _ in range(HALF):
            stack.enter_context(RawPeer(address)).send(request[:3])
        dripping = [stack.enter_context(RawPeer(address)) for _ in range(DRIPPING)]
        thread = threading.Thread(target=_drip, args=(dripping, request, stop))
        thread.start()
        yield
        stop.set()
        thread.join()


def _drip(peers: list[RawPeer], request: bytes, stop: threading.Event) -> None:
    for byte in request:
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.send(bytes([byte]))
        if stop.wait(DRIP_S):
            return


def _is_alive(served: Served, address: Address, secure: ssl.SSLContext | None) -> None:
    with RawPeer(address, secure=secure) as peer:
        peer.associate()
        assert peer.echo() == 0
    assert served.process.poll() is None

"""Bytes nobody meant: whatever is sent before and during an association, the next modality is served (CVE-2026-44628)."""

import contextlib
import os
import threading
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from swf.broker import Broker
from swf.net.dicom_lobby import Lobby
from tests.conftest import MakeBroker, settings_for
from tests.net import raw_peer
from tests.net.dicom_peer import dataset
from tests.net.raw_peer import RawPeer

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all of it: what one input breaks, the next one sees."""
    broker = Broker(settings_for(tmp_path_factory.mktemp("fuzz"), dicom={"request_seconds": 1.0}))
    broker.start()
    yield broker
    broker.stop()


def _is_served(site: Broker) -> bool:
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        return peer.echo() == 0


def _query() -> Dataset:
    return dataset(PatientName="DOE*", AccessionNumber="", ScheduledProcedureStepSequence=[dataset(Modality="CT")])


@quick
@given(st.data())
def test_a_spoiled_conversation_harms_nobody(site: Broker, data: st.DataObject) -> None:
    """An association request, a query or a report with wrong bytes in it is answered or ended, and that is all."""
    opening = bytearray(raw_peer.request())
    following = bytearray(raw_peer.find_request(_query()) + raw_peer.echo_request(2))
    spoiled = data.draw(st.sampled_from([opening, following]))
    for _ in range(data.draw(st.integers(1, 6))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    with RawPeer(site.dicom.address) as peer, contextlib.suppress(OSError, AssertionError):
        peer.send(bytes(opening), bytes(following))
    assert _is_served(site)


@quick
@given(st.binary(max_size=400))
def test_a_spoiled_identifier_is_answered(site: Broker, identifier: bytes) -> None:
    """A query whose identifier is no dataset gets a status, never a closed connection, and the next query is answered."""
    asked = raw_peer.command(
        AffectedSOPClassUID="1.2.840.10008.5.1.4.31", CommandField=0x20, MessageID=1, Priority=0, CommandDataSetType=1
    )
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        peer.send(raw_peer.data(3, asked, is_command=True) + raw_peer.data(3, identifier, is_command=False))
        assert list(peer.responses())[-1].command.Status in (0x0000, 0xA900, 0xC000)
        assert list(peer.query(_query(), number=2))[-1].command.Status == 0x0000


def test_nothing_is_left_of_many_associations(site: Broker) -> None:
    """Hundreds of associations that end in every way leave no thread, no descriptor and no memory behind."""
    process = psutil.Process()
    endings = (
        lambda peer: peer.release(),
        lambda peer: peer.send(b"\x07\0\0\0\0\x04\0\0\0\0"),
        lambda peer: peer.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0"),
        lambda peer: peer.send(raw_peer.find_request(_query())),
        lambda peer: peer.send(b"\x09"),
    )

    def associate(count: int) -> None:
        for number in range(count):
            with RawPeer(site.dicom.address) as peer, contextlib.suppress(OSError):
                peer.associate()
                endings[number % len(endings)](peer)

    associate(100)
    _settle(site)
    before = (process.num_fds(), process.num_threads(), process.memory_info().rss)
    associate(500)
    _settle(site)
    after = (process.num_fds(), process.num_threads(), process.memory_info().rss)
    assert after[0] <= before[0] + 5
    assert after[1] <= before[1] + 5
    assert after[2] - before[2] < 8 * 2**20


def _settle(site: Broker) -> None:
    for _ in range(500):
        if not site.dicom._open:
            return
        threading.Event().wait(0.02)
    assert not site.dicom._open


def test_an_unforeseen_fault_closes_no_door(make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours at one connection ends that connection, and the next modality is let in."""
    broker = make_broker()
    listen = Lobby._listen

    def fail_once(lobby: Lobby, guest: object) -> None:
        monkeypatch.setattr(Lobby, "_listen", listen)
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(Lobby, "_listen", fail_once)
    with RawPeer(broker.dicom.address) as peer:
        peer.send(os.urandom(10))
        assert peer.at_end()
    assert _is_served(broker)
    assert broker.dicom.healthy()

"""Connections that have not associated: who is turned away, why, how soon, and that the others do not notice."""

import contextlib
import io
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme

from swf.config import Dicom, Modality
from swf.dicom import negotiation
from swf.dicom.dimse import Command
from swf.net.dicom_request import Request
from swf.net.dicom_server import DicomServer
from swf.net.tls import Secured, of_dicom
from tests.net import raw_peer
from tests.net.raw_peer import ABORTED, ACCEPTED, REJECTED, RawPeer, Unit

LOCAL_LIMIT, CALLING, CALLED = bytes((0, 2, 3, 2)), bytes((0, 1, 1, 3)), bytes((0, 1, 1, 7))
CONTEXT_NAME, VERSION = bytes((0, 1, 1, 2)), bytes((0, 1, 2, 2))
UNRECOGNISED, UNEXPECTED, INVALID = bytes((0, 0, 2, 1)), bytes((0, 0, 2, 2)), bytes((0, 0, 2, 6))
SOON_S = 0.4
Open = Callable[..., DicomServer]


def _nothing(_request: Request) -> Iterator[tuple[int, None]]:
    yield from ()


@pytest.fixture
def open_door() -> Iterator[Open]:
    """Opens doors on free ports whose worklist is empty, and closes them in the end."""
    with contextlib.ExitStack() as doors:

        def start(*modalities: Modality, secured: Secured | None = None, **settings: Any) -> DicomServer:
            services = {negotiation.WORKLIST: {Command.C_FIND: _nothing}}
            settings = {"port": 0, "tls_port": 0} | settings
            door = DicomServer(Dicom(**settings), modalities, ("SWF",), services, secured=secured)
            door.start()
            doors.callback(door.stop)
            return door

        yield start


def _reach(door: DicomServer) -> tuple[str, int]:
    return "127.0.0.1", door.address[1]


def _until(reached: Callable[[], bool]) -> bool:
    until = time.monotonic() + raw_peer.TIMEOUT_S
    while not reached() and time.monotonic() < until:
        threading.Event().wait(0.01)
    return reached()


# ---- exact reasons ----


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        ({}, (ACCEPTED, None)),
        ({"calling": "CT2"}, (REJECTED, CALLING)),
        ({"called": "OTHER"}, (REJECTED, CALLED)),
        ({"calling": "CT2", "called": "OTHER"}, (REJECTED, CALLING)),
        ({"calling": "MR1"}, (REJECTED, CALLING)),
    ],
    ids=["known", "unknown calling", "unknown called", "both", "wrong place"],
)
def test_a_rejection_has_its_exact_reason(
    open_door: Open, terms: dict[str, str], answer: tuple[int, bytes | None]
) -> None:
    """Whoever sets up a scanner reads on it which of the two titles is wrong (PS3.8 table 9-21)."""
    door = open_door(Modality(ae_title="CT1"), Modality(ae_title="MR1", host="192.0.2.1"), host="0.0.0.0")
    with RawPeer(_reach(door)) as peer:
        unit = peer.associate(**terms)
        assert unit
        assert (unit.kind, unit.body if answer[1] else None) == answer
        assert unit.kind == ACCEPTED or peer.at_end()


@pytest.mark.parametrize(
    ("setting", "terms"),
    [("accept_any_called_title", {"called": "OTHER"}), ("accept_unknown_callers", {"calling": "CT2"})],
)
def test_a_site_may_be_less_strict(open_door: Open, setting: str, terms: dict[str, str]) -> None:
    """A site with modalities that cannot be set up may take any title they call by or call us."""
    door = open_door(Modality(ae_title="CT1"), host="0.0.0.0", **{setting: True})
    with RawPeer(_reach(door)) as peer:
        unit = peer.associate(**terms)
        assert unit
        assert unit.kind == ACCEPTED


@pytest.mark.parametrize(
    ("place", "spoiled", "answer"),
    [
        (slice(6, 8), b"\0\2", (REJECTED, VERSION)),
        (slice(78, 83), b"9.9.9", (REJECTED, CONTEXT_NAME)),
        (slice(26, 42), b" " * 16, (REJECTED, CALLING)),
        (slice(76, 78), b"\xff\xff", (ABORTED, INVALID)),
    ],
    ids=["version", "application context", "no calling title", "false length"],
)
def test_a_spoiled_request_has_its_exact_answer(
    open_door: Open, place: slice, spoiled: bytes, answer: tuple[int, bytes]
) -> None:
    """What is not DICOM as we speak it is told so, and is not served."""
    raw = bytearray(raw_peer.request())
    raw[place] = spoiled
    with RawPeer(open_door().address) as peer:
        peer.send(bytes(raw))
        assert peer.unit() == Unit(*answer)
        assert peer.at_end()


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (b"\x04\0\0\0\0\x04abcd", UNEXPECTED),
        (b"\x05\0\0\0\0\x04\0\0\0\0", UNEXPECTED),
        (b"\x99", UNRECOGNISED),
        (b"GET / HTTP/1.1\r\n\r\n", UNRECOGNISED),
        (b"\x16\x03\x01\x02\x00\x01", UNRECOGNISED),
        (b"\x01\0\xff\xff\xff\xff", INVALID),
        (b"\x01\0\x7f\xff\xff\xff", INVALID),
        (b"\x01\0\0\0\0\0", INVALID),
    ],
    ids=["data", "release", "nonsense", "HTTP", "TLS", "4 GiB", "2 GiB", "empty"],
)
def test_what_is_no_association_request_ends_at_once(open_door: Open, raw: bytes, answer: bytes) -> None:
    """A browser, a scanner for open ports or a broken device is told what is wrong and parted from, at once."""
    began = time.monotonic()
    with RawPeer(open_door().address) as peer:
        peer.send(raw)
        assert peer.unit() == Unit(ABORTED, answer)
        assert peer.at_end()
    assert time.monotonic() - began < 5


# ---- limits ----


@pytest.mark.parametrize("limit", ["max_associations", "max_associations_per_peer"])
def test_a_limit_is_told_as_one(open_door: Open, limit: str) -> None:
    """A modality that comes when all places are taken hears that it may try again, and can once one is free."""
    door = open_door(**{limit: 2})
    with RawPeer(door.address) as first, RawPeer(door.address) as second:
        for peer in (first, second):
            unit = peer.associate()
            assert unit
            assert unit.kind == ACCEPTED
        with RawPeer(door.address) as third:
            assert third.associate() == Unit(REJECTED, LOCAL_LIMIT)
            assert third.at_end()
        assert first.release() == Unit(raw_peer.RELEASED, bytes(4))
        assert _until(lambda: door.associations() == 1)
        with RawPeer(door.address) as fourth:
            unit = fourth.associate()
            assert unit
            assert unit.kind == ACCEPTED


@pytest.mark.parametrize("limit", ["max_waiting", "max_waiting_per_peer"])
def test_the_silent_make_room_for_those_who_speak(open_door: Open, limit: str) -> None:
    """However many connections say nothing, the next modality is let in; the oldest silent one has to go."""
    door = open_door(**{limit: 5}, max_associations=1, association_seconds=600)
    with contextlib.ExitStack() as crowd:
        silent = [crowd.enter_context(RawPeer(door.address)) for _ in range(5)]
        with RawPeer(door.address) as peer:
            unit = peer.associate()
            assert unit
            assert unit.kind == ACCEPTED
            assert peer.echo() == 0
        assert silent[0].at_end()
        assert _until(lambda: door.associations() == 0)
        silent[-1].send(raw_peer.request())
        assert _until(lambda: door.associations() == 1)


# ---- deadlines ----


@pytest.mark.parametrize("begun", [b"", b"\x01\x00\x00", raw_peer.request()[:100]], ids=["nothing", "header", "half"])
def test_who_does_not_associate_in_time_has_to_go(open_door: Open, begun: bytes) -> None:
    """A device that was switched off in the middle does not hold its connection for ever."""
    door = open_door(association_seconds=SOON_S)
    began = time.monotonic()
    with RawPeer(door.address) as peer:
        peer.send(begun)
        assert peer.at_end()
    assert SOON_S <= time.monotonic() - began < 10


def test_a_drop_at_a_time_does_not_stretch_the_deadline(open_door: Open) -> None:
    """A peer that sends a byte now and then, to look alive, has no longer than the others."""
    door = open_door(association_seconds=SOON_S)
    raw = raw_peer.request()
    began = time.monotonic()
    with RawPeer(door.address) as peer, contextlib.suppress(ConnectionError):
        for byte in raw:
            peer.send(bytes([byte]))
            threading.Event().wait(0.02)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "begun",
    [b"\x04\0\0", raw_peer.echo_request()[:-3], raw_peer.data(1, b"\0" * 10, is_command=True, is_last=False)],
    ids=["header", "half a unit", "half a message"],
)
def test_a_request_that_stops_in_the_middle_is_ended(open_door: Open, begun: bytes) -> None:
    """An association whose modality hangs in the middle of a request gives its place back in time."""
    door = open_door(request_seconds=SOON_S)
    with RawPeer(door.address) as peer:
        peer.associate()
        peer.send(begun)
        assert peer.at_end()
    assert _until(lambda: door.associations() == 0)


def test_an_association_that_says_nothing_is_ended(open_door: Open) -> None:
    """A modality that forgets to release gives its place back after the idle time, and not before."""
    door = open_door(idle_seconds=SOON_S, request_seconds=0.01)
    with RawPeer(door.address) as peer:
        peer.associate()
        threading.Event().wait(SOON_S / 2)
        assert peer.echo() == 0
        unit = peer.unit()
        assert unit
        assert unit.kind == ABORTED
        assert peer.at_end()
    assert _until(lambda: door.associations() == 0)


# ---- size ----


@pytest.mark.parametrize("associated", [False, True])
def test_a_giant_unit_takes_no_memory(open_door: Open, *, associated: bool) -> None:
    """600 MiB that are announced as one unit, and really sent, take no memory of the broker's."""
    door = open_door()
    process = psutil.Process()
    with RawPeer(door.address) as peer:
        if associated:
            peer.associate()
        chunk = bytes(2**20)
        before = process.memory_info().rss
        with contextlib.suppress(ConnectionError):
            peer.send(struct.pack(">BxL", 4 if associated else 1, 600 * 2**20))
            for _ in range(600):
                peer.send(chunk)
        assert process.memory_info().rss - before < 8 * 2**20
    with RawPeer(door.address) as peer:
        peer.associate()
        assert peer.echo() == 0


def test_a_request_without_end_is_ended(open_door: Open) -> None:
    """A dataset that never ends, in lawful units, is parted from before it takes all memory."""
    door = open_door()
    process = psutil.Process()
    piece = raw_peer.data(3, bytes(16000), is_command=False, is_last=False)
    with RawPeer(door.address) as peer:
        peer.associate()
        before = process.memory_info().rss
        peer.send(raw_peer.find_request(raw_peer.Dataset())[:-12])
        with contextlib.suppress(ConnectionError):
            peer.send(raw_peer.data(3, b"", is_command=False, is_last=False))
            for _ in range(4000):
                peer.send(piece)
            pytest.fail("64 MB were taken")
        assert process.memory_info().rss - before < 40 * 2**20


# ---- TLS ----


class Site:
    """A site's authority, the broker's certificate, and contexts for the modalities."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self._authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate = self._authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        with (folder / "certificate.pem").open("wb") as file:
            file.writelines(pem.bytes() for pem in certificate.cert_chain_pems)

    def settings(self, *, mutual: bool) -> dict[str, str]:
        names = {"tls_certificate": "certificate.pem", "tls_key": "key.pem"}
        names |= {"tls_client_ca": "ca.pem"} if mutual else {}
        return {setting: str(self._folder / name) for setting, name in names.items()}

    def secured(self, *, mutual: bool = False) -> Secured:
        context = of_dicom(Dicom(**self.settings(mutual=mutual)))
        assert context
        return Secured(context)

    def modality(self, name: str = "", authority: trustme.CA | None = None) -> ssl.SSLContext:
        """What a modality speaks TLS with; with a `name` it has a certificate."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        if name:
            (authority or self._authority).issue_cert(name, common_name=name).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One authority for all tests."""
    return Site(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_modality_may_speak_tls(open_door: Open, site: Site, version: ssl.TLSVersion) -> None:
    """A modality speaks TLS 1.2 or 1.3 at its own port, while the others go on as before (PS3.15 B.12)."""
    door = open_door(secured=site.secured())
    context = site.modality()
    context.minimum_version = context.maximum_version = version
    assert door.tls_address
    for address, secure in ((door.tls_address, context), (door.address, None)):
        with RawPeer(address, secure=secure) as peer:
            unit = peer.associate()
            assert unit
            assert unit.kind == ACCEPTED
            assert peer.echo() == 0
            assert peer.release() == Unit(raw_peer.RELEASED, bytes(4))


def test_tls_alone_may_be_spoken(open_door: Open, site: Site) -> None:
    """A site may close the plain port."""
    door = open_door(secured=site.secured(), tls_only=True, **site.settings(mutual=False))
    assert door.address[1] == 0
    assert door.tls_address
    with RawPeer(door.tls_address) as peer, contextlib.suppress(ConnectionResetError):
        unit = peer.associate()
        assert unit is None or unit.kind == 0x15  # a TLS alert


def test_old_tls_is_refused(open_door: Open, site: Site) -> None:
    """TLS 1.1, and ciphers without forward secrecy or encryption, are not spoken (BCP 195)."""
    door = open_door(secured=site.secured())
    assert door.tls_address
    old, weak = site.modality(), site.modality()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    for context, ciphers in ((old, "ALL:@SECLEVEL=0"), (weak, "NULL:@SECLEVEL=0"), (weak, "aNULL:@SECLEVEL=0")):
        context.set_ciphers(ciphers)
        with pytest.raises(OSError, match=r"."), RawPeer(door.tls_address, secure=context):
            pass


@pytest.mark.parametrize(
    ("calling", "certificate", "expected"),
    [
        ("CT1", "ct1.hospital.example", ACCEPTED),
        ("CT1", "mr1.hospital.example", REJECTED),
        ("MR1", "ct1.hospital.example", ACCEPTED),
    ],
    ids=["its own", "another's", "not bound"],
)
def test_a_title_is_bound_to_a_certificate(
    open_door: Open, site: Site, calling: str, certificate: str, expected: int
) -> None:
    """Who borrows a scanner's title needs its certificate as well."""
    bound = (Modality(ae_title="CT1", certificate="CT1.hospital.example"), Modality(ae_title="MR1"))
    door = open_door(*bound, secured=site.secured(mutual=True), host="0.0.0.0")
    assert door.tls_address
    with RawPeer(("127.0.0.1", door.tls_address[1]), secure=site.modality(certificate)) as peer:
        unit = peer.associate(calling=calling)
        assert unit
        assert unit.kind == expected
    if calling == "CT1":
        with RawPeer(_reach(door)) as plain:
            assert plain.associate(calling=calling) == Unit(REJECTED, CALLING)


def test_a_certificate_may_be_named_by_its_fingerprint(open_door: Open, site: Site) -> None:
    """A certificate without a name of its own is recognised by its SHA-256."""
    shown = site.modality("ct1.hospital.example")
    door = open_door(secured=site.secured(mutual=True))
    assert door.tls_address
    refused = "sha256:" + "00" * 32
    door.admit([Modality(ae_title="CT1", certificate=refused)], ["SWF"])
    with RawPeer(door.tls_address, secure=shown) as peer:
        assert peer.associate() == Unit(REJECTED, CALLING)


def test_a_modality_without_a_certificate_is_kept_out(open_door: Open, site: Site) -> None:
    """Where certificates are asked for, none and one of a foreign authority open no session."""
    door = open_door(secured=site.secured(mutual=True))
    assert door.tls_address
    for context in (site.modality(), site.modality("ct1.hospital.example", trustme.CA())):
        with pytest.raises(OSError, match=r"alert"), RawPeer(door.tls_address, secure=context) as peer:
            peer.associate()
    assert door.associations() == 0


def test_a_silent_tls_peer_delays_nobody(open_door: Open, site: Site, log_lines: io.StringIO) -> None:
    """A connection without a handshake neither blocks the next one nor stays; the log says what was missing."""
    door = open_door(secured=site.secured(), association_seconds=SOON_S)
    assert door.tls_address
    with RawPeer(door.tls_address) as silent, RawPeer(door.tls_address) as half:
        half.send(b"\x16\x03\x01")
        with RawPeer(door.tls_address, secure=site.modality()) as peer:
            peer.associate()
            assert peer.echo() == 0
        assert silent.at_end()
        assert half.at_end()
    assert "no TLS session in time" in log_lines.getvalue()


def test_a_stopping_door_lets_a_tls_peer_go(open_door: Open, site: Site) -> None:
    """A broker that stops aborts the associations over TLS as well, and in time."""
    door = open_door(secured=site.secured())
    assert door.tls_address
    with RawPeer(door.tls_address, secure=site.modality()) as peer:
        peer.associate()
        began = time.monotonic()
        door.stop()
        assert time.monotonic() - began < 3
        unit = peer.unit()
        assert unit
        assert unit.kind == ABORTED

"""TLS at the HL7 doors: who is let in, who is called, and what happens to those who do not fit."""

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as pem

from swf import clock
from swf.config import Destination, Hl7, Settings
from swf.errors import ConfigError, PeerError, PeerUnreachable
from swf.net import mllp_client, tls
from swf.store import deliveries
from tests.authority import Authority
from tests.net.conftest import TIMEOUT_S, Sender, wait_until_idle


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The hospital's own authority."""
    return Authority(tmp_path_factory.mktemp("hospital"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority nobody here trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def secure(listen: Any, receiver: Any, hospital: Authority) -> Callable[..., Any]:
    """Starts a listener with the certificate of 127.0.0.1; `changes` are keys of [hl7]."""
    return lambda **changes: listen(
        receiver,
        secure=_secured_by(tls.of_listener(Hl7(**{**hospital.issue("127.0.0.1"), **changes}))),
        frame_deadline_s=0.5,
    )


def _secured_by(context: ssl.SSLContext | None) -> tls.Secured:
    assert context is not None
    return tls.Secured(context)


Caller = Callable[..., mllp_client.MllpClient]


@pytest.fixture
def caller() -> Iterator[Caller]:
    """Makes clients of a listener; `changes` are keys of [[destination]]."""
    clients: list[mllp_client.MllpClient] = []

    def make(listener: Any, **changes: str) -> mllp_client.MllpClient:
        host, port = listener.address
        context = tls.of_destination(Destination(name="his", host=host, port=port, tls=True, **changes))
        clients.append(mllp_client.MllpClient(host, port, ack_timeout_s=TIMEOUT_S, secure=_secured_by(context)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_messages_travel_encrypted(
    *, secure: Any, caller: Caller, hospital: Authority, receiver: Any, order: Any
) -> None:
    """Orders of any length, one after the other on one connection, arrive whole over TLS."""
    client = caller(secure(), tls_ca=hospital.file)
    for number, length in enumerate((1, 16_384, 3_000_000)):
        assert client.send(order(f"T{number}", "X" * length), f"T{number}").code == "AA"
    assert receiver.messages == [order("T0", "X"), order("T1", "X" * 16_384), order("T2", "X" * 3_000_000)]


def test_mutual_tls(*, secure: Any, caller: Caller, hospital: Authority, receiver: Any, order: Any) -> None:
    """Where senders must show a certificate, one of the hospital's own is let in."""
    client = caller(secure(tls_client_ca=hospital.file), tls_ca=hospital.file, **hospital.issue("his.example"))
    assert client.send(order("T1"), "T1").code == "AA"
    assert len(receiver.messages) == 1


@pytest.mark.parametrize("shown", ["nothing", "another authority's"])
def test_a_sender_without_the_right_certificate(
    *,
    secure: Any,
    caller: Caller,
    hospital: Authority,
    stranger: Authority,
    receiver: Any,
    order: Any,
    log_lines: io.StringIO,
    shown: str,
) -> None:
    """Where senders must show a certificate, none or a foreign one keeps them out, and the log says so."""
    papers = stranger.issue("his.example") if shown != "nothing" else {}
    client = caller(secure(tls_client_ca=hospital.file), tls_ca=hospital.file, **papers)
    with pytest.raises(PeerError):
        client.send(order("T1"), "T1")
    assert receiver.messages == []
    _wait_for(lambda: "no TLS session" in log_lines.getvalue())


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


@pytest.mark.parametrize("fault", ["another authority", "another name"])
def test_a_destination_that_is_not_who_it_should_be(
    *, secure: Any, caller: Caller, hospital: Authority, stranger: Authority, receiver: Any, order: Any, fault: str
) -> None:
    """Nothing is sent to a destination whose certificate another authority signed, or that names somebody else."""
    papers = hospital.issue("other.example") if fault == "another name" else {}
    client = caller(secure(**papers), tls_ca=hospital.file if papers else stranger.file)
    with pytest.raises(PeerUnreachable, match=r"certificate|mismatch"):
        client.send(order("T1"), "T1")
    assert receiver.messages == []


@pytest.mark.parametrize("opening", [b"\x0bMSH|^~\\&|HIS\x1c\r", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b""])
def test_who_does_not_speak_tls(
    *, secure: Any, dial: Any, caller: Caller, hospital: Authority, receiver: Any, order: Any, opening: bytes
) -> None:
    """A sender without TLS, a browser or a silent caller neither gets in nor keeps others waiting."""
    listener = secure()
    lost = dial(listener)
    lost.send(opening)
    assert caller(listener, tls_ca=hospital.file).send(order("T1"), "T1").code == "AA"
    assert receiver.messages == [order("T1")]


def test_a_handshake_that_never_ends(
    *, secure: Any, dial: Any, log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that begins a handshake and falls silent is sent away in time."""
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.1)
    lost = dial(secure())
    lost.send(b"\x16\x03\x01\x02")
    assert lost.at_end()
    assert "no handshake in time" in log_lines.getvalue()


def test_an_idle_tls_sender_makes_room(
    *, listen: Any, dial: Any, caller: Caller, hospital: Authority, receiver: Any, order: Any
) -> None:
    """At the limit of connections a silent TLS sender is parted from properly, and so is one amid its handshake."""
    context = tls.of_listener(Hl7(**hospital.issue("127.0.0.1")))
    listener = listen(receiver, secure=_secured_by(context), max_connections=1)
    idle = dial(listener)
    with _secured(idle, hospital) as encrypted:
        idle.send(b"\x0b" + order("T0") + b"\x1c\r")
        assert idle.answer() == ("AA", "T0")
        wait_until_idle(listener)
        halfway = dial(listener)
        assert encrypted.recv(1) == b""
    halfway.send(b"\x16\x03\x01\x02")
    assert caller(listener, tls_ca=hospital.file).send(order("T1"), "T1").code == "AA"
    while halfway.socket.recv(64):  # an alert, and the end
        pass


def test_a_stop_does_not_wait_for_a_handshake(*, secure: Any, dial: Any) -> None:
    """A caller in the middle of its handshake does not delay a stop."""
    listener = secure()
    dial(listener).send(b"\x16\x03\x01\x02")
    begun = time.monotonic()
    listener.stop()
    assert time.monotonic() - begun < 2.0


def _secured(sender: Sender, hospital: Authority) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=hospital.file)
    sender.socket = context.wrap_socket(sender.socket, server_hostname="127.0.0.1")
    return sender.socket


def test_half_a_message_over_tls(*, secure: Any, dial: Any, hospital: Authority, receiver: Any, order: Any) -> None:
    """A message that is not complete in time is refused by its number, encrypted as it came."""
    sender = dial(secure())
    with _secured(sender, hospital):
        sender.send(b"\x0b" + order("SLOW")[:-5])
        assert sender.answer() == ("AR", "SLOW")
        assert sender.at_end()
    assert receiver.messages == []


def test_half_a_tls_record(
    *, secure: Any, hospital: Authority, receiver: Any, order: Any, framed: Any, listen: Any
) -> None:
    """A record that arrives in two pieces is waited for without keeping the door from anything else."""
    listener = secure()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl.create_default_context(cafile=hospital.file).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(listener.address, TIMEOUT_S) as connection:
        _handshake(session, connection, incoming, outgoing)
        session.write(framed(order("T1")))
        record = outgoing.read()
        connection.sendall(record[:10])
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            _read_to_the_end(connection)  # session tickets, no answer
        assert receiver.messages == []
        connection.settimeout(TIMEOUT_S)
        connection.sendall(record[10:])
        assert connection.recv(65536)
    assert receiver.messages == [order("T1")]


def _read_to_the_end(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def _handshake(
    session: ssl.SSLObject, connection: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    while True:
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
        else:
            connection.sendall(outgoing.read())
            return


def test_old_versions_are_refused(*, secure: Any, dial: Any, hospital: Authority) -> None:
    """TLS 1.1 and older are not spoken."""
    for context in (
        tls.of_listener(Hl7(**hospital.issue("127.0.0.1"))),
        tls.of_destination(Destination(name="his", host="h", port=1, tls=True)),
    ):
        assert context is not None
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_without_settings_there_is_no_tls() -> None:
    """Without a certificate, and without being told to, nobody speaks TLS."""
    assert tls.of_listener(Hl7()) is None
    assert tls.of_destination(Destination(name="his", host="h", port=1)) is None


def test_files_that_cannot_be_used(hospital: Authority, tmp_path: Path) -> None:
    """A file that is no certificate, a key of another one, or a locked key is a mistake named before anything starts."""
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate")
    good, other = hospital.issue("127.0.0.1"), hospital.issue("other.example")
    settings = Settings(
        hl7={"tls_certificate": good["tls_certificate"], "tls_key": other["tls_key"]},
        destination=[
            {"name": "a", "host": "h", "port": 1, "tls": True, "tls_ca": str(rubbish)},
            {"name": "b", "host": "h", "port": 1, "tls": True, **good, "tls_certificate": str(rubbish)},
            {"name": "c", "host": "h", "port": 1, "tls": True, **good},
        ],
    )
    with pytest.raises(ConfigError) as refusal:
        tls.check(settings)
    places = [mistake.split(" cannot be used: ")[0] for mistake in refusal.value.mistakes]
    assert places == [
        f"hl7: tls_certificate {good['tls_certificate']} and tls_key {other['tls_key']}",
        f"destination a: tls_ca: {rubbish}",
        f"destination b: tls_certificate {rubbish} and tls_key {good['tls_key']}",
    ]


def test_a_locked_key_is_a_mistake_and_no_question(hospital: Authority, tmp_path: Path) -> None:
    """A key with a passphrase does not make the broker wait for somebody to type it."""
    papers = hospital.issue("127.0.0.1")
    key = pem.load_pem_private_key(Path(papers["tls_key"]).read_bytes(), None)
    locked = tmp_path / "locked.key"
    lock = pem.BestAvailableEncryption(b"open sesame")
    locked.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, lock))
    with pytest.raises(ConfigError, match=r"locked\.key cannot be used"):
        tls.of_listener(Hl7(**{**papers, "tls_key": str(locked)}))


def test_a_broker_with_tls_on_both_sides(
    *, make_broker: Any, listen: Any, hospital: Authority, receiver: Any, order: Any, caller: Caller
) -> None:
    """By its settings a broker takes orders over TLS and tells a destination over TLS."""
    his = listen(receiver, secure=_secured_by(tls.of_listener(Hl7(**hospital.issue("127.0.0.1")))))
    papers = {**hospital.issue("127.0.0.1"), "tls_client_ca": hospital.file}
    host, port = his.address
    destination = {"name": "his", "host": host, "port": port, "tls": True, "tls_ca": hospital.file}
    broker = make_broker(hl7=papers, destination=[destination])
    client = caller(broker.hl7, tls_ca=hospital.file, **hospital.issue("his.example"))
    assert client.send(order("T1") + b"ORC|NW|8100^HIS\rOBR||8100^HIS||CT^CT head\r", "T1").code == "AA"
    told = order("S1")
    broker.database.run(
        lambda transaction: deliveries.add(
            transaction,
            destination="his",
            order=1,
            type="ORM^O01",
            control_id="S1",
            payload=told,
            created_at=clock.now(),
        )
    )
    _wait_for(lambda: receiver.messages == [told])

"""The way out: destinations with every bad habit known (hl7v2.md §9, input 53)."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from swf import errors
from swf.net import mllp_client


def _reply(control_id: str, code: str = "AA", rest: str = "") -> bytes:
    return f"MSH|^~\\&|MIS|HOSP|SWF|RAD|20260102030405||ACK^O01|R1|P|2.3.1\rMSA|{code}|{control_id}{rest}\r".encode()


def _send_reply(connection: socket.socket, control_id: str) -> None:
    connection.sendall(b"\x0b" + _reply(control_id) + b"\x1c\r")


class Once:
    """A script that misbehaves for the first message and acknowledges the others."""

    def __init__(self, first: Any) -> None:
        self._scripts = iter([first])

    def __call__(self, connection: socket.socket, control_id: str) -> None:
        next(self._scripts, _send_reply)(connection, control_id)


@pytest.fixture
def client_for() -> Iterator[Any]:
    """Builds clients of a scripted peer and closes them in the end."""
    clients: list[mllp_client.MllpClient] = []

    def build(peer: Any, ack_timeout_s: float = 5.0) -> mllp_client.MllpClient:
        clients.append(mllp_client.MllpClient(*peer.address, ack_timeout_s=ack_timeout_s))
        return clients[-1]

    yield build
    for client in clients:
        client.close()


def test_accepted(scripted_peer: Any, client_for: Any, order: Any) -> None:
    """Messages go out one after the other over one connection, unchanged."""
    peer = scripted_peer(_send_reply)
    client = client_for(peer)
    for number in range(3):
        acknowledgement = client.send(order(f"M{number}"), f"M{number}")
        assert (acknowledgement.code, acknowledgement.control_id) == ("AA", f"M{number}")
    assert peer.messages == [order("M0"), order("M1"), order("M2")]
    assert peer.connections == 1


def _in_single_bytes(connection: socket.socket, control_id: str) -> None:
    for byte in b"\x0b" + _reply(control_id) + b"\x1c\r":
        connection.sendall(bytes([byte]))


def _without_cr(connection: socket.socket, control_id: str) -> None:
    connection.sendall(b"\x0b" + _reply(control_id) + b"\x1c")


def _without_cr_then_close(connection: socket.socket, control_id: str) -> None:
    _without_cr(connection, control_id)
    raise OSError


def _after_another(connection: socket.socket, control_id: str) -> None:
    _send_reply(connection, "EARLIER")
    _send_reply(connection, control_id)


def _after_noise(connection: socket.socket, control_id: str) -> None:
    connection.sendall(b"\0\r\n")
    _send_reply(connection, control_id)


def _after_garbage(connection: socket.socket, control_id: str) -> None:
    connection.sendall(b"\x0bthis is no acknowledgement\x1c\r")
    _send_reply(connection, control_id)


def _own_delimiters(connection: socket.socket, control_id: str) -> None:
    text = _reply(control_id).decode().replace("^~\\&", "#~\\&").replace("|", "$").replace("^", "#")
    connection.sendall(b"\x0b" + text.encode() + b"\x1c\r")


def _another_character_set(connection: socket.socket, control_id: str) -> None:
    connection.sendall(b"\x0b" + _reply(control_id, rest="|angenommen f") + b"\xfcr Sie\r\x1c\r")


def _commit_then_application(connection: socket.socket, control_id: str) -> None:
    connection.sendall(b"\x0b" + _reply(control_id, "CA") + b"\x1c\r")
    _send_reply(connection, control_id)


def _twice(connection: socket.socket, control_id: str) -> None:
    _send_reply(connection, control_id)
    _send_reply(connection, control_id)


def _then_close(connection: socket.socket, control_id: str) -> None:
    _send_reply(connection, control_id)
    raise OSError


@pytest.mark.parametrize(
    "script",
    [
        _in_single_bytes,
        _without_cr,
        _without_cr_then_close,
        _after_another,
        _after_noise,
        _after_garbage,
        _own_delimiters,
        _another_character_set,
        _commit_then_application,
        _twice,
        _then_close,
    ],
)
def test_odd_but_clear_acknowledgements(scripted_peer: Any, client_for: Any, order: Any, script: Any) -> None:
    """(53) However oddly a destination acknowledges, its yes to this message counts, and the next message is not confused."""
    peer = scripted_peer(script)
    client = client_for(peer)
    for number in range(3):
        assert client.send(order(f"M{number}"), f"M{number}").control_id == f"M{number}"
    assert [raw.split(b"|")[9] for raw in peer.messages] == [b"M0", b"M1", b"M2"]


def _silent(_connection: socket.socket, _control_id: str) -> None:
    """Take the message and say nothing."""


def _unframed(connection: socket.socket, control_id: str) -> None:
    connection.sendall(_reply(control_id))


def _for_another(connection: socket.socket, _control_id: str) -> None:
    _send_reply(connection, "SOMEBODYELSE")


def _half(connection: socket.socket, control_id: str) -> None:
    connection.sendall((b"\x0b" + _reply(control_id))[:-20])


@pytest.mark.parametrize("script", [_silent, _unframed, _for_another, _half])
def test_no_acknowledgement(scripted_peer: Any, client_for: Any, order: Any, script: Any) -> None:
    """(53) Without a clear answer in time nothing counts as delivered, and the connection is not used again."""
    peer = scripted_peer(Once(script))
    client = client_for(peer, ack_timeout_s=0.15)
    with pytest.raises(errors.PeerSilent, match=r"within 0\.15 s"):
        client.send(order("M1"), "M1")
    assert client.send(order("M1"), "M1").code == "AA"
    assert peer.connections == 2


def _hang_up(_connection: socket.socket, _control_id: str) -> None:
    raise OSError


def _hang_up_within(connection: socket.socket, control_id: str) -> None:
    _half(connection, control_id)
    raise OSError


@pytest.mark.parametrize("script", [_hang_up, _hang_up_within])
def test_destination_that_hangs_up(scripted_peer: Any, client_for: Any, order: Any, script: Any) -> None:
    """(53) A destination that closes before or within its answer has not acknowledged; the next attempt connects again."""
    peer = scripted_peer(Once(script))
    client = client_for(peer)
    with pytest.raises(errors.PeerSilent, match="closed"):
        client.send(order("M1"), "M1")
    assert client.send(order("M1"), "M1").code == "AA"


def test_a_destination_of_one_session(client_for: Any, order: Any) -> None:
    """(53) A destination that serves one connection at a time is never kept waiting by one that was given up."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
        server.settimeout(10.0)
        left: list[bytes] = []

        def serve() -> None:
            silent, _ = server.accept()
            with silent:
                silent.settimeout(10.0)
                while received := silent.recv(65536):  # nobody else is served before this one leaves
                    left.append(received)
            answering, _ = server.accept()
            with answering:
                answering.recv(65536)
                _send_reply(answering, "M1")

        serving = threading.Thread(target=serve)
        serving.start()
        client = client_for(SimpleNamespace(address=server.getsockname()), ack_timeout_s=0.15)
        with pytest.raises(errors.PeerSilent):
            client.send(order("M1"), "M1")
        assert client.send(order("M1"), "M1").code == "AA"
        serving.join(10.0)
    assert b"".join(left) == b"\x0b" + order("M1") + b"\x1c\r"


def test_late_acknowledgement(scripted_peer: Any, client_for: Any, order: Any) -> None:
    """(53) An answer that comes too late is never taken for the answer to a later message."""
    late = threading.Event()

    def script(connection: socket.socket, control_id: str) -> None:
        if control_id == "M1":
            assert late.wait(5.0)
        _send_reply(connection, control_id)

    client = client_for(scripted_peer(script), ack_timeout_s=0.15)
    with pytest.raises(errors.PeerSilent):
        client.send(order("M1"), "M1")
    late.set()
    assert client.send(order("M2"), "M2").control_id == "M2"


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_refused(scripted_peer: Any, client_for: Any, order: Any, code: str) -> None:
    """(53) A refusal is told with its code, its error number and its words, and the connection stays."""

    def script(connection: socket.socket, control_id: str) -> None:
        text = "|who is this" + "\rERR|PID^1^3^204&Unknown key identifier&HL70357"
        connection.sendall(b"\x0b" + _reply(control_id, code, text) + b"\x1c\r")

    peer = scripted_peer(script)
    client = client_for(peer)
    for number in range(2):
        with pytest.raises(errors.PeerRefused, match="who is this") as refused:
            client.send(order(f"M{number}"), f"M{number}")
        assert (refused.value.ack_code, refused.value.error_code) == (code, "204")
    assert peer.connections == 1


def test_unreachable(order: Any) -> None:
    """(53) A destination that is down is told apart from one that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    client = mllp_client.MllpClient(*address)
    for _ in range(2):
        with pytest.raises(errors.PeerUnreachable, match=f"{address[0]}:{address[1]}"):
            client.send(order("M1"), "M1")
    client.close()


def test_destination_restarted(scripted_peer: Any, client_for: Any, order: Any) -> None:
    """A destination that was restarted between two messages is connected again without a failed attempt."""
    peer = scripted_peer(_then_close)
    client = client_for(peer)
    client.send(order("M1"), "M1")
    client.send(order("M2"), "M2")
    assert peer.connections == 2


def test_close_ends_a_send_that_waits(scripted_peer: Any, client_for: Any, order: Any) -> None:
    """A stop does not wait for a destination that never answers."""
    arrived = threading.Event()
    client = client_for(scripted_peer(lambda _connection, _control_id: arrived.set()), ack_timeout_s=60.0)
    raised: list[errors.PeerError] = []

    def send() -> None:
        try:
            client.send(order("M1"), "M1")
        except errors.PeerError as error:
            raised.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    assert arrived.wait(5.0)
    client.close()
    sending.join(5.0)
    assert not sending.is_alive()
    assert isinstance(raised[0], errors.PeerSilent)


def test_close_and_send_again(scripted_peer: Any, client_for: Any, order: Any) -> None:
    """A closed client connects again when there is something to send; closing twice does no harm."""
    peer = scripted_peer(_send_reply)
    client = client_for(peer)
    client.send(order("M1"), "M1")
    client.close()
    client.close()
    client.send(order("M2"), "M2")
    assert peer.connections == 2


def test_exchange_gives_any_answer(scripted_peer: Any, order: Any) -> None:
    """The engineer's `send` shows the answer as it came, whatever it says."""
    peer = scripted_peer(lambda connection, _control_id: connection.sendall(b"\x0bNO\x1c\r"))
    assert mllp_client.exchange(*peer.address, order("M1"), timeout_s=5.0) == b"NO"


@pytest.mark.parametrize(("script", "reason"), [(_silent, "within"), (_hang_up, "closed")])
def test_exchange_without_answer(scripted_peer: Any, order: Any, script: Any, reason: str) -> None:
    """The engineer's `send` says whether the other side was silent or closed."""
    peer = scripted_peer(script)
    with pytest.raises(errors.PeerSilent, match=reason):
        mllp_client.exchange(*peer.address, order("M1"), timeout_s=0.2)


def test_exchange_without_peer(order: Any) -> None:
    """The engineer's `send` says when nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with pytest.raises(errors.PeerUnreachable):
        mllp_client.exchange(*address, order("M1"), timeout_s=1.0)

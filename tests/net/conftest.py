"""What the tests of the HL7 doors share: a receiver that remembers, senders and peers made of plain sockets."""

import contextlib
import math
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from swf import clock
from swf.hl7 import ack
from swf.hl7.header import read_header
from swf.net import mllp_listener

TIMEOUT_S = 20.0  # patience, on a machine that others use too; nothing is expected to take it


class Receiver:
    """Takes every message, remembers it, and answers AA; keeps what is no message apart."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.kept: list[mllp_listener.Broken] = []

    def __call__(self, raw: bytes, peer: mllp_listener.Peer) -> bytes:
        self.messages.append(raw)
        return ack.acknowledge(read_header(raw), control_id=secrets.token_hex(10), at=clock.now())

    def broken(self, broken: mllp_listener.Broken, peer: mllp_listener.Peer) -> bytes:
        self.kept.append(broken)
        return mllp_listener.refuse_broken(broken, peer)


class Sender:
    """A hospital's side of a connection. It frames and reads by itself, not with the code under test."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answers(self, count: int) -> list[tuple[str, str]]:
        """MSA-1 and MSA-2 of the next `count` answers."""
        return [self.answer() for _ in range(count)]

    def answer(self) -> tuple[str, str]:
        fields = self.raw_answer().split(b"\rMSA|")[1].split(b"\r")[0].split(b"|")
        return fields[0].decode(), fields[1].decode()

    def raw_answer(self) -> bytes:
        while b"\x1c\r" not in self._unread:
            data = self.socket.recv(65536)
            assert data, "the connection was closed before the answer came"
            self._unread += data
        answer, self._unread = self._unread.split(b"\x1c\r", 1)
        assert answer.startswith(b"\x0b")
        return answer[1:]

    def at_end(self) -> bool:
        """True once the other side has closed and nothing more came."""
        with contextlib.suppress(ConnectionResetError):
            return self._unread == b"" and self.socket.recv(1) == b""
        return True

    def reset(self) -> None:
        """Vanish: close so that the other side gets RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until it is so; fails when it is not in time."""
    until = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.001)


def wait_until_idle(listener: mllp_listener.MllpListener) -> None:
    """An answer is read by its sender a moment before the listener looks for the next message."""
    hall = listener._hall
    assert hall is not None
    wait_until(lambda: all(conversation.idle_since < math.inf for conversation in hall.conversations()))


def _order(control_id: str, text: str = "DOE^JANE") -> bytes:
    return f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260102030405||ORM^O01|{control_id}|P|2.3.1\rPID|||1||{text}\r".encode()


def _framed(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


@pytest.fixture(scope="session")
def order() -> Callable[..., bytes]:
    """Writes a short unframed message with a given control id."""
    return _order


@pytest.fixture(scope="session")
def framed() -> Callable[[bytes], bytes]:
    """Frames a payload as senders do."""
    return _framed


@pytest.fixture
def receiver() -> Receiver:
    """Takes every message and answers AA."""
    return Receiver()


Listen = Callable[..., mllp_listener.MllpListener]
Dial = Callable[[mllp_listener.MllpListener], Sender]


@pytest.fixture
def listen(caplog: pytest.LogCaptureFixture) -> Iterator[Listen]:
    """Starts listeners on free ports and stops them in the end; none may have needed its last resort."""
    with contextlib.ExitStack() as stack:

        def start(
            receive: Any = None,
            receive_all: mllp_listener.ReceiveAll | None = None,
            **settings: Any,
        ) -> mllp_listener.MllpListener:
            if isinstance(receive, Receiver):
                settings["broken"] = receive.broken
            receives = receive_all or mllp_listener.one_by_one(receive)
            listener = mllp_listener.MllpListener("127.0.0.1", 0, receives, **settings)
            listener.start()
            stack.callback(listener.stop, deadline_s=2.0)
            return listener

        yield start
    assert not [line for line in caplog.messages if line in ("connection failed", "all connections closed")]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connects senders to a listener and closes them in the end."""
    with contextlib.ExitStack() as stack:

        def connect(listener: mllp_listener.MllpListener) -> Sender:
            sender = Sender(listener.address)
            stack.callback(sender.socket.close)
            return sender

        yield connect


Script = Callable[[socket.socket, str], None]


class ScriptedPeer:
    """A destination that does with each message what its script says; a script that raises OSError hangs up."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.messages: list[bytes] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self.address: tuple[str, int] = self._listening.getsockname()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        if self._connection is not None:
            with contextlib.suppress(OSError):  # whoever called may have hung up
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_S)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                connection.settimeout(TIMEOUT_S)
                self._connection = connection
                with connection, contextlib.suppress(OSError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        while data := connection.recv(65536):
            buffer += data
            while b"\x1c\r" in buffer:
                raw, buffer = buffer.split(b"\x1c\r", 1)
                self.messages.append(raw[1:])
                self.script(connection, raw.split(b"|")[9].decode())


@pytest.fixture
def scripted_peer() -> Iterator[Callable[[Script], ScriptedPeer]]:
    """Starts destinations that misbehave as their script says."""
    with contextlib.ExitStack() as stack:

        def start(script: Script) -> ScriptedPeer:
            peer = ScriptedPeer(script)
            stack.callback(peer.close)
            return peer

        yield start

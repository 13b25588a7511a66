"""MLLP client, the way every HL7 message goes out by (RAD-3, RAD-4, RAD-13; MLLP release 1, ITI TF-2 C.2.1)."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

from swf import errors
from swf.hl7 import ack, mllp
from swf.net import tcp
from swf.net.tls import Secured

CHUNK = 65536
# FS and then silence ends a reply whose sender forgets the CR.
SILENCE_S = 0.2
CLOSED = "closed before it acknowledged"
# A timeout of 0 would mean a socket that never waits.
LEAST_WAIT_S = 0.001


class MllpClient:
    """One connection to a destination, kept open between messages and made anew when it went stale.

    `send` is for one thread at a time; `close` may come from another and ends a `send` that waits. With `secure` every
    connection begins with a TLS handshake, in which the destination proves that it is `host`; when its context was
    renewed the next message goes by a new connection.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_timeout_s: float = 5.0,
        ack_timeout_s: float = 30.0,
        secure: Secured | None = None,
    ) -> None:
        self._secure = secure
        self._made_with: ssl.SSLContext | None = None
        self._host = host
        self._port = port
        self._connect_timeout_s = connect_timeout_s
        self._ack_timeout_s = ack_timeout_s
        self._connection: socket.socket | None = None
        self._sending = threading.Lock()
        self._closing = threading.Event()

    def send(self, payload: bytes, control_id: str) -> ack.Acknowledgement:
        """Send one unframed message and wait for the acknowledgement whose MSA-2 is `control_id` (HL7 2.5.1, 2.9.2).

        AA and CA are accepted. Raises PeerUnreachable (nothing was sent), PeerSilent (it is unknown whether the message
        was taken; the connection is closed so that a late answer cannot meet the next message) and PeerRefused.
        """
        with self._sending:
            acknowledgement = self._exchange(payload, control_id)
        if not acknowledgement.accepted:
            text = f"{self._name()} answered {acknowledgement.code}: {acknowledgement.text}"
            raise errors.PeerRefused(text, ack_code=acknowledgement.code, error_code=acknowledgement.error_code)
        return acknowledgement

    def close(self) -> None:
        """Close the connection; a later `send` opens a new one."""
        self._closing.set()
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which would take the session from under the thread that waits.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        with self._sending:
            self._drop()
            self._closing.clear()

    def _exchange(self, payload: bytes, control_id: str) -> ack.Acknowledgement:
        try:
            context = self._secure.context() if self._secure else None
            if self._connection is not None and context is self._made_with and not _stale(self._connection):
                # Peers that close after each answer may do so while we write; a connection of its own tells.
                with contextlib.suppress(ConnectionError):
                    return self._converse(self._connection, payload, control_id)
            self._drop()
            self._connection = tcp.connect(self._host, self._port, self._connect_timeout_s, context)
            self._made_with = context
            return self._converse(self._connection, payload, control_id)
        except errors.PeerError:
            self._drop()
            raise
        except OSError as error:
            self._drop()
            raise errors.PeerSilent(f"the connection to {self._name()} was lost: {tcp.reason(error)}") from error

    def _converse(self, connection: socket.socket, payload: bytes, control_id: str) -> ack.Acknowledgement:
        if self._closing.is_set():
            raise errors.PeerSilent(f"the connection to {self._name()} was closed on our side")
        _write(connection, payload, self._ack_timeout_s)
        for reply in _replies(connection, self._name(), self._ack_timeout_s):
            # A reply that cannot be read, or that answers another message, says nothing about ours.
            with contextlib.suppress(errors.UnreadableMessage):
                acknowledgement = ack.read_acknowledgement(reply)
                if acknowledgement.control_id == control_id:
                    return acknowledgement
        raise ConnectionAbortedError(CLOSED)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _name(self) -> str:
        return f"{self._host}:{self._port}"


def exchange(host: str, port: int, payload: bytes, timeout_s: float, secure: ssl.SSLContext | None = None) -> bytes:
    """Send one unframed message on a connection of its own and return the first framed reply, whatever it says.

    Raises PeerUnreachable and PeerSilent.
    """
    name = f"{host}:{port}"
    with tcp.connect(host, port, timeout_s, secure) as connection:
        try:
            _write(connection, payload, timeout_s)
            for reply in _replies(connection, name, timeout_s):
                return reply
        except OSError as error:
            raise errors.PeerSilent(f"the connection to {name} was lost: {tcp.reason(error)}") from error
    raise errors.PeerSilent(f"the connection to {name} was lost: {CLOSED}")


def _stale(connection: socket.socket) -> bool:
    """True when the peer has closed, or has sent what nobody waits for: a late answer to an earlier message."""
    connection.setblocking(False)
    try:
        connection.recv(CHUNK)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True


def _write(connection: socket.socket, payload: bytes, timeout_s: float) -> None:
    # One write: some receivers take a segment for a message.
    connection.settimeout(timeout_s)
    connection.sendall(mllp.frame(payload))


def _replies(connection: socket.socket, name: str, timeout_s: float) -> Iterator[bytes]:
    """The framed replies until the peer closes. Raises PeerSilent when `timeout_s` has passed."""
    deframer = mllp.Deframer()
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        try:
            data = _read(connection, SILENCE_S if deframer.closing else until - time.monotonic())
        except TimeoutError:
            yield from _whole(deframer.finish())
            continue
        yield from _whole(deframer.feed(data) if data else deframer.finish())
        if not data:
            return
    unframed = f"; {deframer.discarded} bytes outside frames" if deframer.discarded else ""
    raise errors.PeerSilent(f"{name} sent no acknowledgement within {timeout_s:g} s{unframed}")


def _whole(frames: list[mllp.Frame]) -> Iterator[bytes]:
    return (frame.payload for frame in frames if frame.fault is None)


def _read(connection: socket.socket, timeout_s: float) -> bytes:
    connection.settimeout(max(timeout_s, LEAST_WAIT_S))
    return connection.recv(CHUNK)

"""MLLP listener, the door every HL7 message comes in by (RAD-1, 2, 3, 4, 12, 13, 48; MLLP release 1, ITI TF-2 C.2.1)."""

import contextlib
import math
import secrets
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from swf import clock, errors, log
from swf.hl7 import ack, batch, message, mllp
from swf.net import tcp, tls


@dataclass(frozen=True)
class Peer:
    """Where a connection comes from."""

    address: str
    port: int


class HangUp(Exception):
    """Raised by a receiver to end the connection without an answer, as a peer that plays dead does."""


# Takes an unframed message and gives its unframed acknowledgement: nothing when none is due (MSH-15 NE), two one after
# the other, accept and application, in enhanced mode.
Receive = Callable[[bytes, Peer], bytes]

CHUNK = 65536
BACKLOG = 128
ANSWER_DEADLINE_S = 10.0
# FS and then silence ends a frame whose sender forgets the CR.
SILENCE_S = 0.2
# How long a peer that still sends when we part from it may take to read our last answer.
LINGER_S = 0.5
# Before accepting again when the system has no descriptor or thread left.
PAUSE_S = 0.2
BLANKS = b"\r\n\t \0"
UNFRAMED = "HL7 without MLLP framing"
STRANGERS = {
    b"\x16\x03": "TLS on a plain port",
    b"\x01\x00\x00\x00": "DICOM",
    b"GET ": "HTTP",
    b"HEAD ": "HTTP",
    b"POST ": "HTTP",
    b"PUT ": "HTTP",
    b"OPTIONS ": "HTTP",
    b"SSH-": "SSH",
    b"MSH": UNFRAMED,
}
OPENING_BYTES = max(map(len, STRANGERS))


class MllpListener:
    """Accepts connections and hands their messages to `receive`: one thread and strict order for each connection.

    `limit` is the longest frame in bytes, `frame_deadline_s` the time a whole frame may take from its first byte.
    `receive` may take as long as it needs; it is called again on the same connection only after its answer is sent.
    The messages of a batch are handed to it one by one. With `secure` every connection begins with a TLS handshake.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receive: Receive,
        *,
        limit: int = 16 * 2**20,
        frame_deadline_s: float = 60.0,
        max_connections: int = 256,
        max_connections_per_peer: int = 256,
        secure: ssl.SSLContext | None = None,
        name: str = "hl7 listener",
    ) -> None:
        self.name = name
        self._address = (host, port)
        self._terms = _Terms(receive, limit, frame_deadline_s, max_connections, max_connections_per_peer, secure)
        self._hall: _Hall | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; a port of 0 is replaced by the one the system gave once `start` has returned."""
        return self._address

    def start(self) -> None:
        """Bind and accept. Raises ConfigError when the address cannot be had."""
        listening = _bind(self.name, *self._address)
        self._address = listening.getsockname()[:2]
        self._hall = _Hall(self.name, listening, self._terms)
        self._hall.open()

    def stop(self, deadline_s: float = 4.0) -> None:
        """Take no new connection, answer every message that has completely arrived, then close.

        Connections that have not ended after `deadline_s` are cut; after half of it no further message is begun.
        """
        if self._hall is not None:
            self._hall.close(deadline_s)
            self._hall = None

    def healthy(self) -> bool:
        """True while connections are accepted."""
        return self._hall is not None and self._hall.accepting()


@dataclass(frozen=True)
class _Terms:
    receive: Receive
    limit: int
    frame_deadline_s: float
    max_connections: int
    max_connections_per_peer: int
    secure: ssl.SSLContext | None


class _Hall:
    """One listening socket from bind to close, with the connections that came in by it."""

    def __init__(self, name: str, listening: socket.socket, terms: _Terms) -> None:
        self.name = name
        self.terms = terms
        self.last_call = math.inf
        # Closing one end makes the other readable for ever, in every thread that waits: nobody needs a timeout.
        self._rope, self.bell = socket.socketpair()
        self._listening = listening
        # Only the acceptor writes here while it runs, so no lock is needed.
        self._connections: dict[threading.Thread, tuple[socket.socket, Peer]] = {}
        self._closing = threading.Event()
        self._acceptor = threading.Thread(target=self._accept_all, name=name, daemon=True)

    def open(self) -> None:
        self._acceptor.start()

    def accepting(self) -> bool:
        return self._acceptor.is_alive() and not self._closing.is_set()

    def close(self, deadline_s: float) -> None:
        until = time.monotonic() + deadline_s
        self.last_call = until - deadline_s / 2
        self._closing.set()
        self._rope.close()
        self._acceptor.join()
        self._listening.close()
        self._join(until)
        self._cut_connections()
        self._join(time.monotonic() + PAUSE_S)
        self.bell.close()

    def _cut_connections(self) -> None:
        left = [connection for thread, (connection, _) in self._connections.items() if thread.is_alive()]
        if left:
            log.warning("connections cut", service=self.name, count=len(left))
        for connection in left:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which would take the session from under the thread that uses it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _join(self, until: float) -> None:
        for thread in self._connections:
            thread.join(max(0.0, until - time.monotonic()))

    def _accept_all(self) -> None:
        with _selector(self._listening, self.bell) as selector:
            while self.bell not in _ready(selector, None):
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            connection, address = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            log.error("connection not accepted", service=self.name, reason=error.strerror)
            self._closing.wait(PAUSE_S)
            return
        self._admit(connection, Peer(address[0], address[1]))

    def _admit(self, connection: socket.socket, peer: Peer) -> None:
        self._connections = {thread: place for thread, place in self._connections.items() if thread.is_alive()}
        crowd = self._crowd(peer)
        if crowd:
            self._turn_away(connection, peer, crowd)
            return
        try:
            connection = _prepared(connection, self.terms.secure)
            self._serve_in_thread(connection, peer)
        except RuntimeError:
            self._turn_away(connection, peer, "no thread left")
            self._closing.wait(PAUSE_S)
        except OSError:
            connection.close()  # it left before anything was said

    def _serve_in_thread(self, connection: socket.socket, peer: Peer) -> None:
        name = f"{self.name} {peer.address}:{peer.port}"
        thread = threading.Thread(target=self._serve, args=(connection, peer), name=name, daemon=True)
        thread.start()
        self._connections[thread] = (connection, peer)

    def _crowd(self, peer: Peer) -> str:
        """Why there is no place for one more connection of `peer`; empty when there is."""
        if len(self._connections) >= self.terms.max_connections:
            return "too many connections"
        same = sum(other.address == peer.address for _, other in self._connections.values())
        return "too many connections from this address" if same >= self.terms.max_connections_per_peer else ""

    def _turn_away(self, connection: socket.socket, peer: Peer, reason: str) -> None:
        log.error("connection refused", service=self.name, address=peer.address, port=peer.port, reason=reason)
        connection.close()

    def _serve(self, connection: socket.socket, peer: Peer) -> None:
        where = {"service": self.name, "address": peer.address, "port": peer.port}
        try:
            with connection:
                _Conversation(connection, peer, self).hold()
        except OSError as error:
            # A peer may leave at any moment, also before its acknowledgement: it will ask again.
            log.info("connection lost", **where, reason=error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the last resort: one connection never harms another
            log.error("connection failed", **where, error=type(error).__name__, traceback=log.frames(error))


class _Refusal(Exception):
    """The conversation cannot go on. `error`, if any, is answered with what `head` tells about the message."""

    def __init__(self, reason: str, head: bytes = b"", error: errors.MessageError | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.head = head
        self.error = error


class _Conversation:
    """One connection: its bytes, its frames in order, an answer for each."""

    def __init__(self, connection: socket.socket, peer: Peer, hall: _Hall) -> None:
        self._connection = connection
        self._peer = peer
        self._hall = hall
        self._terms = hall.terms
        self._deframer = mllp.Deframer(hall.terms.limit)
        self._opening = b""
        self._frame_until = math.inf

    def hold(self) -> None:
        if isinstance(self._connection, ssl.SSLSocket) and not self._shake_hands(self._connection):
            return
        self._connection.settimeout(ANSWER_DEADLINE_S)
        with _selector(self._connection, self._hall.bell) as selector:
            try:
                self._answer_all(selector)
            except _Refusal as refusal:
                self._refuse(refusal)
            except HangUp:
                return
        if self._deframer.discarded:
            self._log("bytes outside frames", count=self._deframer.discarded)
        self._part()

    def _shake_hands(self, connection: ssl.SSLSocket) -> bool:
        try:
            return tls.shake_hands(connection, self._hall.bell)
        except OSError as error:
            self._log("no TLS session", reason=getattr(error, "reason", None) or str(error))
            return False

    def _answer_all(self, selector: selectors.BaseSelector) -> None:
        for frame in self._frames(selector):
            for each in [frame.payload] if frame.oversized else batch.split(frame.payload):
                self._send(self._answer(mllp.Frame(each, frame.oversized)))
            if time.monotonic() > self._hall.last_call:
                return

    def _send(self, answers: bytes) -> None:
        if answers:
            self._connection.sendall(b"".join(map(mllp.frame, batch.split(answers))))

    def _frames(self, selector: selectors.BaseSelector) -> Iterator[mllp.Frame]:
        while (data := self._read(selector)) is not None:
            frames = self._deframer.feed(data) if data else self._deframer.finish()
            yield from frames
            # Only now: the time our own work took is not the sender's.
            self._watch_frame(new=bool(frames))
        yield from self._deframer.finish()

    def _read(self, selector: selectors.BaseSelector) -> bytes | None:
        """The next bytes; b"" for the silence after FS that ends a frame without CR.

        None at the end of the stream and, when the listener stops, once nothing is left to read.
        """
        while time.monotonic() < self._frame_until:
            ready = _ready(selector, self._patience())
            if self._connection not in ready:
                return self._unheard(rung=self._hall.bell in ready)
            with contextlib.suppress(ssl.SSLWantReadError):  # the bytes were not yet a whole TLS record
                data = _received(self._connection)
                self._look_at(data)
                return data or None
        raise self._overdue()

    def _unheard(self, *, rung: bool) -> bytes | None:
        if rung:
            return None
        if self._deframer.closing:
            return b""
        raise self._overdue()

    def _patience(self) -> float | None:
        if self._frame_until == math.inf:
            return None
        left = max(0.0, self._frame_until - time.monotonic())
        return min(left, SILENCE_S) if self._deframer.closing else left

    def _watch_frame(self, *, new: bool) -> None:
        if not self._deframer.inside:
            self._frame_until = math.inf
        elif new or self._frame_until == math.inf:
            self._frame_until = time.monotonic() + self._terms.frame_deadline_s

    def _overdue(self) -> _Refusal:
        # Ending the frame ourselves gives its head, and with it the control id to answer.
        partial = self._deframer.feed(mllp.END + mllp.CR)
        text = f"message not complete after {self._terms.frame_deadline_s:g} s"
        head = partial[0].payload if partial else b""
        return _Refusal(text, head, errors.UnsupportedMessage(text, code=207))

    def _look_at(self, data: bytes) -> None:
        """Raise _Refusal for HL7 outside a frame and for the first bytes of another protocol."""
        if not self._deframer.inside and data.lstrip(BLANKS).startswith(b"MSH"):
            raise _Refusal(UNFRAMED, data, errors.UnsupportedMessage(UNFRAMED, code=207))
        if len(self._opening) == OPENING_BYTES:
            return
        self._opening = (self._opening + data)[:OPENING_BYTES]
        stranger = next((what for start, what in STRANGERS.items() if self._opening.startswith(start)), "")
        if stranger == UNFRAMED:
            raise _Refusal(stranger, data, errors.UnsupportedMessage(UNFRAMED, code=207))
        if stranger:
            raise _Refusal(stranger)

    def _answer(self, frame: mllp.Frame) -> bytes:
        if frame.oversized:
            self._log("frame refused", reason="too long")
            text = f"message longer than {self._terms.limit} bytes"
            return _negative(frame.payload, errors.UnsupportedMessage(text, code=207))
        try:
            return self._terms.receive(frame.payload, self._peer)
        except HangUp:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: the sender is owed an answer whatever happened
            self._log("message failed", error=type(error).__name__, traceback=log.frames(error))
            return _negative(frame.payload, errors.StoreError("processing failure, please send again"))

    def _refuse(self, refusal: _Refusal) -> None:
        self._log("conversation ended", reason=refusal.reason)
        if refusal.error is not None:
            self._connection.sendall(mllp.frame(_negative(refusal.head, refusal.error)))

    def _part(self) -> None:
        """Close our half and read on for a moment: to close over unread bytes would reset away our last answers."""
        if isinstance(self._connection, ssl.SSLSocket):
            _say_goodbye(self._connection)
        until = time.monotonic() + LINGER_S
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                self._connection.settimeout(left)
                if not self._connection.recv(CHUNK):
                    return

    def _log(self, event: str, **fields: object) -> None:
        log.warning(event, service=self._hall.name, address=self._peer.address, port=self._peer.port, **fields)


def _bind(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise errors.ConfigError([f"{name}: cannot listen on {host}:{port}: {error.strerror}"]) from error
    # A caller that leaves between poll and accept would otherwise block the acceptor.
    listening.setblocking(False)
    return listening


def _prepared(connection: socket.socket, secure: ssl.SSLContext | None) -> socket.socket:
    tcp.prepare(connection)
    if secure is None:
        return connection
    return secure.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)


def _received(connection: socket.socket) -> bytes:
    if not isinstance(connection, ssl.SSLSocket):
        return connection.recv(CHUNK)
    # Half a TLS record makes the socket readable and yet gives nothing: never wait for the rest of it here.
    connection.settimeout(0)
    try:
        data = connection.recv(CHUNK)
        return data + connection.recv(connection.pending()) if connection.pending() else data
    finally:
        connection.settimeout(ANSWER_DEADLINE_S)


def _say_goodbye(connection: ssl.SSLSocket) -> None:
    """Tell the peer that nothing was cut off (close_notify), whether or not it listens."""
    connection.settimeout(0)
    with contextlib.suppress(OSError, ValueError):
        connection.unwrap()


def _selector(*sockets: socket.socket) -> selectors.BaseSelector:
    # poll, not epoll: no further descriptor for each connection; not select: no descriptor above 1023 there.
    selector = selectors.PollSelector()
    for each in sockets:
        selector.register(each, selectors.EVENT_READ)
    return selector


def _ready(selector: selectors.BaseSelector, timeout_s: float | None) -> set[object]:
    return {key.fileobj for key, _ in selector.select(timeout_s)}


def _negative(raw: bytes, error: errors.MessageError | errors.StoreError) -> bytes:
    header = message.read_header(raw)
    return ack.acknowledge(header, control_id=secrets.token_hex(10), at=clock.local(clock.now()), errors=(error,))

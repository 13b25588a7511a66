"""One MLLP connection from its first byte to its last: frames in order, an answer for each (MLLP release 1, ITI TF-2 C.2.1)."""

import contextlib
import math
import secrets
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from swf import clock, errors, log
from swf.hl7 import ack, batch, message, mllp
from swf.net import tls


@dataclass(frozen=True)
class Peer:
    """Where a connection comes from."""

    address: str
    port: int


@dataclass(frozen=True)
class Broken:
    """What came of a message that is none: the bytes, why, and whether the sender is answered."""

    raw: bytes
    reason: str
    answered: bool = True


def leave(connection: socket.socket) -> None:
    """Let the conversation on `connection`, in its own thread, answer what has arrived and end as if its peer had."""
    with contextlib.suppress(OSError):
        # Not the method of a TLS socket, which would take the session from under the thread that uses it.
        socket.socket.shutdown(connection, socket.SHUT_RD)


class HangUp(Exception):
    """Raised by a receiver to end the connection without an answer, as a peer that plays dead does."""


# Takes an unframed message and gives its unframed acknowledgement: nothing when none is due (MSH-15 NE), two one after
# the other, accept and application, in enhanced mode.
Receive = Callable[[bytes, Peer], bytes]
# Keeps what is no message and gives its unframed negative acknowledgement.
ReceiveBroken = Callable[[Broken, Peer], bytes]

CHUNK = 65536
ANSWER_DEADLINE_S = 10.0
# FS and then silence ends a frame whose sender forgets the CR.
SILENCE_S = 0.2
# How long a peer that still sends when we part from it may take to read our last answer.
LINGER_S = 0.5
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


@dataclass
class Terms:
    """What the connections of one listener have in common. Once `bell` rings they end.

    `limit` is the longest frame in bytes, `frame_deadline_s` the time a whole frame may take; no message is begun after
    `last_call`, a moment of the monotonic clock.
    """

    name: str
    receive: Receive
    broken: ReceiveBroken
    limit: int
    frame_deadline_s: float
    bell: socket.socket
    last_call: float = math.inf


class _Refusal(Exception):
    """The conversation cannot go on; `raw`, if any, is what came of a message, to be kept and answered."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


class Conversation:
    """One connection: its bytes, its frames in order, an answer for each.

    `idle_since` is the moment from which nothing was outstanding, infinity while a message is coming or in work;
    `has_spoken` is true once a message was answered. Other threads may read both.
    """

    def __init__(self, connection: socket.socket, peer: Peer, terms: Terms) -> None:
        self._connection = connection
        self._peer = peer
        self._terms = terms
        self._deframer = mllp.Deframer(terms.limit)
        self._opening = b""
        self._frame_until = math.inf
        self.idle_since = time.monotonic()
        self.has_spoken = False

    def hold(self) -> None:
        """Answer every message until the peer, the bell or a refusal ends it. Raises OSError when the connection breaks."""
        if isinstance(self._connection, ssl.SSLSocket) and not self._shake_hands(self._connection):
            return
        self._connection.settimeout(ANSWER_DEADLINE_S)
        with selector_of(self._connection, self._terms.bell) as selector:
            try:
                self._answer_all(selector)
            except _Refusal as refusal:
                self._refuse(refusal)
            except HangUp:
                return
            except OSError:
                self._keep_rest()
                raise
        if self._deframer.discarded:
            self._log("bytes outside frames", count=self._deframer.discarded)
        self._part()

    def _shake_hands(self, connection: ssl.SSLSocket) -> bool:
        try:
            return tls.shake_hands(connection, self._terms.bell)
        except OSError as error:
            self._log("no TLS session", reason=getattr(error, "reason", None) or str(error))
            return False

    def _answer_all(self, selector: selectors.BaseSelector) -> None:
        for frame in self._frames(selector):
            for answer in self._answers(frame):
                self._send(answer)
            self.has_spoken = True
            if time.monotonic() > self._terms.last_call:
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
        # What we interrupt ourselves by stopping is no fault of the sender, who will send it again.
        stopping = self._terms.last_call != math.inf
        yield from (frame for frame in self._deframer.finish() if not (stopping and frame.fault))

    def _read(self, selector: selectors.BaseSelector) -> bytes | None:
        """The next bytes; b"" for the silence after FS that ends a frame without CR.

        None at the end of the stream and, when the listener stops, once nothing is left to read.
        """
        while time.monotonic() < self._frame_until:
            readable = ready(selector, self._patience())
            if self._connection not in readable:
                return self._unheard(rung=self._terms.bell in readable)
            # The bytes may not yet be a whole TLS record.
            with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
                data = _received(self._connection)
                self.idle_since = math.inf if data else self.idle_since
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
            self.idle_since = time.monotonic()
        elif new or self._frame_until == math.inf:
            self._frame_until = time.monotonic() + self._terms.frame_deadline_s

    def _overdue(self) -> _Refusal:
        partial = b"".join(frame.payload for frame in self._deframer.finish())
        return _Refusal(f"message not complete after {self._terms.frame_deadline_s:g} s", partial)

    def _look_at(self, data: bytes) -> None:
        """Raise _Refusal for HL7 outside a frame and for the first bytes of another protocol."""
        if not self._deframer.inside and data.lstrip(BLANKS).startswith(b"MSH"):
            raise _Refusal(UNFRAMED, data)
        if len(self._opening) == OPENING_BYTES:
            return
        self._opening = (self._opening + data)[:OPENING_BYTES]
        stranger = next((what for start, what in STRANGERS.items() if self._opening.startswith(start)), "")
        if stranger:
            raise _Refusal(stranger, data if stranger == UNFRAMED else b"")

    def _answers(self, frame: mllp.Frame) -> Iterator[bytes]:
        """What is sent back for a frame: an answer for each of its messages, in their order."""
        if frame.fault is None:
            yield from map(self._answer, batch.split(frame.payload))
            return
        # A sender that began anew does not wait for an answer to what it gave up: it would take it for the next one's.
        answered = frame.fault is not mllp.Fault.ABANDONED
        yield self._answer_broken(Broken(frame.payload, _reason(frame), answered))

    def _answer(self, payload: bytes) -> bytes:
        try:
            return self._terms.receive(payload, self._peer)
        except HangUp:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: the sender is owed an answer whatever happened
            return self._apology(payload, error)

    def _answer_broken(self, broken: Broken) -> bytes:
        self._log("frame refused", reason=broken.reason)
        try:
            answer = self._terms.broken(broken, self._peer)
        except Exception as error:  # noqa: BLE001 - as above
            answer = self._apology(broken.raw, error)
        return answer if broken.answered else b""

    def _apology(self, raw: bytes, error: Exception) -> bytes:
        self._log("message failed", error=type(error).__name__, traceback=log.frames(error))
        return _negative(raw, errors.StoreError("processing failure, please send again"))

    def _refuse(self, refusal: _Refusal) -> None:
        self._log("conversation ended", reason=refusal.reason)
        if refusal.raw:
            self._send(self._answer_broken(Broken(refusal.raw, refusal.reason)))

    def _keep_rest(self) -> None:
        """The connection is gone: keep what came of the message it was lost in."""
        for frame in self._deframer.finish():
            if frame.fault:
                self._answer_broken(Broken(frame.payload, _reason(frame), answered=False))

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
        log.warning(event, service=self._terms.name, address=self._peer.address, port=self._peer.port, **fields)


def refuse_broken(broken: Broken, _peer: Peer) -> bytes:
    """Answer what is no message without keeping it, for a receiver that has no store."""
    return _negative(broken.raw, errors.BrokenFrame(broken.reason))


def _reason(frame: mllp.Frame) -> str:
    kept = f"; kept are its first {len(frame.payload)} of {len(frame.payload) + frame.cut} bytes" if frame.cut else ""
    return f"{frame.fault}{kept}"


def _negative(raw: bytes, error: errors.MessageError | errors.StoreError) -> bytes:
    header = message.read_header(raw)
    return ack.acknowledge(header, control_id=secrets.token_hex(10), at=clock.local(clock.now()), errors=(error,))


def _received(connection: socket.socket) -> bytes:
    if not isinstance(connection, ssl.SSLSocket):
        return connection.recv(CHUNK)
    # Half a TLS record makes the socket readable and yet gives nothing: never wait for the rest of it here.
    connection.settimeout(0)
    try:
        if not socket.socket.recv(connection, 1, socket.MSG_PEEK):
            # OpenSSL would call this end of the stream an error, and the session could not be ended properly any more.
            return b""
        data = connection.recv(CHUNK)
        return data + connection.recv(connection.pending()) if connection.pending() else data
    finally:
        connection.settimeout(ANSWER_DEADLINE_S)


def _say_goodbye(connection: ssl.SSLSocket) -> None:
    """Tell the peer that nothing was cut off (close_notify), whether or not it listens."""
    connection.settimeout(0)
    with contextlib.suppress(OSError, ValueError):
        connection.unwrap()


def selector_of(*sockets: socket.socket) -> selectors.BaseSelector:
    """Waits until one of these can be read."""
    # poll, not epoll: no further descriptor for each connection; not select: no descriptor above 1023 there.
    selector = selectors.PollSelector()
    for each in sockets:
        selector.register(each, selectors.EVENT_READ)
    return selector


def ready(selector: selectors.BaseSelector, timeout_s: float | None) -> set[object]:
    """Which of a selector's sockets can be read now; none after `timeout_s`."""
    return {key.fileobj for key, _ in selector.select(timeout_s)}

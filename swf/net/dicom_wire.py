"""PDUs over a socket, each with a deadline and a size cap; while it writes it hears (PS3.8 9.1, 9.3).

The socket never blocks, so that a C-CANCEL is heard however little the peer reads. It sends at once and acknowledges
each read at once (TCP_NODELAY, TCP_QUICKACK): else Nagle's algorithm and the peer's delayed acknowledgement cost 40 ms
a message in each direction.
"""

import contextlib
import select
import socket
import ssl
import time
from typing import NamedTuple

from swf.dicom import pdu
from swf.dicom.pdu import AbortReason

CHUNK = 65536
LARGEST_DATA = 64 * 1024
"""The longest body of a P-DATA-TF we ask for."""
LARGEST_PDU = 256 * 1024
"""The longest body of any PDU we take: some peers do not heed what we ask for."""
SEND_BUFFER = 16 * 1024
"""What may wait in the kernel for a slow reader; with more, an answer is gone before the peer can cancel it."""
PART_S = 1.0
"""How long a peer may take to close its end after the last word."""
PART_BYTES = 2**20
"""How much it may still send in that time."""
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Violation(Exception):
    """The peer breaks the protocol; `reason` is what it is told in A-ABORT."""

    def __init__(self, text: str, reason: AbortReason) -> None:
        super().__init__(text)
        self.reason = reason


class Pdu(NamedTuple):
    """A protocol data unit: its type and what follows its length."""

    kind: int
    body: bytes


def length_of(head: bytes | bytearray) -> int | None:
    """How long the PDU is that begins with `head`, header included; None while that cannot be said.

    Raises Violation for a type that does not exist and for a body longer than `LARGEST_PDU`.
    """
    if head and head[0] not in pdu.Type._value2member_map_:
        raise Violation(f"PDU type 0x{head[0]:02X} does not exist", AbortReason.UNRECOGNISED_PDU)
    if len(head) < pdu.HEADER.size:
        return None
    _, length = pdu.HEADER.unpack_from(head)
    if length > LARGEST_PDU:
        raise Violation(f"a PDU of {length} bytes is announced", AbortReason.INVALID_PARAMETER)
    return int(pdu.HEADER.size + length)


def prepare(connection: socket.socket) -> None:
    """Options of a connection that has just been accepted."""
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class Wire:
    """One connection. `bell` becomes readable when the server stops; `unread` is what was read before.

    Every method raises OSError when the connection is lost, TimeoutError when the peer is too slow, Violation.
    """

    def __init__(self, connection: socket.socket, bell: socket.socket, *, unread: bytes, deadline_s: float) -> None:
        self._connection = connection
        self._bell = bell
        self._buffer = bytearray(unread)
        self._deadline_s = deadline_s
        self._waiting = select.poll()
        self._waiting.register(connection, select.POLLIN)
        self._waiting.register(bell, select.POLLIN)
        self._working = select.poll()
        self._working.register(connection, select.POLLIN)

    def receive(self, patience_s: float, *, stoppable: bool = True) -> Pdu | None:
        """The next PDU, whose first byte may take `patience_s`; None when the bell has rung first and may stop us."""
        until = time.monotonic() + patience_s
        begun = False
        poller = self._waiting if stoppable else self._working
        while (found := self._taken()) is None:
            if self._filled():
                continue
            if self._buffer and not begun:
                begun, until = True, min(until, time.monotonic() + self._deadline_s)
            ready = _polled(poller, until)
            if stoppable and self._bell.fileno() in ready:
                return None
        return found

    def heard(self) -> Pdu | None:
        """A PDU that has already arrived; never waits."""
        while (found := self._taken()) is None:
            if not self._filled():
                return None
        return found

    def listen(self, seconds: float) -> None:
        """Wait until something comes in, but no longer than this."""
        if seconds > 0:
            self._working.poll(seconds * 1000)

    def send(self, content: bytes | bytearray) -> None:
        """Send all of it; what comes in meanwhile is kept for `heard`."""
        until = time.monotonic() + self._deadline_s
        with memoryview(content) as view:
            sent = 0
            while sent < len(view):
                count, wanted = self._sent(view[sent:])
                sent += count
                if not count:
                    self._await_room(wanted, until)

    def part(self) -> None:
        """Let the peer read our last words and close its end; then close ours (ARTIM, PS3.8 9.1.4)."""
        if self._connection.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            if not isinstance(self._connection, ssl.SSLSocket):
                self._connection.shutdown(socket.SHUT_WR)
            until, ignored = time.monotonic() + PART_S, 0
            while ignored < PART_BYTES:
                _polled(self._working, until)
                with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
                    received = self._connection.recv(CHUNK)
                    if not received:
                        break
                    ignored += len(received)
        self.close()

    def cut(self) -> None:
        """End the connection from another thread; whoever waits in it finds it lost."""
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which would take the session from under the thread that uses it.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close without a word."""
        self._connection.close()

    def _taken(self) -> Pdu | None:
        length = length_of(self._buffer)
        if length is None or len(self._buffer) < length:
            return None
        found = Pdu(self._buffer[0], bytes(self._buffer[pdu.HEADER.size : length]))
        del self._buffer[:length]
        return found

    def _filled(self) -> bool:
        """Take what has arrived; False when there is nothing."""
        try:
            received = self._connection.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        if not received:
            raise ConnectionResetError("the peer has closed the connection")
        if _QUICKACK is not None:
            # The kernel forgets it after a while, so it is set again after each read.
            self._connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        self._buffer += received
        return True

    def _sent(self, view: memoryview) -> tuple[int, int]:
        """How much of `view` could be sent; for nothing, which readiness to wait for."""
        try:
            return self._connection.send(view), 0
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0, select.POLLOUT
        except ssl.SSLWantReadError:
            return 0, select.POLLIN

    def _await_room(self, wanted: int, until: float) -> None:
        # Who sends without end while it does not read is not listened to any further.
        listening = select.POLLIN if len(self._buffer) < LARGEST_PDU else 0
        self._working.modify(self._connection, wanted | listening)
        try:
            ready = _polled(self._working, until)
        finally:
            self._working.modify(self._connection, select.POLLIN)
        if ready.get(self._connection.fileno(), 0) & select.POLLIN:
            self._filled()


def _polled(poller: "select.poll", until: float) -> dict[int, int]:
    ready = dict(poller.poll(max(0.0, until - time.monotonic()) * 1000))
    if not ready:
        raise TimeoutError("the peer is too slow")
    return ready

"""The bytes of one MLLP connection, plain or TLS, by calls that never wait (MLLP release 1, ITI-19)."""

import contextlib
import selectors
import socket
import ssl

from swf.net import tcp
from swf.net.tls import Secured

CHUNK = 65536


class Wire:
    """One connection. What cannot be done now is done when the socket is ready for `to_read` or `to_write`.

    A TLS session may have to write before it can be read, and the other way round. Raises OSError when it breaks.
    """

    def __init__(self, connection: socket.socket, secure: Secured | None = None) -> None:
        tcp.prepare(connection)
        connection.setblocking(False)
        self.socket = connection
        self.to_read = selectors.EVENT_READ
        self.to_write = selectors.EVENT_WRITE
        if secure is not None:
            self.socket = secure.context().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def shake_hands(self) -> bool:
        """Go on with the server's part of the TLS handshake; whether it is done. A plain connection needs none."""
        if not isinstance(self.socket, ssl.SSLSocket):
            return True
        self.to_read = selectors.EVENT_READ
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLWantWriteError:
            self.to_read = selectors.EVENT_WRITE
            return False
        return True

    def receive(self) -> bytes | None:
        """The next bytes, b"" at the end of the stream, None when nothing has arrived."""
        self.to_read = selectors.EVENT_READ
        try:
            return self._received()
        except (BlockingIOError, ssl.SSLWantReadError):
            return None  # the bytes that came may not yet be a whole TLS record
        except ssl.SSLWantWriteError:
            self.to_read = selectors.EVENT_WRITE
            return None

    def _received(self) -> bytes:
        connection = self.socket
        if not isinstance(connection, ssl.SSLSocket):
            return connection.recv(CHUNK)
        if not socket.socket.recv(connection, 1, socket.MSG_PEEK):
            # OpenSSL would call this end of the stream an error, and the session could not be ended properly any more.
            return b""
        data = connection.recv(CHUNK)
        return data + connection.recv(connection.pending()) if connection.pending() else data

    def send(self, data: memoryview) -> int:
        """Send what the connection takes of `data`; how much that was."""
        self.to_write = selectors.EVENT_WRITE
        sent = 0
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
            while sent < len(data):
                try:
                    sent += self.socket.send(data[sent : sent + CHUNK])
                except ssl.SSLWantReadError:
                    self.to_write = selectors.EVENT_READ
                    break
        return sent

    def part(self) -> None:
        """Close our half, and tell a TLS peer that nothing was cut off (close_notify), whether or not it listens."""
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.socket, ssl.SSLSocket):
                self.socket.unwrap()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Let the stream end, once what has arrived is read, as if the peer had ended it."""
        self._shut(socket.SHUT_RD)

    def cut(self) -> None:
        """End the connection both ways; another thread may be using it."""
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which would take the session from under who uses it.
            socket.socket.shutdown(self.socket, how)

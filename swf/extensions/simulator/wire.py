"""One MLLP connection of a HIS that may misbehave: frames in pieces, noise, hanging up before the answer (ITI TF-2 C.2.1)."""

import contextlib
import socket
import time

from swf import errors
from swf.hl7 import ack, mllp

_PIECE, _CHUNK = 7, 65536
_MOST_PIECES = 40
_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER on, for no time: closed with RST


class Wire:
    """Sends messages, one at a time, on a connection that is made when there is none."""

    def __init__(self, address: tuple[str, int], timeout_s: float = 15.0) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def send(self, payload: bytes, control_id: str, *, in_pieces: bool = False) -> ack.Acknowledgement:
        """The acknowledgement whose MSA-2 is `control_id`, whatever its code. Raises PeerUnreachable and PeerSilent."""
        self.write(mllp.frame(payload), in_pieces=in_pieces)
        try:
            return self._answer(control_id)
        except OSError as error:
            self.hang_up()
            raise errors.PeerSilent(f"no acknowledgement of {control_id}: {error or type(error).__name__}") from error

    def write(self, data: bytes, *, in_pieces: bool = False) -> None:
        """Bytes as they are. Raises PeerUnreachable and PeerSilent."""
        size = max(_PIECE, len(data) // _MOST_PIECES) if in_pieces else len(data)
        try:
            connection = self._connected()
            for begin in range(0, len(data), size):
                connection.sendall(data[begin : begin + size])
        except OSError as error:
            self.hang_up()
            raise errors.PeerSilent(f"the connection was lost: {error.strerror or error}") from error

    def hang_up(self, *, rudely: bool = False) -> None:
        """Close the connection; rudely with RST, so that the other side cannot even send its answer."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                if rudely:
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            try:
                self._socket = socket.create_connection(self._address, self._timeout_s)
            except OSError as error:
                host, port = self._address
                raise errors.PeerUnreachable(f"no connection to {host}:{port}: {error.strerror or error}") from error
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _answer(self, control_id: str) -> ack.Acknowledgement:
        """Answers to other messages, or to noise, are passed over. Raises OSError."""
        deframer, ends, connection = mllp.Deframer(), time.monotonic() + self._timeout_s, self._connected()
        while (left := ends - time.monotonic()) > 0:
            connection.settimeout(left)
            data = connection.recv(_CHUNK)
            for frame in deframer.feed(data) if data else deframer.finish():
                with contextlib.suppress(errors.UnreadableMessage):
                    answer = ack.read_acknowledgement(frame.payload)
                    if frame.fault is None and answer.control_id == control_id:
                        return answer
            if not data:
                raise ConnectionAbortedError("closed before it acknowledged")
        raise TimeoutError(f"nothing within {self._timeout_s:g} s")

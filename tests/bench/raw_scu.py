"""A worklist SCU on a bare socket: what it sends is prepared, what it gets is only taken apart, so that the server is
measured and not the client. It writes command and data set apart, as toolkits do, with TCP_NODELAY or without.
"""

import socket
import struct
import time
from types import TracebackType
from typing import Self

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import dsutils

WORKLIST = b"1.2.840.10008.5.1.4.31"
PENDING = (0xFF00, 0xFF01)
_ACCEPTED, _DATA, _RELEASED = 2, 4, 6
_COMMAND, _LAST = 1, 2
_LONGEST_PDU = 16_384


class RawScu:
    """An association that asks for worklists; `query` may be called again and again."""

    def __init__(self, address: tuple[str, int], called: str, calling: str = "CT000", *, nodelay: bool) -> None:
        self._socket = socket.create_connection(address, 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(nodelay))
        self._message = 0
        self._unread = b""
        self._socket.sendall(_associate(called, calling))
        kind, _ = self._pdu()
        assert kind == _ACCEPTED, f"A-ASSOCIATE was answered by PDU type {kind}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self._socket.sendall(struct.pack(">BxL4x", 5, 4))
            assert self._pdu()[0] == _RELEASED
        self._socket.close()

    def query(self, identifier: bytes) -> tuple[int, float, float]:
        """How many items match; seconds to the first response, and to the last."""
        self._message = self._message % 0xFFFF + 1
        began = time.perf_counter()
        self._socket.sendall(_fragment(_COMMAND | _LAST, _find(self._message)))
        self._socket.sendall(_fragment(_LAST, identifier))
        found, first = 0, 0.0
        while True:
            status = self._response()
            first = first or time.perf_counter() - began
            if status not in PENDING:
                assert status == 0, f"the final status is 0x{status:04X}"
                return found, first, time.perf_counter() - began
            found += 1

    def _response(self) -> int:
        """The status of the next response, once its identifier has been read too."""
        command, status, has_data = b"", None, True
        while has_data:
            control, content = self._value()
            if control & _COMMAND:
                command += content
                if control & _LAST:
                    at = command.index(b"\x00\x00\x00\x09\x02\x00\x00\x00")
                    (status,) = struct.unpack_from("<H", command, at + 8)
                    at = command.index(b"\x00\x00\x00\x08\x02\x00\x00\x00")
                    has_data = command[at + 8 : at + 10] != b"\x01\x01"
            elif control & _LAST:
                has_data = False
        assert status is not None
        return int(status)

    def _value(self) -> tuple[int, bytes]:
        """The next presentation data value: its control byte and what it holds."""
        while len(self._unread) < 6:
            kind, body = self._pdu()
            assert kind == _DATA, f"instead of P-DATA came PDU type {kind}"
            self._unread += body
        length, _, control = struct.unpack_from(">LBB", self._unread)
        content, self._unread = self._unread[6 : length + 4], self._unread[length + 4 :]
        return control, content

    def _pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            part = self._socket.recv(size - len(received))
            assert part, "the server closed the connection"
            received += part
        return bytes(received)


def identifier(dataset: Dataset) -> bytes:
    """The keys of a query as they are sent."""
    encoded = dsutils.encode(dataset, True, True)
    assert encoded is not None
    return encoded


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _associate(called: str, calling: str) -> bytes:
    syntaxes = _item(0x30, WORKLIST) + _item(0x40, ImplicitVRLittleEndian.encode())
    user = _item(0x51, struct.pack(">L", _LONGEST_PDU)) + _item(0x52, b"1.2.3.4") + _item(0x55, b"RAW")
    body = struct.pack(">Hxx16s16s32x", 1, called.ljust(16).encode(), calling.ljust(16).encode())
    body += _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, struct.pack(">Bxxx", 1) + syntaxes)
    body += _item(0x50, user)
    return struct.pack(">BxL", 1, len(body)) + body


def _fragment(control: int, content: bytes) -> bytes:
    value = struct.pack(">LBB", len(content) + 2, 1, control) + content
    return struct.pack(">BxL", _DATA, len(value)) + value


def _find(message: int) -> bytes:
    elements = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in (
            (0x0002, WORKLIST),
            (0x0100, struct.pack("<H", 0x0020)),
            (0x0110, struct.pack("<H", message)),
            (0x0700, struct.pack("<H", 0)),
            (0x0800, struct.pack("<H", 1)),
        )
    )
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements

"""A modality made of a plain socket: it sends what it is told to, byte by byte if need be, and shows what comes back.

What it sends is encoded by pynetdicom and pydicom, not by the code under test.
"""

import contextlib
import io
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, dsutils
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.sop_class import ModalityWorklistInformationFind, Verification

TIMEOUT_S = 20.0
VERIFICATION, WORKLIST = 1, 3
HEADER = struct.Struct(">BxL")
RELEASE = b"\x05\0\0\0\0\x04\0\0\0\0"
ACCEPTED, REJECTED, DATA, RELEASED, ABORTED = 2, 3, 4, 6, 7
Address = tuple[str, int]


class Unit(NamedTuple):
    """A PDU: its type and its body."""

    kind: int
    body: bytes


class Response(NamedTuple):
    """A DIMSE response: its command set and the bytes of its dataset."""

    command: Dataset
    identifier: bytes


def request(calling: str = "CT1", called: str = "SWF", *, largest: int = 16382, syntax: str = "implicit") -> bytes:
    """A-ASSOCIATE-RQ for Verification and the worklist."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = calling, called
    contexts = []
    for number, service in ((VERIFICATION, Verification), (WORKLIST, ModalityWorklistInformationFind)):
        chosen = ImplicitVRLittleEndian if syntax == "implicit" else ExplicitVRLittleEndian
        context = build_context(service, [chosen])
        context.context_id = number
        contexts.append(context)
    primitive.presentation_context_definition_list = contexts
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = largest
    implementation.implementation_class_uid = "1.2.3.4"
    primitive.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    encoded: bytes = pdu.encode()
    return encoded


def command(**fields: Any) -> bytes:
    """A command set, with its group length."""
    dataset = Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    body = dsutils.encode(dataset, True, True) or b""
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def data(context: int, content: bytes, *, is_command: bool, is_last: bool = True) -> bytes:
    """One P-DATA-TF with one data value."""
    value = struct.pack(">LBB", len(content) + 2, context, is_command | is_last << 1) + content
    return HEADER.pack(4, len(value)) + value


def find_request(identifier: Dataset, number: int = 1, syntax: str = "implicit") -> bytes:
    """C-FIND-RQ, command set and identifier in one piece."""
    asked = command(
        AffectedSOPClassUID=ModalityWorklistInformationFind,
        CommandField=0x0020,
        MessageID=number,
        Priority=0,
        CommandDataSetType=1,
    )
    content = dsutils.encode(identifier, syntax == "implicit", True) or b""
    return data(WORKLIST, asked, is_command=True) + data(WORKLIST, content, is_command=False)


def cancel_request(number: int = 1) -> bytes:
    """C-CANCEL-RQ for that message."""
    asked = command(CommandField=0x0FFF, MessageIDBeingRespondedTo=number, CommandDataSetType=0x0101)
    return data(WORKLIST, asked, is_command=True)


def echo_request(number: int = 1) -> bytes:
    """C-ECHO-RQ."""
    asked = command(AffectedSOPClassUID=Verification, CommandField=0x0030, MessageID=number, CommandDataSetType=0x0101)
    return data(VERIFICATION, asked, is_command=True)


class RawPeer:
    """One connection."""

    def __init__(self, address: Address, *, prompt: bool = True, secure: ssl.SSLContext | None = None) -> None:
        self.socket: socket.socket = socket.create_connection(address, TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, prompt)
        if secure is not None:
            self.socket = secure.wrap_socket(self.socket, server_hostname="localhost")
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def unit(self) -> Unit | None:
        """The next PDU; None at the end of the stream."""
        head = self._read(HEADER.size)
        if len(head) < HEADER.size:
            return None
        kind, length = HEADER.unpack(head)
        return Unit(kind, self._read(length))

    def associate(self, **terms: Any) -> Unit | None:
        """Ask for an association; the answer."""
        self.send(request(**terms))
        return self.unit()

    def responses(self) -> Iterator[Response]:
        """The responses to the request that was sent, until one is final."""
        while True:
            answered = dsutils.decode(io.BytesIO(self._message()), True, True)
            identifier = self._message() if answered.CommandDataSetType != 0x0101 else b""
            yield Response(answered, identifier)
            if answered.Status not in (0xFF00, 0xFF01):
                return

    def query(self, identifier: Dataset, number: int = 1, syntax: str = "implicit") -> list[Response]:
        """All responses to a C-FIND, the final one included."""
        self.send(find_request(identifier, number, syntax))
        return list(self.responses())

    def echo(self) -> int:
        """The status of a C-ECHO."""
        self.send(echo_request())
        (response,) = self.responses()
        return int(response.command.Status)

    def release(self) -> Unit | None:
        """Ask for the release; the answer."""
        self.send(RELEASE)
        return self.unit()

    def at_end(self) -> bool:
        """Whether the other side has closed, after whatever last words."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while self.socket.recv(65536):
                pass
        return True

    def _message(self) -> bytes:
        """The fragments of a command set or a dataset put together."""
        whole = b""
        while True:
            unit = self.unit()
            assert unit is not None, "the connection was closed before the answer came"
            assert unit.kind == DATA, unit
            offset = 0
            while offset < len(unit.body):
                length, _, control = struct.unpack_from(">LBB", unit.body, offset)
                whole += unit.body[offset + 6 : offset + 4 + length]
                offset += 4 + length
            if control & 2:
                return whole

    def _read(self, size: int) -> bytes:
        while len(self._unread) < size:
            received = self.socket.recv(65536)
            if not received:
                break
            self._unread += received
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

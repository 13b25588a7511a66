"""Verification SCU: does a device or archive answer (C-ECHO, PS3.4 annex A), and if not, exactly why.

One association on a socket of its own, with one deadline for all of it: nobody waits longer than told.
"""

import contextlib
import socket
import ssl
import time
from typing import NamedTuple

from pydicom.uid import ImplicitVRLittleEndian

from swf.dicom import dimse, negotiation, pdu
from swf.dicom.dimse import Command
from swf.dicom.pdu import Proposal
from swf.errors import PeerRefused, PeerSilent
from swf.net import tcp
from swf.net.dicom_server import IMPLEMENTATION
from swf.net.dicom_wire import LARGEST_DATA, LARGEST_PDU

_CONTEXT, _MESSAGE = 1, 1
_SUCCESS, _ACCEPTED = 0x0000, 0
_LONGEST_COMMAND = 64 * 1024


class Titles(NamedTuple):
    """Who calls whom."""

    calling: str
    called: str


def echo(
    address: tuple[str, int], titles: Titles, timeout_s: float = 5.0, secure: ssl.SSLContext | None = None
) -> float:
    """C-ECHO on an association of its own; how many milliseconds it all took.

    Raises PeerUnreachable (no connection or no TLS), PeerRefused (rejected, aborted, no such service, or a status that
    is no success) and PeerSilent (no answer in time, or the connection was lost), each with what the peer said.
    """
    begun = time.monotonic()
    with tcp.connect(*address, timeout_s, secure) as connection:
        wire = _Wire(connection, begun + timeout_s, f"{titles.called} at {address[0]}:{address[1]}")
        _associate(wire, titles)
        _verify(wire)
        took = (time.monotonic() - begun) * 1000
        with contextlib.suppress(PeerSilent, PeerRefused):  # it has answered; how it parts is its own affair
            wire.send(pdu.release_request())
            wire.receive()
    return took


class _Wire:
    """The connection: PDUs out and in, until the deadline."""

    def __init__(self, connection: socket.socket, until: float, name: str) -> None:
        self._connection = connection
        self._until = until
        self.name = name

    def send(self, content: bytes) -> None:
        try:
            self._connection.settimeout(self._left())
            self._connection.sendall(content)
        except OSError as error:
            raise self._lost(error) from error

    def receive(self) -> tuple[int, bytes]:
        """Type and body of the next PDU."""
        kind, length = pdu.HEADER.unpack(self._exactly(pdu.HEADER.size))
        if length > LARGEST_PDU:
            raise PeerRefused(f"{self.name} announces a PDU of {length} bytes: it speaks no DICOM", ack_code="")
        return kind, self._exactly(length)

    def expect(self, wanted: pdu.Type) -> bytes:
        """The body of the next PDU, which has to be of this type."""
        kind, body = self.receive()
        if kind == wanted:
            return body
        if kind == pdu.Type.ASSOCIATE_RJ:
            found = pdu.read_rejection(body)
            codes = f"result {found.result}, source {found.source}, reason {found.reason}"
            raise PeerRefused(f"{self.name} rejected the association: {found.text} ({codes})", ack_code="RJ")
        if kind == pdu.Type.ABORT:
            raise PeerRefused(f"{self.name} aborted the association{_why(body)}", ack_code="ABORT")
        raise PeerRefused(f"{self.name} answered with a PDU of type 0x{kind:02X}, which has no place here", ack_code="")

    def _exactly(self, length: int) -> bytes:
        content = b""
        try:
            while len(content) < length:
                self._connection.settimeout(self._left())
                if not (more := self._connection.recv(length - len(content))):
                    raise PeerSilent(f"{self.name} closed the connection without an answer")
                content += more
        except OSError as error:
            raise self._lost(error) from error
        return content

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _lost(self, error: OSError) -> PeerSilent:
        why = "no answer in time" if isinstance(error, TimeoutError) else tcp.reason(error)
        return PeerSilent(f"{self.name}: {why}")


def _associate(wire: _Wire, titles: Titles) -> None:
    proposal = Proposal(_CONTEXT, negotiation.VERIFICATION, (str(ImplicitVRLittleEndian),))
    wire.send(pdu.associate_request(*titles, [proposal], largest=LARGEST_DATA, implementation=IMPLEMENTATION))
    try:
        answers = pdu.read_answers(wire.expect(pdu.Type.ASSOCIATE_AC))
    except ValueError as error:
        raise PeerRefused(f"{wire.name} speaks no DICOM: {error}", ack_code="") from error
    if not any(answer.id == _CONTEXT and answer.result == _ACCEPTED for answer in answers):
        raise PeerRefused(f"{wire.name} takes our association, but no C-ECHO", ack_code="")


def _verify(wire: _Wire) -> None:
    fields: dict[str, dimse.Value] = {
        "AffectedSOPClassUID": negotiation.VERIFICATION,
        "CommandField": Command.C_ECHO,
        "MessageID": _MESSAGE,
        "CommandDataSetType": dimse.NO_DATASET,
    }
    wire.send(pdu.data(_CONTEXT, dimse.write(fields), is_command=True, largest=LARGEST_DATA))
    try:
        status = dimse.status(_command(wire))
    except ValueError as error:
        raise PeerRefused(f"{wire.name} speaks no DICOM: {error}", ack_code="") from error
    if status != _SUCCESS:
        told = "without a status" if status is None else f"with status 0x{status:04X}"
        raise PeerRefused(f"{wire.name} answered C-ECHO {told}", ack_code="" if status is None else f"0x{status:04X}")


def _command(wire: _Wire) -> bytes:
    """The command set of the next message, whose fragments may come in several PDUs."""
    content = b""
    while True:
        for fragment in pdu.read_fragments(wire.expect(pdu.Type.DATA)):
            content += fragment.content
            if len(content) > _LONGEST_COMMAND:
                raise ValueError("a command set without end")
            if fragment.is_last:
                return content


def _why(body: bytes) -> str:
    """What A-ABORT says: nothing when its user did it, a reason when the protocol machine did (PS3.8 9.3.8)."""
    source, reason = body[2:4] if len(body) >= 4 else (0, 0)  # noqa: PLR2004  two reserved bytes and two codes
    return f" (reason {reason} of its protocol machine)" if source else ""

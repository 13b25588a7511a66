"""The door for modalities: one DICOM application entity with Verification, Modality Worklist and MPPS (RAD-5, 6, 7).

pynetdicom serves; this file decides who may come in, keeps patients out of its log, and answers without delay: it never
sets TCP_NODELAY, and with the peer's delayed acknowledgement that costs 40 ms a message in each direction.
"""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pynetdicom import AE, _config, dimse_messages, dimse_primitives, evt
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    ModalityWorklistInformationFind,
    Verification,
)

from swf import log
from swf.config import Dicom, Modality
from swf.errors import ConfigError

_PERMANENT, _SERVICE_USER, _CALLING_TITLE_NOT_RECOGNISED = 0x01, 0x01, 0x03
_TIMEOUT_S = 30.0
_IDLE_S = 600.0
_LAST_ANSWERS_S = 3.0
_LAST_WORDS_S = 2.0
_GLANCE_S = 0.005

# Two hooks of pynetdicom print whole identifiers, names included, into its log
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
# pynetdicom has no place in the answer to N-CREATE for what was missing, which status 0x0120 needs (PS3.7 10.1.5.1.6)
dimse_primitives.N_CREATE.AttributeIdentifierList = None
dimse_messages._COMMAND_SET_KEYWORDS["N-CREATE-RSP"] += ("AttributeIdentifierList",)  # noqa: SLF001
# and it leaves an N-SET that brings no Modification List without any answer
dimse_primitives.N_SET.REQUEST_KEYWORDS = ("MessageID", "RequestedSOPClassUID", "RequestedSOPInstanceUID")
logging.getLogger("pynetdicom").addHandler(logging.NullHandler())
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

Find = Callable[[evt.Event], Iterator[tuple[Any, Any]]]
Change = Callable[[evt.Event], tuple[Any, Any]]


class Prompt:
    """A socket that sends at once and acknowledges every read at once; everything else goes to the real one.

    TCP_QUICKACK (Linux) is forgotten by the kernel after a while, so it is set again after each read.
    """

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        real.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        """Read, and tell the peer's kernel at once."""
        received = self._real.recv(size)
        if hasattr(socket, "TCP_QUICKACK"):
            self._real.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return received

    def shutdown(self, how: int) -> None:
        """End the connection. pynetdicom forgets to close a socket whose peer was faster, so that is no error here."""
        with contextlib.suppress(OSError):
            self._real.shutdown(how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class DicomServer:
    """Serves associations: each in a thread of its own, and only for callers that are known."""

    name = "dicom server"

    def __init__(
        self,
        settings: Dicom,
        modalities: tuple[Modality, ...],
        *,
        find: Find,
        create: Change,
        change: Change,
        retrieve: Change | None = None,
    ) -> None:
        self._settings = settings
        self.admit(modalities)
        self._handlers = [
            (evt.EVT_CONN_OPEN, _make_prompt),
            (evt.EVT_REQUESTED, self._admit),
            (evt.EVT_C_ECHO, lambda _event: 0x0000),
            (evt.EVT_C_FIND, find),
            (evt.EVT_N_CREATE, create),
            (evt.EVT_N_SET, change),
            *([(evt.EVT_N_GET, retrieve)] if retrieve else []),
        ]
        self._server: Any = None

    def admit(self, modalities: Iterable[Modality]) -> None:
        """Let these modalities in from now on, and no other; associations that are open stay open."""
        self._hosts = {modality.ae_title: modality.host for modality in modalities}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; a port of 0 is replaced by the one the system gave once `start` has returned."""
        if self._server is None:
            return self._settings.host, self._settings.port
        address: tuple[str, int] = self._server.socket.getsockname()[:2]
        return address

    def start(self) -> None:
        """Bind and serve. Raises ConfigError when the address cannot be had."""
        entity = AE(ae_title=self._settings.ae_title)
        entity.maximum_associations = self._settings.max_associations
        entity.acse_timeout = entity.dimse_timeout = _TIMEOUT_S
        entity.network_timeout = _IDLE_S
        entity.add_supported_context(Verification)
        entity.add_supported_context(ModalityWorklistInformationFind)
        entity.add_supported_context(ModalityPerformedProcedureStep, scu_role=True, scp_role=True)
        entity.add_supported_context(ModalityPerformedProcedureStepRetrieve, scu_role=True, scp_role=True)
        where = (self._settings.host, self._settings.port)
        try:
            self._server = entity.start_server(where, block=False, evt_handlers=self._handlers)
        except OSError as error:
            raise ConfigError([f"dicom: cannot listen on {where[0]}:{where[1]}: {error.strerror}"]) from error

    def stop(self) -> None:
        """Take no new association, finish the requests that are being answered, then abort what is still open."""
        if self._server is None:
            return
        server, self._server = self._server, None
        with contextlib.suppress(OSError):  # wakes the accepting thread, which by itself looks up twice a second
            server.socket.shutdown(socket.SHUT_RDWR)
        server.shutdown()
        deadline = time.monotonic() + _LAST_ANSWERS_S
        endings = [
            threading.Thread(target=_end, args=(association, deadline), daemon=True)
            for association in server.active_associations
        ]
        for ending in endings:
            ending.start()
        for ending in endings:
            ending.join(max(0.0, deadline + _LAST_WORDS_S - time.monotonic()))

    def healthy(self) -> bool:
        """True while associations are accepted."""
        return self._server is not None and self._server.socket.fileno() >= 0

    def _admit(self, event: evt.Event) -> None:
        """Refuse a caller that is not known, or not where it should be, before anything is negotiated (PS3.8 9.3.4)."""
        title = str(event.assoc.requestor.primitive.calling_ae_title).strip()
        address = event.assoc.requestor.address
        reason = self._reason_to_refuse(title, address)
        if reason:
            log.warning("association rejected", ae_title=title, address=address, reason=reason)
            event.assoc.acse.send_reject(_PERMANENT, _SERVICE_USER, _CALLING_TITLE_NOT_RECOGNISED)
            event.assoc.kill()

    def _reason_to_refuse(self, title: str, address: str) -> str:
        if title not in self._hosts:
            return "calling AE title is not configured" if self._settings.callers_are_checked else ""
        host = self._hosts[title]
        return "" if host is None or _is_at(host, address) else "calling AE title comes from another host"


def _end(association: Any, deadline: float) -> None:
    """Let the request in hand be answered, then abort; with a peer that reads nothing this takes for ever.

    pynetdicom calls an association paused from the handler's begin until its answer stands in the line of what is to be
    sent; the abort is put behind it there. Only when both have left (state Sta1 of PS3.8 9.2) may the association be
    killed, since that closes the connection. Before the negotiation there is no abort, so the connection just ends.
    """
    _glance_until(deadline, lambda: not (association.is_established and association._is_paused))  # noqa: SLF001
    if association.is_established:
        association.abort(block=False)
        _glance_until(deadline + _LAST_WORDS_S, lambda: association.dul.state_machine.current_state == "Sta1")
        association.kill()
        association.join()
    elif association.dul.socket.socket is not None:
        association.dul.socket.socket.shutdown(socket.SHUT_RDWR)


def _glance_until(deadline: float, reached: Callable[[], bool]) -> None:
    pause = threading.Event()
    while not reached() and time.monotonic() < deadline:
        pause.wait(_GLANCE_S)


def _make_prompt(event: evt.Event) -> None:
    wrapper = event.assoc.dul.socket
    wrapper.socket = Prompt(wrapper.socket)


def _is_at(host: str, address: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return any(entry[4][0] == address for entry in found)

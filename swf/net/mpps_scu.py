"""MPPS SCU: tells another system what a modality reported, as it was reported (RAD-6, RAD-7; PS3.4 F.7).

Each request has an association of its own: a report is rare, and a system that was restarted notices nothing.
"""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.sop_class import ModalityPerformedProcedureStep

from swf.config import Relay
from swf.errors import PeerSilent, PeerUnreachable
from swf.net.tls import Secured

# pynetdicom prints whole identifiers, names included, into its log
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
logging.getLogger("pynetdicom").addHandler(logging.NullHandler())
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

_REST_S = 0.02
_SYNTAXES = [str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian)]


class _Tls:
    """A TLS context as pynetdicom uses it, which notes the sockets it makes."""

    def __init__(self, context: ssl.SSLContext, opened: list[socket.socket]) -> None:
        self._context = context
        self._opened = opened

    def wrap_socket(self, plain: socket.socket, **terms: Any) -> socket.socket:
        """The socket for TLS, not yet connected."""
        wrapped = self._context.wrap_socket(plain, **terms)
        self._opened.append(wrapped)
        return wrapped


class _Caller(AE):  # type: ignore[misc]  # pynetdicom is not read by mypy
    """A caller that closes its sockets: pynetdicom forgets to, when nobody answers or the other side was faster."""

    def __init__(self, title: str) -> None:
        super().__init__(ae_title=title)
        self.opened: list[socket.socket] = []

    def _create_socket(self, *arguments: Any) -> Any:
        made = super()._create_socket(*arguments)
        self.opened.append(made.socket)
        return made

    def hang_up(self) -> None:
        """End every connection, so that whoever reads from one wakes."""
        for each in self.opened:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close whatever was opened."""
        for each in self.opened:
            each.close()


class Answer(NamedTuple):
    """How a request was answered: the status, the Error ID (0 for none) and the comment (PS3.7 Annex C)."""

    status: int
    error_id: int = 0
    comment: str = ""


class MppsScu:
    """Calls one system by its AE title; with `secured` over TLS."""

    def __init__(self, relay: Relay, own_title: str, secured: Secured | None = None) -> None:
        self._relay = relay
        self._own_title = own_title
        self._secured = secured
        self._entity: _Caller | None = None

    def close(self) -> None:
        """Break off what waits for an answer, from another thread: whoever waits gets PeerSilent."""
        entity = self._entity
        if entity is not None:
            entity.hang_up()

    def create(self, sop_instance_uid: str, dataset: Dataset) -> Answer:
        """N-CREATE. Raises PeerUnreachable and PeerSilent."""
        with self._association() as association:
            status, _ = association.send_n_create(dataset, ModalityPerformedProcedureStep, sop_instance_uid)
            return _answer(status)

    def set(self, sop_instance_uid: str, dataset: Dataset) -> Answer:
        """N-SET. Raises PeerUnreachable and PeerSilent."""
        with self._association() as association:
            status, _ = association.send_n_set(dataset, ModalityPerformedProcedureStep, sop_instance_uid)
            return _answer(status)

    @contextlib.contextmanager
    def _association(self) -> Iterator[Any]:
        relay = self._relay
        entity = self._entity = _Caller(self._own_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = relay.ack_timeout_seconds
        entity.connection_timeout = relay.ack_timeout_seconds
        entity.add_requested_context(ModalityPerformedProcedureStep, _SYNTAXES)
        secure = (_Tls(self._secured.context(), entity.opened), relay.host) if self._secured else None
        association = entity.associate(relay.host, relay.port, ae_title=relay.ae_title, tls_args=secure)
        try:
            if not association.is_established:
                raise PeerUnreachable(f"{relay.ae_title} takes no association for performed procedure steps from us")
            _let_it_settle(association)
            yield association
        finally:
            self._entity = None
            association.release()
            entity.close()


def _let_it_settle(association: Any) -> None:
    """Wait until pynetdicom's own reader is really at rest.

    It calls itself paused for a moment while it is not, and then takes our answer for itself and throws it away.
    """
    association._reactor_checkpoint.clear()  # noqa: SLF001
    threading.Event().wait(_REST_S)


def _answer(status: Dataset) -> Answer:
    if "Status" not in status:
        raise PeerSilent("the association ended, or the time was over, before an answer came")
    return Answer(int(status.Status), int(status.get("ErrorID") or 0), str(status.get("ErrorComment") or ""))

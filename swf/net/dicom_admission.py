"""Who may associate, and what the others are told (A-ASSOCIATE-RJ, PS3.8 9.3.4; DICOM TLS, PS3.15 B.12)."""

import contextlib
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from swf.config import Dicom, Modality
from swf.dicom import pdu
from swf.dicom.pdu import AssociateRequest, Rejection
from swf.net import tls


class Refusal(NamedTuple):
    """What the peer is told, and the reason an operator reads."""

    rejection: Rejection
    reason: str


class Visit(NamedTuple):
    """An association request and where it came from."""

    request: AssociateRequest
    connection: socket.socket
    address: str


class Admission:
    """The rules of the door; the modalities may be replaced while it is open."""

    def __init__(self, settings: Dicom, modalities: Iterable[Modality], titles: Iterable[str]) -> None:
        self._settings = settings
        self._known: dict[str, frozenset[str]] = {}  # the addresses of host names
        self.admit(modalities, titles)

    def admit(self, modalities: Iterable[Modality], titles: Iterable[str]) -> None:
        """Let these call these `titles` of ours from now on, and no other."""
        self._modalities = {title: each for each in modalities for title in (each.ae_title, *each.aliases)}
        self._titles = frozenset(titles)

    def refusal(self, visit: Visit) -> Refusal | None:
        """Why there is no association; None when there is one."""
        return next(self._breaches(visit), None)

    def _breaches(self, visit: Visit) -> Iterator[Refusal]:
        request, settings = visit.request, self._settings
        if not request.version & 1:
            yield Refusal(pdu.VERSION_NOT_SUPPORTED, "protocol version is not 1")
        if request.application_context != pdu.APPLICATION_CONTEXT:
            yield Refusal(pdu.CONTEXT_NOT_SUPPORTED, "application context is not that of DICOM")
        modality = self._modalities.get(request.calling)
        if modality is None and (settings.callers_are_checked or not request.calling):
            yield Refusal(pdu.CALLING_NOT_RECOGNISED, "calling AE title is not configured")
        if settings.called_is_checked and request.called not in self._titles:
            yield Refusal(pdu.CALLED_NOT_RECOGNISED, "called AE title is not ours")
        if modality is not None and not self._is_at(modality.host, visit.address):
            yield Refusal(pdu.CALLING_NOT_RECOGNISED, "calling AE title comes from another host")
        if modality is not None and not _shows(visit.connection, modality.certificate):
            yield Refusal(pdu.CALLING_NOT_RECOGNISED, "calling AE title does not show its certificate")

    def _is_at(self, host: str | None, address: str) -> bool:
        """Whether `host` is at `address`; a name is asked for again only when its last answer does not fit."""
        if host is None:
            return True
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(host) == ipaddress.ip_address(address)
        if address not in self._known.get(host, ()):
            try:
                found = socket.getaddrinfo(host, None)
            except OSError:
                return False
            self._known[host] = frozenset(str(entry[4][0]) for entry in found)
        return address in self._known[host]


def _shows(connection: socket.socket, certificate: str) -> bool:
    return not certificate or tls.is_of(connection, certificate)

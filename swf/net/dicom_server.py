"""The door for modalities: one DICOM application entity with Verification, Modality Worklist and MPPS (RAD-5, 6, 7).

The lobby keeps connections until they ask for an association; here it is decided who may come in (PS3.8 9.3.4), and
each association then has a thread of its own, which sleeps while its peer says nothing.
"""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from swf import log
from swf.config import Dicom, Modality
from swf.dicom import negotiation, pdu
from swf.dicom.dimse import Command
from swf.dicom.pdu import AbortReason, AssociateRequest, Rejection
from swf.errors import ConfigError
from swf.net.dicom_admission import Admission, Visit
from swf.net.dicom_association import Association, Caller
from swf.net.dicom_lobby import Arrival, Door, Lobby, Terms
from swf.net.dicom_refusals import Refusals, Refused
from swf.net.dicom_request import Answer, Request, Services
from swf.net.dicom_wire import LARGEST_DATA, Violation, Wire
from swf.net.tls import Secured

IMPLEMENTATION = ("2.25.148250903268714092187324402177083915231", "SWF_BROKER")
BACKLOG = 512
_LAST_ANSWERS_S = 3.0
_LAST_WORDS_S = 1.0


@dataclass
class _Open:
    """An association from its request to its end."""

    wire: Wire
    address: str
    thread: threading.Thread | None = None


class DicomServer:
    """Serves associations: each in a thread of its own, and only for callers that are known.

    `titles` are the AE titles of ours that may be called. `services` are what is offered, by SOP class and command;
    Verification is always there. `secured` is what callers at the TLS port are met with.
    """

    name = "dicom server"

    def __init__(
        self,
        settings: Dicom,
        modalities: tuple[Modality, ...],
        titles: tuple[str, ...],
        services: Services,
        *,
        secured: Secured | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self._settings = settings
        self._services: Services = {negotiation.VERIFICATION: {Command.C_ECHO: _echo}, **services}
        self._secured = secured
        self._refusals = refusals or Refusals()
        self._admission = Admission(settings, modalities, titles)
        self._lobby: Lobby | None = None
        self._lock = threading.Lock()
        self._open: dict[int, _Open] = {}
        self._taken = 0
        self._crowd: Counter[str] = Counter()
        self._where: dict[str, tuple[str, int]] = {}

    def admit(self, modalities: Iterable[Modality], titles: Iterable[str]) -> None:
        """Let these modalities call these titles from now on, and no other; associations that are open stay open."""
        self._admission.admit(modalities, titles)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; a port of 0 is replaced by the one the system gave once `start` has returned."""
        return self._where.get("plain", (self._settings.host, self._settings.port))

    @property
    def tls_address(self) -> tuple[str, int] | None:
        """Host and port for TLS; None without it."""
        return self._where.get("tls")

    def start(self) -> None:
        """Bind and serve. Raises ConfigError when an address cannot be had."""
        settings = self._settings
        with contextlib.ExitStack() as undo:
            doors = []
            if self._secured is None or not settings.tls_only:
                doors.append(Door(undo.enter_context(self._bound("plain", settings.port)), None))
            if self._secured is not None:
                listening = undo.enter_context(self._bound("tls", settings.tls_port))
                doors.append(Door(listening, self._secured.context))
            undo.pop_all()
        self._rope, self._bell = socket.socketpair()
        terms = Terms(settings.association_seconds, settings.max_waiting, settings.max_waiting_per_peer)
        self._lobby = Lobby(doors, self._arrived, self._turned_away, terms)
        self._lobby.open()

    def stop(self) -> None:
        """Take no new association, finish the requests that are being answered, then abort what is still open."""
        if self._lobby is None:
            return
        lobby, self._lobby = self._lobby, None
        lobby.close()
        self._rope.close()
        until = time.monotonic() + _LAST_ANSWERS_S
        self._join(until)
        with self._lock:
            left = [each.wire for each in self._open.values()]
        for wire in left:
            wire.cut()
        self._join(time.monotonic() + _LAST_WORDS_S)
        self._bell.close()

    def healthy(self) -> bool:
        """True while associations are accepted."""
        return self._lobby is not None and self._lobby.accepting()

    def associations(self) -> int:
        """How many are open."""
        return self._taken

    def _bound(self, door: str, port: int) -> socket.socket:
        host = self._settings.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise ConfigError([f"dicom: cannot listen on {host}:{port}: {error.strerror}"]) from error
        self._where[door] = listening.getsockname()[:2]
        return listening

    def _join(self, until: float) -> None:
        with self._lock:
            threads = [each.thread for each in self._open.values() if each.thread is not None]
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    # ---- who may come in ----

    def _arrived(self, arrival: Arrival) -> bytes | None:
        """Give the connection a thread of its own; without a place for it, the words to part with."""
        wire = Wire(arrival.connection, self._bell, unread=arrival.unread, deadline_s=self._settings.request_seconds)
        place = _Open(wire, arrival.address)
        rejection = self._take_place(place)
        if rejection is None:
            thread = threading.Thread(
                target=self._serve, args=(arrival, place), name=f"{self.name} {arrival.address}", daemon=True
            )
            place.thread = thread
            try:
                thread.start()
            except RuntimeError:
                self._leave_place(place)
                self._forget(place)
                rejection = pdu.TEMPORARY_CONGESTION
        if rejection is None:
            return None
        try:
            self._reject(pdu.read_request(arrival.request), arrival.address, rejection.text)
        except ValueError:
            self._turned_away(arrival.address, rejection.text)
        return pdu.associate_reject(rejection)

    def _take_place(self, place: _Open) -> Rejection | None:
        settings = self._settings
        with self._lock:
            if self._taken >= settings.max_associations:
                return pdu.LIMIT_EXCEEDED
            if self._crowd[place.address] >= settings.max_associations_per_peer:
                return pdu.LIMIT_EXCEEDED
            self._open[id(place)] = place
            self._taken += 1
            self._crowd[place.address] += 1
        return None

    def _leave_place(self, place: _Open) -> None:
        with self._lock:
            self._taken -= 1
            self._crowd[place.address] -= 1
            if not self._crowd[place.address]:
                del self._crowd[place.address]

    def _forget(self, place: _Open) -> None:
        with self._lock:
            self._open.pop(id(place), None)

    def _serve(self, arrival: Arrival, place: _Open) -> None:
        wire = place.wire
        try:
            self._associate(arrival, place)
        except Violation as violation:
            log.warning("association ended", address=arrival.address, reason=str(violation))
            with contextlib.suppress(OSError):
                wire.send(pdu.abort(violation.reason))
        except TimeoutError:
            log.info("association ended", address=arrival.address, reason="the peer said nothing in time")
            with contextlib.suppress(OSError):
                wire.send(pdu.abort())
        except OSError as error:
            log.info("association lost", address=arrival.address, reason=error.strerror or type(error).__name__)
            wire.close()
        except Exception as error:  # noqa: BLE001  the last resort: one association never harms another
            log.error("association failed", address=arrival.address, traceback=log.frames(error))
            wire.close()
        finally:
            self._leave_place(place)  # before the peer closes: who comes back at once finds it free
            wire.part()
            self._forget(place)

    def _associate(self, arrival: Arrival, place: _Open) -> None:
        try:
            request = pdu.read_request(arrival.request)
        except ValueError as error:
            raise Violation(str(error), AbortReason.INVALID_PARAMETER) from error
        refusal = self._admission.refusal(Visit(request, arrival.connection, arrival.address))
        if refusal is not None:
            self._reject(request, arrival.address, refusal.reason)
            place.wire.send(pdu.associate_reject(refusal.rejection))
            return
        agreement = negotiation.negotiate(request, self._services)
        accept = pdu.associate_accept(
            request,
            agreement.answers,
            largest=LARGEST_DATA,
            implementation=IMPLEMENTATION,
            roles=agreement.roles,
            extended=agreement.extended,
        )
        place.wire.send(accept)
        caller = Caller(request.calling, request.called, arrival.address, request.largest)
        settings = self._settings
        Association(
            place.wire,
            caller,
            agreement,
            self._services,
            idle_s=settings.idle_seconds,
            request_s=settings.request_seconds,
        ).serve()

    # ---- what an operator is told ----

    def _turned_away(self, address: str, reason: str) -> None:
        self._refusals.note(Refused(address, "", "", reason))

    def _reject(self, request: AssociateRequest, address: str, reason: str) -> None:
        self._refusals.note(Refused(address, request.calling, request.called, reason))


def _echo(_request: Request) -> Answer:
    return 0x0000, None

"""Where connections wait until they have said who they are: TLS handshake and A-ASSOCIATE-RQ (PS3.8 9.2 Sta2, ITI-19).

One thread for all of them, however many are silent, slow or hostile. Each has one deadline for everything; where too
many wait, the one that has waited longest in the most crowded address has to go, so that a peer that speaks at once is
never kept out by those that do not speak.
"""

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from swf import log
from swf.dicom import pdu
from swf.net import dicom_wire
from swf.net.dicom_wire import Violation

ACCEPTED_AT_ONCE = 64
SWEEP_S = 0.2
PAUSE_S = 0.05
_STRANGERS = {b"\x16\x03": "TLS on the plain port", b"GET ": "HTTP", b"POST": "HTTP", b"SSH-": "SSH", b"MSH": "HL7"}

Secure = Callable[[], ssl.SSLContext]


class Door(NamedTuple):
    """A listening socket, and what its connections are met with when they are to speak TLS."""

    listening: socket.socket
    secure: Secure | None


class Arrival(NamedTuple):
    """A connection that has sent its A-ASSOCIATE-RQ: where from, the body of the request, and what came after it."""

    connection: socket.socket
    address: str
    request: bytes
    unread: bytes


class Terms(NamedTuple):
    """How long a connection may take to associate, how many may wait at once, and how many of them from one address."""

    deadline_s: float
    most: int
    most_per_address: int


@dataclass
class _Guest:
    connection: socket.socket
    address: str
    until: float
    shaking: bool
    heard: bytearray = field(default_factory=bytearray)
    parting: bool = False
    ignored: int = 0


class Lobby:
    """Accepts at every door and hands over to `admit` who has asked for an association.

    `admit` returns the last words for a connection that is not taken, nothing for one that is. `turned_away` is told
    address and reason of every connection that never came so far.
    """

    name = "dicom lobby"

    def __init__(
        self,
        doors: Iterable[Door],
        admit: Callable[[Arrival], bytes | None],
        turned_away: Callable[[str, str], None],
        terms: Terms,
    ) -> None:
        self._doors = {door.listening: door for door in doors}
        self._admit = admit
        self._turned_away = turned_away
        self._terms = terms
        self._guests: dict[socket.socket, _Guest] = {}
        self._crowd: Counter[str] = Counter()
        self._selector = selectors.DefaultSelector()
        self._rope, self._bell = socket.socketpair()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=self.name, daemon=True)
        self._swept = 0.0

    def open(self) -> None:
        """Begin to accept."""
        for listening in (*self._doors, self._bell):
            listening.setblocking(False)
            self._selector.register(listening, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Accept nobody any more, and let go of those who wait."""
        self._closing.set()
        self._rope.close()
        if self._thread.ident is not None:
            self._thread.join()
        for listening in self._doors:
            listening.close()
        for guest in list(self._guests.values()):
            self._dismiss(guest)
        self._selector.close()
        self._bell.close()

    def accepting(self) -> bool:
        """Whether connections are taken."""
        return self._thread.is_alive() and not self._closing.is_set()

    def _keep(self) -> None:
        while not self._closing.is_set():
            for key, _ in self._selector.select(SWEEP_S if self._guests else None):
                connection = key.fileobj
                if connection in self._doors:
                    self._accept(self._doors[connection])
                elif connection in self._guests:
                    self._attend(self._guests[connection])
            self._sweep()

    # ---- in ----

    def _accept(self, door: Door) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, address = door.listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno is not None and not self._make_room_for_descriptor():
                    log.error("connection not accepted", service=self.name, reason=error.strerror)
                    self._closing.wait(PAUSE_S)
                return
            self._welcome(connection, address[0], door)

    def _make_room_for_descriptor(self) -> bool:
        """Part with the one that has waited longest, when the system has no descriptor left."""
        oldest = next(iter(self._guests.values()), None)
        if oldest is not None:
            self._turn_away(oldest, "no descriptor left")
        return oldest is not None

    def _welcome(self, connection: socket.socket, address: str, door: Door) -> None:
        self._make_room(address)
        try:
            dicom_wire.prepare(connection)
            if door.secure is not None:
                connection = door.secure().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self._selector.register(connection, selectors.EVENT_READ)
        except (OSError, ValueError):
            connection.close()  # it left before anything was said
            return
        until = time.monotonic() + self._terms.deadline_s
        self._guests[connection] = _Guest(connection, address, until, shaking=door.secure is not None)
        self._crowd[address] += 1

    def _make_room(self, address: str) -> None:
        if self._crowd[address] >= self._terms.most_per_address:
            self._turn_away_oldest(address, "too many connections from this address wait")
        elif len(self._guests) >= self._terms.most:
            ((crowded, _),) = self._crowd.most_common(1)
            self._turn_away_oldest(crowded, "too many connections wait")

    def _turn_away_oldest(self, address: str, reason: str) -> None:
        oldest = next((guest for guest in self._guests.values() if guest.address == address), None)
        if oldest is not None:
            self._turn_away(oldest, reason)

    # ---- while they wait ----

    def _attend(self, guest: _Guest) -> None:
        try:
            if guest.shaking and not self._shook_hands(guest):
                return
            self._listen(guest)
        except Violation as violation:
            self._say_last(guest, pdu.abort(violation.reason), _stranger(guest.heard) or str(violation))
        except OSError as error:
            self._leave(guest, error)
        except Exception as error:  # noqa: BLE001  the last resort: one connection never closes the door for the others
            log.error("connection failed", service=self.name, address=guest.address, traceback=log.frames(error))
            if guest.connection in self._guests:
                self._dismiss(guest)

    def _shook_hands(self, guest: _Guest) -> bool:
        assert isinstance(guest.connection, ssl.SSLSocket)  # noqa: S101  for the type checker
        try:
            guest.connection.do_handshake()
        except ssl.SSLWantReadError:
            self._selector.modify(guest.connection, selectors.EVENT_READ)
            return False
        except ssl.SSLWantWriteError:
            self._selector.modify(guest.connection, selectors.EVENT_WRITE)
            return False
        guest.shaking = False
        self._selector.modify(guest.connection, selectors.EVENT_READ)
        return True

    def _listen(self, guest: _Guest) -> None:
        """Take one piece of what has arrived, so that a flood has its turn like everybody else."""
        # Who is parted from is not read any further, so its TLS session is left alone
        receive = socket.socket.recv if guest.parting else type(guest.connection).recv
        try:
            received = receive(guest.connection, dicom_wire.CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        if not received:
            raise ConnectionResetError("the peer has closed the connection")
        if guest.parting:
            guest.ignored += len(received)
            if guest.ignored > dicom_wire.PART_BYTES:
                self._dismiss(guest)
            return
        guest.heard += received
        length = dicom_wire.length_of(guest.heard)
        if guest.heard[0] != pdu.Type.ASSOCIATE_RQ:
            raise Violation("something came before A-ASSOCIATE-RQ", pdu.AbortReason.UNEXPECTED_PDU)
        if length is not None and len(guest.heard) >= length:
            self._hand_over(guest, length)

    def _hand_over(self, guest: _Guest, length: int) -> None:
        request, unread = bytes(guest.heard[pdu.HEADER.size : length]), bytes(guest.heard[length:])
        self._forget(guest)
        last_words = self._admit(Arrival(guest.connection, guest.address, request, unread))
        if last_words is not None:
            self._guests[guest.connection] = guest
            self._crowd[guest.address] += 1
            self._selector.register(guest.connection, selectors.EVENT_READ)
            self._say_last(guest, last_words, "")

    # ---- out ----

    def _say_last(self, guest: _Guest, words: bytes, reason: str) -> None:
        """Send `words`, let the peer close, and wait for that a moment: to close over unread bytes would reset them."""
        if reason:
            self._turned_away(guest.address, reason)
        try:
            guest.connection.send(words)
        except OSError:
            self._dismiss(guest)
        else:
            self._part(guest)

    def _part(self, guest: _Guest) -> None:
        guest.parting = True
        guest.until = time.monotonic() + dicom_wire.PART_S

    def _leave(self, guest: _Guest, error: OSError) -> None:
        if guest.shaking and isinstance(error, ssl.SSLError):
            self._turned_away(guest.address, f"no TLS session: {error.reason or 'left within the handshake'}")
            guest.shaking = False
            self._part(guest)  # the alert that says why is on its way
        else:
            self._dismiss(guest)

    def _turn_away(self, guest: _Guest, reason: str) -> None:
        if not guest.parting:
            self._turned_away(guest.address, reason)
        self._dismiss(guest)

    def _sweep(self) -> None:
        now = time.monotonic()
        if now - self._swept < SWEEP_S:
            return
        self._swept = now
        for guest in [guest for guest in self._guests.values() if guest.until <= now]:
            self._turn_away(guest, _overdue(guest))

    def _forget(self, guest: _Guest) -> None:
        self._selector.unregister(guest.connection)
        del self._guests[guest.connection]
        self._crowd[guest.address] -= 1
        if not self._crowd[guest.address]:
            del self._crowd[guest.address]

    def _dismiss(self, guest: _Guest) -> None:
        self._forget(guest)
        with contextlib.suppress(OSError):
            guest.connection.close()


def _overdue(guest: _Guest) -> str:
    if guest.shaking:
        return "no TLS session in time"
    return "no whole A-ASSOCIATE-RQ in time" if guest.heard else "nothing said in time"


def _stranger(heard: bytearray) -> str:
    return next((what for start, what in _STRANGERS.items() if heard.startswith(start)), "")

"""MLLP listener, the door every HL7 message comes in by (RAD-1, 2, 3, 4, 12, 13, 48; MLLP release 1, ITI TF-2 C.2.1)."""

import contextlib
import math
import socket
import threading
import time
from dataclasses import dataclass, replace

from swf import errors, log
from swf.net import tcp
from swf.net.mllp_conversation import (
    Broken,
    Conversation,
    HangUp,
    Peer,
    Receive,
    ReceiveBroken,
    Terms,
    leave,
    ready,
    refuse_broken,
    selector_of,
)
from swf.net.tls import Secured

__all__ = ["Broken", "HangUp", "MllpListener", "Peer", "Receive", "ReceiveBroken", "refuse_broken"]

BACKLOG = 128
TOO_MANY = "too many connections"
TOO_MANY_FROM_ONE = "too many connections from this address"
# Of more addresses than these in a minute nobody reads a list.
MOST_ADDRESSES = 50
# Before accepting again when the system has no descriptor or thread left.
PAUSE_S = 0.2


@dataclass(frozen=True)
class Crowding:
    """A limit that was met: by whom, how often an idle connection made room, how often the newcomer was turned away."""

    reason: str
    address: str
    made_room: int = 0
    turned_away: int = 0


class MllpListener:
    """Accepts connections and hands their messages to `receive`: one thread and strict order for each connection.

    What is no message, because its frame was too long, too slow or never ended, goes to `broken`. `limit` is the longest frame in bytes, `frame_deadline_s` the time a whole frame may take from its first byte.
    `receive` may take as long as it needs; it is called again on the same connection only after its answer is sent.
    The messages of a batch are handed to it one by one. With `secure` every connection begins with a TLS handshake.

    At a limit of connections, from one address or in all, the longest idle one makes room, one that never sent a message
    before any that did. Only when a message is outstanding on each of them is the newcomer turned away.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receive: Receive,
        *,
        broken: ReceiveBroken = refuse_broken,
        limit: int = 16 * 2**20,
        frame_deadline_s: float = 60.0,
        max_connections: int = 256,
        max_connections_per_peer: int = 256,
        secure: Secured | None = None,
        name: str = "hl7 listener",
    ) -> None:
        self.name = name
        self._address = (host, port)
        self._rules = _Rules(
            receive, broken, limit, frame_deadline_s, max_connections, max_connections_per_peer, secure
        )
        self._hall: _Hall | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; a port of 0 is replaced by the one the system gave once `start` has returned."""
        return self._address

    def start(self) -> None:
        """Bind and accept. Raises ConfigError when the address cannot be had."""
        listening = _bind(self.name, *self._address)
        self._address = listening.getsockname()[:2]
        self._hall = _Hall(self.name, listening, self._rules)
        self._hall.open()

    def stop(self, deadline_s: float = 4.0) -> None:
        """Take no new connection, answer every message that has completely arrived, then close.

        Connections that have not ended after `deadline_s` are cut; after half of it no further message is begun.
        """
        if self._hall is not None:
            self._hall.close(deadline_s)
            self._hall = None

    def crowding(self) -> list[Crowding]:
        """Where a limit was met since this was last asked."""
        return self._hall.crowding() if self._hall is not None else []

    def healthy(self) -> bool:
        """True while connections are accepted."""
        return self._hall is not None and self._hall.accepting()


@dataclass
class _Guest:
    """One connection; `leaving` once it was chosen to make room."""

    connection: socket.socket
    peer: Peer
    conversation: Conversation
    thread: threading.Thread
    leaving: bool = False


@dataclass(frozen=True)
class _Rules:
    receive: Receive
    broken: ReceiveBroken
    limit: int
    frame_deadline_s: float
    max_connections: int
    max_connections_per_peer: int
    secure: Secured | None


class _Hall:
    """One listening socket from bind to close, with the connections that came in by it."""

    def __init__(self, name: str, listening: socket.socket, rules: _Rules) -> None:
        self._name = name
        self._rules = rules
        # Closing one end makes the other readable for ever, in every thread that waits: nobody needs a timeout.
        self._rope, self._bell = socket.socketpair()
        self._terms = Terms(name, rules.receive, rules.broken, rules.limit, rules.frame_deadline_s, self._bell)
        self._listening = listening
        # Only the acceptor writes here while it runs, so no lock is needed.
        self._guests: list[_Guest] = []
        self._crowding: dict[tuple[str, str], Crowding] = {}
        self._counting = threading.Lock()
        self._closing = threading.Event()
        self._acceptor = threading.Thread(target=self._accept_all, name=name, daemon=True)

    def open(self) -> None:
        self._acceptor.start()

    def accepting(self) -> bool:
        return self._acceptor.is_alive() and not self._closing.is_set()

    def close(self, deadline_s: float) -> None:
        until = time.monotonic() + deadline_s
        self._terms.last_call = until - deadline_s / 2
        self._closing.set()
        self._rope.close()
        self._acceptor.join()
        self._listening.close()
        self._join(until)
        self._cut_connections()
        self._join(time.monotonic() + PAUSE_S)
        self._bell.close()

    def _cut_connections(self) -> None:
        left = [guest.connection for guest in self._guests if guest.thread.is_alive()]
        if left:
            log.warning("connections cut", service=self._name, count=len(left))
        for connection in left:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which would take the session from under the thread that uses it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _join(self, until: float) -> None:
        for guest in self._guests:
            guest.thread.join(max(0.0, until - time.monotonic()))

    def _accept_all(self) -> None:
        with selector_of(self._listening, self._bell) as selector:
            while self._bell not in ready(selector, None):
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            connection, address = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            log.error("connection not accepted", service=self._name, reason=error.strerror)
            self._closing.wait(PAUSE_S)
            return
        self._admit(connection, Peer(address[0], address[1]))

    def _admit(self, connection: socket.socket, peer: Peer) -> None:
        self._guests = [guest for guest in self._guests if guest.thread.is_alive()]
        reason, crowd = self._crowd(peer)
        if reason:
            made_room = self._make_room(reason, crowd)
            self._count(reason, peer, made_room=made_room)
            if not made_room:
                self._turn_away(connection, peer, reason)
                return
        try:
            connection = _prepared(connection, self._rules.secure)
            self._serve_in_thread(connection, peer)
        except RuntimeError:
            self._turn_away(connection, peer, "no thread left")
            self._closing.wait(PAUSE_S)
        except OSError:
            connection.close()  # it left before anything was said

    def _serve_in_thread(self, connection: socket.socket, peer: Peer) -> None:
        name = f"{self._name} {peer.address}:{peer.port}"
        conversation = Conversation(connection, peer, self._terms)
        thread = threading.Thread(target=self._serve, args=(connection, peer, conversation), name=name, daemon=True)
        thread.start()
        self._guests.append(_Guest(connection, peer, conversation, thread))

    def _crowd(self, peer: Peer) -> tuple[str, list[_Guest]]:
        """Why there is no place for one more connection of `peer`, and who could make room; nothing when there is."""
        staying = [guest for guest in self._guests if not guest.leaving]
        same = [guest for guest in staying if guest.peer.address == peer.address]
        if len(same) >= self._rules.max_connections_per_peer:
            return TOO_MANY_FROM_ONE, same
        return (TOO_MANY, staying) if len(staying) >= self._rules.max_connections else ("", [])

    def _make_room(self, reason: str, crowd: list[_Guest]) -> bool:
        """End the connection that will be missed least; False when a message is outstanding on every one."""
        idle = [guest for guest in crowd if guest.conversation.idle_since < math.inf]
        if not idle:
            return False
        guest = min(idle, key=lambda each: (each.conversation.has_spoken, each.conversation.idle_since))
        guest.leaving = True
        leave(guest.connection)
        where = {"service": self._name, "address": guest.peer.address, "port": guest.peer.port}
        log.warning("idle connection made room", **where, reason=reason)
        return True

    def _count(self, reason: str, peer: Peer, *, made_room: bool) -> None:
        with self._counting:
            key = (reason, peer.address)
            if key not in self._crowding and len(self._crowding) >= MOST_ADDRESSES:
                key = (reason, "others")
            before = self._crowding.get(key, Crowding(*key))
            room, away = before.made_room + made_room, before.turned_away + (not made_room)
            self._crowding[key] = replace(before, made_room=room, turned_away=away)

    def crowding(self) -> list[Crowding]:
        with self._counting:
            met, self._crowding = list(self._crowding.values()), {}
        return met

    def _turn_away(self, connection: socket.socket, peer: Peer, reason: str) -> None:
        log.error("connection refused", service=self._name, address=peer.address, port=peer.port, reason=reason)
        connection.close()

    def _serve(self, connection: socket.socket, peer: Peer, conversation: Conversation) -> None:
        where = {"service": self._name, "address": peer.address, "port": peer.port}
        try:
            with connection:
                conversation.hold()
        except OSError as error:
            # A peer may leave at any moment, also before its acknowledgement: it will ask again.
            log.info("connection lost", **where, reason=error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the last resort: one connection never harms another
            log.error("connection failed", **where, error=type(error).__name__, traceback=log.frames(error))


def _bind(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise errors.ConfigError([f"{name}: cannot listen on {host}:{port}: {error.strerror}"]) from error
    # A caller that leaves between poll and accept would otherwise block the acceptor.
    listening.setblocking(False)
    return listening


def _prepared(connection: socket.socket, secure: Secured | None) -> socket.socket:
    tcp.prepare(connection)
    if secure is None:
        return connection
    return secure.context().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

"""Where every connection of one MLLP listener is kept, by one thread that never waits for any of them (MLLP release 1).

It hears whoever has sent something, has what is complete carried out together, sends the answers, and sleeps until the
next byte or deadline. Only the receivers may take their time.
"""

import math
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from swf import log
from swf.net.mllp_conversation import Conversation, Terms
from swf.net.mllp_crowd import Crowd
from swf.net.mllp_reception import Broken, Peer, Reception
from swf.net.mllp_wire import Wire
from swf.net.tls import Secured

ACCEPTED_AT_ONCE = 64
CARRIED_OUT_AT_ONCE = 64
# Before accepting again when the system has no descriptor left.
PAUSE_S = 0.2
# A receiver that has not come back after this keeps everybody out.
STUCK_S = 30.0


@dataclass(eq=False)
class _Guest:
    """A connection: what its socket is watched for, and whether it stands in line for work."""

    conversation: Conversation
    watched_for: int = 0
    in_line: bool = False


class Hall:
    """One listening socket from bind to close, with the connections that came in by it."""

    def __init__(
        self, listening: socket.socket, reception: Reception, terms: Terms, crowd: Crowd, secure: Secured | None
    ) -> None:
        self._name = terms.name
        self._listening = listening
        self._reception = reception
        self._terms = terms
        self._crowd = crowd
        self._secure = secure
        self._guests: dict[_Guest, None] = {}
        self._seen: dict[_Guest, None] = {}  # whose state may have changed in this turn
        self._timed: dict[_Guest, None] = {}  # who has a deadline
        self._line: deque[_Guest] = deque()
        self._rope, self._bell = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._door_watched = self._sending_home = False
        self._accept_again = math.inf
        self._working_since = math.inf
        self._last_call = self._end = math.inf
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=self._name, daemon=True)

    def open(self) -> None:
        """Begin to accept."""
        self._listening.setblocking(False)
        self._watch_door(opened=True)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread.start()

    def accepting(self) -> bool:
        """Whether connections are taken: not while closing, nor when a receiver does not come back."""
        stuck = time.monotonic() - self._working_since > STUCK_S
        return self._thread.is_alive() and not self._closing.is_set() and not stuck

    def conversations(self) -> list[Conversation]:
        """Of everybody who is connected."""
        return [guest.conversation for guest in list(self._guests) if guest.conversation.connected]

    def close(self, deadline_s: float) -> None:
        """Accept nobody any more, answer what has arrived, begin nothing after half of the deadline, then cut."""
        self._end = time.monotonic() + deadline_s
        self._last_call = self._end - deadline_s / 2
        self._closing.set()
        self._rope.close()
        self._thread.join(deadline_s + PAUSE_S)
        if self._thread.is_alive():  # a receiver does not come back; the thread ends when it does
            self._listening.close()
            self._cut()

    # ---- the thread ----

    def _keep(self) -> None:
        with self._selector, self._bell:
            while not self._closing.is_set() or (self._guests and time.monotonic() < self._end):
                try:
                    self._turn()
                except Exception as error:  # noqa: BLE001 - the last resort: all may come again
                    self._begin_anew(error)
            self._listening.close()
            self._cut()
            for conversation in self.conversations():
                conversation.wire.socket.close()

    def _turn(self) -> None:
        ready = self._selector.select(self._patience())
        # Who is heard first is not idle when somebody has to make room.
        self._hear(ready)
        self._look_at_the_clock()
        if self._closing.is_set():
            self._send_home()
        elif any(key.fileobj is self._listening for key, _ in ready):
            self._accept()
        self._carry_out()
        while self._seen:
            self._watch(self._seen.popitem()[0])

    def _begin_anew(self, error: Exception) -> None:
        log.error("all connections closed", service=self._name, error=type(error).__name__, traceback=log.frames(error))
        for guest in list(self._guests):
            self._let(guest, guest.conversation.abandon)
        self._guests.clear()
        self._timed.clear()
        self._line.clear()
        self._working_since = math.inf
        self._closing.wait(PAUSE_S)

    def _patience(self) -> float | None:
        """How long nothing has to be done; None for ever."""
        if self._line:
            return 0.0
        first = min((guest.conversation.until for guest in self._timed), default=math.inf)
        left = first - self._terms.time.now()
        if self._closing.is_set():
            if any(conversation.listening for conversation in self.conversations()):
                return 0.0
            now = time.monotonic()
            left = min(left, (self._last_call if now < self._last_call else self._end) - now)
        left = min(left, self._accept_again - time.monotonic())
        return None if left == math.inf else max(0.0, left)

    def _look_at_the_clock(self) -> None:
        now = self._terms.time.now()
        for guest in [guest for guest in self._timed if guest.conversation.until <= now]:
            self._let(guest, guest.conversation.expire)
        if self._accept_again <= time.monotonic():
            self._watch_door(opened=True)

    def _send_home(self) -> None:
        late = time.monotonic() >= self._last_call
        if not self._sending_home:
            self._sending_home = True
            self._selector.unregister(self._bell)
            self._watch_door(opened=False)
            self._listening.close()
        for guest in list(self._guests):
            self._let(guest, guest.conversation.break_off if late else guest.conversation.stop)

    # ---- in ----

    def _watch_door(self, *, opened: bool) -> None:
        if opened and not self._door_watched:
            self._selector.register(self._listening, selectors.EVENT_READ)
        elif self._door_watched and not opened:
            self._selector.unregister(self._listening)
        self._door_watched = opened
        self._accept_again = math.inf

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("connection not accepted", service=self._name, reason=error.strerror)
                self._watch_door(opened=False)
                self._accept_again = time.monotonic() + PAUSE_S
                return
            self._admit(connection, Peer(address[0], address[1]))

    def _admit(self, connection: socket.socket, peer: Peer) -> None:
        reason, chosen = self._crowd.choose(peer, self.conversations())
        if reason and chosen is None:
            log.error("connection refused", service=self._name, address=peer.address, port=peer.port, reason=reason)
            connection.close()
            return
        if chosen is not None:
            self._let(next(guest for guest in self._guests if guest.conversation is chosen), chosen.make_room)
        try:
            guest = _Guest(Conversation(Wire(connection, self._secure), peer, self._terms))
        except OSError:
            connection.close()  # it left before anything was said
            return
        self._guests[guest] = None
        self._let(guest, guest.conversation.attend)

    # ---- work ----

    def _carry_out(self) -> None:
        """Have at most one message of each connection carried out, all of them together, and send the answers."""
        if not self._line:
            return
        together: list[_Guest] = []
        self._working_since = time.monotonic()
        with self._terms.time.stopped():
            answers = self._reception.carry_out(self._coming(together))
        self._working_since = math.inf
        for guest, answer in zip(together, answers, strict=True):
            self._let(guest, guest.conversation.tell, answer)

    def _coming(self, together: list[_Guest]) -> Iterator[tuple[bytes | Broken, Peer]]:
        """What waits, and then what has come while that was carried out, by those who are added to `together`."""
        while len(together) < CARRIED_OUT_AT_ONCE:
            if not self._line:
                self._hear(self._selector.select(0.0))
            if not self._line:
                return
            guest = self._line.popleft()
            guest.in_line = False
            if guest.conversation.waits_for_work:
                together.append(guest)
                yield guest.conversation.take(), guest.conversation.peer

    def _hear(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in ready:
            if key.data is not None:
                self._let(key.data, key.data.conversation.attend)

    # ---- each of them ----

    def _let(self, guest: _Guest, step: Callable[..., None], *arguments: Any) -> None:
        """Let a conversation go on; whatever happens to it happens to no other."""
        conversation = guest.conversation
        try:
            step(*arguments)
        except OSError as error:
            # A peer may leave at any moment, also before its acknowledgement: it will ask again.
            conversation.lose(error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the last resort: one connection never harms another
            where = {"service": self._name, "address": conversation.peer.address, "port": conversation.peer.port}
            log.error("connection failed", **where, error=type(error).__name__, traceback=log.frames(error))
            conversation.abandon()
        self._seen[guest] = None
        if not conversation.connected:
            self._part_from(guest)
        if conversation.over:
            self._guests.pop(guest, None)
        if conversation.waits_for_work and not guest.in_line:
            guest.in_line = True
            self._line.append(guest)

    def _watch(self, guest: _Guest) -> None:
        """Watch the socket for what the conversation now waits for, and the clock for its deadline."""
        conversation = guest.conversation
        try:
            self._watch_for(guest, conversation.awaits)
        except OSError as error:
            self._let(guest, conversation.lose, error.strerror)
        if conversation.until < math.inf and conversation.connected:
            self._timed[guest] = None
        else:
            self._timed.pop(guest, None)

    def _watch_for(self, guest: _Guest, events: int) -> None:
        connection = guest.conversation.wire.socket
        if guest.watched_for and guest.watched_for != events:
            self._selector.unregister(connection)
            guest.watched_for = 0
        if events and not guest.watched_for:
            self._selector.register(connection, events, guest)
            guest.watched_for = events

    def _part_from(self, guest: _Guest) -> None:
        """Close its socket, at once: its descriptor may be the next one's."""
        self._watch_for(guest, 0)
        guest.conversation.wire.socket.close()

    def _cut(self) -> None:
        left = [conversation for conversation in self.conversations() if conversation.connected]
        if left:
            log.warning("connections cut", service=self._name, count=len(left))
        for conversation in left:
            conversation.wire.cut()

"""One MLLP connection from its first byte to its last: frames in order, an answer for each (MLLP release 1, ITI TF-2 C.2.1).

It never waits: whoever keeps it calls it when its socket is ready, when its time is over, and when an answer is there.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from swf import log
from swf.hl7 import batch, mllp
from swf.net import tls
from swf.net.mllp_reception import Broken, HangUp, Peer
from swf.net.mllp_wire import Wire

ANSWER_DEADLINE_S = 10.0
# FS and then silence ends a frame whose sender forgets the CR.
SILENCE_S = 0.2
# How long a peer that still sends when we part from it may take to read our last answer.
LINGER_S = 0.5
# Work of ours that is shorter hinders no sender: what comes meanwhile waits in the buffers of the system.
HINDRANCE_S = 0.2
# Behind a piece as long as a TLS record there is probably another one.
LONG_PIECE = 2**14
PIECES_AT_ONCE = 16
BLANKS = b"\r\n\t \0"
UNFRAMED = "HL7 without MLLP framing"
STRANGERS = {
    b"\x16\x03": "TLS on a plain port",
    b"\x01\x00\x00\x00": "DICOM",
    b"GET ": "HTTP",
    b"HEAD ": "HTTP",
    b"POST ": "HTTP",
    b"PUT ": "HTTP",
    b"OPTIONS ": "HTTP",
    b"SSH-": "SSH",
    b"MSH": UNFRAMED,
}
OPENING_BYTES = max(map(len, STRANGERS))


class SendersTime:
    """The time senders have: a clock that stands still while our own work keeps us from listening to them."""

    def __init__(self) -> None:
        self._ours = 0.0

    def now(self) -> float:
        """A moment to compare with others of the same clock."""
        return time.monotonic() - self._ours

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What is done in this block does not count, if it takes long enough to matter."""
        began = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - began
            self._ours += took if took > HINDRANCE_S else 0.0


@dataclass(frozen=True)
class Terms:
    """What the connections of one listener have in common.

    `limit` is the longest frame in bytes, `frame_deadline_s` the time a whole frame may take from its first byte.
    """

    name: str
    limit: int
    frame_deadline_s: float
    time: SendersTime = field(default_factory=SendersTime)


class _Stage(Enum):
    SHAKING_HANDS = auto()
    TALKING = auto()
    PARTING = auto()
    GONE = auto()


class _Refusal(Exception):
    """The conversation cannot go on; `raw`, if any, is what came of a message, to be kept and answered."""

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


class Conversation:
    """One connection: its bytes, its frames in order, an answer for each before the next is taken.

    `attend` is to be called when the socket is ready for one of `awaits`, `expire` once `until` has passed, `take` for the
    next message to be carried out while `waits_for_work`, and `tell` with its answer. Each raises OSError when the connection
    breaks; then `lose` is due.

    `idle_since` is the moment from which nothing was outstanding, infinity while a message is coming or in work;
    `has_spoken` is true once a message was answered; `leaving` once it was chosen to make room. Other threads may read
    them.
    """

    def __init__(self, wire: Wire, peer: Peer, terms: Terms) -> None:
        self.wire = wire
        self.peer = peer
        self.idle_since = terms.time.now()
        self.has_spoken = self.leaving = False
        self.until = terms.time.now() + tls.HANDSHAKE_S
        self._terms = terms
        self._stage = _Stage.SHAKING_HANDS
        self._deframer = mllp.Deframer(terms.limit)
        self._opening = b""
        self._frame_until = self._answer_until = math.inf
        self._todo: deque[bytes | Broken] = deque()
        self._unsent = memoryview(b"")
        self._in_work = self._heard_all = self._stopping = False

    # ---- what it waits for ----

    @property
    def connected(self) -> bool:
        """Whether the socket is still needed."""
        return self._stage is not _Stage.GONE

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done."""
        return not (self.connected or self._todo or self._in_work)

    @property
    def awaits(self) -> int:
        """The readiness of the socket with which it can go on; none while it waits for work of ours."""
        if self._unsent:
            return self.wire.to_write
        return 0 if self._todo or self._in_work or not self.connected else self.wire.to_read

    @property
    def listening(self) -> bool:
        """Whether it is the peer's turn to speak."""
        return self._stage is _Stage.TALKING and not (self._unsent or self._todo or self._in_work)

    @property
    def waits_for_work(self) -> bool:
        """Whether `take` has something: never before the earlier answer has left."""
        return bool(self._todo) and not self._unsent and not self._in_work

    # ---- bytes in ----

    def attend(self) -> None:
        """Do what can be done now: shake hands, send what is unsent, or hear one piece of what has arrived."""
        if self._stage is _Stage.SHAKING_HANDS:
            self._shake_hands()
        elif self._stage is _Stage.PARTING:
            self._linger()
        elif self._unsent:
            self._go_on()
        elif self.listening:
            self._listen()

    def _shake_hands(self) -> None:
        try:
            done = self.wire.shake_hands()
        except OSError as error:
            self._give_up(getattr(error, "reason", None) or str(error))
        else:
            if done:
                self._stage = _Stage.TALKING
                self.until = math.inf
                self._listen()

    def _give_up(self, reason: str) -> None:
        self._log("no TLS session", reason=reason)
        self._stage = _Stage.GONE

    def _listen(self) -> None:
        """Hear what has arrived; of a long message not all at once, so that others have their turn."""
        for _ in range(PIECES_AT_ONCE):
            if self._hear_piece() < LONG_PIECE or not self.listening:
                return

    def _hear_piece(self) -> int:
        """How many bytes it had."""
        data = self.wire.receive()
        if data is None and not self._stopping:
            return 0
        try:
            if data:
                self._hear(data)
            else:
                self._hear_the_end()
        except _Refusal as refusal:
            self._refuse(refusal)
        self._go_on()
        return len(data or b"")

    def _hear(self, data: bytes) -> None:
        self.idle_since = math.inf
        self._look_at(data)
        self._queue(self._deframer.feed(data))

    def _hear_the_end(self) -> None:
        self._heard_all = True
        # What we interrupt ourselves by stopping is no fault of the sender, who will send it again.
        self._queue([frame for frame in self._deframer.finish() if not (self._stopping and frame.fault)])

    def _look_at(self, data: bytes) -> None:
        """Raise _Refusal for HL7 outside a frame and for the first bytes of another protocol."""
        if not self._deframer.inside and data.lstrip(BLANKS).startswith(b"MSH"):
            raise _Refusal(UNFRAMED, data)
        if len(self._opening) == OPENING_BYTES:
            return
        self._opening = (self._opening + data)[:OPENING_BYTES]
        stranger = next((what for start, what in STRANGERS.items() if self._opening.startswith(start)), "")
        if stranger:
            raise _Refusal(stranger, data if stranger == UNFRAMED else b"")

    def _queue(self, frames: list[mllp.Frame]) -> None:
        """The messages of `frames` are to be carried out; the time of what came after them has not yet begun."""
        for frame in frames:
            self._todo.extend(batch.split(frame.payload) if frame.fault is None else [_broken(frame)])
            self._frame_until = math.inf

    def _refuse(self, refusal: _Refusal) -> None:
        self._log("conversation ended", reason=refusal.reason)
        self._heard_all = True
        if refusal.raw:
            self._todo.append(Broken(refusal.raw, refusal.reason))

    # ---- work and answers out ----

    def take(self) -> bytes | Broken:
        """The next message, or what came of one, to be carried out."""
        self._in_work = True
        return self._todo.popleft()

    def tell(self, answers: bytes | HangUp) -> None:
        """Send the answers to what was taken last, none if they are empty, or end."""
        self._in_work = False
        if isinstance(answers, HangUp):
            self.abandon()
            return
        if not self.connected:
            return
        self._unsent = memoryview(b"".join(map(mllp.frame, batch.split(answers))) if answers else b"")
        self._answer_until = self._terms.time.now() + ANSWER_DEADLINE_S
        self._go_on()
        self.has_spoken = True

    def _go_on(self) -> None:
        """Send what is unsent; then it is the turn of the next message, of the end, or of what is still to come."""
        if self._unsent:
            self._unsent = self._unsent[self.wire.send(self._unsent) :]
        if self._unsent:
            self.until = self._answer_until
        elif self._todo:
            self.until = math.inf
        elif self._heard_all:
            self._part()
        else:
            self._watch_frame()

    def _watch_frame(self) -> None:
        """Only now, with everything answered: the time our own work took is not the sender's."""
        now = self._terms.time.now()
        if not self._deframer.inside:
            self._frame_until = math.inf
            self.idle_since = now
        elif self._frame_until == math.inf:
            self._frame_until = now + self._terms.frame_deadline_s
        self.until = min(self._frame_until, now + SILENCE_S) if self._deframer.closing else self._frame_until

    # ---- the end ----

    def expire(self) -> None:
        """The time for what was awaited is over."""
        if self._stage is _Stage.SHAKING_HANDS:
            self._give_up("no handshake in time")
        elif self._stage is _Stage.PARTING:
            self._stage = _Stage.GONE
        elif self._unsent:
            self.lose("answers not read in time")
        elif self._deframer.closing:
            self._queue(self._deframer.finish())
            self._go_on()
        else:
            self._refuse(self._overdue())
            self._go_on()

    def _overdue(self) -> _Refusal:
        partial = b"".join(frame.payload for frame in self._deframer.finish())
        return _Refusal(f"message not complete after {self._terms.frame_deadline_s:g} s", partial)

    def stop(self) -> None:
        """Answer what has completely arrived, then end."""
        self._stopping = True
        if self._stage is _Stage.SHAKING_HANDS:
            self._stage = _Stage.GONE
        elif self.listening:
            self._listen()

    def break_off(self) -> None:
        """Begin no further message; end once what is begun is answered."""
        self._stopping = self._heard_all = True
        self._todo.clear()
        if self._stage is _Stage.TALKING:
            self._go_on()

    def make_room(self) -> None:
        """Answer what has arrived and end as if the peer had."""
        self.leaving = True
        self.wire.leave()
        if self._stage is _Stage.PARTING:
            self._stage = _Stage.GONE
        else:
            self.attend()

    def lose(self, reason: str) -> None:
        """The connection is gone: what came of the message it was lost in is kept."""
        log.info("connection lost", **self._where(), reason=reason)
        cut_short = [frame for frame in self._deframer.finish() if frame.fault and not self._stopping]
        self.abandon()
        self._todo.extend(Broken(frame.payload, _reason(frame), answered=False) for frame in cut_short)

    def abandon(self) -> None:
        """End at once, whatever is outstanding."""
        self._stage = _Stage.GONE
        self._todo.clear()
        self._unsent = memoryview(b"")
        self.until = math.inf

    def _part(self) -> None:
        """Close our half and read on for a moment: to close over unread bytes would reset away our last answers."""
        if self._deframer.discarded:
            self._log("bytes outside frames", count=self._deframer.discarded)
        self.wire.part()
        self._stage = _Stage.PARTING
        self.idle_since = self._terms.time.now()
        self.until = self.idle_since + LINGER_S
        self._linger()

    def _linger(self) -> None:
        try:
            gone = self.wire.receive() == b""
        except OSError:
            gone = True
        if gone:
            self._stage = _Stage.GONE

    def _log(self, event: str, **fields: object) -> None:
        log.warning(event, **self._where(), **fields)

    def _where(self) -> dict[str, object]:
        return {"service": self._terms.name, "address": self.peer.address, "port": self.peer.port}


def _broken(frame: mllp.Frame) -> Broken:
    # A sender that began anew does not wait for an answer to what it gave up: it would take it for the next one's.
    return Broken(frame.payload, _reason(frame), answered=frame.fault is not mllp.Fault.ABANDONED)


def _reason(frame: mllp.Frame) -> str:
    kept = f"; kept are its first {len(frame.payload)} of {len(frame.payload) + frame.cut} bytes" if frame.cut else ""
    return f"{frame.fault}{kept}"

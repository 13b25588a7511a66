"""A HIS that sends orders at a pace and judges every answer (RAD-4, RAD-13; HL7 2.9.2)."""

import threading
import time
from collections.abc import Callable, Iterator

from swf import clock, errors
from swf.extensions.simulator import ordering
from swf.extensions.simulator.ordering import Habits, Message
from swf.extensions.simulator.pace import Pace
from swf.extensions.simulator.tally import Tally
from swf.extensions.simulator.watch import Watch
from swf.extensions.simulator.wire import Wire
from swf.hl7 import ack, mllp

TRIES = 5
_FIRST_PAUSE_S = 0.2
_NOISE = mllp.frame(b"this is no message")
TO_BE_SENT_AGAIN = "AR"
# What may be refused, because what was sent was wrong or came at the wrong time.
_EXCUSES = frozenset({"late", "wrong-charset"})


class His:
    """Sends until told to stop, or until `count` orders are out; afterwards `accepted` are those it was promised.

    An AR is sent again, as HL7 has it for what is not the message's fault, and so is what was not answered.
    """

    def __init__(self, address: tuple[str, int], habits: Habits, pace: Pace, watch: Watch | None = None) -> None:
        self.tally = Tally()
        self.accepted: dict[str, Message] = {}
        self.cancelled: set[str] = set()
        self._habits = habits
        self._pace = pace
        self.watch = watch
        self._wire = Wire(address)

    def run(self, stopping: threading.Event, count: int | None = None, *, ends: float | None = None) -> None:
        """Until `stopping`, until so many orders were sent, or until `ends` of time.monotonic."""
        began, hour = time.monotonic(), _hour()
        due: Iterator[float] = self._pace.moments(hour)
        moment = 0.0
        try:
            for message in ordering.messages(self._habits, count):
                if message.kind == "new":
                    moment = next(due)
                if ends is not None and began + moment >= ends:
                    stopping.wait(max(ends - time.monotonic(), 0))
                    break
                if stopping.wait(max(began + moment - time.monotonic(), 0)) or (
                    ends is not None and time.monotonic() >= ends
                ):
                    break
                self.send(message, stopping)
        finally:
            self._wire.hang_up()

    def send(self, message: Message, stopping: threading.Event) -> None:
        """One message with everything that goes wrong on its way."""
        for fault in message.faults:
            self.tally.count(f"with {fault}")
        if "garbage" in message.faults:
            self._try(lambda: self._wire.write(_NOISE))
        if "lost-ack" in message.faults:
            self._try(lambda: self._wire.write(mllp.frame(message.raw)))
            self._wire.hang_up(rudely="split-frames" in message.faults)
            self.tally.count("sent", "retried")
        codes = [self._answered(message, stopping) for _ in range(2 if "duplicate" in message.faults else 1)]
        if len(set(codes)) > 1:
            self.tally.found(f"{message.control_id} was answered {codes[0]}, and {codes[1]} when it came again.")
        self._note(message, codes[0])

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except errors.PeerError:
            self.tally.count("lost connections")

    def _answered(self, message: Message, stopping: threading.Event) -> str:
        """MSA-1, or nothing when there was none after all tries."""
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                self.tally.count("retried")
                stopping.wait(_FIRST_PAUSE_S * 2**attempt)
            self.tally.count("sent")
            began = time.perf_counter()
            try:
                answer = self._wire.send(
                    message.raw, message.control_id, in_pieces="split-frames" in message.faults and not attempt
                )
            except errors.PeerError as error:
                reason = str(error)
                self.tally.count("unanswered")
                continue
            self.tally.took((time.perf_counter() - began) * 1000)
            if answer.code != TO_BE_SENT_AGAIN:
                return self._judged(message, answer)
            reason = f"AR {answer.text}"
        self.tally.count("given up")
        if not stopping.is_set():
            self.tally.found(f"{message.kind} {message.control_id} was not taken in {TRIES} tries: {reason}")
        return ""

    def _judged(self, message: Message, answer: ack.Acknowledgement) -> str:
        self.tally.count("accepted" if answer.accepted else "refused")
        # A change or a cancellation is lawfully refused once a scanner has begun, which a HIS does not hear of in time.
        if not answer.accepted and message.kind == "new" and not message.faults & _EXCUSES:
            self.tally.found(f"{message.kind} {message.control_id} was refused: {answer.code} {answer.text}")
        return answer.code

    def _note(self, message: Message, code: str) -> None:
        """What was promised is expected on the worklist, and what was taken back is not."""
        if code not in ("AA", "CA"):
            return
        accession = message.order.accession
        if message.kind == "cancel":
            self.cancelled.add(accession)
        elif "late" not in message.faults or message.kind == "new" or accession not in self.accepted:
            self.accepted[accession] = message
        if self.watch is not None:
            self.watch.expect(message.order, shown=accession not in self.cancelled)


def _hour() -> float:
    now = clock.local(clock.now())
    return now.hour + now.minute / 60

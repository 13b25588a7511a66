"""An MIS that takes status messages as its faults let it, and judges what it is told (RAD-3; HL7 2.9.2).

What was taken must not come again, unless the acknowledgement came so late that the other side may have given up waiting.
"""

import random
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping

from swf.extensions.simulator.faults import NONE, Faults
from swf.extensions.simulator.mis import Answer, Mis, Received
from swf.extensions.simulator.tally import Tally
from swf.hl7 import message
from swf.hl7.header import read_header

SLOW_S = 2.0
_ANSWERS: Mapping[str, Answer] = {
    "no-ack": "silence",
    "close": "close",
    "garbage": "garbage",
    "ar": "AR",
    "ae": "AE",
    "slow": "AA",
}


class Telling:
    """What an MIS answers and makes of what it hears.

    `statuses` holds ORC-5 of what it took, by placer order number; of `refused_orders` it once refused something, which
    may have been parked for that.
    """

    def __init__(self, seed: str = "", faults: Faults = NONE, *, slow_s: float = SLOW_S) -> None:
        self.tally = Tally()
        self.statuses: defaultdict[str, list[str]] = defaultdict(list)
        self.refused_orders: set[str] = set()
        self._seed, self._faults, self._slow_s = seed, faults, slow_s
        self._tries: defaultdict[str, int] = defaultdict(int)
        self._taken: dict[str, bool] = {}  # whether the acknowledgement may have come too late
        self._waking = threading.Event()
        self._to_refuse: dict[tuple[str, str], int] = {}
        self._refusal = threading.Condition()
        self._refused: set[str] = set()

    def refuse(self, placer: str, status: str, times: int) -> None:
        """Answer the next news of this order and ORC-5 so many times with AR."""
        self._to_refuse[placer, status] = times

    def refused(self, placer: str, timeout_s: float) -> bool:
        """Wait until that has begun; False if it did not in time."""
        with self._refusal:
            return self._refusal.wait_for(lambda: placer in self._refused, timeout_s)

    def answer(self, received: Received) -> Answer:
        """The personality for `Mis`: what is drawn depends on the seed, the message and how often it came."""
        attempt = self._tries[received.control_id]
        self._tries[received.control_id] += 1
        self.tally.count("received", *(["repeated"] if attempt else []))
        news = _news(received)
        if self._to_refuse.get(news):
            return self._refuse(news)
        content = zlib.crc32(_content(received).encode())
        chance = random.Random(f"{self._seed}/{content}/{attempt}")  # noqa: S311  to be repeated, not to be secret
        drawn = self._faults.drawn(chance)
        fault = next((name for name in _ANSWERS if name in drawn), "")
        if fault:
            self.tally.count(f"with {fault}")
        if fault == "slow":
            self._waking.wait(self._slow_s)
        answer = _ANSWERS.get(fault, "AA")
        if answer == "AA":
            self._take(received, in_doubt=fault == "slow")
        elif answer in ("AR", "AE"):
            self.refused_orders.add(news[0])
        return answer

    def _refuse(self, news: tuple[str, str]) -> Answer:
        self._to_refuse[news] -= 1
        self.tally.count("refused")
        with self._refusal:
            self._refused.add(news[0])
            self._refusal.notify_all()
        return "AR"

    def hurry(self) -> None:
        """Answer slowly no longer."""
        self._waking.set()

    def waiting(self) -> set[str]:
        """The control ids of what came and was never taken."""
        return set(self._tries) - set(self._taken)

    def _take(self, received: Received, *, in_doubt: bool) -> None:
        self.tally.count("accepted", received.type)
        before = self._taken.get(received.control_id)
        self._taken[received.control_id] = in_doubt or before is True
        if before is None:
            placer, status = _news(received)
            if status:
                self.statuses[placer].append(status)
        elif not before:
            self.tally.found(f"{received.type} {received.control_id} came again although it was acknowledged with AA")


def listening(host: str, port: int, telling: Telling) -> Mis:
    """The receiver for it."""
    return Mis(host, port, telling.answer)


def _news(received: Received) -> tuple[str, str]:
    """The placer order number and ORC-5 of a status message; empty for others, such as results."""
    read = message.parse(received.text, read_header(received.text.encode()))
    if not received.type.startswith(("ORM", "OMG", "OMI")):
        return "", ""
    return read.value("ORC", 2, component=1), read.value("ORC", 5)


def _content(received: Received) -> str:
    """The message without its first line, which holds a time and a number of the sender's own."""
    return received.text.partition("\r")[2]

"""An MIS that is told the status of orders (RAD-3 Filler Order Management, ORU^R01) and acknowledges it, or does not."""

import secrets
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from swf import clock, errors
from swf.hl7 import ack, charset
from swf.hl7.header import read_header
from swf.net import mllp_listener
from swf.net.tls import Secured


@dataclass(frozen=True)
class Received:
    """A message as it arrived: when, its type such as `ORM^O01`, its MSH-10 and its whole text."""

    at: datetime
    type: str
    control_id: str
    text: str


# AA, AE and AR are acknowledgement codes; "silence" answers nothing, "close" hangs up instead, "garbage" is no message.
Answer = Literal["AA", "AE", "AR", "silence", "close", "garbage"]
Personality = Callable[[Received], Answer]

REASONS: dict[Answer, tuple[errors.MessageError, ...]] = {
    "AA": (),
    "AE": (errors.MessageError("the simulated MIS does not like it"),),
    "AR": (errors.UnsupportedMessage("the simulated MIS does not take it"),),
}
NO_ACKNOWLEDGEMENT: dict[Answer, bytes] = {"silence": b"", "garbage": b"this is no acknowledgement"}


def agreeable(_received: Received) -> Answer:
    """The personality of an MIS that takes everything."""
    return "AA"


class Mis:
    """An MLLP receiver that keeps what it is sent, whatever its personality answers.

    With `secure` it speaks TLS. After `stop`, `start` opens the same port again: that is how an MIS was down for a while.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        personality: Personality = agreeable,
        secure: ssl.SSLContext | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.personality = personality
        self._arrival = threading.Condition()
        self._listener = mllp_listener.MllpListener(
            host,
            port,
            mllp_listener.one_by_one(self._receive),
            name="simulated mis",
            secure=Secured(secure) if secure else None,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, known once started."""
        return self._listener.address

    def start(self) -> None:
        """Open the port. Raises ConfigError when it cannot be had."""
        self._listener.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._listener.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def wait_for(self, wanted: int | Callable[[list[Received]], bool], timeout_s: float = 10.0) -> bool:
        """Wait until so many messages have come, or until `wanted` is true of them; False if they did not in time."""
        reached = wanted if callable(wanted) else lambda received: len(received) >= wanted
        with self._arrival:
            return self._arrival.wait_for(lambda: reached(self.received), timeout_s)

    def _receive(self, raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        header = read_header(raw)
        text, _ = charset.decode(raw, header)
        received = Received(clock.now(), header.type, header.control_id, text)
        answer = self.personality(received)
        with self._arrival:
            self.received.append(received)
            self._arrival.notify_all()
        if answer == "close":
            raise mllp_listener.HangUp
        if answer in NO_ACKNOWLEDGEMENT:
            return NO_ACKNOWLEDGEMENT[answer]
        at = clock.local(received.at)
        return ack.acknowledge(header, control_id=secrets.token_hex(10), at=at, errors=REASONS[answer])

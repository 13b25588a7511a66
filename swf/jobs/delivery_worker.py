"""Delivers to one destination in order, until acknowledged (RAD-3).

The first message in line is tried until it is taken; nobody overtakes it. A destination that cannot be reached, or does
not answer, is tried for ever with growing pauses. One that refuses the same message several times gets the next one;
the refused one is parked for an operator.
"""

import random
from datetime import timedelta
from typing import NamedTuple, Protocol

from swf import clock, log
from swf.config import Line
from swf.errors import PeerError, PeerRefused
from swf.jobs.worker import Worker
from swf.model.journal import Event
from swf.net.mllp_client import MllpClient
from swf.net.tls import Secured
from swf.store import deliveries, journal
from swf.store.database import Database, Record, Transaction
from swf.store.journal import Entry

# HL7 table 0357: the record is locked, or the application failed. With a rejection (HL7 table 0008) that is not the
# message's fault; with an error (AE) it is, whatever code the destination gives.
_TRANSIENT = frozenset({"206", "207"})
_REJECTIONS = frozenset({"AR", "CR"})
_MOST_DOUBLINGS = 16
_LAST_ANSWER_S = 2.0


class Taken(NamedTuple):
    """The answer of a destination that took a delivery."""

    code: str
    text: str


class Carrier(Protocol):
    """Takes deliveries to one destination, in its own protocol."""

    def carry(self, delivery: Record) -> Taken:
        """Deliver; raises PeerError."""

    def close(self) -> None:
        """Let go of what is open; what waits for an answer gets none."""


class MllpCarrier:
    """Takes HL7 messages to a destination; with `secured` by TLS."""

    def __init__(self, destination: Line, secured: Secured | None) -> None:
        self._client = MllpClient(
            destination.host,
            destination.port,
            ack_timeout_s=destination.ack_timeout_seconds,
            secure=secured,
        )

    def carry(self, delivery: Record) -> Taken:
        """Send one message and wait for its acknowledgement."""
        acknowledgement = self._client.send(delivery.payload, delivery.control_id)
        return Taken(acknowledgement.code, acknowledgement.text)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class DeliveryWorker:
    """The line to one destination: by MLLP, with `secured` over TLS, unless another carrier is given."""

    def __init__(
        self,
        database: Database,
        destination: Line,
        secured: Secured | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self.name = f"delivery to {destination.name}"
        self._database = database
        self._destination = destination
        self._carrier = carrier or MllpCarrier(destination, secured)
        self._worker = Worker(self.name, self.turn, database.doorbell)
        self._reachable = True

    def start(self) -> None:
        """Begin to deliver."""
        self._worker.start()

    def stop(self) -> None:
        """Wait a moment for the answer to what was sent; unanswered, it is sent again after the next start."""
        self._worker.stop(_LAST_ANSWER_S)
        self._carrier.close()
        self._worker.stop()

    def healthy(self) -> bool:
        """True while the line is worked at, whether or not the destination answers."""
        return self._worker.healthy()

    def turn(self) -> float | None:
        """Try the first in line if it is due; the seconds until there is something to do, None when the line is empty."""
        with self._database.reading() as connection:
            delivery = deliveries.head(connection, self._destination.name)
        if delivery is None:
            return None
        # A clock that was set back must not silence the line: the longest pause is the longest wait.
        wait: float = (delivery.next_attempt_at - clock.now()).total_seconds()
        if 0 < wait <= self._destination.retry_last_seconds:
            return wait
        self._attempt(delivery)
        return 0

    def _attempt(self, delivery: Record) -> None:
        try:
            taken = self._carrier.carry(delivery)
        except PeerError as error:
            self._failed(delivery, error)
        else:
            self._delivered(delivery, taken)

    def _delivered(self, delivery: Record, taken: Taken) -> None:
        at = clock.now()
        detail = {**_detail(delivery), "answer": taken.code, "attempts": delivery.attempts + 1}
        answer = f"{taken.code} {taken.text}".strip()

        def note(transaction: Transaction) -> None:
            deliveries.delivered(transaction, delivery.id, answer, at)
            journal.add(transaction, at, [Entry(Event.DELIVERY_ACKNOWLEDGED, delivery.order, detail=detail)])

        self._database.run(note)
        if not self._reachable:
            log.info("destination answers again", destination=self._destination.name)
        self._reachable = True

    def _failed(self, delivery: Record, error: PeerError) -> None:
        refused = isinstance(error, PeerRefused) and not _is_transient(error)
        last = delivery.refusals + 1 >= self._destination.refusals_before_parking
        park = refused and (last or (isinstance(error, PeerRefused) and error.final))
        at = clock.now()

        def note(transaction: Transaction) -> None:
            deliveries.failed(
                transaction,
                delivery.id,
                error=str(error),
                refused=refused,
                next_attempt_at=at + timedelta(seconds=self._pause(delivery.attempts)),
                park=park,
            )
            if park or delivery.last_error != str(error):  # once for each reason, not for each attempt
                event = Event.DELIVERY_PARKED if park else Event.DELIVERY_FAILED
                detail = {**_detail(delivery), "text": str(error), "attempts": delivery.attempts + 1}
                journal.add(transaction, at, [Entry(event, delivery.order, detail=detail)])

        self._database.run(note)
        if self._reachable or park:
            event_name = "delivery parked" if park else "destination does not take messages"
            log.warning(
                event_name, destination=self._destination.name, delivery=delivery.id, error=type(error).__name__
            )
        self._reachable = park

    def _pause(self, attempts: int) -> float:
        longest = self._destination.retry_last_seconds
        pause = self._destination.retry_first_seconds * 2.0 ** min(attempts, _MOST_DOUBLINGS)
        return min(pause, longest) * random.uniform(0.5, 1.0)  # noqa: S311  spreads retries, protects nothing


def _is_transient(error: PeerRefused) -> bool:
    return error.busy or (error.ack_code in _REJECTIONS and error.error_code in _TRANSIENT)


def _detail(delivery: Record) -> dict[str, object]:
    return {"destination": delivery.destination, "type": delivery.type, "control_id": delivery.control_id}

"""Passes reports of performed steps on to one system, each until it is taken (RAD-6, RAD-7 as Performed Procedure Step Manager).

Like the line to any destination, with what is particular to DICOM: what the other side has already is delivered; what
it lost is created first; what it calls ended cannot be told any more and waits for an operator at once.
"""

from typing import TYPE_CHECKING

from swf.config import Relay
from swf.dicom import mpps_envelope, status
from swf.errors import PeerRefused
from swf.jobs.delivery_worker import DeliveryWorker, Taken
from swf.net.tls import Secured
from swf.store import deliveries
from swf.store.database import Database, Record

if TYPE_CHECKING:
    from swf.net.mpps_scu import Answer, MppsScu

KINDS = CREATE, SET = ("N-CREATE", "N-SET")
# Warnings of PS3.7 Annex C mean that it was taken
_TAKEN = frozenset(
    {
        status.SUCCESS,
        status.NOT_ALL_ATTRIBUTES,
        status.ATTRIBUTE_LIST_ERROR,
        status.ATTRIBUTE_VALUE_OUT_OF_RANGE,
    }
)


class RelayCarrier:
    """Takes reports to one system."""

    def __init__(self, database: Database, relay: Relay, scu: "MppsScu") -> None:
        self._database = database
        self._relay = relay
        self._scu = scu

    def carry(self, delivery: Record) -> Taken:
        """Send one report. Raises PeerError; PeerRefused is `final` when no repetition can help."""
        uid, dataset = mpps_envelope.opened(delivery.payload)
        if delivery.type == CREATE:
            answer = self._scu.create(uid, dataset)
            if answer.status == status.DUPLICATE_SOP_INSTANCE:
                return Taken(_hex(answer.status), "it had the step already")
            return _taken(answer)
        answer = self._scu.set(uid, dataset)
        if answer.status == status.NO_SUCH_SOP_INSTANCE:
            self._create_again(delivery)
            answer = self._scu.set(uid, dataset)
        if _has_ended(answer) and delivery.attempts > delivery.refusals:
            return Taken(_hex(answer.status), "it had ended the step already, perhaps by an attempt it did not answer")
        return _taken(answer)

    def close(self) -> None:
        """Break off a report that waits for its answer."""
        self._scu.close()

    def _create_again(self, delivery: Record) -> None:
        """The other side lost the step, or never had it: tell it the begin once more."""
        with self._database.reading() as connection:
            begun = deliveries.first_of(connection, self._relay.name, delivery.subject, CREATE)
        if begun is not None:
            uid, dataset = mpps_envelope.opened(begun.payload)
            answer = self._scu.create(uid, dataset)
            if answer.status != status.DUPLICATE_SOP_INSTANCE:
                _taken(answer)


def worker(database: Database, relay: Relay, own_title: str, secured: Secured | None = None) -> DeliveryWorker:
    """The line to one system; with `secured` over TLS."""
    from swf.net.mpps_scu import MppsScu  # noqa: PLC0415  pynetdicom, which who relays nothing need not wait for

    carrier = RelayCarrier(database, relay, MppsScu(relay, own_title, secured))
    return DeliveryWorker(database, relay, carrier=carrier)


def _taken(answer: "Answer") -> Taken:
    if answer.status in _TAKEN:
        return Taken(_hex(answer.status), answer.comment)
    code = _hex(answer.status)
    error_code = f"{answer.error_id:04X}" if answer.error_id else ""
    text = " ".join(filter(None, (f"answered with status {code}", error_code, answer.comment)))
    busy = answer.status == status.RESOURCE_LIMITATION
    raise PeerRefused(text, ack_code=code, error_code=error_code, final=_has_ended(answer), busy=busy)


def _has_ended(answer: "Answer") -> bool:
    return answer.status == status.PROCESSING_FAILURE and answer.error_id == status.MAY_NO_LONGER_BE_UPDATED


def _hex(code: int) -> str:
    return f"0x{code:04X}"

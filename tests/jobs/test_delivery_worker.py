"""Messages reach a real destination in order, each until it is acknowledged, whatever the destination does (RAD-3)."""

import contextlib
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from swf import clock
from swf.config import Destination
from swf.errors import MessageError, StoreError, UnsupportedMessage
from swf.extensions.simulator.mis import Answer, Mis, Received
from swf.hl7 import ack
from swf.hl7.header import read_header
from swf.jobs.delivery_worker import DeliveryWorker
from swf.model.delivery import DELIVERY
from swf.model.journal import JOURNAL, Event
from swf.net.mllp_listener import MllpListener, one_by_one
from swf.store import deliveries
from swf.store.database import Database, Record
from tests import rows

Until = Callable[[Callable[[], bool]], None]
FIRST_S, LAST_S = 0.02, 0.1


def destination(address: tuple[str, int], **changes: Any) -> Destination:
    """The destination `mis` at this address, tried again quickly."""
    quick = {"retry_first_seconds": FIRST_S, "retry_last_seconds": LAST_S, "refusals_before_parking": 3}
    return Destination(name="mis", host=address[0], port=address[1], **{**quick, **changes})


@pytest.fixture
def deliver(archive: Database) -> Iterator[Callable[..., DeliveryWorker]]:
    """Starts the line to a destination and stops it in the end."""
    with contextlib.ExitStack() as stack:

        def start(address: tuple[str, int], **changes: Any) -> DeliveryWorker:
            worker = DeliveryWorker(archive, destination(address, **changes))
            stack.callback(worker.stop)
            worker.start()
            return worker

        yield start


@pytest.fixture
def nobody() -> Iterator[tuple[str, int]]:
    """An address where nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()


def queue(database: Database, count: int) -> list[int]:
    """Queue messages for one order; their rows."""
    with database.transaction() as transaction:
        order = rows.order(transaction)
        return [rows.delivery(transaction, order, created_at=clock.now()) for _ in range(count)]


def queued(database: Database) -> list[Record]:
    """Every delivery in the order it was queued."""
    with database.reading() as connection:
        return list(connection.execute(select(DELIVERY).order_by(DELIVERY.c.id)))


def statuses(database: Database) -> Counter[str]:
    """How many deliveries stand how."""
    return Counter(row.status for row in queued(database))


def journaled(database: Database) -> Counter[str]:
    """How often which event was written down."""
    with database.reading() as connection:
        return Counter(connection.scalars(select(JOURNAL.c.event)))


def control_ids(mis: Mis) -> list[str]:
    """What arrived, in order, without immediate repeats."""
    arrived = [received.control_id for received in mis.received]
    return [each for place, each in enumerate(arrived) if place == 0 or arrived[place - 1] != each]


def test_messages_arrive_in_the_order_they_were_queued(
    archive: Database, mis: Mis, deliver: Callable[..., DeliveryWorker], until: Until
) -> None:
    """The hospital hears of an exam in the order it happened, each message once, and the journal shows each answer."""
    queue(archive, 5)
    deliver(mis.address)
    for _ in range(5):
        queue(archive, 3)
    until(lambda: statuses(archive) == {"DELIVERED": 20})
    assert [received.control_id for received in mis.received] == [row.control_id for row in queued(archive)]
    assert [received.text.encode() for received in mis.received] == [row.payload for row in queued(archive)]
    assert journaled(archive) == {Event.DELIVERY_ACKNOWLEDGED: 20}


def test_a_destination_that_was_down_gets_everything_in_order(
    archive: Database, mis: Mis, deliver: Callable[..., DeliveryWorker], until: Until
) -> None:
    """An MIS that is switched off during the exams gets every status, in order and once, when it is back."""
    queue(archive, 3)
    worker = deliver(mis.address)
    until(lambda: statuses(archive) == {"DELIVERED": 3})
    mis.stop()
    queue(archive, 3)
    until(lambda: queued(archive)[3].attempts >= 3)
    queue(archive, 3)
    assert worker.healthy()
    mis.start()
    until(lambda: statuses(archive) == {"DELIVERED": 9})
    assert [received.control_id for received in mis.received] == [row.control_id for row in queued(archive)]
    assert journaled(archive)[Event.DELIVERY_PARKED] == 0


def test_a_message_that_is_refused_again_and_again_is_parked_and_the_next_ones_pass(
    archive: Database, mis: Mis, deliver: Callable[..., DeliveryWorker], until: Until
) -> None:
    """One message a system does not like does not hold up the others; an operator can send it once more."""
    refused = queue(archive, 3)[0]
    disliked = queued(archive)[0].control_id
    mis.personality = lambda received: "AE" if received.control_id == disliked else "AA"
    deliver(mis.address)
    until(lambda: statuses(archive) == {"PARKED": 1, "DELIVERED": 2})
    assert [received.control_id for received in mis.received].count(disliked) == 3
    assert control_ids(mis) == [row.control_id for row in queued(archive)]
    parked = queued(archive)[0]
    assert (parked.refusals, parked.attempts) == (3, 3)
    assert "AE" in parked.last_error
    mis.personality = lambda _received: "AA"
    with archive.transaction() as transaction:
        assert deliveries.release(transaction, refused, clock.now())
    until(lambda: statuses(archive) == {"DELIVERED": 3})
    assert mis.received[-1].control_id == disliked
    assert journaled(archive)[Event.DELIVERY_PARKED] == 1


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (StoreError("busy"), "DELIVERED"),
        (MessageError("AE with the code of a failed application", code=207), "PARKED"),
        (UnsupportedMessage("AR with a code of its own"), "PARKED"),
    ],
    ids=["AR 207", "AE 207", "AR 200"],
)
def test_only_a_destination_in_trouble_is_tried_for_ever(
    archive: Database,
    deliver: Callable[..., DeliveryWorker],
    until: Until,
    answer: MessageError | StoreError,
    end: str,
) -> None:
    """A system that says it cannot just now (AR 206, 207) is asked until it can; one that says no is believed."""
    answers: list[list[MessageError | StoreError]] = [[answer]] * 6

    def receive(raw: bytes, _peer: Any) -> bytes:
        told = answers.pop() if answers else []
        return ack.acknowledge(read_header(raw), control_id=secrets.token_hex(8), at=clock.now(), errors=told)

    listener = MllpListener("127.0.0.1", 0, one_by_one(receive))
    listener.start()
    try:
        queue(archive, 1)
        deliver(listener.address)
        until(lambda: statuses(archive) == {end: 1})
    finally:
        listener.stop()
    (row,) = queued(archive)
    assert (row.attempts, row.refusals) == ((7, 0) if end == "DELIVERED" else (3, 3))


@pytest.mark.parametrize("answer", ["silence", "close"])
def test_an_unanswered_message_is_sent_again_as_the_same_message(
    archive: Database, mis: Mis, deliver: Callable[..., DeliveryWorker], until: Until, answer: Answer
) -> None:
    """When no answer came nobody knows whether the message was taken, so it comes again with the same bytes and number."""
    asked: list[str] = []

    def first_two_unanswered(received: Received) -> Answer:
        asked.append(received.control_id)
        return answer if asked.count(received.control_id) <= 2 else "AA"

    mis.personality = first_two_unanswered
    queue(archive, 2)
    deliver(mis.address, ack_timeout_seconds=0.1)
    until(lambda: statuses(archive) == {"DELIVERED": 2})
    assert control_ids(mis) == [row.control_id for row in queued(archive)]
    for row in queued(archive):
        texts = {received.text for received in mis.received if received.control_id == row.control_id}
        assert texts == {row.payload.decode()}
    assert len(mis.received) == 6
    assert journaled(archive)[Event.DELIVERY_PARKED] == 0


def test_a_restart_in_the_middle_loses_nothing(archive: Database, mis: Mis, until: Until) -> None:
    """A broker that is stopped while it delivers goes on after the restart where it was."""
    arrived = threading.Semaphore(0)

    def count(_received: Received) -> Answer:
        arrived.release()
        return "AA"

    mis.personality = count
    queue(archive, 10)
    before = DeliveryWorker(archive, destination(mis.address))
    before.start()
    assert all(arrived.acquire(timeout=10) for _ in range(4))
    before.stop()
    assert not before.healthy()
    archive.close()
    again = Database(archive.url)
    after = DeliveryWorker(again, destination(mis.address))
    after.start()
    try:
        until(lambda: statuses(again) == {"DELIVERED": 10})
    finally:
        after.stop()
        again.close()
    assert control_ids(mis) == [row.control_id for row in queued(archive)]


def test_a_shutdown_does_not_wait_for_a_silent_destination(archive: Database, mis: Mis, until: Until) -> None:
    """A destination that never answers holds up a shutdown for a moment only, and its message stays in line."""
    mis.personality = lambda _received: "silence"
    queue(archive, 2)
    worker = DeliveryWorker(archive, destination(mis.address, ack_timeout_seconds=60))
    worker.start()
    assert mis.wait_for(1)
    started = time.monotonic()
    worker.stop()
    assert time.monotonic() - started < 5
    assert not worker.healthy()
    assert statuses(archive) == {"WAITING": 2}
    assert len(mis.received) == 1


def test_the_pauses_between_attempts_grow_up_to_a_limit(
    archive: Database, nobody: tuple[str, int], hand_clock: Any
) -> None:
    """A destination that is away is not hammered, and when it is back it does not wait long."""
    queue(archive, 1)
    worker = DeliveryWorker(archive, destination(nobody, retry_first_seconds=1, retry_last_seconds=60))
    for attempt in range(100):
        assert worker.turn() == 0
        wait = worker.turn()
        assert wait is not None
        bound = min(60.0, 2.0**attempt)
        assert bound / 2 <= wait <= bound
        assert queued(archive)[0].attempts == attempt + 1
        hand_clock.move(wait)
    assert statuses(archive) == {"WAITING": 1}
    assert journaled(archive) == {Event.DELIVERY_FAILED: 1}


def test_a_clock_that_is_set_back_does_not_silence_the_line(
    archive: Database, nobody: tuple[str, int], hand_clock: Any
) -> None:
    """When the machine's clock was wrong and is corrected by hours, messages still go out within the longest pause."""
    queue(archive, 1)
    worker = DeliveryWorker(archive, destination(nobody, retry_first_seconds=1, retry_last_seconds=60))
    assert worker.turn() == 0
    hand_clock.move(-3600)
    assert worker.turn() == 0
    assert queued(archive)[0].attempts == 2
    wait = worker.turn()
    assert wait is not None
    assert 0 < wait <= 60


def test_an_empty_line_asks_for_nothing(archive: Database, mis: Mis) -> None:
    """Without messages nobody is connected to."""
    with archive.transaction() as transaction:
        rows.delivery(transaction, destination="somebody else")
    worker = DeliveryWorker(archive, destination(mis.address))
    assert worker.turn() is None
    assert mis.received == []

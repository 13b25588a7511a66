"""What is only tried leaves nothing behind, on either database."""

import pytest

from swf.errors import UnknownOrder
from swf.model.journal import Event
from swf.model.message import Disposition
from swf.store import journal, messages
from swf.store.database import Database, Transaction
from swf.store.journal import Entry
from tests import rows

COLUMNS = {
    "received_at": rows.AT,
    "peer": "192.0.2.1",
    "door": 0,
    "source": "HIS|HOSP",
    "type": "ORM^O01",
    "control_id": "C1",
    "version": "2.3.1",
    "charset": "utf-8",
    "content_hash": "1",
    "raw": b"MSH",
    "disposition": Disposition.REFUSED,
    "ack_code": "AE",
    "reason": "PID^1^3: missing",
    "acknowledgement": b"MSA",
}


def keep(transaction: Transaction, **columns: object) -> int:
    """Keep a message."""
    return messages.add(transaction, **{**COLUMNS, **columns})


def test_a_rehearsal_gives_its_result_and_is_undone(database: Database) -> None:
    """What a trial made is seen by the trial and by nobody after it."""

    def work(transaction: Transaction) -> object:
        return messages.one(transaction, keep(transaction))

    assert database.rehearse(work) is not None
    with database.reading() as connection:
        assert messages.recent(connection, limit=5) == []


def test_a_rehearsal_that_is_refused_is_undone_too(database: Database) -> None:
    """A trial that ends in a refusal tells it, and the store can be written to as before."""

    def work(transaction: Transaction) -> None:
        keep(transaction)
        raise UnknownOrder("no order of that number is known")

    with pytest.raises(UnknownOrder):
        database.rehearse(work)
    assert database.run(keep) > 0
    with database.reading() as connection:
        assert len(messages.recent(connection, limit=5)) == 1


def test_a_new_disposition_keeps_bytes_and_answer(database: Database) -> None:
    """A message that was refused and is applied later still shows what came and what was answered."""
    number = database.run(keep)
    database.run(lambda transaction: messages.dispose(transaction, number, Disposition.APPLIED, ""))
    with database.reading() as connection:
        row = messages.one(connection, number)
    assert row is not None
    assert (row.disposition, row.reason, row.ack_code) == (Disposition.APPLIED, "", "AE")
    assert (bytes(row.raw), bytes(row.acknowledgement)) == (b"MSH", b"MSA")


def test_the_answer_of_a_refusal_is_never_given_to_a_repeat(database: Database) -> None:
    """Only a message that was answered with AA or CA has an answer a repeat may get."""
    wanted = {"source": "HIS|HOSP", "control_id": "C1", "content_hash": "1"}
    database.run(lambda transaction: keep(transaction, disposition=Disposition.APPLIED))
    assert database.run(lambda transaction: messages.applied_before(transaction, **wanted)) is None
    database.run(lambda transaction: keep(transaction, disposition=Disposition.APPLIED, ack_code="AA"))
    assert database.run(lambda transaction: messages.applied_before(transaction, **wanted)) is not None


def test_later_messages_of_an_order_are_found(database: Database) -> None:
    """What changed an order after a message: not its repeats, not what was refused, not what came before."""

    def work(transaction: Transaction) -> tuple[int, list[int], list[int]]:
        order = rows.order(transaction)
        kept = [keep(transaction, disposition=Disposition.APPLIED) for _ in range(3)]
        refused = keep(transaction)
        for message, event in zip(
            [*kept, refused],
            (Event.ORDER_CREATED, Event.MESSAGE_REPEATED, Event.ORDER_CHANGED, Event.ORDER_CHANGED),
            strict=True,
        ):
            journal.add(transaction, rows.AT, [Entry(event, order)], message=message)
        return order, kept, journal.later_messages(transaction, [order], kept[0])

    _, kept, later = database.run(work)
    assert later == [kept[2]]

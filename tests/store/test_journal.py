"""The journal and the archive of messages: what happened, in order, and nothing of anybody else."""

from datetime import timedelta

from swf.model.journal import Event
from swf.store import journal, messages, worklist
from swf.store.database import Database, Transaction
from swf.store.journal import Entry
from tests import rows


def keep(transaction: Transaction, **columns: object) -> int:
    """An archived message."""
    default = {
        "received_at": rows.AT,
        "peer": "127.0.0.1",
        "door": 0,
        "source": "HIS|HOSP",
        "type": "ORM^O01",
        "control_id": "C1",
        "version": "2.3.1",
        "charset": "utf-8",
        "content_hash": "digest",
        "raw": b"MSH|\xff",
        "disposition": "APPLIED",
        "ack_code": "AA",
        "reason": "",
        "acknowledgement": b"MSA|AA|C1",
    }
    return messages.add(transaction, **{**default, **columns})


def minute(number: int) -> object:
    """A time after the others."""
    return rows.AT + timedelta(minutes=number)


def test_a_trace_tells_one_order_in_time_order(database: Database) -> None:
    """Messages, worklist answers and deliveries of an order are told as they happened, and no other order's."""
    with database.transaction() as transaction:
        order = rows.order(transaction, accession_number="A1", placer_order_number="P1")
        step = rows.step(transaction, order, step_id="S1")
        message = keep(transaction)
        created = [Entry(Event.MESSAGE_APPLIED), Entry(Event.ORDER_CREATED, order, detail={"text": "Größe 山"})]
        journal.add(transaction, rows.AT, created, message=message)
        stranger = rows.order(transaction, accession_number="A2", placer_order_number="P2")
        journal.add(transaction, minute(1), [Entry(Event.ORDER_CREATED, stranger)])
        worklist.record_answers(transaction, "CT1", [step], minute(2))
        worklist.record_answers(transaction, "CT1", [step], minute(4))
        journal.add(transaction, minute(3), [Entry(Event.MPPS_IN_PROGRESS, order)])
        journal.add(transaction, minute(5), [Entry(Event.DELIVERY_ACKNOWLEDGED, order)])
    with database.reading() as connection:
        trace = journal.trace(connection, "A1")
        assert trace == journal.trace(connection, "P1")
        assert journal.trace(connection, "A3") == []
        assert len(journal.of_message(connection, message)) == 2
    assert [(moment.at, moment.event) for moment in trace] == [
        (minute(0), "message received"),
        (minute(0), "order created"),
        (minute(2), "worklist answered"),
        (minute(3), "mpps in progress"),
        (minute(4), "worklist answered"),
        (minute(5), "delivery acknowledged"),
    ]
    came = {"type": "ORM^O01", "from": "HIS|HOSP", "control_id": "C1", "answer": "AA", "message": message}
    assert [moment.detail for moment in trace[:2]] == [came, {"text": "Größe 山", "message": message}]
    assert [moment.detail.get("times") for moment in trace if moment.event == "worklist answered"] == [None, 2]


def test_events_of_one_moment_stay_in_the_order_they_were_written(database: Database) -> None:
    """What one message caused is told in the order it was done, though it all has one time."""
    events = [Event.ORDER_CREATED, Event.STEP_SCHEDULED, Event.WARNING, Event.ORDER_STATUS, Event.DELIVERY_QUEUED]
    with database.transaction() as transaction:
        order = rows.order(transaction, accession_number="A1")
        journal.add(transaction, rows.AT, [Entry(event, order) for event in events])
        journal.add(transaction, rows.AT, [])
    with database.reading() as connection:
        assert [moment.event for moment in journal.trace(connection, "A1")] == events


def test_only_the_same_message_that_was_applied_is_a_repeat(database: Database) -> None:
    """A message sent twice is known again; one that was refused, or differs, or comes from elsewhere, is not."""
    with database.transaction() as transaction:
        first = keep(transaction)
        keep(transaction, acknowledgement=b"later")
        keep(transaction, control_id="C2", disposition="REFUSED")
    same = {"source": "HIS|HOSP", "control_id": "C1", "content_hash": "digest"}
    with database.transaction() as transaction:
        assert messages.applied_before(transaction, **same).id == first
        assert bytes(messages.applied_before(transaction, **same).acknowledgement) == b"MSA|AA|C1"
        for other in ({"source": "LIS|HOSP"}, {"control_id": "C2"}):
            assert messages.applied_before(transaction, **{**same, **other}) is None
        again = messages.applied_before(transaction, **{**same, "content_hash": "another"})
        assert again.content_hash == "digest"  # the number was used, for another content


def test_a_message_is_kept_byte_for_byte(database: Database) -> None:
    """What came over the wire can be shown later exactly as it came, the newest first in the list."""
    raw = bytes(range(256))
    with database.transaction() as transaction:
        numbers = [keep(transaction, raw=raw), keep(transaction, disposition="REFUSED", reason="PID-3 is empty")]
    with database.reading() as connection:
        assert bytes(messages.one(connection, numbers[0]).raw) == raw
        assert messages.one(connection, 404) is None
        assert [row.id for row in messages.recent(connection, limit=5)] == numbers[::-1]
        assert [row.id for row in messages.recent(connection, limit=5, refused_only=True)] == numbers[1:]
        assert [row.id for row in messages.recent(connection, limit=1)] == numbers[1:]


def test_whether_something_happened_since(database: Database) -> None:
    """What befell an order after a moment is told from what befell it then, before, or another order."""
    later = rows.AT + timedelta(minutes=1)
    with database.transaction() as transaction:
        number, other = rows.order(transaction), rows.order(transaction)
        journal.add(transaction, rows.AT, [Entry(Event.ORDER_CHANGED, number), Entry(Event.ORDER_CHANGED, other)])
        journal.add(transaction, later, [Entry(Event.WARNING, number), Entry(Event.ORDER_CHANGED, other)])
        asked = (Event.ORDER_CHANGED, Event.ORDER_STATUS)
        assert not journal.happened_since(transaction, number, rows.AT, asked)
        assert journal.happened_since(transaction, other, rows.AT, asked)
        assert not journal.happened_since(transaction, other, later, asked)

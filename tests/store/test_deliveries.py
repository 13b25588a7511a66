"""The line of messages to each destination: first in, first out, nothing skipped unasked (RAD-3)."""

from datetime import timedelta

import pytest

from swf.errors import StoreError
from swf.store import deliveries
from swf.store.database import Database
from tests import rows

LATER = rows.AT + timedelta(minutes=1)


def head(database: Database, destination: str = "mis") -> int | None:
    """Whose turn it is."""
    with database.reading() as connection:
        found = deliveries.head(connection, destination)
    return found.id if found else None


def test_each_destination_has_its_own_line_in_order(database: Database) -> None:
    """A message is next when everything before it was taken; another system's trouble does not delay it."""
    with database.transaction() as transaction:
        first, second = rows.delivery(transaction), rows.delivery(transaction)
        elsewhere = rows.delivery(transaction, destination="pacs")
    assert (head(database), head(database, "pacs"), head(database, "nobody")) == (first, elsewhere, None)
    with database.transaction() as transaction:
        deliveries.failed(transaction, first, error="down", refused=False, next_attempt_at=LATER, park=False)
    assert head(database) == first
    with database.transaction() as transaction:
        deliveries.delivered(transaction, first, "AA", LATER)
    assert (head(database), head(database, "pacs")) == (second, elsewhere)


def test_a_parked_delivery_lets_the_next_one_pass_until_it_is_released(database: Database) -> None:
    """What a destination refuses waits for an operator; released, it goes first again, with its count begun anew."""
    with database.transaction() as transaction:
        first, second = rows.delivery(transaction), rows.delivery(transaction)
        deliveries.failed(transaction, first, error="AE", refused=True, next_attempt_at=LATER, park=True)
    assert head(database) == second
    rings = database.doorbell.rings
    with database.transaction() as transaction:
        assert deliveries.release(transaction, first, rows.AT)
        assert not deliveries.release(transaction, first, rows.AT)
        assert not deliveries.release(transaction, second, rows.AT)
        assert not deliveries.release(transaction, 404, rows.AT)
    assert database.doorbell.rings == rings + 1
    assert head(database) == first
    with database.reading() as connection:
        released = deliveries.one(connection, first)
        assert (released.refusals, released.attempts, released.next_attempt_at) == (0, 1, rows.AT)


def test_attempts_and_refusals_are_counted_and_the_bytes_stay(database: Database) -> None:
    """An operator sees how often and why it failed; the message itself never changes."""
    with database.transaction() as transaction:
        number = rows.delivery(transaction, payload=b"the very bytes \xff\x00")
        for refused in (False, True, True):
            deliveries.failed(transaction, number, error="no", refused=refused, next_attempt_at=LATER, park=False)
        deliveries.delivered(transaction, number, "AA fine", LATER)
    with database.reading() as connection:
        row = deliveries.one(connection, number)
        shown = deliveries.overview(connection, limit=5, status="DELIVERED")
    assert (row.attempts, row.refusals, row.last_error, row.acknowledgement) == (4, 2, "no", "AA fine")
    assert (row.payload, row.delivered_at, row.status) == (b"the very bytes \xff\x00", LATER, "DELIVERED")
    assert [entry.id for entry in shown] == [number]


def test_a_control_id_is_sent_for_one_message_only(database: Database) -> None:
    """A destination recognises repeats by the control id, so no two messages share one."""
    with database.transaction() as transaction:
        number = rows.delivery(transaction, control_id="SAME")
    with pytest.raises(StoreError), database.transaction() as transaction:
        rows.delivery(transaction, control_id="SAME")
    with database.transaction() as transaction:
        deliveries.delivered(transaction, number, "AA", LATER)
    assert head(database) is None


def test_who_waits_is_counted_by_destination(database: Database) -> None:
    """The number of waiting messages tells which system does not listen."""
    with database.transaction() as transaction:
        for destination in ("mis", "mis", "pacs"):
            last = rows.delivery(transaction, destination=destination)
        deliveries.delivered(transaction, last, "AA", LATER)
    with database.reading() as connection:
        assert deliveries.waiting(connection) == {"mis": 2}

"""What operators have said of failures, and of destinations."""

from swf import clock
from swf.store import deliveries, failures
from swf.store.database import Database
from tests import rows


def test_a_cause_is_settled_anew_and_opened(database: Database) -> None:
    """The last remark counts, up to the last message it was said of; opened again, nothing of it is left."""
    for up_to, remark in ((7, "first"), (9, "second")):
        said = {"cause": "abc", "up_to": up_to, "remark": remark, "by": "jane", "at": clock.now()}
        database.run(lambda transaction, said=said: failures.settle(transaction, **said))  # type: ignore[misc]
    with database.reading() as connection:
        (row,) = failures.settled(connection)
        assert (row.up_to, row.remark, row.by) == (9, "second", "jane")
        assert failures.newest(connection, 5) == []
    assert database.run(lambda transaction: failures.reopen(transaction, "abc"))
    assert not database.run(lambda transaction: failures.reopen(transaction, "abc"))


def _head(database: Database) -> int | None:
    with database.reading() as connection:
        found = deliveries.head(connection, "mis")
    return found.id if found else None


def test_a_held_destination_has_no_turn(database: Database) -> None:
    """While it is held nothing is next, and the last reason counts; released, the line goes on where it was."""
    with database.transaction() as transaction:
        first = rows.delivery(transaction)
        rows.delivery(transaction, destination="pacs")
        deliveries.hold(transaction, "mis", "moves house", "jane", rows.AT)
        deliveries.hold(transaction, "mis", "moves house until noon", "john", rows.AT)
    assert _head(database) is None
    with database.reading() as connection:
        assert [(row.reason, row.by) for row in deliveries.held(connection).values()] == [
            ("moves house until noon", "john")
        ]
        assert deliveries.head(connection, "pacs") is not None
    rings = database.doorbell.rings
    assert database.run(lambda transaction: deliveries.let_go(transaction, "mis"))
    assert not database.run(lambda transaction: deliveries.let_go(transaction, "mis"))
    assert (_head(database), database.doorbell.rings) == (first, rings + 2)


def test_a_skipped_delivery_is_passed_and_stays_so(database: Database) -> None:
    """Given up while it is being tried: its failure does not bring it back; what is about the same exam goes on."""
    with database.transaction() as transaction:
        first, second = (rows.delivery(transaction, subject="1.2.3") for _ in range(2))
        deliveries.failed(transaction, first, error="no", refused=True, next_attempt_at=rows.AT, park=True)
    assert _head(database) is None
    with database.transaction() as transaction:
        assert deliveries.skip(transaction, first, "skipped: wrong patient")
        assert not deliveries.skip(transaction, first, "again")
        assert not deliveries.release(transaction, first, rows.AT)
        deliveries.failed(transaction, first, error="late", refused=True, next_attempt_at=rows.AT, park=True)
    assert _head(database) == second
    with database.reading() as connection:
        row = deliveries.one(connection, first)
    assert row is not None
    assert (row.status, row.last_error) == ("SKIPPED", "skipped: wrong patient")
    with database.transaction() as transaction:
        deliveries.delivered(transaction, second, "AA", rows.AT)
        assert not deliveries.skip(transaction, second, "too late")

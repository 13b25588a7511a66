"""What operators have said of failures, and of destinations."""

from swf import clock
from swf.store import failures
from swf.store.database import Database


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

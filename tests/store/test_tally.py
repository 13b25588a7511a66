"""What is counted for Prometheus: each row once, by its number, on either database."""

from datetime import timedelta

from swf.model.journal import Event
from swf.store import journal, tally
from swf.store.database import Database
from swf.store.journal import Entry
from tests import rows

LATER = rows.AT + timedelta(seconds=5)


def test_each_event_is_counted_once(database: Database) -> None:
    """What is beyond a row is counted by kind, and the last of it remembered; what is kept does not matter."""
    with database.transaction() as transaction:
        before = tally.newest(transaction)
        journal.add(transaction, rows.AT, [Entry(Event.WARNING), Entry(Event.WARNING), Entry(Event.SIGNED_IN)])
    with database.reading() as connection:
        found = tally.events(connection, before[1], LATER)
        assert found.by_kind == {"warning": 2, "signed in": 1}
        assert found.last == tally.newest(connection)[1]
        assert tally.events(connection, found.last, LATER) == (found.last, {})
        assert tally.messages(connection, before[0], LATER) == (before[0], {})


def test_what_may_still_be_overtaken_waits(database: Database) -> None:
    """PostgreSQL may commit a smaller number later: what is fresh there is left for the next look. SQLite never does."""
    with database.transaction() as transaction:
        journal.add(transaction, rows.AT, [Entry(Event.WARNING)])
    with database.reading() as connection:
        counted = tally.events(connection, 0, LATER - timedelta(milliseconds=1)).by_kind
        assert counted == ({"warning": 1} if connection.dialect.name == "sqlite" else {})

"""What happened at the doors, before anybody had said anything: who was rejected, who met a limit (PS3.8 9.3.4)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from swf.model.journal import JOURNAL, OF_THE_DOORS, Event
from swf.store.database import Record


def events(connection: Connection, event: Event, *, limit: int, since: datetime | None = None) -> Sequence[Record]:
    """The newest journal entries of an event of the doors, those `since` a moment when given."""
    statement = select(JOURNAL).where(OF_THE_DOORS, JOURNAL.c.event == event)
    if since is not None:
        statement = statement.where(JOURNAL.c.at >= since)
    return connection.execute(statement.order_by(JOURNAL.c.at.desc()).limit(limit)).all()

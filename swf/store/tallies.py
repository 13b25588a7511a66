"""Reads the journal once, in its order, and keeps counts of it; reads the counts for statistics."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from swf.model.delivery import DELIVERY
from swf.model.journal import JOURNAL
from swf.model.mpps import PERFORMED
from swf.model.order import ORDER, STEP
from swf.model.tally import TALLY
from swf.store import dialect
from swf.store.database import Record, Transaction

REACHED = "reached"
Key = tuple[str, str, str, int]
"""Kind, period, name and bucket."""


def reached(connection: Connection) -> int:
    """The last journal entry that was counted; 0 before the first."""
    found = connection.scalars(select(TALLY.c.count).where(TALLY.c.kind == REACHED)).first()
    return int(found or 0)


def reach(transaction: Transaction, entry: int) -> None:
    """Remember that the journal is counted up to `entry`."""
    new = dialect.new_row(transaction.dialect.name, TALLY)
    statement = new.on_conflict_do_update(
        index_elements=["kind", "period", "name", "bucket"], set_={"count": new.excluded.count}
    )
    transaction.execute(statement, {"kind": REACHED, "period": "", "name": "", "bucket": 0, "count": entry})


def add(transaction: Transaction, counts: Mapping[Key, int]) -> None:
    """Add to counts."""
    if not counts:
        return
    new = dialect.new_row(transaction.dialect.name, TALLY)
    statement = new.on_conflict_do_update(
        index_elements=["kind", "period", "name", "bucket"], set_={"count": TALLY.c.count + new.excluded.count}
    )
    rows = [
        {"kind": kind, "period": period, "name": name, "bucket": bucket, "count": count}
        for (kind, period, name, bucket), count in sorted(counts.items())
    ]
    transaction.execute(statement, rows)


def entries(connection: Connection, after: int, until: datetime, limit: int) -> list[Record]:
    """The next entries of the journal, `limit` at most; none from after the moment `until`.

    An entry that is young may come before one whose transaction is still open. Entries of one moment come together.
    """
    columns = (JOURNAL.c.id, JOURNAL.c.at, JOURNAL.c.event, JOURNAL.c.order, JOURNAL.c.detail)
    statement = select(*columns).where(JOURNAL.c.id > after).order_by(JOURNAL.c.id).limit(limit)
    found = list(connection.execute(statement))
    young = next((place for place, row in enumerate(found) if row.at > until), len(found))
    whole = found[:young]
    if len(found) == limit and whole and young == len(found):
        cut = next((place for place, row in enumerate(whole) if row.at == whole[-1].at), 0)
        whole = whole[:cut] or whole
    return whole


def orders(connection: Connection, numbers: Collection[int]) -> dict[int, tuple[datetime, str]]:
    """When these order rows came, and their modality."""
    statement = (
        select(ORDER.c.id, ORDER.c.created_at, func.min(STEP.c.modality).label("modality"))
        .outerjoin(STEP, STEP.c.order == ORDER.c.id)
        .where(ORDER.c.id.in_(numbers))
        .group_by(ORDER.c.id, ORDER.c.created_at)
    )
    return {row.id: (row.created_at, row.modality or "") for row in connection.execute(statement)}


def begun(connection: Connection, uids: Collection[str]) -> dict[str, datetime]:
    """When these performed steps were first heard of."""
    statement = select(PERFORMED.c.sop_instance_uid, PERFORMED.c.created_at)
    found = connection.execute(statement.where(PERFORMED.c.sop_instance_uid.in_(uids)))
    return {row.sop_instance_uid: row.created_at for row in found}


def queued(connection: Connection, control_ids: Collection[str]) -> dict[str, datetime]:
    """When these deliveries were queued."""
    found = connection.execute(
        select(DELIVERY.c.control_id, DELIVERY.c.created_at).where(DELIVERY.c.control_id.in_(control_ids))
    )
    return {row.control_id: row.created_at for row in found}


def counts(connection: Connection, kind: str, first: str) -> Sequence[Record]:
    """The counts of a kind since the period `first`, by period and name."""
    total = func.sum(TALLY.c.count).label("many")
    statement = select(TALLY.c.period, TALLY.c.name, total).where(TALLY.c.kind == kind, TALLY.c.period >= first)
    return connection.execute(
        statement.group_by(TALLY.c.period, TALLY.c.name).order_by(TALLY.c.period, TALLY.c.name)
    ).all()


def spans(connection: Connection, kind: str, first: str) -> dict[str, dict[int, int]]:
    """How often a span of a kind took how long since the period `first`: name → bucket → count."""
    statement = (
        select(TALLY.c.name, TALLY.c.bucket, func.sum(TALLY.c.count).label("many"))
        .where(TALLY.c.kind == kind, TALLY.c.period >= first)
        .group_by(TALLY.c.name, TALLY.c.bucket)
    )
    found: dict[str, dict[int, int]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.name, {})[row.bucket] = int(row.many)
    return found

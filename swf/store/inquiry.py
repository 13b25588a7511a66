"""What `swf why` looks up: an order by any number, who changed its steps, who was given them, and what came near it."""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, select, text

from swf.model.journal import JOURNAL, Event
from swf.model.message import MESSAGE, Disposition
from swf.model.order import ORDER, STEP, WORKLIST_ANSWER
from swf.model.patient import PATIENT
from swf.store import dialect, doors
from swf.store import orders as order_store
from swf.store.database import Record

_REJECTIONS = 1000
_NUMBERS = (ORDER.c.accession_number, ORDER.c.placer_order_number, ORDER.c.filler_order_number)


def orders(connection: Connection, number: str) -> Sequence[Record]:
    """The orders of that accession, placer or filler number, each with the identifier of its patient now."""
    statement = select(ORDER, PATIENT.c.patient_id, PATIENT.c.issuer).join(PATIENT, PATIENT.c.id == ORDER.c.patient)
    return connection.execute(statement.where(ORDER.c.id.in_(order_store.numbered(number))).order_by(ORDER.c.id)).all()


def steps(connection: Connection, order: int) -> Sequence[Record]:
    """The steps of order row `order`, in the order they were scheduled."""
    return connection.execute(select(STEP).where(STEP.c.order == order).order_by(STEP.c.id)).all()


def numbers(connection: Connection, limit: int) -> Iterator[str]:
    """The numbers of the newest orders."""
    for row in connection.execute(select(*_NUMBERS).order_by(ORDER.c.id.desc()).limit(limit)):
        yield from (str(number) for number in row if number)


def messages_with(
    connection: Connection, number: str, *, among: int, limit: int, refused_only: bool = False
) -> Sequence[Record]:
    """Of the newest `among` messages those that hold this text anywhere, the newest first; without their bytes.

    With `refused_only` of the newest that were refused, which are few and have an index of their own.
    """
    searched = select(MESSAGE.c.id)
    if refused_only:  # the very words of the index, and its order
        searched = searched.where(text("disposition <> 'APPLIED'"), MESSAGE.c.disposition == Disposition.REFUSED)
        searched = searched.order_by(MESSAGE.c.received_at.desc())
    newest = searched.order_by(MESSAGE.c.id.desc()).limit(among).subquery()
    columns = (column for column in MESSAGE.c if column.name not in ("raw", "acknowledgement"))
    held = dialect.contains(connection, MESSAGE.c.raw, number.encode())
    statement = select(*columns).where(MESSAGE.c.id.in_(select(newest.c.id)), held)
    return connection.execute(statement.order_by(MESSAGE.c.id.desc()).limit(limit)).all()


def last_change(connection: Connection, order: int, step_id: str) -> Record | None:
    """The journal entry by which a step got the status it has; None when it never had another."""
    statement = select(JOURNAL).where(JOURNAL.c.order == order, JOURNAL.c.event == Event.STEP_STATUS)
    changes = connection.execute(statement.order_by(JOURNAL.c.id.desc()))
    return next((row for row in changes if row.detail.get("step_id") == step_id), None)


def given(connection: Connection, step: int, titles: Collection[str]) -> Record | None:
    """When a modality that calls with one of these titles was last given step row `step`, and how often."""
    named = (WORKLIST_ANSWER.c.step == step, WORKLIST_ANSWER.c.ae_title.in_(titles))
    statement = select(WORKLIST_ANSWER).where(*named).order_by(WORKLIST_ANSWER.c.last_at.desc())
    return connection.execute(statement.limit(1)).first()


def identity(connection: Connection, number: int) -> Record:
    """The patient identity of row `number`, merged or not."""
    return connection.execute(select(PATIENT).where(PATIENT.c.id == number)).one()


def last_rejection(connection: Connection, titles: Collection[str]) -> Record | None:
    """The newest journal entry of an association that one of these AE titles was refused, if it is not long ago."""
    entries = doors.events(connection, Event.ASSOCIATION_REJECTED, limit=_REJECTIONS)
    return next((row for row in entries if row.detail.get("ae_title") in titles), None)

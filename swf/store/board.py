"""What an operator wants to see at one glance: the day's steps, what waits, what failed, who was heard of when.

Every statement reads a narrow range of an index, so that the answer does not grow with the years in the store.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, TextClause, func, select, text, union

from swf.dicom.terms import LISTED, PerformedStatus
from swf.model.delivery import DELIVERY, DeliveryStatus
from swf.model.journal import JOURNAL
from swf.model.message import MESSAGE, Disposition
from swf.model.mpps import PERFORMED, TO_BE_RESOLVED
from swf.model.order import ORDER, STEP
from swf.model.patient import PATIENT
from swf.model.query import QUERY
from swf.store import dialect, worklist
from swf.store import orders as order_store
from swf.store.database import Record

_NEWEST_REPORTS = 2000  # among which devices are looked for; who did not report among them is not at work today


def stamp(connection: Connection) -> tuple[object, ...]:
    """Differs when anything an operator sees has changed: the journal's last number, and when a device asked last."""
    return tuple(
        connection.execute(
            select(
                select(func.max(JOURNAL.c.id)).scalar_subquery(),
                select(func.max(QUERY.c.last_at)).scalar_subquery(),
            )
        ).one()
    )


def counts(connection: Connection, first: str, last: str) -> Sequence[Record]:
    """How many steps begin from `first` up to, but not at, `last` (YYYYMMDD), by modality and status."""
    columns = (STEP.c.modality, STEP.c.status)
    statement = select(*columns, func.count().label("steps")).where(STEP.c.start >= first, STEP.c.start < last)
    return connection.execute(statement.group_by(*columns)).all()


def steps(
    connection: Connection, first: str, last: str, *, modality: str | None, status: str, limit: int
) -> Sequence[Record]:
    """Those steps, the earliest first, each with its order's numbers; of one `modality` and `status` when given."""
    statement = (
        select(
            STEP.c.start,
            STEP.c.modality,
            STEP.c.station,
            STEP.c.status,
            STEP.c.step_id,
            STEP.c.flaws,
            ORDER.c.accession_number,
            ORDER.c.placer_order_number,
        )
        .join(ORDER, ORDER.c.id == STEP.c.order)
        .where(STEP.c.start >= first, STEP.c.start < last)
    )
    if modality is not None:
        statement = statement.where(STEP.c.modality == modality)
    if status:
        statement = statement.where(STEP.c.status == status)
    return connection.execute(statement.order_by(STEP.c.start, STEP.c.id).limit(limit)).all()


def left_over(connection: Connection, before: str) -> int:
    """How many steps of earlier days are still on a list."""
    mine = (STEP.c.status.in_(LISTED), STEP.c.start != "", STEP.c.start < before)
    return _count(connection, *mine)


def without_time(connection: Connection) -> int:
    """How many steps wait for an appointment."""
    return _count(connection, STEP.c.status.in_(LISTED), STEP.c.start == "")


def held(connection: Connection, among: int) -> int:
    """How many steps are kept from every list for a flaw `among` these."""
    status = dialect.not_by_index(connection.dialect.name, STEP.c.status)
    kept = (worklist.FLAWED, STEP.c.flaws.bitwise_and(among) != 0, status.in_(LISTED))
    return _count(connection, *kept)


def _count(connection: Connection, *conditions: ColumnElement[bool] | TextClause) -> int:
    statement = select(func.count()).select_from(STEP).where(*conditions)
    return int(connection.execute(statement).scalar_one())


def messages_since(connection: Connection, moment: datetime) -> tuple[int, int]:
    """How many messages came since, and how many of them had no effect."""
    came = select(func.count()).select_from(MESSAGE).where(MESSAGE.c.received_at >= moment)
    without_effect = came.where(text(f"disposition <> '{Disposition.APPLIED}'"))  # the very words of the index
    return int(connection.execute(came).scalar_one()), int(connection.execute(without_effect).scalar_one())


def unresolved(connection: Connection) -> int:
    """How many performed steps wait for an operator to say which order they were for."""
    statement = select(func.count()).select_from(PERFORMED).where(PERFORMED.c.matching.in_(TO_BE_RESOLVED))
    return int(connection.execute(statement).scalar_one())


def overdue(connection: Connection) -> int:
    """How many performed steps have been in progress for too long."""
    late = (PERFORMED.c.status == PerformedStatus.IN_PROGRESS, PERFORMED.c.overdue_at.is_not(None))
    return int(connection.execute(select(func.count()).select_from(PERFORMED).where(*late)).scalar_one())


def line(connection: Connection, destination: str) -> tuple[int, datetime | None, int, datetime | None, str]:
    """A destination: how many wait and since when, how many are parked, when it last took one, what it said last."""
    mine = DELIVERY.c.destination == destination
    waiting = mine & (DELIVERY.c.status == DeliveryStatus.WAITING)
    count, oldest = connection.execute(select(func.count(), func.min(DELIVERY.c.created_at)).where(waiting)).one()
    head = select(DELIVERY.c.last_error).where(waiting).order_by(DELIVERY.c.id).limit(1)
    parked = select(func.count()).where(mine & (DELIVERY.c.status == DeliveryStatus.PARKED))
    taken = mine & (DELIVERY.c.status == DeliveryStatus.DELIVERED)
    last = select(DELIVERY.c.delivered_at).where(taken).order_by(DELIVERY.c.id.desc()).limit(1)
    return (
        int(count),
        oldest,
        int(connection.execute(parked).scalar_one()),
        connection.scalars(last).first(),
        connection.scalars(head).first() or "",
    )


def last_queries(connection: Connection) -> Sequence[Record]:
    """The last query of every device, without its bytes."""
    newest = select(func.max(QUERY.c.id)).group_by(QUERY.c.ae_title)
    columns = [column for column in QUERY.c if column.name != "identifier"]
    return connection.execute(select(*columns).where(QUERY.c.id.in_(newest)).order_by(QUERY.c.ae_title)).all()


def last_reports(connection: Connection) -> dict[str, datetime]:
    """When each device last reported a performed step, among the newest reports."""
    columns = (PERFORMED.c.calling_ae_title, PERFORMED.c.updated_at)
    newest = select(*columns).order_by(PERFORMED.c.id.desc()).limit(_NEWEST_REPORTS).subquery()
    statement = select(newest.c.calling_ae_title, func.max(newest.c.updated_at)).group_by(newest.c.calling_ae_title)
    return {row[0]: row[1] for row in connection.execute(statement)}


def orders(connection: Connection, *, search: str, status: str, limit: int, by_patient: bool) -> Sequence[Record]:
    """The newest orders first, each with the identifier of its patient.

    Only those of a `status`, or whose accession, placer or filler number, or `by_patient` whose patient's identifier is
    `search`.
    """
    statement = select(ORDER, PATIENT.c.patient_id).join(PATIENT, PATIENT.c.id == ORDER.c.patient)
    if status:
        statement = statement.where(ORDER.c.status == status)
    if search:
        patients = select(PATIENT.c.id).where(PATIENT.c.patient_id == search)
        of_patient = select(ORDER.c.id).where(ORDER.c.patient.in_(patients))
        numbered = order_store.numbered(search)
        found = union(numbered, of_patient) if by_patient else numbered
        statement = statement.where(ORDER.c.id.in_(select(found.subquery().c.id)))
    return connection.execute(statement.order_by(ORDER.c.id.desc()).limit(limit)).all()


def first_steps(connection: Connection, orders: Sequence[int]) -> dict[int, Record]:
    """Of each of these order rows how many steps it has, and the earliest start, modality and station among them."""
    statement = (
        select(
            STEP.c.order,
            func.count().label("steps"),
            func.min(STEP.c.start).label("start"),
            func.min(STEP.c.modality).label("modality"),
            func.min(STEP.c.station).label("station"),
        )
        .where(STEP.c.order.in_(orders))
        .group_by(STEP.c.order)
    )
    return {row.order: row for row in connection.execute(statement)}


def messages_of(connection: Connection, orders: Sequence[int]) -> Sequence[Record]:
    """The messages that did something to these order rows, whole, in the order they came."""
    caused = select(JOURNAL.c.message).where(JOURNAL.c.order.in_(orders), JOURNAL.c.message.is_not(None))
    return connection.execute(select(MESSAGE).where(MESSAGE.c.id.in_(caused)).order_by(MESSAGE.c.id)).all()

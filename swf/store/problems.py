"""What is not as it should be, counted in the store for the list of issues. Each statement reads a narrow range of an index."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from swf.dicom.terms import PerformedStatus
from swf.model.delivery import DELIVERY, DeliveryStatus
from swf.model.mpps import PERFORMED, TO_BE_RESOLVED
from swf.model.query import QUERY
from swf.store.database import Record

_RUNS = 200


class Run(NamedTuple):
    """The queries of a device since a moment: how many, the most answers any of them got, and the first of them."""

    times: int
    most_answers: int
    first_at: datetime


def unresolved(connection: Connection) -> Sequence[Record]:
    """By device, how many exams wait to be linked, since when and until when."""
    return _by_device(connection, PERFORMED.c.matching.in_(TO_BE_RESOLVED))


def overdue(connection: Connection) -> Sequence[Record]:
    """By device, how many exams have been in progress for too long."""
    return _by_device(
        connection, (PERFORMED.c.status == PerformedStatus.IN_PROGRESS) & PERFORMED.c.overdue_at.is_not(None)
    )


def _by_device(connection: Connection, condition: ColumnElement[bool]) -> Sequence[Record]:
    columns = (
        PERFORMED.c.calling_ae_title.label("ae_title"),
        func.count().label("times"),
        func.min(PERFORMED.c.created_at).label("since"),
    )
    return connection.execute(select(*columns).where(condition).group_by(PERFORMED.c.calling_ae_title)).all()


def parked(connection: Connection, destinations: Collection[str]) -> Sequence[Record]:
    """By destination and what it said, how many deliveries wait for an operator, and since when."""
    columns = (
        DELIVERY.c.destination,
        DELIVERY.c.last_error,
        func.count().label("times"),
        func.min(DELIVERY.c.created_at).label("since"),
        func.min(DELIVERY.c.id).label("first"),
    )
    mine = DELIVERY.c.destination.in_(list(destinations)) & (DELIVERY.c.status == DeliveryStatus.PARKED)
    return connection.execute(
        select(*columns).where(mine).group_by(DELIVERY.c.destination, DELIVERY.c.last_error)
    ).all()


def run(connection: Connection, titles: Collection[str], since: datetime) -> Run | None:
    """What became of the newest queries of a device since a moment; None when there were none."""
    mine = QUERY.c.ae_title.in_(list(titles))
    newest = select(QUERY).where(mine).order_by(QUERY.c.id.desc()).limit(_RUNS).subquery()
    columns = (func.sum(newest.c.times), func.max(newest.c.answers), func.min(newest.c.first_at))
    times, most, first = connection.execute(select(*columns).where(newest.c.last_at >= since)).one()
    return Run(int(times), int(most), first) if times else None

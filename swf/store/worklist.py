"""The worklist query: predicates in, stored items out, matched by index (RAD-5, PS3.4 K.6)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import assert_never

from sqlalchemy import ColumnElement, Connection, or_, select

from swf.dicom import matching
from swf.dicom.matching import DateTimeRange, Equal, Predicate, Range, Wildcard
from swf.model.order import FURTHER_STATION, STEP, WORKLIST_ANSWER
from swf.store import dialect
from swf.store.database import Record, Transaction

ROWS_AT_A_TIME = 100
_SEVERAL = frozenset({"patient_name", "performing_physician", "station_name"})


def query(connection: Connection, predicates: Iterable[Predicate], statuses: Sequence[str]) -> Iterator[Record]:
    """The steps that satisfy every predicate, the earliest first: row number and dataset, read as they are asked for.

    `statuses` are the ones served; none means every status.
    """
    asked = list(predicates)
    conditions = [_condition(connection, predicate) for predicate in asked]
    if statuses:
        conditions.append(STEP.c.status.in_(statuses))
    among_several = [each for each in asked if isinstance(each, Wildcard) and each.column in _SEVERAL]
    further = (STEP.c[column] for column in dict.fromkeys(each.column for each in among_several))
    statement = select(STEP.c.id, STEP.c.dataset, *further).where(*conditions).order_by(STEP.c.start, STEP.c.id)
    # Who stops asking half way (C-CANCEL) must not leave a cursor open in the server.
    with connection.execute(statement.execution_options(yield_per=ROWS_AT_A_TIME)) as answers:
        yield from (row for row in answers if all(_fits_one_value(row, wildcard) for wildcard in among_several))


def record_answers(transaction: Transaction, ae_title: str, steps: Sequence[int], at: datetime) -> None:
    """Note that `ae_title` was given these step rows."""
    if not steps:
        return
    new = dialect.new_row(transaction.dialect.name, WORKLIST_ANSWER)
    changes = {"last_at": new.excluded.last_at, "times": WORKLIST_ANSWER.c.times + 1}
    statement = new.on_conflict_do_update(index_elements=["step", "ae_title"], set_=changes)
    rows = [{"step": step, "ae_title": ae_title, "first_at": at, "last_at": at, "times": 1} for step in sorted(steps)]
    transaction.execute(statement, rows)


def _condition(connection: Connection, predicate: Predicate) -> ColumnElement[bool]:
    match predicate:
        case Equal(column="station", values=values):
            others = select(FURTHER_STATION.c.step).where(FURTHER_STATION.c.ae_title.in_(values))
            found = or_(STEP.c.station.in_(values), STEP.c.id.in_(others))
        case Equal(column="start_date", values=values):
            found = or_(*(_on_days(day, day) for day in values))
        case Equal(column=column, values=values):
            found = or_(STEP.c[column].in_(values), *_among_several(connection, column, values))
        case Wildcard(column="station", pattern=pattern):
            fits = dialect.wildcard(connection, FURTHER_STATION.c.ae_title, pattern)
            others = select(FURTHER_STATION.c.step).where(fits)
            found = or_(_fits(connection, "station", pattern), STEP.c.id.in_(others))
        case Wildcard(column=column, pattern=pattern):
            found = or_(_fits(connection, column, pattern), *_among_several(connection, column, [pattern]))
        case Range(column="start_date", low=low, high=high):
            found = _on_days(low, high)
        case Range(column=column, low=low, high=high):
            found = _within(STEP.c[column], low, high)
        case DateTimeRange(low=low, high=high):
            known = (STEP.c.start_date != "") & (STEP.c.start_time != "")
            found = known & _within(STEP.c.start, low, high)
        case _:
            assert_never(predicate)
    return found


def _among_several(connection: Connection, column: str, patterns: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    r"""Station names, and a name in ideographs as well as letters, are values joined by `\`; each may match by itself."""
    if column not in _SEVERAL:
        return
    for pattern in patterns:
        for placed in (f"{pattern}\\*", f"*\\{pattern}", f"*\\{pattern}\\*"):
            yield dialect.wildcard(connection, STEP.c[column], placed)


def _fits(connection: Connection, column: str, pattern: str) -> ColumnElement[bool]:
    # An unknown value matches no key that is not empty (PS3.4 K.4.1.3), not even `*A*` with nothing in it
    return (STEP.c[column] != "") & dialect.wildcard(connection, STEP.c[column], pattern)


def _fits_one_value(row: Record, wildcard: Wildcard) -> bool:
    """Whether one value by itself is covered; in the database a `*` also runs from one value into the next."""
    return matching.matches(wildcard, {wildcard.column: getattr(row, wildcard.column)})


def _on_days(first: str, last: str) -> ColumnElement[bool]:
    """The days, said of the moment as well, which is what the indexes are sorted by."""
    return _within(STEP.c.start_date, first, last) & _within(STEP.c.start, first, last and f"{last}999999")


def _within(column: ColumnElement[str], low: str, high: str) -> ColumnElement[bool]:
    condition = column != ""
    if low:
        condition &= column >= low
    if high:
        condition &= column <= high
    return condition

"""The worklist query: predicates in, stored items out, matched by index (RAD-5, PS3.4 K.6)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from swf.dicom.matching import AnyOf, DateTimeRange, Equal, Predicate, Range, Wildcard
from swf.model.order import FURTHER_VALUE, ORDER, SEVERAL, STEP, WORKLIST_ANSWER
from swf.store import dialect
from swf.store.database import Record, Transaction

ROWS_AT_A_TIME = 100
# Which key's index is looked into, the first before the others; those of station and modality hold state and start too.
_LEADS = (
    "accession_number",
    "study_instance_uid",
    "patient_id",
    "requested_procedure_id",
    "patient_name",
    "performing_physician",
    "station",
    "modality",
)
_WITH_STATE_AND_START = frozenset({"station", "modality"})


def query(
    connection: Connection,
    predicates: Iterable[Predicate],
    statuses: Sequence[str],
    order: Sequence[str] = (),
    *,
    held_for: int = 0,
) -> Iterator[Record]:
    """The steps that satisfy every predicate: row number and dataset, read as they are asked for.

    `statuses` are the ones served; none means every status. `order` are columns, `-` before one turns it round; without
    it, or where it leaves steps equal, the earliest come first. Steps with a flaw among `held_for` are kept back.
    """
    statement = select(STEP.c.id, STEP.c.dataset).where(*_conditions(connection, list(predicates), statuses))
    if held_for:
        statement = statement.where(STEP.c.flaws.bitwise_and(held_for) == 0)
    statement = statement.order_by(*_sorted_by(order)).execution_options(yield_per=ROWS_AT_A_TIME)
    # Who stops asking half way (C-CANCEL) must not leave a cursor open in the server.
    with connection.execute(statement) as answers:
        yield from answers


def _sorted_by(order: Sequence[str]) -> Iterator[ColumnElement[Any]]:
    for key in order:
        column = STEP.c[key.removeprefix("-")]
        yield column.desc() if key.startswith("-") else column
    yield from (STEP.c.start, STEP.c.id)


def count(
    connection: Connection, predicates: Iterable[Predicate], statuses: Sequence[str] = (), *, held_for: int = 0
) -> int:
    """How many steps `query` would give."""
    statement = select(func.count()).select_from(STEP).where(*_conditions(connection, list(predicates), statuses))
    if held_for:
        statement = statement.where(STEP.c.flaws.bitwise_and(held_for) == 0)
    return int(connection.execute(statement).scalar_one())


def flawed(connection: Connection, statuses: Sequence[str], *, among: int, limit: int) -> Sequence[Record]:
    """The steps of these statuses with a flaw `among` these, or with any for 0, and their orders' numbers; earliest first."""
    statement = (
        select(STEP, ORDER.c.accession_number.label("order_accession"), ORDER.c.placer_order_number.label("placer"))
        .join(ORDER, ORDER.c.id == STEP.c.order)
        .where(STEP.c.flaws != 0, STEP.c.status.in_(statuses))
    )
    if among:
        statement = statement.where(STEP.c.flaws.bitwise_and(among) != 0)
    return connection.execute(statement.order_by(STEP.c.start, STEP.c.id).limit(limit)).all()


def record_answers(transaction: Transaction, ae_title: str, steps: Sequence[int], at: datetime) -> None:
    """Note that `ae_title` was given these step rows."""
    if not steps:
        return
    new = dialect.new_row(transaction.dialect.name, WORKLIST_ANSWER)
    changes = {"last_at": new.excluded.last_at, "times": WORKLIST_ANSWER.c.times + 1}
    statement = new.on_conflict_do_update(index_elements=["step", "ae_title"], set_=changes)
    rows = [{"step": step, "ae_title": ae_title, "first_at": at, "last_at": at, "times": 1} for step in sorted(steps)]
    transaction.execute(statement, rows)


class _Terms(NamedTuple):
    """How conditions are written: for which database, with which days known, and whether an index may serve them.

    SQLite knows nothing of how often a value occurs, so only the key that narrows most is left to be found by index.
    """

    connection: Connection
    days: Range
    by_index: bool

    def column(self, name: str) -> ColumnElement[str]:
        """A column of the step."""
        column = STEP.c[name]
        return column if self.by_index else dialect.not_by_index(self.connection, column)


def _conditions(
    connection: Connection, predicates: Sequence[Predicate], statuses: Sequence[str]
) -> list[ColumnElement[bool]]:
    if not statuses:  # those that the query names itself are as good to look by
        statuses = next((each.values for each in predicates if isinstance(each, Equal) and each.column == "status"), ())
    leads = [predicate for predicate in predicates if _rank(predicate) < len(_LEADS)]
    lead = min(leads, key=_rank, default=None)
    terms = _Terms(connection, _days(predicates), by_index=lead is None)
    conditions = [_condition(terms, predicate) for predicate in predicates if predicate is not lead]
    served = Equal("status", tuple(statuses))
    if statuses:
        conditions.append(_holds(connection, terms.column("status"), served))
    if lead is not None and not isinstance(lead, DateTimeRange):  # a range of moments never leads
        direct = terms._replace(by_index=True)
        beside: list[ColumnElement[bool]] = []
        if lead.column in _WITH_STATE_AND_START:
            beside += [_holds(connection, STEP.c.status, served)] if statuses else []
            beside += [_within(STEP.c.start, terms.days.low, terms.days.high)] if _is_known(terms.days) else []
        conditions.append(_condition(direct, lead, beside))
    return conditions


def _rank(predicate: Predicate) -> int:
    """The place among `_LEADS` of the key an index finds rows by; a key that none does comes after them all."""
    last = len(_LEADS)
    match predicate:
        case Equal(column=column) if column in _LEADS:
            return _LEADS.index(column)
        case Wildcard(column=column, pattern=pattern) if column in _LEADS and column not in _WITH_STATE_AND_START:
            return last if pattern.startswith(("*", "?")) else _LEADS.index(column)
        case AnyOf(choices=choices):
            return max(_rank(choice) for choice in choices)
        case _:
            return last


def _condition(terms: _Terms, predicate: Predicate, beside: Sequence[ColumnElement[bool]] = ()) -> ColumnElement[bool]:
    """`beside` are conditions on what else the index of the column holds."""
    match predicate:
        case AnyOf(choices=choices):
            return or_(*(_condition(terms, choice, beside) for choice in choices))
        case DateTimeRange(low=low, high=high):
            known = (STEP.c.start_date != "") & (STEP.c.start_time != "")
            return known & _within(terms.column("start"), low, high)
        case Equal(column="start_date", values=values):
            return or_(*(_on_days(terms, day, day) for day in values))
        case Range(column="start_date", low=low, high=high):
            return _on_days(terms, low, high)
        case Equal() | Wildcard() | Range():
            found = and_(_holds(terms.connection, terms.column(predicate.column), predicate), *beside)
            return or_(found, _further(terms, predicate)) if predicate.column in SEVERAL else found
        case _:
            assert_never(predicate)


def _holds(
    connection: Connection, column: ColumnElement[str], predicate: Equal | Wildcard | Range
) -> ColumnElement[bool]:
    """One value in `column` satisfies `predicate`; an unknown one satisfies none (PS3.4 K.4.1.3), not even `*A*`."""
    match predicate:
        case Equal(values=values):
            return column.in_([value for value in values if value])
        case Wildcard(pattern=pattern):
            return (column != "") & dialect.wildcard(connection, column, pattern)
        case Range(low=low, high=high):
            return _within(column, low, high)
        case _:
            assert_never(predicate)


def _further(terms: _Terms, predicate: Equal | Wildcard | Range) -> ColumnElement[bool]:
    """A second or later value satisfies it; only steps of the days that are asked for are looked through."""
    held = _holds(terms.connection, FURTHER_VALUE.c.value, predicate)
    named = and_(FURTHER_VALUE.c.column == predicate.column, held)
    if _is_known(terms.days):
        named &= _within(FURTHER_VALUE.c.start, terms.days.low, terms.days.high)
    return dialect.among(terms.connection, STEP.c.id, select(FURTHER_VALUE.c.step).where(named))


def _days(predicates: Iterable[Predicate]) -> Range:
    """Between which moments a step has to start to satisfy `predicates`; open ends when they do not say."""
    for predicate in predicates:
        match predicate:
            case DateTimeRange(low=low, high=high):
                return Range("start", low, high)
            case Range(column="start_date", low=low, high=high):
                return Range("start", low, high and _end_of(high))
            case Equal(column="start_date", values=values):
                return Range("start", min(values), _end_of(max(values)))
    return Range("start", "", "")


def _is_known(days: Range) -> bool:
    return bool(days.low or days.high)


def _on_days(terms: _Terms, first: str, last: str) -> ColumnElement[bool]:
    """The days, said of the moment as well, which is what the indexes are sorted by."""
    within = _within(terms.column("start"), first, last and _end_of(last))
    return _within(STEP.c.start_date, first, last) & within


def _end_of(day: str) -> str:
    return f"{day}999999"


def _within(column: ColumnElement[str], low: str, high: str) -> ColumnElement[bool]:
    condition = column != ""
    if low:
        condition &= column >= low
    if high:
        condition &= column <= high
    return condition

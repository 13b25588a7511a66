"""The worklist query: predicates in, stored items out, matched by index (RAD-5, PS3.4 K.6)."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, assert_never

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    text,
)

from swf.dicom.matching import Predicate
from swf.model.order import FURTHER_VALUE, ORDER, STEP, WORKLIST_ANSWER
from swf.store import dialect, worklist_plan
from swf.store.database import Record, Transaction
from swf.store.prepared import Prepared
from swf.store.worklist_plan import Fits, Further, Leaf, Node, OneOf, Plan, Within

ROWS_AT_A_TIME = 100
_PLANS_REMEMBERED = 512
FLAWED = text("scheduled_procedure_step.flaws <> 0")
"""The very words of the index: a value that is put in would not find it."""
_WITH_NUMBERS = select(
    STEP, ORDER.c.accession_number.label("order_accession"), ORDER.c.placer_order_number.label("placer")
).join(ORDER, ORDER.c.id == STEP.c.order)


def query(
    connection: Connection,
    predicates: Iterable[Predicate],
    statuses: Sequence[str],
    order: Sequence[str] = (),
    *,
    held_for: int = 0,
    limit: int = 0,
) -> Iterator[Record]:
    """The steps that satisfy every predicate: row number and dataset, read as they are asked for.

    `statuses` are the ones served; none means every status. `order` are columns, `-` before one turns it round; without
    it, or where it leaves steps equal, the earliest come first. Steps with a flaw among `held_for` are kept back.
    With a `limit` only the first are looked for, which is quicker than to leave the others unread.
    """
    plan, values = worklist_plan.planned(list(predicates), statuses, order, held_for)
    sql, parameters = _prepared(connection.dialect, plan, values, limit=limit)
    # Who stops asking half way (C-CANCEL) must not leave a cursor open in the server.
    with connection.exec_driver_sql(sql, parameters, {"yield_per": ROWS_AT_A_TIME}) as answers:
        yield from answers


def count(
    connection: Connection, predicates: Iterable[Predicate], statuses: Sequence[str] = (), *, held_for: int = 0
) -> int:
    """How many steps `query` would give."""
    plan, values = worklist_plan.planned(list(predicates), statuses, (), held_for)
    return int(connection.exec_driver_sql(*_prepared(connection.dialect, plan, values, counting=True)).scalar_one())


def values_of(
    connection: Connection, predicates: Iterable[Predicate], statuses: Sequence[str], column: str, *, limit: int
) -> Sequence[Record]:
    """What the steps that satisfy every predicate have in a column, the most frequent first, as `value` and `steps`."""
    plan, values = worklist_plan.planned(list(predicates), statuses, (), 0)
    sql, parameters = _prepared(connection.dialect, plan, values, limit=limit, counted=column)
    return connection.exec_driver_sql(sql, parameters).all()


def _prepared(
    kind: Dialect,
    plan: Plan,
    values: Sequence[str | int],
    *,
    counting: bool = False,
    limit: int = 0,
    counted: str = "",
) -> tuple[str, Any]:
    """The SQL of a plan, and its values as the driver takes them."""
    written = _written(plan, kind, counting, limit, counted)
    given = {**written.fixed, **{f"v{place}": value for place, value in enumerate(values)}}
    for name in written.patterns:
        given[name] = dialect.pattern(kind.name, given[name])
    return written.sql, given if written.places is None else tuple(given[name] for name in written.places)


class _Written(NamedTuple):
    """The SQL of a plan: parameters by place or by name, those that never change, and those that are patterns."""

    sql: str
    places: Sequence[str] | None
    fixed: Mapping[str, Any]
    patterns: tuple[str, ...]


@lru_cache(maxsize=_PLANS_REMEMBERED)
def _written(plan: Plan, kind: Dialect, counting: bool, limit: int, counted: str) -> _Written:
    writing = _Writing(kind.name)
    where = [writing.condition(plan.where)]
    if plan.held:
        where.append(STEP.c.flaws.bitwise_and(writing.value()) == 0)
    listing = select(STEP.c.id, STEP.c.dataset).where(*where).order_by(*_sorted_by(plan.order)).limit(limit or None)
    statement: Select[Any] = select(func.count()).select_from(STEP).where(*where) if counting else listing
    if counted:
        columns = (STEP.c[counted].label("value"), func.count().label("steps"))
        statement = select(*columns).where(*where).group_by(STEP.c[counted]).order_by(func.count().desc()).limit(limit)
    compiled: Any = statement.compile(dialect=kind)
    fixed = {name: value for name, value in compiled.params.items() if name not in writing.names}
    return _Written(str(compiled), compiled.positiontup, fixed, tuple(writing.patterns))


def _sorted_by(order: Sequence[str]) -> Iterator[ColumnElement[Any]]:
    for key in order:
        column = STEP.c[key.removeprefix("-")]
        yield column.desc() if key.startswith("-") else column
    yield from (STEP.c.start, STEP.c.id)


class _Writing:
    """A plan being written as conditions of one database; its values become v0, v1 … in the order of the plan."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._numbers = itertools.count()
        self.names: list[str] = []
        self.patterns: list[str] = []

    def value(self) -> BindParameter[Any]:
        """The next value."""
        self.names.append(f"v{next(self._numbers)}")
        return bindparam(self.names[-1])

    def condition(self, node: Node) -> ColumnElement[bool]:
        """Any node of the plan."""
        match node:
            case worklist_plan.All(parts=parts):
                return and_(True, *map(self.condition, parts))
            case worklist_plan.Any(parts=parts):
                return or_(*map(self.condition, parts))
            case Further():
                return self._further(node)
            case OneOf() | Fits() | Within():
                column = STEP.c[node.column]
                return self._leaf(node, column if node.by_index else dialect.not_by_index(self._kind, column))
            case _:
                assert_never(node)

    def _leaf(self, leaf: Leaf, column: ColumnElement[str]) -> ColumnElement[bool]:
        match leaf:
            case OneOf(count=size):
                return column.in_([self.value() for _ in range(size)])
            case Fits(bounds=bounds):
                fits = dialect.fits(self._kind, column, self.value())
                self.patterns.append(self.names[-1])
                found = (column != "") & fits
                return found & (column >= self.value()) & (column < self.value()) if bounds else found
            case Within(low=low, high=high):
                ends = [column >= self.value()] if low else []
                ends += [column <= self.value()] if high else []
                return and_(column != "", *ends)
            case _:
                assert_never(leaf)

    def _further(self, node: Further) -> ColumnElement[bool]:
        """A second or later value satisfies it; only steps of the days that are asked for are looked through."""
        named = [FURTHER_VALUE.c.column == node.column, self._leaf(node.of, FURTHER_VALUE.c.value)]
        if node.within:
            named.append(self._leaf(node.within, FURTHER_VALUE.c.start))
        return dialect.among(self._kind, STEP.c.id, select(FURTHER_VALUE.c.step).where(*named))


def flawed(connection: Connection, statuses: Sequence[str], *, among: int, limit: int) -> Sequence[Record]:
    """The steps of these statuses with a flaw `among` these, or with any for 0, and their orders' numbers; earliest first."""
    status = dialect.not_by_index(connection.dialect.name, STEP.c.status)
    statement = _WITH_NUMBERS.where(FLAWED, status.in_(statuses))
    if among:
        statement = statement.where(STEP.c.flaws.bitwise_and(among) != 0)
    return connection.execute(statement.order_by(STEP.c.start, STEP.c.id).limit(limit)).all()


def with_numbers(connection: Connection, rows: Collection[int]) -> Sequence[Record]:
    """The steps of these rows and their orders' numbers; earliest first."""
    return connection.execute(_WITH_NUMBERS.where(STEP.c.id.in_(rows)).order_by(STEP.c.start, STEP.c.id)).all()


def record_answers(transaction: Transaction, ae_title: str, steps: Sequence[int], at: datetime) -> None:
    """Note that `ae_title` was given these step rows."""
    if not steps:
        return
    rows = [{"step": step, "ae_title": ae_title, "first_at": at, "last_at": at, "times": 1} for step in sorted(steps)]
    _record(transaction.dialect.name).run_many(transaction, rows)


@cache
def _record(kind: str) -> Prepared:
    new = dialect.new_row(kind, WORKLIST_ANSWER)
    changes = {"last_at": new.excluded.last_at, "times": WORKLIST_ANSWER.c.times + 1}
    return Prepared(new.on_conflict_do_update(index_elements=["step", "ae_title"], set_=changes))

"""A worklist query apart from its values: what is compared with what, and by which index the rows are found (RAD-5).

Scanners ask the same few questions again and again, of other days and patients. The plan of a question holds no value,
so the SQL made of it (`swf.store.worklist`) is made once; the values stand beside it in the order the plan meets them.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from swf.dicom.matching import AnyOf, DateTimeRange, Equal, Predicate, Range, Wildcard
from swf.model.order import SEVERAL

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
_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000


@dataclass(frozen=True, slots=True)
class OneOf:
    """`column` is one of `count` values."""

    column: str
    by_index: bool
    count: int


@dataclass(frozen=True, slots=True)
class Fits:
    """`column` fits a pattern, one value; with `bounds` it also lies between two: not before the first, before the second."""

    column: str
    by_index: bool
    bounds: bool


@dataclass(frozen=True, slots=True)
class Within:
    """`column` is known and not less than a value (`low`), not more than another (`high`)."""

    column: str
    by_index: bool
    low: bool
    high: bool


@dataclass(frozen=True, slots=True)
class Further:
    """A further value of `column` holds `of`, in a step that starts `within`."""

    column: str
    of: "OneOf | Fits | Within"
    within: Within | None


@dataclass(frozen=True, slots=True)
class All:
    """All of these hold."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of these holds."""

    parts: "tuple[Node, ...]"


Leaf: TypeAlias = OneOf | Fits | Within
Node: TypeAlias = Leaf | Further | All | Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to hold, in which order the rows come, and whether flawed ones are kept back (the mask is the last value)."""

    where: All
    order: tuple[str, ...]
    held: bool


def planned(
    predicates: Sequence[Predicate], statuses: Sequence[str], order: Sequence[str], held_for: int
) -> tuple[Plan, list[str | int]]:
    """The plan of a query and its values. Without `statuses` those count that the query names itself."""
    if not statuses:
        statuses = next((each.values for each in predicates if isinstance(each, Equal) and each.column == "status"), ())
    leads = [predicate for predicate in predicates if _rank(predicate) < len(_LEADS)]
    lead = min(leads, key=_rank, default=None)
    reading = _Reading(_days(predicates), tuple(statuses), by_index=lead is None)
    parts = [reading.node(predicate) for predicate in predicates if predicate is not lead]
    if statuses:
        parts.append(reading.one_of("status", statuses))
    if lead is not None:
        reading.by_index = True
        parts.append(reading.lead(lead))
    held = [held_for] if held_for else []
    return Plan(All(tuple(parts)), tuple(order), bool(held)), [*reading.values, *held]


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


def _end_of(day: str) -> str:
    return f"{day}999999"


class _Reading:
    """Predicates being read: the values so far, and whether an index may serve what is read now.

    SQLite knows nothing of how often a value occurs, so only the key that narrows most is left to be found by index.
    """

    def __init__(self, days: Range, statuses: tuple[str, ...], *, by_index: bool) -> None:
        self.values: list[str | int] = []
        self.by_index = by_index
        self._days = days
        self._statuses = statuses

    def lead(self, predicate: Predicate) -> Node:
        """The predicate whose index is looked into, with what else that index holds."""
        if isinstance(predicate, AnyOf):
            return Any(tuple(self.lead(choice) for choice in predicate.choices))
        if isinstance(predicate, DateTimeRange):
            return self.node(predicate)
        parts: list[Node] = [self.leaf(predicate.column, predicate)]
        if predicate.column in _WITH_STATE_AND_START:
            parts += [self.one_of("status", self._statuses)] if self._statuses else []
            parts += [self.within("start", self._days)] if self._days_are_known() else []
        return self._or_further(predicate, All(tuple(parts)))

    def node(self, predicate: Predicate) -> Node:
        """Any predicate."""
        match predicate:
            case AnyOf(choices=choices):
                return Any(tuple(self.node(choice) for choice in choices))
            case DateTimeRange():
                return All((*map(self._known, ("start_date", "start_time")), self.within("start", self._days)))
            case Equal(column="start_date", values=values):
                return Any(tuple(self._on_days(Range("start_date", day, day)) for day in values))
            case Range(column="start_date"):
                return self._on_days(predicate)
            case Equal() | Wildcard() | Range():
                return self._or_further(predicate, self.leaf(predicate.column, predicate))
            case _:
                assert_never(predicate)

    def leaf(self, column: str, predicate: Equal | Wildcard | Range) -> Leaf:
        """A comparison; an unknown value satisfies none (PS3.4 K.4.1.3), not even `*A*`."""
        match predicate:
            case Equal(values=values):
                return self.one_of(column, [value for value in values if value])
            case Wildcard(pattern=pattern):
                return self._fits(column, pattern)
            case Range():
                return self.within(column, predicate)
            case _:
                assert_never(predicate)

    def one_of(self, column: str, values: Sequence[str]) -> OneOf:
        """The column is one of the values."""
        self.values += values
        return OneOf(column, self.by_index, len(values))

    def within(self, column: str, ends: Range) -> Within:
        """The column is known and between the ends that are given."""
        self.values += [end for end in (ends.low, ends.high) if end]
        return Within(column, self.by_index, bool(ends.low), bool(ends.high))

    def _fits(self, column: str, pattern: str) -> Fits:
        """The pattern, and what stands before its first sign as a range too, so that an index of the column serves it."""
        beginning = re.split(r"[*?]", pattern, maxsplit=1)[0]
        bounds = [beginning, _behind(beginning)] if beginning and ord(beginning[-1]) < sys.maxunicode else []
        self.values += [pattern, *bounds]
        return Fits(column, self.by_index, bool(bounds))

    def _or_further(self, predicate: Equal | Wildcard | Range, found: Node) -> Node:
        if predicate.column not in SEVERAL:
            return found
        by_index, self.by_index = self.by_index, True
        of = self.leaf("value", predicate)
        within = self.within("start", self._days) if self._days_are_known() else None
        self.by_index = by_index
        return Any((found, Further(predicate.column, of, within)))

    def _on_days(self, days: Range) -> Node:
        """The days, said of the moment as well, which is what the indexes are sorted by."""
        moments = Range("start", days.low, days.high and _end_of(days.high))
        return All((self.within("start_date", days), self.within("start", moments)))

    def _known(self, column: str) -> Node:
        return self.within(column, Range(column, "", ""))

    def _days_are_known(self) -> bool:
        return bool(self._days.low or self._days.high)


def _behind(beginning: str) -> str:
    """The least text greater than all that begin so, by code point, as both databases compare."""
    following = ord(beginning[-1]) + 1
    return beginning[:-1] + chr(_AFTER_SURROGATES if following == _FIRST_SURROGATE else following)

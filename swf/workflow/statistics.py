"""How many and how long: the journal counted by hour, day, modality and destination (RAD-2 to RAD-7).

Spans are kept in buckets a fifth wider than the one before, so that a median is told to within a tenth, whatever the
number of exams. Nothing here is about one patient or one order.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from swf import clock
from swf.model.journal import Event
from swf.store import tallies
from swf.store.database import Record, Transaction
from swf.store.tallies import Key

AT_ONCE = 500
_SETTLED = timedelta(seconds=5)  # no transaction that has its journal numbers stays open for longer
_WIDER, _SHORTEST_S = 1.2, 0.001
ORDERS, MESSAGES, EXAMS = "orders", "messages", "exams"
ORDER_TO_START, START_TO_END, STATUS_TO_DELIVERED, DELIVERIES = "wait", "exam", "told", "delivery"
WAYS = (ORDER_TO_START, START_TO_END, STATUS_TO_DELIVERED)
RANGES = (1, 7, 30)
"""Over how many days there are statistics."""
_MESSAGES = {Event.MESSAGE_APPLIED, Event.MESSAGE_REFUSED, Event.MESSAGE_REPEATED}
_ENDS = {Event.MPPS_COMPLETED, Event.MPPS_DISCONTINUED}
_COUNTED = frozenset({Event.ORDER_CREATED, *_MESSAGES, Event.MPPS_IN_PROGRESS, *_ENDS, Event.DELIVERY_ACKNOWLEDGED})


class Span(NamedTuple):
    """How long something took: in half of the cases at most, in nine of ten at most, in seconds; of how many cases."""

    median: float
    p90: float
    cases: int


def count(transaction: Transaction, at: datetime) -> int:
    """Count the next entries of the journal; how many were looked at, 0 when it is counted up to now."""
    found = tallies.entries(transaction, tallies.reached(transaction), at - _SETTLED, AT_ONCE)
    if found:
        tallies.add(transaction, _counted(transaction, [row for row in found if row.event in _COUNTED]))
        tallies.reach(transaction, found[-1].id)
    return len(found)


def _counted(transaction: Transaction, rows: Sequence[Record]) -> Counter[Key]:
    known = tallies.orders(transaction, {row.order for row in rows if row.order})
    begun = tallies.begun(transaction, {uid for row in rows if row.event in _ENDS and (uid := row.detail.get("mpps"))})
    acknowledged = [row for row in rows if row.event == Event.DELIVERY_ACKNOWLEDGED]
    queued = tallies.queued(transaction, {row.detail.get("control_id", "") for row in acknowledged})
    counts: Counter[Key] = Counter()
    seen: set[tuple[str, str]] = set()  # an exam for several orders is one exam
    for row in rows:
        came, modality = known.get(row.order, (None, ""))
        day, exam = _day(row.at), (row.event, str(row.detail.get("mpps", "")))
        if row.event == Event.ORDER_CREATED:
            counts[ORDERS, _hour(row.at), "", 0] += 1
        elif row.event in _MESSAGES:
            counts[MESSAGES, day, row.event, 0] += 1
        elif row.event == Event.MPPS_IN_PROGRESS and came:
            counts[ORDER_TO_START, day, modality, _bucket(row.at - came)] += 1
        elif row.event in _ENDS and exam not in seen:
            seen.add(exam)
            counts[EXAMS, day, modality, 0] += 1
            if exam[1] in begun:
                counts[START_TO_END, day, modality, _bucket(row.at - begun[exam[1]])] += 1
        elif row.event == Event.DELIVERY_ACKNOWLEDGED and row.detail.get("control_id") in queued:
            took = _bucket(row.at - queued[row.detail["control_id"]])
            counts[DELIVERIES, day, str(row.detail.get("destination", "")), took] += 1
            if row.order:
                counts[STATUS_TO_DELIVERED, day, modality, took] += 1
    return counts


def _hour(at: datetime) -> str:
    return f"{clock.local(at):%Y-%m-%dT%H}"


def _day(at: datetime) -> str:
    return f"{clock.local(at):%Y-%m-%d}"


def _bucket(took: timedelta) -> int:
    return round(math.log(max(took.total_seconds(), _SHORTEST_S) / _SHORTEST_S, _WIDER))


def figures(connection: Connection, at: datetime, days: int) -> dict[str, Any]:
    """What was counted in the last `days` days by the site's clock, today among them."""
    days = min(RANGES, key=lambda each: abs(each - days))
    now = clock.local(at)
    dates = [f"{now - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(days))]
    first = dates[0]
    orders = {row.period: int(row.many) for row in tallies.counts(connection, ORDERS, first)}
    exams = tallies.counts(connection, EXAMS, first)
    messages = tallies.counts(connection, MESSAGES, first)
    times = {way: _told(tallies.spans(connection, way, first)) for way in WAYS}
    deliveries = _told(tallies.spans(connection, DELIVERIES, first))
    by_modality: dict[str, dict[str, int]] = {}
    for row in exams:
        by_modality.setdefault(row.name, dict.fromkeys(dates, 0))[row.period] = int(row.many)
    totals: dict[str, int] = {}
    for row in messages:
        totals[row.name] = totals.get(row.name, 0) + int(row.many)
    return {
        "days": days,
        "orders_per_hour": {hour: orders.get(hour, 0) for hour in _hours(dates, now)},
        "times": times,
        "exams": by_modality,
        "messages": totals,
        "deliveries": deliveries,
    }


def _hours(dates: Sequence[str], now: datetime) -> list[str]:
    """Every hour of these days up to now."""
    every = [f"{date}T{hour:02}" for date in dates for hour in range(24)]
    return [hour for hour in every if hour <= f"{now:%Y-%m-%dT%H}"]


def _told(found: Mapping[str, Mapping[int, int]]) -> dict[str, dict[str, float]]:
    return {name: span(buckets)._asdict() for name, buckets in sorted(found.items())}


def span(buckets: Mapping[int, int]) -> Span:
    """What spans in these buckets amount to."""
    total = sum(buckets.values())
    return Span(_at(buckets, total * 0.5), _at(buckets, total * 0.9), total)


def _at(buckets: Mapping[int, int], wanted: float) -> float:
    passed = 0
    for bucket in sorted(buckets):
        passed += buckets[bucket]
        if passed >= wanted:
            return float(_SHORTEST_S * _WIDER**bucket)
    return 0.0

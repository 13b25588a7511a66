"""How many and how long, counted from the journal once and for all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from swf.dicom.terms import StepStatus
from swf.model.journal import Event
from swf.model.tally import TALLY
from swf.store import deliveries, journal, tallies
from swf.store.database import Database, Transaction
from swf.store.journal import Entry
from swf.workflow import statistics
from tests import rows

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def day(
    transaction: Transaction, came: datetime, *, wait: float, exam: float, told: float, modality: str = "CT"
) -> None:
    """One order's day: it comes, is performed after `wait` minutes for `exam` minutes, and told within `told` seconds."""
    began = came + timedelta(minutes=wait)
    ended = began + timedelta(minutes=exam)
    order = rows.order(transaction, created_at=came)
    rows.step(transaction, order, modality=modality, status=StepStatus.COMPLETED)
    number = f"D{order}"
    rows.performed(transaction, sop_instance_uid=f"1.2.{order}", created_at=began)
    queued = {"destination": "mis", "order": order, "type": "ORM^O01", "control_id": number, "payload": b""}
    deliveries.add(transaction, created_at=ended, **queued)
    uid = {"mpps": f"1.2.{order}"}
    for at, event, detail in (
        (came, Event.MESSAGE_APPLIED, {}),
        (came, Event.ORDER_CREATED, {}),
        (began, Event.MPPS_IN_PROGRESS, uid),
        (ended, Event.MPPS_COMPLETED, uid),
        (ended + timedelta(seconds=told), Event.DELIVERY_ACKNOWLEDGED, {"destination": "mis", "control_id": number}),
    ):
        journal.add(transaction, at, [Entry(event, order, detail=detail)])


def counted(database: Database, at: datetime) -> int:
    """Count until nothing is left; in how many turns."""
    turns = 0
    while database.run(lambda transaction: statistics.count(transaction, at)):
        turns += 1
    return turns


def figures(database: Database, at: datetime, days: int = 1) -> dict[str, Any]:
    """What was counted."""
    with database.reading() as connection:
        return statistics.figures(connection, at, days)


def test_a_day_in_figures(database: Database) -> None:
    """Three orders of two modalities: how many by the hour, how long each way took, what came and was told."""
    with database.transaction() as transaction:
        day(transaction, AT, wait=30, exam=10, told=2)
        day(transaction, AT, wait=60, exam=20, told=2)
        day(transaction, AT + timedelta(hours=1), wait=15, exam=5, told=2, modality="MR")
        journal.add(transaction, AT, [Entry(Event.MESSAGE_REFUSED)])
    evening = AT + timedelta(hours=10)
    assert counted(database, evening) == 1
    found = figures(database, evening)
    hours = {hour: count for hour, count in found["orders_per_hour"].items() if count}
    assert hours == {"2026-11-22T09": 2, "2026-11-22T10": 1}
    assert len(found["orders_per_hour"]) == 20
    assert found["exams"] == {"CT": {"2026-11-22": 2}, "MR": {"2026-11-22": 1}}
    assert found["messages"] == {"message applied": 3, "message refused": 1}
    wait = found["times"][statistics.ORDER_TO_START]
    assert wait["CT"] == {"median": pytest.approx(1800, rel=0.1), "p90": pytest.approx(3600, rel=0.1), "cases": 2}
    assert found["times"][statistics.START_TO_END]["MR"]["median"] == pytest.approx(300, rel=0.1)
    assert found["times"][statistics.STATUS_TO_DELIVERED]["MR"]["cases"] == 1
    assert found["deliveries"]["mis"] == {
        "median": pytest.approx(2, rel=0.1),
        "p90": pytest.approx(2, rel=0.1),
        "cases": 3,
    }
    assert figures(database, evening + timedelta(days=1))["exams"] == {}
    assert sum(figures(database, evening + timedelta(days=6), 7)["orders_per_hour"].values()) == 3


def test_nothing_is_counted_twice_and_nothing_left_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in small parts, again and again, it is the same as counted at once; an exam of two orders is one exam."""
    monkeypatch.setattr(statistics, "AT_ONCE", 4)
    with database.transaction() as transaction:
        for minute in range(9):
            day(transaction, AT + timedelta(minutes=minute), wait=30, exam=10, told=2)
        both = [Entry(Event.MPPS_DISCONTINUED, rows.order(transaction), detail={"mpps": "1.9"}) for _ in range(2)]
        journal.add(transaction, AT + timedelta(hours=3), both)
    evening = AT + timedelta(hours=10)
    assert counted(database, evening) > 9
    assert counted(database, evening) == 0
    found = figures(database, evening)
    assert sum(found["orders_per_hour"].values()) == found["messages"]["message applied"] == 9
    assert found["exams"] == {"": {"2026-11-22": 1}, "CT": {"2026-11-22": 9}}


def test_what_is_young_waits(database: Database) -> None:
    """An entry of this moment is left for later: one before it may not be committed yet."""
    with database.transaction() as transaction:
        day(transaction, AT, wait=30, exam=10, told=2)
    assert counted(database, AT + timedelta(minutes=10)) == 1
    assert sum(figures(database, AT + timedelta(minutes=10))["orders_per_hour"].values()) == 1
    assert figures(database, AT + timedelta(minutes=10))["exams"] == {}
    assert counted(database, AT + timedelta(hours=2)) == 1
    assert figures(database, AT + timedelta(hours=2))["exams"] == {"CT": {"2026-11-22": 1}}
    with database.reading() as connection:
        assert tallies.reached(connection) == 5
        assert len(connection.execute(select(TALLY).where(TALLY.c.kind == tallies.REACHED)).all()) == 1


@given(st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=200))
def test_a_median_is_told_to_within_a_tenth(seconds: list[float]) -> None:
    """Whatever the spans, half of them are no longer than what is told, give or take a tenth."""
    buckets: dict[int, int] = {}
    for each in seconds:
        bucket = statistics._bucket(timedelta(seconds=each))
        buckets[bucket] = buckets.get(bucket, 0) + 1
    told, ordered = statistics.span(buckets), sorted(seconds)
    assert told.cases == len(seconds)
    assert told.median == pytest.approx(ordered[(len(ordered) - 1) // 2], rel=0.1, abs=0.0002)

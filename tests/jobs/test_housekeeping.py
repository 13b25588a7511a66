"""The clock of the house: it starts, it stops, it says once what an operator should know."""

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from swf.broker import Broker
from swf.config import Destination
from swf.jobs.housekeeping import QUERIES_KEPT, Housekeeping
from swf.net.mllp_listener import Crowding
from swf.store import deliveries, journal, queries
from swf.store.database import Database
from swf.store.queries import Asked
from tests import rows

MIS = Destination(name="mis", host="127.0.0.1", port=2576)
PACS = Destination(name="pacs", host="127.0.0.1", port=2577)
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def housekeeping(archive: Database, hand_clock: Any) -> Housekeeping:
    """The house's clock for two destinations."""
    return Housekeeping(archive, (MIS, PACS), list, list)


def test_it_starts_and_stops_in_any_order(housekeeping: Housekeeping) -> None:
    """The timed work can be started and stopped like every other part and leaves nothing running."""
    housekeeping.stop()
    assert not housekeeping.healthy()
    for _ in range(2):
        housekeeping.start()
        assert housekeeping.healthy()
        housekeeping.stop()
        housekeeping.stop()
        assert not housekeeping.healthy()


def test_a_late_line_is_told_once_and_its_recovery_once(
    archive: Database, housekeeping: Housekeeping, hand_clock: Any, log_lines: Lines
) -> None:
    """A destination that takes nothing for minutes is in the log once, not every minute, and so is its recovery."""
    with archive.transaction() as transaction:
        number = rows.delivery(transaction)
        rows.delivery(transaction, destination="elsewhere")
    hand_clock.move(timedelta(minutes=5).total_seconds())
    housekeeping.watch_deliveries()
    assert log_lines() == []
    hand_clock.move(1)
    for _ in range(3):
        housekeeping.watch_deliveries()
    (late,) = log_lines()
    assert (late["level"], late["destination"]) == ("WARNING", "mis")
    with archive.transaction() as transaction:
        deliveries.delivered(transaction, number, "AA", hand_clock.now())
    for _ in range(3):
        housekeeping.watch_deliveries()
    recovered = log_lines()[1:]
    assert [(line["level"], line["destination"]) for line in recovered] == [("INFO", "mis")]


def test_work_that_fails_is_reported_and_not_raised(tmp_path: Path, log_lines: Lines) -> None:
    """A store that does not answer at night is in the log, and the house goes on."""
    opened = Database(f"sqlite:///{tmp_path}/broken.db")
    (tmp_path / "broken.db").write_bytes(b"no database" * 1000)
    house = Housekeeping(opened, (MIS,), list, lambda: [Crowding("full", "192.0.2.1")])
    house.tidy()
    house.watch_deliveries()
    house.watch_doors()
    opened.close()
    assert [line["level"] for line in log_lines()] == ["ERROR", "ERROR", "ERROR"]


def test_tidying_does_not_disturb_a_busy_store(archive: Database, housekeeping: Housekeeping, log_lines: Lines) -> None:
    """The nightly work leaves every order as it was."""
    with archive.transaction() as transaction:
        rows.delivery(transaction)
    housekeeping.tidy()
    assert log_lines() == []
    with archive.reading() as connection:
        assert deliveries.waiting(connection) == {"mis": 1}
    with contextlib.closing(sqlite3.connect(archive.url.removeprefix("sqlite:///"))) as somebody:
        assert somebody.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_old_queries_are_forgotten_at_night(archive: Database, housekeeping: Housekeeping, hand_clock: Any) -> None:
    """What scanners asked stays for a month, and the store does not grow by it for ever."""
    asked = Asked("CT1", "SWF", "192.0.2.7", "1.2.840.10008.1.2", b"", "0000", 0)
    with archive.transaction() as transaction:
        queries.add(transaction, asked, rows.AT, 1)
        queries.add(transaction, asked, rows.AT + timedelta(days=1), 1)
    hand_clock.move((QUERIES_KEPT + timedelta(hours=1)).total_seconds())
    housekeeping.tidy()
    with archive.reading() as connection:
        assert [row.first_at for row in queries.recent(connection, limit=9)] == [rows.AT + timedelta(days=1)]


def test_a_service_that_fails_is_told_once_and_its_recovery_once(archive: Database, log_lines: Lines) -> None:
    """A door that no longer opens is in the log once, with its name, and once more when it opens again."""
    ill: list[str] = []
    house = Housekeeping(archive, (), lambda: ill, list)
    house.watch_services()
    ill.append("hl7 listener")
    for _ in range(2):
        house.watch_services()
    ill.clear()
    house.watch_services()
    told = [(line["level"], line["service"]) for line in log_lines()]
    assert told == [("ERROR", "hl7 listener"), ("INFO", "hl7 listener")]


def test_a_limit_that_was_met_is_in_the_journal(archive: Database) -> None:
    """Which address met a limit of connections can be found days later, and quiet minutes leave no entry."""
    met = [[Crowding("too many connections", "192.0.2.1", made_room=3, turned_away=1)], []]
    house = Housekeeping(archive, (), list, lambda: met.pop(0))
    house.watch_doors()
    house.watch_doors()
    with archive.reading() as connection:
        (entry,) = journal.recent(connection, limit=9, event="connections limited")
    assert entry.detail == {
        "reason": "too many connections",
        "address": "192.0.2.1",
        "made_room": 3,
        "turned_away": 1,
    }


def test_a_running_broker_is_well_and_a_stopped_one_is_not(broker: Broker) -> None:
    """What every part says of itself is true: all is well while it runs, nothing is once it was stopped."""
    assert broker.ailing() == []
    broker.stop()
    assert {"hl7 listener", "dicom server", "housekeeping", "answer recorder"} <= set(broker.ailing())

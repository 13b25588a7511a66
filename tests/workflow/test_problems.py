"""What is not as it should be: each kind is found with its cause and remedy, and is gone once it is mended."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf import clock
from swf.config import Settings
from swf.mapping.rules import SiteMapping
from swf.model.journal import Event
from swf.store import condition, deliveries, journal, queries
from swf.store.condition import Condition
from swf.store.database import Database
from swf.store.journal import Entry
from swf.store.queries import Asked
from swf.workflow import failures, problems
from swf.workflow.problems import Kind, Problem, Severity
from swf.workflow.site import Site
from tests import rows
from tests.workflow.conftest import Department, Found, order_message, request

CT1 = {"ae_title": "CT1"}
ROOM = Condition("0001", "0001", 1, 1, 2**40, 2**41, 0.0, 0.0)


def _found(department: Department, kind: str = "", now: datetime | None = None) -> list[Problem]:
    settings = department.site.settings.model_copy(
        update={"store": Settings(store={"url": department.database.url}).store}
    )
    site = Site(settings, department.site.mapping)
    with department.database.reading() as connection:
        every = problems.found(connection, site, now or clock.now())
    return [each for each in every if not kind or each.kind == kind]


def _ask(department: Department, title: str, status: str, answers: int, times: int = 1) -> None:
    asked = Asked(title, "SWF", "192.0.2.9", "1.2.840.10008.1.2", b"", status, answers)
    for _ in range(times):
        department.database.run(lambda transaction: queries.add(transaction, asked, clock.now(), 5))


def _reject(department: Department, title: str, times: int = 1) -> None:
    detail = {"ae_title": title, "called": "SWF", "address": "192.0.2.9", "times": times}
    entry = Entry(Event.ASSOCIATION_REJECTED, detail={**detail, "reason": "calling AE title is not configured"})
    department.database.run(lambda transaction: journal.add(transaction, clock.now(), [entry]))


def test_a_good_day_has_no_problem(department: Department) -> None:
    """Orders that came, were seen and done leave nothing to be looked after but what the mapping leaves open."""
    department.order(*request())
    _ask(department, "CT1", "0000", 1)
    department.end(department.begin(*department.worklist()))
    assert _found(department) == []


def test_refused_messages_are_one_problem_for_each_cause(department: Department) -> None:
    """Messages of one sender that fail for the same reason are one line, whatever number is in it, until they are dealt with."""
    for number in range(3):
        department.receive(order_message(f"C{number}", *request(f"81{number}^HIS", orc_1="CA", orc_7="")))
    department.receive(order_message("C9", *request("8200^HIS", orc_1="ZZ", orc_7="")))
    found = _found(department, "messages refused")
    assert sorted(each.times for each in found) == [1, 3]
    worst = next(each for each in found if each.times == 3)
    assert worst.severity is Severity.TROUBLE
    assert "81" not in worst.cause
    assert _found(department, "messages refused", clock.now() + timedelta(days=8)) == []
    key, at = worst.about, clock.now()
    department.database.run(lambda transaction: failures.settle(transaction, key, "HIS is mended", at, "anna"))
    assert [each.times for each in _found(department, "messages refused")] == [1]


def test_held_entries_are_grouped_by_what_is_wrong(department: Department) -> None:
    """Two orders without a description are one problem for each attribute; corrected they are none."""
    for number in (8100, 8101):
        department.order(*request(f"{number}^HIS", obr_4="^^"))
    found = _found(department, "entries held")
    assert {(each.times, each.severity) for each in found} == {(2, Severity.TROUBLE)}
    assert any("RequestedProcedureDescription" in each.cause for each in found)
    for number in (8100, 8101):
        department.order(*request(f"{number}^HIS", orc_1="XO"))
    assert _found(department, "entries held") == []


def test_exams_that_wait_for_somebody(department: Department) -> None:
    """An exam of no order is a problem of the device that reported it; one without an end is another."""
    item = Dataset()
    item.PatientID, item.StudyInstanceUID = "9999", "1.2.3.9"
    item.ScheduledProcedureStepSequence = [Dataset()]
    item.ScheduledProcedureStepSequence[0].Modality = "CT"
    department.begin(item)
    found = _found(department, "exams without order")
    assert [(each.subject, each.times) for each in found] == [("CT1", 1)]
    with department.database.transaction() as transaction:
        rows.performed(transaction, calling_ae_title="MR1", called_ae_title="SWF", matching="named", overdue_at=rows.AT)
    assert [(each.subject, each.since) for each in _found(department, "exams overdue")] == [("MR1", rows.AT)]


def test_a_destination_that_takes_nothing(department: Department) -> None:
    """Deliveries that were refused for good, and a line that has stood for minutes, name the destination and what it said."""
    with department.database.transaction() as transaction:
        first = rows.delivery(transaction)
        rows.delivery(transaction)
        wait = {"refused": True, "next_attempt_at": rows.AT}
        deliveries.failed(transaction, first, error="mis answered AE: patient 4711 unknown", park=True, **wait)
        deliveries.failed(transaction, first + 1, error="no connection", park=False, **wait)
    parked = _found(department, "deliveries parked")
    assert [(each.about, each.cause) for each in parked] == [
        ("mis", "mis refused for good: mis answered AE: patient 4711 unknown")
    ]
    late = _found(department, "destination silent")
    assert [(each.subject, each.since, each.cause) for each in late] == [
        ("mis", rows.AT, "mis does not take what it is told: no connection")
    ]


def test_a_rejected_device_is_a_problem_until_it_is_let_in(found: Found) -> None:
    """Who is turned away stays on the list until it has asked for a worklist."""
    department = found(dicom={"host": "0.0.0.0"}, modality=[CT1])
    _ask(department, "CT1", "0000", 1)
    _reject(department, "CT7", 4)
    (problem,) = _found(department, "device rejected")
    assert (problem.about, problem.times) == ("CT7", 4)
    assert 'add it to the settings and reload: [[modality]] ae_title = "CT7"' in problem.remedy
    _ask(department, "CT7", "0000", 1)
    assert _found(department, "device rejected") == []


def test_a_device_that_never_called_or_whose_queries_fail(found: Found) -> None:
    """A configured device nobody has heard of is noted; one whose query failed is in trouble."""
    department = found(modality=[CT1, {"ae_title": "MR1", "aliases": ["MR1B"]}])
    assert [each.subject for each in _found(department, "device silent")] == ["CT1", "MR1"]
    _ask(department, "MR1B", "C001", 0)
    assert [each.subject for each in _found(department, "device silent")] == ["CT1"]
    (failed,) = _found(department, "queries failed")
    assert (failed.subject, failed.cause) == ("MR1", "the last query of MR1 failed with status C001")


def test_a_list_that_is_always_empty(found: Found) -> None:
    """A device that asks all day and gets nothing while there is work for today is noted; one answer is enough to be well."""
    department = found(modality=[CT1])
    _ask(department, "CT1", "0000", 0, times=12)
    assert _found(department, "list always empty") == []
    department.order(*request(orc_7=f"^^^{clock.local(clock.now()):%Y%m%d}120000"))
    (empty,) = _found(department, "list always empty")
    assert (empty.subject, empty.times, empty.severity) == ("CT1", 12, Severity.NOTE)
    _ask(department, "CT1", "0000", 1)
    assert _found(department, "list always empty") == []


def test_steps_of_earlier_days(department: Department) -> None:
    """What was scheduled long ago and is still on the lists is counted."""
    department.order(*request(orc_7="^^^20200101120000"))
    (left,) = _found(department, "steps left over")
    assert left.cause == "1 step of an earlier day is still on the lists"


def test_limits_somebody_met(department: Department) -> None:
    """Connections beyond a limit are told of for a day."""
    entry = Entry(Event.CONNECTIONS_LIMITED, detail={"peer": "192.0.2.9"})
    department.database.run(lambda transaction: journal.add(transaction, clock.now(), [entry]))
    assert [each.times for each in _found(department, "connections limited")] == [1]
    assert _found(department, "connections limited", clock.now() + timedelta(days=2)) == []


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({}, []),
        ({"free": 900 * 2**20}, [("disk full", Severity.TROUBLE, "the disk of the store has 900 MB left")]),
        ({"free": 2**37}, [("disk full", Severity.NOTE, "the disk of the store is 94 % full")]),
        ({"free": -1, "total": -1}, []),
        ({"log": 2**30}, [("store log long", Severity.NOTE, "the log of the database has grown to 1024 MB")]),
        ({"ahead_s": 90.0}, [("clock", Severity.TROUBLE, "the journal is 90 s ahead of the clock: it was set back")]),
        ({"skew_s": -7.0}, [("clock", Severity.NOTE, "the clock of the database server differs by -7 s")]),
    ],
)
def test_the_store_and_its_clock(
    department: Department, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any], told: list[tuple[str, str, str]]
) -> None:
    """A disk that fills up, a log that grows, a clock that was set back: said before it is too late."""
    monkeypatch.setattr(problems.condition, "of", lambda *_: ROOM._replace(**state))
    assert [(each.kind, each.severity, each.cause) for each in _found(department)] == told


def test_a_mapping_that_looks_wrong(department: Department, mapping: SiteMapping) -> None:
    """What `swf lint` warns of is on the list as well."""
    settings = Settings(destination=[{"name": "mis", "host": "127.0.0.1", "port": 1, "send": ["ORM^O01"]}])
    settings = settings.model_copy(update={"store": Settings(store={"url": department.database.url}).store})
    with department.database.reading() as connection:
        found = problems.found(connection, Site(settings, mapping), clock.now())
    assert [each.kind for each in found] == ["mapping"]
    assert "no destination gets ORU^R01" in found[0].cause


def test_both_databases_find_the_same(database: Database, mapping: SiteMapping) -> None:
    """Every look works on SQLite and PostgreSQL, and the condition of both is told."""
    with database.transaction() as transaction:
        first = rows.delivery(transaction)
        deliveries.failed(transaction, first, error="no", refused=True, next_attempt_at=rows.AT, park=True)
        rows.performed(transaction, called_ae_title="SWF")
    settings = Settings(store={"url": database.url}, destination=[{"name": "mis", "host": "127.0.0.1", "port": 1}])
    with database.reading() as connection:
        found = problems.found(connection, Site(settings, mapping), datetime(2026, 11, 22, 9, 1, tzinfo=UTC))
        state = condition.of(connection, database.url)
    assert [each.kind for each in found] == ["exams without order", "deliveries parked"]
    assert (state.version, state.newest) == ("0001", "0001")
    assert state.size > 0
    assert abs(state.skew_s) < 5


def test_a_problem_is_known_again() -> None:
    """The key of a problem does not change with its numbers, and differs from that of any other."""

    def keys() -> Iterator[str]:
        for kind, subject in ((Kind.CLOCK, "b"), (Kind.CLOCK, "c"), (Kind.MAPPING, "b")):
            for cause, times in (("x", 1), ("y", 2)):
                yield Problem(kind, subject, Severity.NOTE, cause, "", times=times).key

    assert [*map([*keys()].count, dict.fromkeys(keys()))] == [2, 2, 2]

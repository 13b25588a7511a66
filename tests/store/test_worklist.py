"""The worklist query: what SQL answers is what the standard's matching says, in order, and piece by piece (RAD-5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from swf.dicom import attributes, matching, terms
from swf.dicom.matching import AnyOf, DateTimeRange, Equal, Predicate, Range, Wildcard
from swf.errors import StoreError
from swf.model.order import WORKLIST_ANSWER
from swf.store import orders, worklist
from swf.store.database import Database
from tests import rows
from tests.bench import worklists

# Few letters, so that keys often hit; and every sign that GLOB, LIKE or an escape could give a meaning.
_SIGNS = "aB *?[]^-!%_é山"
_TEXT = st.text(_SIGNS, max_size=4)
_DAYS = st.sampled_from(["", "20261121", "20261122", "20261123"])
_TIMES = st.sampled_from(["", "080000", "083000", "235959"])
_NAMES = st.lists(_TEXT, max_size=3).map(lambda groups: matching.fold("=".join(groups)))
_SEVERAL = st.lists(st.text("aB[_%", min_size=1, max_size=3), max_size=3, unique=True)
_PLAIN = ("modality", "accession_number", "patient_id", "requested_procedure_id", "location")
_VR = {"start_date": "DA", "start_time": "TM", "patient_name": "PN", "performing_physician": "PN", "station": "AE"}

Row = dict[str, str]


@st.composite
def stored(draw: st.DrawFn) -> Row:
    """A step's columns as they are stored; several stations are joined as an item holds them."""
    row = {column: matching.normal("SH", draw(_TEXT)) for column in _PLAIN}
    row |= {"patient_name": draw(_NAMES), "performing_physician": draw(_NAMES)}
    row |= {"station": "\\".join(draw(_SEVERAL)), "station_name": "\\".join(draw(_SEVERAL))}
    return row | {"start_date": draw(_DAYS), "start_time": draw(_TIMES)}


_RANGES = {
    "DA": st.tuples(_DAYS, _DAYS).map("-".join),
    "TM": st.tuples(st.sampled_from(["", "08", "0830", "10"]), st.sampled_from(["", "08", "2359"])).map("-".join),
}
_KEYS = {"DA": _DAYS | _RANGES["DA"] | st.just("202611*"), "TM": _TIMES | _RANGES["TM"]}


@st.composite
def asked(draw: st.DrawFn) -> list[Predicate]:
    """The predicates of a query with a few keys, made as the door makes them."""
    columns = draw(st.lists(st.sampled_from([*_PLAIN, *_VR, "station_name"]), max_size=3, unique=True))
    found: list[Predicate] = []
    for column in columns:
        vr = _VR.get(column, "SH")
        values = draw(st.lists(_KEYS.get(vr, _TEXT), min_size=1, max_size=2))
        found += matching.asked(column, vr, values)
    return matching.combine(found)


def answers(connection: Connection, predicates: Sequence[Predicate], statuses: Sequence[str] = ()) -> list[int]:
    """The step rows that the store answers."""
    return [row.id for row in worklist.query(connection, predicates, statuses)]


def schedule(transaction: Connection, row: Mapping[str, str], order: int) -> int:
    """A step with these columns."""
    columns = {column: value for column, value in row.items() if column != "station"}
    start = row.get("start_date", "") + row.get("start_time", "")
    return rows.step(transaction, order, tuple(row.get("station", "").split("\\")), start=start, **columns)


NAME = {"patient_name": "yamada^tarou\\山田^太郎"}
LATE = {"start_date": "20261122", "start_time": ""}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(stored(), min_size=1, max_size=5), st.lists(asked(), min_size=1, max_size=6))
@example([NAME], [[Wildcard("patient_name", "y*太郎")], [Wildcard("patient_name", "*tarou?山*")]])
@example([NAME], [[Wildcard("patient_name", "y*")], [Wildcard("patient_name", "*^太郎")]])
@example([NAME], [[Equal("patient_name", ("山田^太郎",))], [Equal("patient_name", ("yamada^tarou",))]])
@example([LATE], [[DateTimeRange("", "20261123235959")], [DateTimeRange("20261121000000", "")]])
@example([{"start_date": "", "start_time": "080000"}], [[DateTimeRange("", "20261123235959")]])
@example([{"station_name": "ROOM1\\ROOM2"}], [[Equal("station_name", ("ROOM2",))], [Wildcard("station_name", "*2")]])
@example([{"location": "[A]"}, {"location": "A"}], [[Wildcard("location", "[A]*")], [Wildcard("location", "?A]")]])
@example([{"location": "5%"}, {"location": "50"}], [[Wildcard("location", "5%*")], [Wildcard("location", "*_")]])
@example([{"accession_number": "a1"}], [[Wildcard("accession_number", "A*")], [Equal("accession_number", ("A1",))]])
def test_the_database_matches_as_the_standard_does(
    database: Database, present: list[Row], queries: list[list[Predicate]]
) -> None:
    """No scanner is shown a step it did not ask for, and none it asked for is kept from it, on either database."""
    with database.transaction() as transaction:
        savepoint = transaction.begin_nested()
        order = rows.order(transaction)
        steps = {schedule(transaction, row, order): row for row in present}
        for predicates in queries:
            expected = {
                number for number, row in steps.items() if all(matching.matches(asked, row) for asked in predicates)
            }
            assert set(answers(transaction, predicates)) == expected, predicates
        savepoint.rollback()


MATCH_WHATEVER_IS_KNOWN: list[Predicate] = [
    Equal("modality", ("CT",)),
    Wildcard("modality", "*?"),
    Range("start_date", "", "99999999"),
    Range("start_date", "0", ""),
    DateTimeRange("", "99999999999999"),
    Wildcard("station", "*"),
    Wildcard("patient_name", "*"),
]


def test_what_is_not_known_matches_no_key(database: Database) -> None:
    """A step without a modality, a date or a station is only shown to who does not ask for one."""
    with database.transaction() as transaction:
        number = rows.step(transaction)
        for predicate in MATCH_WHATEVER_IS_KNOWN:
            assert answers(transaction, [predicate]) == [], predicate
        assert answers(transaction, []) == [number]


def test_any_of_several_stations_is_shown_the_step(database: Database) -> None:
    """A step that any of three scanners may perform is on the list of each, and of nobody else."""
    with database.transaction() as transaction:
        number = rows.step(transaction, stations=("CT1", "CT2", "CT3"))
        for title in ("CT1", "CT2", "CT3"):
            assert answers(transaction, [Equal("station", (title,))]) == [number]
        assert answers(transaction, [Equal("station", ("CT4",))]) == []
        orders.change_step(transaction, number, ["CT4"], start="")
        assert [answers(transaction, [Equal("station", (title,))]) for title in ("CT1", "CT2", "CT4")] == [
            [],
            [],
            [number],
        ]


def test_only_the_statuses_asked_for_are_listed(database: Database) -> None:
    """What is cancelled or done is off the list, and still found by who asks for everything."""
    with database.transaction() as transaction:
        steps = {status: rows.step(transaction, status=status) for status in ("SCHEDULED", "STARTED", "CANCELLED")}
        assert set(answers(transaction, [], ["SCHEDULED", "STARTED"])) == {steps["SCHEDULED"], steps["STARTED"]}
        assert set(answers(transaction, [])) == set(steps.values())


def test_what_a_scanner_would_choke_on_is_kept_back(database: Database) -> None:
    """An entry with a flaw the site holds entries for is on no list but the operator's, until it is without."""
    with database.transaction() as transaction:
        order = rows.order(transaction, accession_number="A1")
        good, bad, worse = (rows.step(transaction, order, flaws=bits, start=f"2026112{bits}") for bits in (0, 2, 5))
        rows.step(transaction, order, flaws=2, status="COMPLETED")

        def shown(held_for: int) -> list[int]:
            return [row.id for row in worklist.query(transaction, [], ["SCHEDULED"], held_for=held_for)]

        assert [shown(0), shown(2), shown(1 | 4), shown(3)] == [[good, bad, worse], [good, worse], [good, bad], [good]]
        for among, found in ((0, [bad, worse]), (2, [bad]), (1 | 2, [bad, worse])):
            listed = worklist.flawed(transaction, ["SCHEDULED"], among=among, limit=9)
            assert [(row.id, row.order_accession) for row in listed] == [(number, "A1") for number in found]
        assert len(worklist.flawed(transaction, ["SCHEDULED"], among=0, limit=1)) == 1
        orders.change_step(transaction, bad, [], flaws=0)
        assert shown(3) == [good, bad]


def test_the_earliest_comes_first(database: Database) -> None:
    """The list reads like the day: by start, what was booked first before what was booked later."""
    starts = ["20261122090000", "20261121235959", "", "20261122090000", "20261122083000"]
    with database.transaction() as transaction:
        steps = [rows.step(transaction, start=start) for start in starts]
        assert answers(transaction, []) == [steps[place] for place in (2, 1, 4, 0, 3)]


def cut(database: Database, connection: Connection, backend: Any) -> None:
    """End what the database does for `connection`."""
    if database.url.startswith("sqlite"):
        connection.connection.driver_connection.interrupt()  # type: ignore[union-attr]  a pooled connection has one
        return
    with database.transaction() as transaction:
        transaction.exec_driver_sql(f"SELECT pg_terminate_backend({backend}, 5000)")


def test_answers_are_read_as_they_are_sent(database: Database) -> None:
    """A list of any length is sent from its first step on, and a store that fails half way is an error, not an end."""
    with database.transaction() as transaction:
        order = rows.order(transaction)
        count = 3 * worklist.ROWS_AT_A_TIME
        for number in range(count):
            rows.step(transaction, order, start=f"20261122{number:06d}", dataset=bytes(500))
    seen = 0
    with pytest.raises(StoreError), database.reading() as connection:  # noqa: PT012  it must fail half way
        backend = None
        if not database.url.startswith("sqlite"):
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        for _row in worklist.query(connection, [], []):
            if seen == 0:
                cut(database, connection, backend)
            seen += 1
    assert 0 < seen < count
    with database.reading() as connection:
        assert len(answers(connection, [])) == count


def test_a_scanner_that_stops_asking_leaves_the_store_usable(database: Database) -> None:
    """A query that is cancelled half way gives its connection back."""
    with database.transaction() as transaction:
        for _ in range(3):
            rows.step(transaction)
    for _ in range(200):
        with database.reading() as connection:
            assert next(worklist.query(connection, [], []))
    assert len(list_all(database)) == 3


def list_all(database: Database) -> list[int]:
    """Every step."""
    with database.reading() as connection:
        return answers(connection, [])


def test_who_was_given_what_is_counted(database: Database) -> None:
    """It can be said later which scanner was shown a step, when first, when last, and how often."""
    later = rows.AT.replace(hour=10)
    with database.transaction() as transaction:
        one, two = rows.step(transaction), rows.step(transaction)
    for steps, at in (([two, one], rows.AT), ([one], later)):
        with database.transaction() as transaction:
            worklist.record_answers(transaction, "CT1", steps, at)
            worklist.record_answers(transaction, "CT2", [], at)
    with database.reading() as connection:
        noted = {tuple(row) for row in connection.execute(select(WORKLIST_ANSWER))}
    assert noted == {(one, "CT1", rows.AT, later, 2), (two, "CT1", rows.AT, rows.AT, 1)}


def test_every_key_the_table_can_match_is_a_column_of_the_store(database: Database) -> None:
    """Each matching key of PS3.4 table K.6-1 that is supported can be asked of the database, alone and as a list."""
    columns = {row.column for row in attributes.TABLE if row.column}
    with database.reading() as connection:
        for column in columns:
            assert answers(connection, [Equal(column, ("A", "B"))]) == []
            assert answers(connection, [Wildcard(column, "A*")]) == []


REQUIRED_KEYS = [
    [],
    [Equal("station", ("CT1",))],
    [Wildcard("station", "CT*")],
    [Equal("modality", ("CT",)), Equal("start_date", ("20261122",))],
    [Range("start_date", "20261122", "20261123")],
    [DateTimeRange("20261122080000", "20261122180000")],
    [Equal("patient_name", ("doe^jane",))],
    [Wildcard("patient_name", "doe*")],
    [Wildcard("performing_physician", "*roe*")],
    [Equal("patient_id", ("1",))],
    [Equal("accession_number", ("A1",))],
]


def _plan(folder: Path, predicates: list[Predicate]) -> list[str]:
    """How SQLite, which knows nothing of the values yet, looks for the answers to a query."""
    opened = Database(f"sqlite:///{folder}/swf.db")
    opened.migrate()
    statements: list[str] = []
    with opened.reading() as connection:
        connection.connection.driver_connection.set_trace_callback(statements.append)
        answers(connection, predicates, sorted(terms.LISTED))
        connection.connection.driver_connection.set_trace_callback(None)
        query = next(statement for statement in statements if "scheduled_procedure_step" in statement)
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    opened.close()
    return plan


@pytest.mark.parametrize("predicates", REQUIRED_KEYS, ids=str)
def test_the_exams_of_past_years_are_not_read(predicates: list[Predicate], tmp_path: Path) -> None:
    """A scanner is answered as quickly after years as on the first day: done steps are passed over by index."""
    plan = _plan(tmp_path, predicates)
    assert any("SEARCH scheduled_procedure_step USING" in step for step in plan)
    assert [step for step in plan if step.startswith("SCAN scheduled_procedure_step")] == []


BY_THEIR_INDEX = [
    ([Equal("station", ("CT1",)), Equal("start_date", ("20261122",))], "step_by_station"),
    ([Equal("modality", ("CT",)), Range("start_date", "20261122", "20261123")], "step_by_modality"),
    ([Wildcard("patient_name", "doe*")], "step_by_patient_name"),
    ([Wildcard("patient_name", "d?e^*"), Range("start_date", "20261122", "")], "step_by_patient_name"),
    (
        [AnyOf("patient_name", (Equal("patient_name", ("doe",)), Wildcard("patient_name", "doe^*")))],
        "step_by_patient_name",
    ),
    ([Equal("patient_name", ("yamada^tarou",)), Equal("patient_name", ("山田^太郎",))], "step_by_patient_name"),
    ([Wildcard("performing_physician", "roe*")], "step_by_physician"),
    ([Equal("accession_number", ("A1",)), Equal("modality", ("CT",))], "step_by_accession"),
    ([Wildcard("accession_number", "A1*")], "step_by_accession"),
    ([Equal("patient_id", ("P1",)), Equal("station", ("CT1",))], "step_by_patient_id"),
    ([Equal("requested_procedure_id", ("RP1",))], "step_by_requested_procedure"),
]


@pytest.mark.parametrize(("predicates", "index"), BY_THEIR_INDEX, ids=str)
def test_who_asks_for_one_patient_does_not_wait_for_the_others(
    predicates: list[Predicate], index: str, tmp_path: Path
) -> None:
    """One patient of a hundred thousand is looked up by what is asked, also by the first letters or in another script."""
    plan = "\n".join(_plan(tmp_path, predicates))
    assert index in plan
    assert "step_by_status" not in plan
    assert "SCAN" not in plan.replace("SCAN CONSTANT ROW", "")


def _work(folder: Path, count: int, predicates: list[Predicate]) -> int:
    """How many instructions SQLite carries out for a query among `count` steps, most of them of other days."""
    folder.mkdir()
    opened = Database(f"sqlite:///{folder}/swf.db")
    opened.migrate()
    worklists.fill(opened, count)
    done = 0

    def one_more() -> int:
        nonlocal done
        done += 1
        return 0

    with opened.reading() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(one_more, 1)
        found = list(worklist.query(connection, predicates, sorted(terms.LISTED), held_for=31))
        driver.set_progress_handler(None, 1)
    opened.close()
    assert 0 < len(found) <= worklists.STATIONS * worklists.EACH_DAY
    return done


ONE_DAY = worklists.day(0)
NARROW_QUERIES = {
    "station and day": [Equal("station", ("CT003",)), Equal("start_date", (ONE_DAY,))],
    "modality and day": [Equal("modality", ("CT",)), Equal("start_date", (ONE_DAY,))],
    "day and time": [DateTimeRange(f"{ONE_DAY}080000", f"{ONE_DAY}120000")],
    "name": [Equal("patient_name", ("doe^jane^00000042",))],
    "first letters": [Wildcard("patient_name", "doe^jane^0000004*")],
    "accession": [Equal("accession_number", ("A00000042",)), Equal("modality", ("CT",))],
}


@pytest.mark.parametrize("predicates", NARROW_QUERIES.values(), ids=NARROW_QUERIES)
def test_a_long_list_is_no_more_work_than_a_short_one(predicates: list[Predicate], tmp_path: Path) -> None:
    """A scanner's day costs the store the same whether two hundred exams are planned or ten thousand."""
    short, long = (_work(tmp_path / str(count), count, predicates) for count in (200, 10_000))
    assert long < 1.5 * short

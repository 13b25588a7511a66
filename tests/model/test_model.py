"""The rows: times that mean the same in both databases, and a column for everything a scanner may match by."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, DateTime, LargeBinary, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable
from sqlmodel import SQLModel

from swf.dicom import attributes
from swf.model.delivery import DELIVERY
from swf.model.moment import Moment
from swf.model.order import FURTHER_VALUE, ORDER, STEP, WORKLIST_ANSWER
from swf.model.patient import PATIENT

DIALECTS = [sqlite.dialect(), postgresql.dialect()]
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day from either end of time, an offset leads out of what can be written.
_TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=_OFFSETS)


def kept(moment: datetime | None, dialect: Dialect) -> datetime | None:
    """What comes back of a time that was stored."""
    return Moment().process_result_value(Moment().process_bind_param(moment, dialect), dialect)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(max_examples=100, deadline=None)
@given(moment=_TIMES)
def test_a_time_comes_back_as_the_same_moment(dialect: Dialect, moment: datetime) -> None:
    """Whatever zone a time was told in, the store gives back the same moment, and never a time without a zone."""
    back = kept(moment, dialect)
    assert back == moment
    assert back.tzinfo is UTC


@settings(max_examples=100, deadline=None)
@given(earlier=_TIMES, later=_TIMES)
def test_times_sort_in_sqlite_as_they_happened(earlier: datetime, later: datetime) -> None:
    """Lists by time are right although SQLite compares letters and knows no zones."""
    write = DateTime().dialect_impl(DIALECTS[0]).bind_processor(DIALECTS[0])
    texts = [write(Moment().process_bind_param(moment, DIALECTS[0])) for moment in (earlier, later)]
    assert (texts[0] < texts[1]) == (earlier < later)


def test_a_time_that_is_not_known_stays_unknown() -> None:
    """A message that was not delivered has no time of delivery."""
    assert [kept(None, dialect) for dialect in DIALECTS] == [None, None]


def test_every_key_of_the_worklist_table_has_a_column() -> None:
    """What PS3.4 table K.6-1 says a scanner may match by is a column of the step."""
    columns = {row.column for row in attributes.TABLE if row.column}
    assert columns
    assert columns <= set(STEP.c.keys())


@pytest.mark.parametrize(
    "column", sorted({row.column for row in attributes.TABLE if row.matching == "R" and row.column})
)
def test_every_required_matching_key_leads_an_index(column: str) -> None:
    """The keys every scanner may use are found by an index, however long the list has become."""
    leading = {index.columns[0].name for index in STEP.indexes}
    # A day and a time of day are the beginning of the step's start and the rest of it.
    assert ("start" if column in ("start_date", "start_time") else column) in leading


def test_no_time_is_kept_without_its_zone() -> None:
    """Every time in every table is of the kind that keeps its moment."""
    times = [column for table in SQLModel.metadata.tables.values() for column in table.c if column.name.endswith("_at")]
    assert len(times) > 10
    assert [column for column in times if not isinstance(column.type, Moment)] == []


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (PATIENT, {"patient_id", "issuer"}),
        (STEP, {"study_instance_uid", "step_id"}),
        (DELIVERY, {"control_id"}),
    ],
    ids=["patient", "step", "delivery"],
)
def test_what_must_be_there_once_is_there_once(table: object, columns: set[str]) -> None:
    """The database itself refuses a second patient, step or message of the same name."""
    unique = [set(each.columns.keys()) for each in table.constraints if isinstance(each, UniqueConstraint)]
    assert columns in unique


def test_row_numbers_do_not_run_out() -> None:
    """A site that runs for decades does not come to the end of its numbers, nor uses one twice."""
    postgres = str(CreateTable(ORDER).compile(dialect=DIALECTS[1]))
    assert "id BIGSERIAL" in postgres
    assert "AUTOINCREMENT" in str(CreateTable(ORDER).compile(dialect=DIALECTS[0]))
    numbers = [key.parent for table in SQLModel.metadata.tables.values() for key in table.foreign_keys]
    assert [column for column in numbers if not isinstance(column.type, BigInteger)] == []


def test_what_hangs_on_a_step_goes_with_it() -> None:
    """Removing an old step removes its further stations and who was shown it, and never the other way round."""
    for table in (FURTHER_VALUE, WORKLIST_ANSWER):
        (key,) = table.foreign_keys
        assert key.ondelete == "CASCADE"
    assert {key.ondelete for key in STEP.foreign_keys} == {None}


def test_bytes_are_kept_as_bytes() -> None:
    """Messages and datasets are kept as they came, not as text that a character set could change."""
    raw = {
        (table.name, column.name)
        for table in SQLModel.metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    assert {("message", "raw"), ("message", "acknowledgement"), ("delivery", "payload")} <= raw
    assert {name for name, column in raw if column == "dataset"} >= {"patient", STEP.name}

"""Why did this query get nothing: the funnel, the condition that leaves nothing, and what came near it (RAD-5)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from swf import clock
from swf.dicom import datasets, encoding
from swf.dicom.columns import columns
from swf.extensions.simulator.modality import worklist_query
from swf.store import queries, worklist
from swf.store.database import Database
from swf.store.queries import Asked
from swf.workflow import why_nothing
from swf.workflow.why_nothing import Nearby, WhyNothing
from tests import rows
from tests.workflow.conftest import Department, Found, request

NOW = datetime(2026, 3, 16, 8, 0, tzinfo=UTC)


def _why(department: Department, identifier: Dataset, title: str = "CT1") -> WhyNothing:
    """A device asked this; why it gets what it gets."""
    raw = datasets.encoded(identifier, ImplicitVRLittleEndian)
    asked = Asked(title, "SWF", "192.0.2.9", str(ImplicitVRLittleEndian), raw, "0000", 0)
    number = department.database.run(lambda transaction: queries.add(transaction, asked, clock.now(), 5))
    with department.database.reading() as connection:
        found = why_nothing.of(connection, department.site.settings, number, NOW)
    assert found is not None
    return found


def test_the_key_that_leaves_nothing_is_named_with_what_there_is(department: Department) -> None:
    """A device that asks for the AE title in other letters is told of the one that has the steps."""
    for number in ("8100^HIS", "8101^HIS"):
        department.order(*request(number, obr_24="MR"))
    found = _why(department, worklist_query(ScheduledStationAETitle="unknown"))
    assert [stage.left for stage in found.funnel] == [2, 2, 0, 0]
    assert found.culprit == "ScheduledStationAETitle"
    assert found.sentence == "CT1 gets nothing: ScheduledStationAETitle leaves none of 2"
    assert found.near == [Nearby("UNKNOWN", 2, "capitals and small letters differ")]
    assert "let the order name this station" in found.action


def test_what_a_patient_is_called_is_not_told(department: Department) -> None:
    """A device that searched for somebody who is not there is not told who is."""
    department.order(*request("8100^HIS"))
    found = _why(department, worklist_query(PatientID="4712"))
    assert (found.culprit, found.near) == ("PatientID", [])
    assert "4712" not in found.sentence


def test_steps_that_are_done_are_not_laid_on_a_key(department: Department) -> None:
    """Where everything is cancelled the status is named, and nobody is sent to the device to clear a key."""
    department.order(*request("8100^HIS"))
    department.order(*request("8100^HIS", orc_1="CA"))
    found = _why(department, Dataset())
    assert found.culprit == "statuses"
    assert found.action.startswith("nothing for what is done; else let the HIS send the order anew")


def test_a_filter_of_the_profile_is_named_by_its_setting(found: Found) -> None:
    """Days that its profile cuts off are told with the days there are."""
    department = found(modality=[{"ae_title": "CT1", "days_ahead": 1, "days_behind": 1}])
    department.order(*request(orc_7="^^^20260401093000"))
    answer = _why(department, Dataset())
    assert answer.culprit == "days_behind, days_ahead"
    assert [each.value for each in answer.near] == ["20260401"]


@pytest.mark.parametrize(
    ("fields", "sentence", "culprit"),
    [
        (None, "there is no step at all", "every step"),
        ({"obr_4": "^^"}, "CT1 gets nothing: held leaves none of 1", "held"),
        ({}, "CT1 would get 1 entry now", ""),
    ],
)
def test_an_empty_store_held_entries_and_one_that_is_well(
    department: Department, fields: dict[str, Any] | None, sentence: str, culprit: str
) -> None:
    """No order at all, one that is held, and one that has come since."""
    if fields is not None:
        department.order(*request(**fields))
    answer = _why(department, Dataset())
    assert (answer.sentence, answer.culprit) == (sentence, culprit)
    assert answer.jsonable()["funnel"][0]["rule"] == "every step"


def test_a_query_nobody_asked(department: Department) -> None:
    """A number of no query has no answer."""
    with department.database.reading() as connection:
        assert why_nothing.of(connection, department.site.settings, 99, NOW) is None


def test_both_databases_count_values_alike(database: Database) -> None:
    """What steps have in a column, the most frequent first."""
    with database.transaction() as transaction:
        for station in ("CT1", "CT2", "CT2"):
            inner = {"ScheduledStationAETitle": station, "Modality": "CT"}
            stored = encoding.encode({"ScheduledProcedureStepSequence": [inner]})
            matched = {
                name: value
                for name, value in columns(stored).items()
                if name not in ("station", "step_id", "study_instance_uid")
            }
            rows.step(transaction, stations=(station,), dataset=stored, **matched)
    with database.reading() as connection:
        found = worklist.values_of(connection, [], ("SCHEDULED",), "station", limit=5)
    assert [(row.value, row.steps) for row in found] == [("CT2", 2), ("CT1", 1)]

"""The worklist as a station would get it: the answers, what is kept back and why, by which filters (RAD-5)."""

from datetime import UTC, datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from swf import clock
from swf.dicom import datasets, listing
from swf.extensions.simulator.modality import worklist_query
from swf.store import queries
from swf.store.queries import Asked
from swf.workflow import station_list
from swf.workflow.station_list import StationList
from tests.workflow.conftest import Department, Found, request

NOW = datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
SPS = "ScheduledProcedureStepSequence/"


def _list(department: Department, title: str = "CT1", called: str = "", **more: Any) -> StationList:
    with department.database.reading() as connection:
        return station_list.of(connection, department.site.settings, (title, called), NOW, **more)


def _asks(department: Department, title: str, identifier: Dataset) -> None:
    """The device asked this, and it was written down."""
    raw = datasets.encoded(identifier, ExplicitVRLittleEndian)
    asked = Asked(title, "SWF", "192.0.2.9", str(ExplicitVRLittleEndian), raw, "0000", 0)
    department.database.run(lambda transaction: queries.add(transaction, asked, clock.now(), 5))


def test_a_station_that_never_asked_gets_everything(department: Department) -> None:
    """Before its first query a device is taken to ask for all there is, and every attribute is shown."""
    department.order(*request("8100^HIS"))
    found = _list(department)
    assert (found.matching, len(found.listed), found.asked, found.asked_at) == (1, 1, {}, None)
    told = listing.attributes(found.listed[0].dataset())
    assert (told["PatientName"], told[f"{SPS}Modality"]) == ("DOE^JANE", "CT")
    assert [each.rule for each in found.filters] == ["status"]


def test_it_is_asked_what_the_device_asked_last(department: Department) -> None:
    """A device that wants its MR steps, and of them two attributes, is shown that list and no other."""
    department.order(*request("8100^HIS"))
    department.order(*request("8101^HIS", obr_24="MR"))
    asked = Dataset()
    asked.AccessionNumber = ""
    asked.ScheduledProcedureStepSequence = [Dataset()]
    asked.ScheduledProcedureStepSequence[0].Modality = "MR"
    _asks(department, "CT1", asked)
    found = _list(department)
    assert found.asked == {f"{SPS}Modality": "MR"}
    assert [set(listing.attributes(each.dataset())) for each in found.listed] == [{"AccessionNumber", f"{SPS}Modality"}]
    assert ("query key", "Modality", "MR") in found.filters
    assert _list(department, last=False).matching == 2


def test_a_query_nobody_can_read_is_taken_for_none(department: Department) -> None:
    """What came as a query but is no dataset does not hide the page."""
    asked = Asked("CT1", "SWF", "192.0.2.9", str(ExplicitVRLittleEndian), b"\x08\0\x05\0XX\xff\xff", "A900", 0)
    department.database.run(lambda transaction: queries.add(transaction, asked, clock.now(), 5))
    department.order(*request("8100^HIS"))
    assert len(_list(department).listed) == 1


def test_what_is_kept_back_is_told_with_its_reason(found: Found) -> None:
    """An entry with a flaw is kept from everybody, one without a room from the device that needs one; others are not told of."""
    department = found(modality=[{"ae_title": "CT1", "needs": [f"{SPS}ScheduledProcedureStepLocation"]}])
    department.order(*request("8100^HIS", obr_4="^^"))
    department.order(*request("8101^HIS"))
    department.order(*request("8102^HIS"))
    department.order(*request("8102^HIS", orc_1="CA"))
    for title, kept in (("CT1", [True, False]), ("MR1", [True])):
        shown = _list(department, title)
        assert [each.from_everybody for each in shown.kept] == kept
    assert "Description" in " ".join(_list(department).kept[0].reasons)
    assert _list(department).kept[1].reasons == ["ScheduledProcedureStepLocation has no value, and it needs one"]
    assert (len(_list(department).listed), len(_list(department, "MR1").listed)) == (0, 1)


def test_a_flaw_that_is_shown_all_the_same_keeps_nothing_back(found: Found) -> None:
    """Where a site holds nothing for a flaw, nothing is said to be held."""
    department = found(worklist={"hold_for": []})
    department.order(*request("8100^HIS", obr_4="^^"))
    assert (len(_list(department).listed), _list(department).kept) == (1, [])


def test_the_first_are_shown_and_all_are_counted(found: Found) -> None:
    """A list longer than the device may get ends where its answers would; the whole of it is counted."""
    department = found(dicom={"max_answers": 2})
    for number in range(8100, 8104):
        department.order(*request(f"{number}^HIS"))
    shown = _list(department)
    assert (shown.matching, len(shown.listed), shown.limit) == (4, 2, 2)
    assert len(_list(department, most=1).listed) == 1


def test_who_would_be_rejected_is_told_so(found: Found) -> None:
    """A stranger off this machine, or one who calls somebody else, gets nothing: that is said before the list."""
    department = found(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT01"}])
    assert _list(department, "ct01").turned_away == "no [[modality]] calls with ct01; did you mean CT01?"
    assert _list(department, "CT01", "PACS").turned_away == "PACS is no AE title of ours; ours are SWF"
    assert _list(department, "CT01").turned_away == ""


def test_one_answer_of_the_list(found: Found) -> None:
    """Of a step on the list there is the answer; of one that is not, what hides it; of none, that it is gone."""
    department = found(modality=[{"ae_title": "CT1", "labels": ["NORTH"]}])
    department.order(*request("8100^HIS"))
    step = department.rows("step")[0].id

    def look(title: str, number: int) -> tuple[object, list[str]]:
        with department.database.reading() as connection:
            return station_list.one(connection, department.site.settings, (title, ""), number, NOW)

    assert look("MR1", step) == (_list(department, "MR1").listed[0], [])
    assert look("CT1", step) == (None, ["label"])
    assert look("CT1", step + 1) == (None, ["gone"])


def test_keys_of_ones_own_are_taken_for_the_query(department: Department) -> None:
    """Somebody may try what a device would get for other keys than its last."""
    department.order(*request("8100^HIS"))
    assert len(_list(department, identifier=worklist_query(Modality="CT")).listed) == 1
    assert _list(department, identifier=worklist_query(Modality="MR")).listed == []

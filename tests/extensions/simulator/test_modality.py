"""The simulated modality: asks and reports as the standard's tables say, and tells every failure by its status."""

import gc
import io
import logging
import socket
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf import errors
from swf.extensions.simulator import modality

# PS3.4 Table F.7.2-1, column N-CREATE, written down again: type 1 has a value, type 2 is there.
TYPE_1 = [
    "ScheduledStepAttributesSequence",
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "PerformedProcedureStepStatus",
    "Modality",
]
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
    "PerformedStationName",
    "PerformedLocation",
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "ProcedureCodeSequence",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "StudyID",
    "PerformedProtocolCodeSequence",
    "PerformedSeriesSequence",
]
STEP_TYPE_1 = ["StudyInstanceUID"]
STEP_TYPE_2 = [
    "ReferencedStudySequence",
    "AccessionNumber",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription",
    "ScheduledProtocolCodeSequence",
]
SERIES_TYPE_1 = ["ProtocolName", "SeriesInstanceUID"]
SERIES_TYPE_2 = [
    "PerformingPhysicianName",
    "OperatorsName",
    "SeriesDescription",
    "RetrieveAETitle",
    "ReferencedImageSequence",
    "ReferencedNonImageCompositeSOPInstanceSequence",
]


def _assert_complete(dataset: Dataset, valued: list[str], present: list[str]) -> None:
    assert [keyword for keyword in valued if not dataset.get(keyword)] == []
    assert [keyword for keyword in present if keyword not in dataset] == []


def _modality(scp: Any) -> modality.Modality:
    return modality.Modality(*scp.address, "CT1")


def test_echo(scp: Any) -> None:
    """An echo tells how long it took."""
    assert 0 < _modality(scp).echo() < 5000


def test_query(scp: Any, worklist_item: Any) -> None:
    """A query finds the items that match and asks for every usual attribute."""
    scp.items = [worklist_item(1), worklist_item(2, modality="MR"), worklist_item(3)]
    found = _modality(scp).query(Modality="CT", PatientName="D*", PatientAge="040Y")
    assert [item.AccessionNumber for item in found] == ["A1", "A3"]
    (query,) = scp.queries
    assert (query.PatientName, query.PatientAge, query.StudyInstanceUID) == ("D*", "040Y", "")
    (step,) = query.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledStationAETitle) == ("CT", "")
    assert {*modality.KEYS} <= {element.keyword for element in query}
    assert {*modality.STEP_KEYS} <= {element.keyword for element in step}


def test_begin(scp: Any, worklist_item: Any) -> None:
    """A step begins with every attribute the standard asks for, taken from the worklist."""
    uid = _modality(scp).begin(worklist_item(1))
    created = scp.created[uid]
    _assert_complete(created, TYPE_1, TYPE_2)
    (step,) = created.ScheduledStepAttributesSequence
    _assert_complete(step, STEP_TYPE_1, STEP_TYPE_2)
    assert (step.StudyInstanceUID, step.AccessionNumber, step.ScheduledProcedureStepID) == ("2.25.1", "A1", "S1")
    assert (created.PatientName, created.PerformedStationAETitle) == ("DÖE^JANE", "CT1")
    assert created.PerformedProcedureStepStatus == "IN PROGRESS"
    assert created.PerformedSeriesSequence == []
    assert created.PerformedProcedureStepDiscontinuationReasonCodeSequence == []


def test_group(scp: Any, worklist_item: Any) -> None:
    """Several steps done at once are reported as one, which names them all."""
    uid = _modality(scp).begin(worklist_item(1), worklist_item(2))
    steps = scp.created[uid].ScheduledStepAttributesSequence
    assert [step.ScheduledProcedureStepID for step in steps] == ["S1", "S2"]
    assert [step.StudyInstanceUID for step in steps] == ["2.25.1", "2.25.2"]


def test_complete(scp: Any, worklist_item: Any) -> None:
    """A completed step has its end, and a series with every image."""
    scanner = _modality(scp)
    uid = scanner.begin(worklist_item(1))
    scanner.complete(uid, images=3)
    ((changed, changes),) = scp.changes
    assert changed == uid
    assert changes.PerformedProcedureStepStatus == "COMPLETED"
    assert changes.PerformedProcedureStepEndDate
    assert changes.PerformedProcedureStepEndTime
    (series,) = changes.PerformedSeriesSequence
    _assert_complete(series, SERIES_TYPE_1, SERIES_TYPE_2)
    assert series.ProtocolName == "Abdomen native"
    assert len({image.ReferencedSOPInstanceUID for image in series.ReferencedImageSequence}) == 3


@pytest.mark.parametrize("reason", ["110501", "110514"])
def test_discontinue(scp: Any, worklist_item: Any, reason: str) -> None:
    """A discontinued step says why, has its end, and a series without images."""
    scanner = _modality(scp)
    scanner.discontinue(scanner.begin(worklist_item(1)), reason)
    ((_, changes),) = scp.changes
    assert changes.PerformedProcedureStepStatus == "DISCONTINUED"
    (code,) = changes.PerformedProcedureStepDiscontinuationReasonCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == (reason, "DCM")
    assert changes.PerformedSeriesSequence[0].ReferencedImageSequence == []


def test_only_begun_attributes_are_set(scp: Any, worklist_item: Any) -> None:
    """What ends a step are attributes that it had from its beginning."""
    scanner = _modality(scp)
    uid = scanner.begin(worklist_item(1))
    scanner.complete(uid)
    scanner.discontinue(uid)
    for _, changes in scp.changes:
        assert {element.keyword for element in changes} <= {element.keyword for element in scp.created[uid]}


def test_failures_tell_their_status(scp: Any, worklist_item: Any) -> None:
    """Whatever the other side refuses, the status it gave is in the text."""
    scanner = _modality(scp)
    uid = scanner.begin(worklist_item(1))
    scp.status = 0x0110
    for attempt in (
        scanner.echo,
        lambda: scanner.begin(worklist_item(2)),
        lambda: scanner.complete(uid),
        lambda: scanner.discontinue(uid),
    ):
        with pytest.raises(errors.PeerRefused, match="0x0110"):
            attempt()
    scp.status = 0xA700
    with pytest.raises(errors.PeerRefused, match="C-FIND was answered with status 0xA700"):
        scanner.query()


def test_misuse_is_possible(scp: Any) -> None:
    """Wrong requests can be sent on purpose; their status is returned and nothing is raised."""
    scanner = _modality(scp)
    wrong = Dataset()
    wrong.PerformedProcedureStepStatus = "COMPLETED"
    assert scanner.create("1.2.3", wrong)[0] == 0x0000
    scp.status = 0x0111
    status, response = scanner.create("1.2.3", wrong)
    assert (status, response.Status) == (0x0111, 0x0111)
    scp.status = 0x0112
    assert scanner.set("1.2.4", wrong)[0] == 0x0112


def test_wrong_name(scp: Any) -> None:
    """A server that is called by another name is told by that name."""
    with pytest.raises(errors.PeerUnreachable, match="OTHER"):
        modality.Modality(*scp.address, "CT1", called="OTHER").echo()


# pynetdicom 3.0.4 leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_server_not_there() -> None:
    """A server that does not run is unreachable."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with pytest.raises(errors.PeerUnreachable, match=str(address[1])):
        modality.Modality(*address, "CT1").query()
    gc.collect()


def test_no_patient_in_the_log(scp: Any, worklist_item: Any) -> None:
    """What is asked and answered never reaches a log."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("pynetdicom")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    scp.items = [worklist_item(1)]
    try:
        _modality(scp).query(PatientID="4711")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert stream.getvalue()
    assert "4711" not in stream.getvalue()
    assert "JANE" not in stream.getvalue()

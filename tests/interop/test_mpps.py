"""A plain pynetdicom client as the foreign modality (DCMTK has none), and DCMTK to read what is kept; nothing of ours between.

The client knows the standard and nothing of us: it asks the worklist, copies what it must and reports (RAD-5, RAD-6, RAD-7).
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepNotification,
    ModalityPerformedProcedureStepRetrieve,
    ModalityWorklistInformationFind,
)
from sqlalchemy import select

from swf.broker import Broker
from swf.model.delivery import DELIVERY
from tests.conftest import MakeBroker
from tests.interop.conftest import Program
from tests.mpps_receiver import MppsReceiver
from tests.net.dicom_peer import Checkpoint
from tests.processes import MllpClient

SUCCESS = 0x0000
ORDERS = {"A1": "P1", "A2": "P1", "A3": "P3"}


def _order(number: str) -> bytes:
    """One order as OMI^O23 in Latin-1."""
    lines = (
        "MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|M" + number + "|P|2.5.1||||||8859/1",
        f"PID|||{ORDERS[number]}^^^HOSP^MR||M\u00dcLLER^J\u00d6RG||19800229|M",
        "PV1||O",
        f"ORC|NW|{number}^HIS|F{number}^RIS||SC",
        "TQ1|1||||||202611220930|||R",
        f"OBR|1|{number}^HIS|F{number}^RIS|C1^Abdomen^99SIM",
        f"IPC|{number}|RP{number}|1.2.3.{number[1]}|S{number}|CT|P1^Routine^99SIM|||CT1",
    )
    return "\r".join((*lines, "")).encode("iso8859_1")


@pytest.fixture
def hospital(broker: Broker) -> Broker:
    """A broker that was sent every order."""
    _send_orders(broker)
    return broker


def _send_orders(broker: Broker) -> None:
    with MllpClient(broker.hl7.address) as client:
        assert {client.send(_order(number)) for number in ORDERS} == {"AA"}


@contextlib.contextmanager
def _association(broker: Broker, *services: str, syntax: Any = ImplicitVRLittleEndian) -> Iterator[Any]:
    entity = AE(ae_title="CT1")
    for service in services or (ModalityWorklistInformationFind, ModalityPerformedProcedureStep):
        entity.add_requested_context(service, syntax)
    opened: list[Any] = []
    noted = [(evt.EVT_CONN_OPEN, lambda event: opened.append(event.assoc.dul.socket.socket))]
    association = entity.associate(*broker.dicom.address, ae_title="SWF", evt_handlers=noted)
    association._reactor_checkpoint = Checkpoint()
    try:
        assert association.is_established
        yield association
    finally:
        association.release()
        for each in opened:
            each.close()


def _worklist(association: Any, **keys: str) -> list[Dataset]:
    query, step = Dataset(), Dataset()
    for keyword in ("AccessionNumber", "PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(query, keyword, keys.get(keyword, ""))
    for keyword in ("StudyInstanceUID", "RequestedProcedureID", "RequestedProcedureDescription"):
        setattr(query, keyword, "")
    for keyword in ("ScheduledProcedureStepID", "ScheduledProcedureStepStatus", "Modality"):
        setattr(step, keyword, "")
    step.ScheduledStationAETitle = "CT1"
    query.ScheduledProcedureStepSequence = [step]
    answers = association.send_c_find(query, ModalityWorklistInformationFind)
    return [found for _, found in answers if found is not None]


def _begun(*items: Dataset) -> Dataset:
    """N-CREATE with all of table F.7.2-1, in Latin-1."""
    report = Dataset()
    report.SpecificCharacterSet = "ISO_IR 100"
    report.ScheduledStepAttributesSequence = [_scheduled(item) for item in items]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(report, keyword, items[0].get(keyword, ""))
    report.ReferencedPatientSequence = []
    report.PerformedProcedureStepID = "PPS1"
    report.PerformedStationAETitle, report.Modality = "CT1", "CT"
    report.PerformedProcedureStepStartDate = datetime(2026, 11, 22).strftime("%Y%m%d")
    report.PerformedProcedureStepStartTime = "093000"
    report.PerformedProcedureStepStatus = "IN PROGRESS"
    for keyword in (
        "PerformedStationName",
        "PerformedLocation",
        "PerformedProcedureStepDescription",
        "PerformedProcedureTypeDescription",
        "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndTime",
        "StudyID",
    ):
        setattr(report, keyword, "")
    for keyword in (
        "ProcedureCodeSequence",
        "PerformedProtocolCodeSequence",
        "PerformedSeriesSequence",
        "PerformedProcedureStepDiscontinuationReasonCodeSequence",
    ):
        setattr(report, keyword, [])
    return report


def _scheduled(item: Dataset) -> Dataset:
    step = item.ScheduledProcedureStepSequence[0] if "ScheduledProcedureStepSequence" in item else Dataset()
    scheduled = Dataset()
    for keyword in ("StudyInstanceUID", "AccessionNumber", "RequestedProcedureID", "RequestedProcedureDescription"):
        setattr(scheduled, keyword, item.get(keyword, ""))
    scheduled.ReferencedStudySequence, scheduled.ScheduledProtocolCodeSequence = [], []
    scheduled.ScheduledProcedureStepID = step.get("ScheduledProcedureStepID", "")
    scheduled.ScheduledProcedureStepDescription = ""
    return scheduled


def _ended(status: str = "COMPLETED", reason: str = "") -> Dataset:
    changes, series, image = Dataset(), Dataset(), Dataset()
    changes.SpecificCharacterSet = "ISO_IR 100"
    changes.PerformedProcedureStepStatus = status
    changes.PerformedProcedureStepEndDate, changes.PerformedProcedureStepEndTime = "20261122", "094500.25"
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.9.1"
    for keyword in ("PerformingPhysicianName", "OperatorsName", "SeriesDescription", "RetrieveAETitle"):
        setattr(series, keyword, "")
    series.ProtocolName, series.SeriesInstanceUID = "Sch\u00e4del", "1.2.3.9"
    series.ReferencedImageSequence, series.ReferencedNonImageCompositeSOPInstanceSequence = [image], []
    changes.PerformedSeriesSequence = [series]
    if reason:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = reason, "DCM", "Reason"
        changes.PerformedProcedureStepDiscontinuationReasonCodeSequence = [code]
    return changes


def _listed(association: Any) -> dict[str, str]:
    """Accession number and status of what this station sees."""
    return {
        str(item.AccessionNumber): str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus)
        for item in _worklist(association)
    }


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_every_case_on_one_association(hospital: Broker, syntax: Any) -> None:
    """Simple, group, wrong entry, append and unscheduled: what a scanner sees on its list after each of them."""
    uids = [str(generate_uid(prefix=None)) for _ in range(5)]
    with _association(hospital, syntax=syntax) as association:
        items = {str(item.AccessionNumber): item for item in _worklist(association)}

        def begin(number: int, *of: Dataset) -> int:
            answer = association.send_n_create(_begun(*of), ModalityPerformedProcedureStep, uids[number])[0]
            return int(answer.Status)

        def end(number: int, *words: str) -> int:
            return int(association.send_n_set(_ended(*words), ModalityPerformedProcedureStep, uids[number])[0].Status)

        assert begin(0, items["A3"]) == SUCCESS
        assert _listed(association) == {"A1": "SCHEDULED", "A2": "SCHEDULED", "A3": "STARTED"}
        assert end(0, "DISCONTINUED", "110514") == SUCCESS
        assert _listed(association) == {"A1": "SCHEDULED", "A2": "SCHEDULED", "A3": "SCHEDULED"}
        assert begin(1, items["A1"], items["A2"]) == SUCCESS
        assert _listed(association) == {"A1": "STARTED", "A2": "STARTED", "A3": "SCHEDULED"}
        assert end(1) == SUCCESS
        assert _listed(association) == {"A3": "SCHEDULED"}
        assert (begin(2, items["A1"]), end(2)) == (SUCCESS, SUCCESS)
        stranger = Dataset()
        stranger.PatientID, stranger.PatientName, stranger.StudyInstanceUID = "X9", "UNKNOWN^ONE", "1.2.3.77"
        assert (begin(3, stranger), end(3)) == (SUCCESS, SUCCESS)
        assert _listed(association) == {"A3": "SCHEDULED"}
        assert (begin(4, items["A3"]), end(4, "DISCONTINUED", "110505")) == (SUCCESS, SUCCESS)
        assert _listed(association) == {}


def test_what_was_reported_can_be_read_back(hospital: Broker) -> None:
    """Another system gets the step by its number, both halves of it merged and every letter as it was."""
    uid = str(generate_uid(prefix=None))
    with _association(hospital) as association:
        item = _worklist(association, AccessionNumber="A1")[0]
        association.send_n_create(_begun(item), ModalityPerformedProcedureStep, uid)
        association.send_n_set(_ended(), ModalityPerformedProcedureStep, uid)
    with _association(hospital, ModalityPerformedProcedureStepRetrieve) as association:
        status, step = association.send_n_get([], ModalityPerformedProcedureStepRetrieve, uid)
    assert status.Status == SUCCESS
    assert (step.PatientName, step.PerformedSeriesSequence[0].ProtocolName) == ("M\u00dcLLER^J\u00d6RG", "Sch\u00e4del")
    assert step.PerformedProcedureStepStatus == "COMPLETED"


def test_a_modality_that_would_hear_of_changes_is_not_turned_away(hospital: Broker) -> None:
    """Roles are negotiated as PS3.4 F.7 demands; a service we do not offer is refused without refusing the rest."""
    entity = AE(ae_title="CT1")
    entity.add_requested_context(ModalityPerformedProcedureStep)
    entity.add_requested_context(ModalityPerformedProcedureStepNotification)
    roles = [build_role(ModalityPerformedProcedureStep, scu_role=True, scp_role=True)]
    association = entity.associate(*hospital.dicom.address, ae_title="SWF", ext_neg=roles)
    association._reactor_checkpoint = Checkpoint()
    connection = association.dul.socket.socket
    assert association.is_established
    (accepted,) = association.accepted_contexts
    assert (accepted.abstract_syntax, accepted.as_scu, accepted.as_scp) == (ModalityPerformedProcedureStep, True, True)
    association.release()
    if connection is not None:
        connection.close()


def test_dcmdump_reads_what_is_passed_on(dcmtk: Program, make_broker: MakeBroker, tmp_path: Path) -> None:
    """What waits for the archive is a DICOM file any tool reads: the scanner's own words, letters and number."""
    pacs = MppsReceiver(lambda _told: 0x0106).start()
    host, port = pacs.address
    broker = make_broker(relay=[{"name": "pacs", "ae_title": "PACS", "host": host, "port": port}])
    _send_orders(broker)
    uid = str(generate_uid(prefix=None))
    with _association(broker) as association:
        item = _worklist(association, AccessionNumber="A1")[0]
        assert association.send_n_create(_begun(item), ModalityPerformedProcedureStep, uid)[0].Status == SUCCESS
    with broker.database.reading() as connection:
        payload = connection.scalars(select(DELIVERY.c.payload)).one()
    (tmp_path / "report.dcm").write_bytes(payload)
    done = dcmtk("dcmdump", "+U8", tmp_path / "report.dcm")
    pacs.stop()
    assert (done.returncode, done.stderr) == (0, "")
    assert uid in done.stdout
    assert "M\u00dcLLER^J\u00d6RG" in done.stdout

"""Tenants of one port: who reports to one of them reaches the exams of that one and of no other (RAD-5 to RAD-7, RAD-49)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom.sop_class import (
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
)

from swf import config
from swf.broker import Broker
from swf.extensions.simulator.modality import in_progress
from swf.net import mllp_client
from tests.conftest import settings_for
from tests.net import dicom_peer
from tests.notices import notice

SUCCESS, UNKNOWN = 0x0000, 0x0112
TENANTS = [{"ae_title": title, "labels": [title]} for title in ("NORTH", "SOUTH")]
DEVICE = {"ae_title": "CT1", "link_unscheduled": True}
SILENT = {"ae_title": "US1", "completed_by": ["availability"], "images_settle_minutes": 0}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Broker]:
    """A broker of two tenants, each with an exam of the same patient number today; the sender's facility is the label."""
    mapping = tmp_path / "tenants.toml"
    default = config.shipped_mappings() / "default.toml"
    mapping.write_text(f'extends = "{default}"\n[attributes]\nWorklistLabel = {{ from = "MSH-4" }}\n', "utf-8")
    settings = settings_for(tmp_path, mapping=str(mapping), partition=TENANTS, modality=[DEVICE, SILENT])
    broker = Broker(settings)
    broker.start()
    for number, (tenant, device) in enumerate([("NORTH", "CT1"), ("SOUTH", "CT1"), ("SOUTH", "US1")], start=1):
        lines = (
            f"MSH|^~\\&|HIS|{tenant}|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}|P|2.5.1",
            "PID|||P1^^^HOSP^MR||DOE^JANE||19800229|F",
            f"ORC|NW|{number}^HIS|F{number}^RIS||SC",
            "TQ1|1||||||203005020930|||R",
            f"OBR|1|{number}^HIS|F{number}^RIS|C1^Abdomen^99SIM",
            f"IPC|A{number}|RP{number}|1.2.3.{number}|S{number}|{device[:2]}|P1^Routine^99SIM|||{device}",
        )
        sent = "\r".join((*lines, "")).encode()
        assert b"MSA|AA" in mllp_client.exchange(*broker.hl7.address, sent, 10)
    yield broker
    broker.stop()


def item(site: Broker, number: str) -> Dataset:
    """The item of an order as the whole site's list has it."""
    keys = dicom_peer.dataset(AccessionNumber=number, StudyInstanceUID="", PatientID="", PatientName="")
    keys.ScheduledProcedureStepSequence = [Dataset()]
    (_, found), _ = dicom_peer.find(site.dicom.address, keys)
    assert found is not None
    return found


def report(site: Broker, number: str, called: str, **changes: object) -> str:
    """N-CREATE for an order at one of our titles; its SOP Instance UID."""
    dataset, uid = in_progress((item(site, number),), "CT1"), str(generate_uid())
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    with dicom_peer.association(site.dicom.address, called=called) as peer:
        assert peer.send_n_create(dataset, ModalityPerformedProcedureStep, uid)[0].Status == SUCCESS
    return uid


def end(site: Broker, uid: str, called: str) -> int:
    """The status an N-SET COMPLETED is answered with."""
    series = dicom_peer.dataset(ProtocolName="Abdomen", SeriesInstanceUID="1.2.9", ReferencedImageSequence=[])
    ended = {"PerformedProcedureStepEndDate": "20300502", "PerformedProcedureStepEndTime": "101500"}
    told = {"PerformedProcedureStepStatus": "COMPLETED", "PerformedSeriesSequence": [series], **ended}
    with dicom_peer.association(site.dicom.address, called=called) as peer:
        return int(peer.send_n_set(dicom_peer.dataset(**told), ModalityPerformedProcedureStep, uid)[0].Status)


def seen(site: Broker, uid: str, called: str) -> int:
    """The status an N-GET is answered with."""
    with dicom_peer.association(site.dicom.address, called=called) as peer:
        return int(peer.send_n_get([], ModalityPerformedProcedureStepRetrieve, uid)[0].Status)


def listed(site: Broker, called: str) -> list[str]:
    """The accession numbers on a tenant's list."""
    *found, _ = dicom_peer.find(site.dicom.address, dicom_peer.dataset(AccessionNumber=""), called=called)
    return [str(answer.AccessionNumber) for _, answer in found if answer]


def test_a_report_to_one_tenant_is_kept_and_moves_no_exam_of_another(site: Broker) -> None:
    """Though a device of one tenant names the study, step and number of another's exam, that exam stays on its list."""
    uid = report(site, "A2", "NORTH")
    assert end(site, uid, "NORTH") == SUCCESS
    assert (listed(site, "NORTH"), listed(site, "SOUTH")) == (["A1"], ["A2", "A3"])
    assert end(site, report(site, "A2", "SOUTH"), "SOUTH") == SUCCESS
    assert listed(site, "SOUTH") == ["A3"]


def test_an_exam_without_references_is_looked_for_among_the_tenants_own(site: Broker) -> None:
    """Two tenants have an open exam of the same patient number, device and day; the report is for that of its own."""
    nothing = {"ScheduledStepAttributesSequence": [], "PerformedProcedureStepStartDate": "20300502"}
    uid = report(site, "A1", "SOUTH", **nothing, PerformedProcedureStepStartTime="093000")
    assert end(site, uid, "SOUTH") == SUCCESS
    assert (listed(site, "NORTH"), listed(site, "SOUTH")) == (["A1"], ["A3"])


def test_a_step_begun_at_one_tenant_cannot_be_ended_or_read_at_another(site: Broker) -> None:
    """To the neighbour the step is unknown; to its own tenant and to the whole site it is not."""
    uid = report(site, "A1", "NORTH")
    assert (seen(site, uid, "SOUTH"), end(site, uid, "SOUTH")) == (UNKNOWN, UNKNOWN)
    assert (seen(site, uid, "NORTH"), seen(site, uid, "SWF")) == (SUCCESS, SUCCESS)
    assert end(site, uid, "SWF") == SUCCESS
    assert listed(site, "NORTH") == []


def test_an_exam_begun_before_the_site_was_divided_goes_on_at_its_tenant(site: Broker) -> None:
    """What was reported to the whole site belongs to the tenant of its order, so nobody loses the end of an exam."""
    uid = report(site, "A1", "SWF")
    assert (end(site, uid, "SOUTH"), end(site, uid, "NORTH")) == (UNKNOWN, SUCCESS)


def test_a_notice_to_one_tenant_completes_nothing_of_another(site: Broker) -> None:
    """An archive that tells the wrong tenant of a study does not take its exam off the list."""
    for called, left in (("NORTH", ["A2", "A3"]), ("SOUTH", ["A2"])):
        with dicom_peer.association(site.dicom.address, "PACS", called=called) as peer:
            told = notice("1.2.3.3", {"1.2.1": "ONLINE"})
            answer = peer.send_n_create(told, InstanceAvailabilityNotification, generate_uid())[0]
        assert (answer.Status, listed(site, "SOUTH")) == (SUCCESS, left)

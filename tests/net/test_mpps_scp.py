"""What a modality reports, rightly and wrongly, and how it is answered (RAD-6, RAD-7; PS3.4 F.7, PS3.7 Annex C)."""

import copy
import io
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import build_role, dimse_primitives, dsutils, evt
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepNotification,
    ModalityPerformedProcedureStepRetrieve,
)

from swf.broker import Broker
from swf.dicom.mpps_table import SERIES
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality, in_progress
from swf.net import mllp_client
from tests.conftest import MakeBroker, settings_for
from tests.net import dicom_peer
from tests.net.dicom_peer import dataset

NOT_ALL, NO_SUCH_ATTRIBUTE, NO_SUCH_CLASS = 0x0001, 0x0105, 0x0118
SUCCESS, INVALID_VALUE, FAILURE, DUPLICATE, UNKNOWN = 0x0000, 0x0106, 0x0110, 0x0111, 0x0112
MALFORMED_UID, MISSING_ATTRIBUTE, MISSING_VALUE = 0x0117, 0x0120, 0x0121
NO_LONGER = 0xA710
ENDED = {"PerformedProcedureStepEndDate": "20261122", "PerformedProcedureStepEndTime": "101500"}
Edit: TypeAlias = Callable[[Dataset], object]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that tells nobody, for reports each with a number of its own."""
    measured = [{"ae_title": rules.upper(), "mpps": rules} for rules in ("strict", "lenient")]
    broker = Broker(settings_for(tmp_path_factory.mktemp("mpps"), modality=measured))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def report() -> Dataset:
    """A lawful N-CREATE for one step, which nobody scheduled."""
    step = dataset(
        ScheduledProcedureStepID="S1", ScheduledProcedureStepDescription="CT", ScheduledProtocolCodeSequence=[]
    )
    item = dataset(PatientName="DOE^JANE", PatientID="P1", StudyInstanceUID="1.2.3", AccessionNumber="A1")
    step.Modality = "CT"
    item.ScheduledProcedureStepSequence = [step]
    return in_progress((item,), "CT1")


def _series() -> Dataset:
    return dataset(ProtocolName="Abdomen", SeriesInstanceUID="1.2.3.4", ReferencedImageSequence=[])


def _ending(status: str = "COMPLETED", **changes: Any) -> Dataset:
    return dataset(
        **{"PerformedProcedureStepStatus": status, "PerformedSeriesSequence": [_series()], **ENDED, **changes}
    )


def _create(broker: Broker, report: Dataset, uid: str | None, **terms: Any) -> Dataset:
    with dicom_peer.association(broker.dicom.address, **terms) as peer:
        answer: Dataset = peer.send_n_create(report, ModalityPerformedProcedureStep, uid)[0]
    return answer


def _set(broker: Broker, changes: Dataset, uid: str, **terms: Any) -> Dataset:
    with dicom_peer.association(broker.dicom.address, **terms) as peer:
        answer: Dataset = peer.send_n_set(changes, ModalityPerformedProcedureStep, uid)[0]
    return answer


@pytest.fixture
def uid() -> str:
    """The SOP Instance UID of a report."""
    return str(generate_uid(prefix=None))


def _kept(broker: Broker, uid: str = "%") -> list[str]:
    """The status of a report, or of all, as a stranger with a connection of his own finds it in the database file."""
    with closing(sqlite3.connect(broker.settings.store.url.removeprefix("sqlite:///"))) as other:
        found = other.execute("SELECT status FROM performed_procedure_step WHERE sop_instance_uid LIKE ?", [uid])
        return [status for (status,) in found]


# ---- misuse ----


def _without(*keywords: str) -> Edit:
    return lambda made: [delattr(made, keyword) for keyword in keywords]


def _with(**values: Any) -> Edit:
    return lambda made: made.update(dataset(**values))


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        (_with(PerformedProcedureStepStatus="COMPLETED"), INVALID_VALUE),
        (_with(PerformedProcedureStepStatus="DISCONTINUED"), INVALID_VALUE),
        (_with(PerformedProcedureStepStatus="in progress"), INVALID_VALUE),
        (_with(PerformedProcedureStepStatus=""), MISSING_VALUE),
        (_with(PerformedStationAETitle=""), MISSING_VALUE),
        (_without("PerformedProcedureStepStatus"), MISSING_ATTRIBUTE),
        (_without("Modality", "PerformedProcedureStepID"), MISSING_ATTRIBUTE),
        (_without("PerformedProcedureStepStartDate"), MISSING_ATTRIBUTE),
    ],
)
def test_a_wrong_begin_is_refused_with_its_reason(
    site: Broker, report: Dataset, edit: Edit, uid: str, status: int
) -> None:
    """A report that breaks the standard is refused with the status the standard has for it, and leaves no trace."""
    made = copy.deepcopy(report)
    edit(made)
    answer = _create(site, made, uid)
    assert answer.Status == status
    assert answer.ErrorComment
    assert len(answer.ErrorComment) <= 64
    assert _kept(site, uid) == []


@pytest.mark.parametrize("malformed", ["1.2.03", "1..2", "1.2."])
def test_a_malformed_number_is_refused(site: Broker, report: Dataset, malformed: str) -> None:
    """A report under a number that is none is refused, since nobody could refer to it."""
    assert _create(site, report, malformed).Status == MALFORMED_UID
    assert _kept(site, malformed) == []


def test_what_is_missing_is_named(site: Broker, report: Dataset, uid: str) -> None:
    """The engineer reads in the answer which attributes the modality left out."""
    made = copy.deepcopy(report)
    _without("Modality", "PerformedProcedureStepID")(made)
    with dicom_peer.association(site.dicom.address) as peer:
        answers = _answers(peer)
        peer.send_n_create(made, ModalityPerformedProcedureStep, uid)
    (command,) = answers
    assert command.Status == MISSING_ATTRIBUTE
    assert list(command.AttributeIdentifierList) == [0x00400253, 0x00080060]


def _answers(peer: Any) -> list[Dataset]:
    """Collects the command sets that arrive, with what pynetdicom does not show."""
    found: list[Dataset] = []
    peer.bind(evt.EVT_DIMSE_RECV, lambda event: found.append(event.message.command_set))
    return found


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        (dataset(PerformedProcedureStepStatus="FINISHED"), INVALID_VALUE),
        (dataset(PerformedProcedureStepStatus=""), MISSING_VALUE),
        (dataset(PatientID="P2"), INVALID_VALUE),
        (dataset(PerformedStationAETitle="CT2"), INVALID_VALUE),
        (dataset(ScheduledStepAttributesSequence=[dataset(StudyInstanceUID="1.2.99")]), INVALID_VALUE),
        (dataset(PerformedProcedureStepStatus="COMPLETED"), MISSING_VALUE),
        (_ending(PerformedSeriesSequence=[]), MISSING_VALUE),
        (_ending(PerformedSeriesSequence=[dataset(ProtocolName="Abdomen")]), MISSING_VALUE),
        (_ending(PerformedProcedureStepEndTime=""), MISSING_VALUE),
        (_ending("DISCONTINUED", PerformedProcedureStepEndDate=""), MISSING_VALUE),
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(
    site: Broker, report: Dataset, uid: str, changes: Dataset, status: int
) -> None:
    """An exam is not ended by half a report; a right one can still follow."""
    assert _create(site, report, uid).Status == SUCCESS
    answer = _set(site, changes, uid)
    assert (answer.Status, "ErrorID" in answer) == (status, False)
    assert _kept(site, uid) == ["IN PROGRESS"]
    assert _set(site, _ending(), uid).Status == SUCCESS
    assert _kept(site, uid) == ["COMPLETED"]


def test_what_was_never_begun_cannot_be_changed(site: Broker, uid: str) -> None:
    """A modality that lost its begin is told so."""
    assert _set(site, _ending(), uid).Status == UNKNOWN


@pytest.mark.parametrize("end", ["COMPLETED", "DISCONTINUED"])
@pytest.mark.parametrize("late", ["IN PROGRESS", "COMPLETED", "DISCONTINUED"])
def test_what_has_ended_stays_ended(site: Broker, report: Dataset, uid: str, end: str, late: str) -> None:
    """A finished exam is closed: whatever the modality sends afterwards is refused with the reason the standard names."""
    assert _create(site, report, uid).Status == SUCCESS
    assert _set(site, _ending(end), uid).Status == SUCCESS
    answer = _set(site, _ending(late), uid)
    assert (answer.Status, answer.ErrorID) == (FAILURE, NO_LONGER)
    assert answer.ErrorComment == "Performed Procedure Step Object may no longer be updated"
    assert _kept(site, uid) == [end]


def test_the_same_begin_twice_is_told_apart(site: Broker, report: Dataset, uid: str) -> None:
    """A modality that repeats its begin learns that it exists; the first one stays."""
    assert _create(site, report, uid).Status == SUCCESS
    other = copy.deepcopy(report)
    other.PatientID = "P2"
    assert [_create(site, made, uid).Status for made in (report, other)] == [DUPLICATE, DUPLICATE]
    assert _kept(site, uid) == ["IN PROGRESS"]


def test_the_same_begin_at_the_same_time(make_broker: MakeBroker, report: Dataset, uid: str, store_url: str) -> None:
    """Of several connections that report the same begin at once, exactly one is the first."""
    broker = make_broker(store={"url": store_url})
    gate = threading.Barrier(4)
    statuses: list[int] = []

    def begin() -> None:
        with dicom_peer.association(broker.dicom.address) as peer:
            gate.wait(dicom_peer.TIMEOUT_S)
            statuses.append(peer.send_n_create(report, ModalityPerformedProcedureStep, uid)[0].Status)

    modalities = [threading.Thread(target=begin) for _ in range(4)]
    for modality in modalities:
        modality.start()
    for modality in modalities:
        modality.join()
    assert sorted(statuses) == [SUCCESS, DUPLICATE, DUPLICATE, DUPLICATE]


# ---- what is lawful ----


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_a_report_is_on_disk_before_it_is_answered(site: Broker, report: Dataset, uid: str, syntax: str) -> None:
    """Once the modality has its answer, the report is in the database for everybody, in either transfer syntax."""
    assert _create(site, report, uid, syntaxes=[syntax]).Status == SUCCESS
    assert _kept(site, uid) == ["IN PROGRESS"]
    assert _set(site, dataset(PerformedProcedureStepDescription="more"), uid, syntaxes=[syntax]).Status == SUCCESS
    assert _kept(site, uid) == ["IN PROGRESS"]
    assert _set(site, _ending(), uid, syntaxes=[syntax]).Status == SUCCESS
    assert _kept(site, uid) == ["COMPLETED"]


def test_a_report_without_a_number_gets_one(site: Broker, report: Dataset) -> None:
    """A modality that leaves the instance UID to the broker is told it, and can go on with it."""
    with dicom_peer.association(site.dicom.address) as peer:
        answers = _answers(peer)
        assert peer.send_n_create(report, ModalityPerformedProcedureStep, None)[0].Status == SUCCESS
    uid = str(answers[-1].AffectedSOPInstanceUID)
    assert UID(uid).is_valid
    assert _set(site, _ending(), uid).Status == SUCCESS
    assert _kept(site, uid) == ["COMPLETED"]


def test_a_wrong_report_without_a_number_is_refused_too(site: Broker, report: Dataset) -> None:
    """Leaving out the number does not spare a modality the rules."""
    made = copy.deepcopy(report)
    del made.Modality
    before = _kept(site)
    assert _create(site, made, None).Status == MISSING_ATTRIBUTE
    assert _kept(site) == before


def test_both_roles_are_accepted(site: Broker) -> None:
    """A modality that negotiates the roles of the procedure step service gets both, as the standard demands."""
    role = build_role(ModalityPerformedProcedureStep, scu_role=True, scp_role=True)
    with dicom_peer.association(site.dicom.address, negotiation=[role]) as peer:
        (context,) = [each for each in peer.accepted_contexts if each.abstract_syntax == ModalityPerformedProcedureStep]
        assert (context.as_scu, context.as_scp) == (True, True)


@pytest.mark.parametrize(
    "edit",
    [
        _without("ScheduledStepAttributesSequence"),
        _with(ScheduledStepAttributesSequence=[]),
        _with(ScheduledStepAttributesSequence=[dataset(StudyInstanceUID="1.2.77", AccessionNumber="")]),
        _with(PatientID="", PatientName="", PatientBirthDate="", PatientSex=""),
        _without("StudyID", "ProcedureCodeSequence", "PerformedProtocolCodeSequence", "PerformedStationName"),
        _with(PatientBirthDate="1933-03-03", PatientName="X" * 80, AccessionNumber="A" * 30, PatientSex="female"),
        _with(SpecificCharacterSet="ISO_IR 100", PatientName="M\u00fcller^J\u00fcrgen"),
    ],
    ids=["no reference", "no item", "unscheduled", "nobody", "type 2 absent", "odd values", "Latin-1"],
)
def test_a_report_is_never_refused_for_what_it_is_about(site: Broker, report: Dataset, uid: str, edit: Edit) -> None:
    """An exam that was really done is kept, even when nobody can say yet for which order and which patient."""
    made = copy.deepcopy(report)
    edit(made)
    assert _create(site, made, uid).Status == SUCCESS
    assert _set(site, _ending(), uid).Status == SUCCESS
    assert _kept(site, uid) == ["COMPLETED"]


def test_a_change_without_changes_is_answered(site: Broker, report: Dataset, uid: str) -> None:
    """A modality that sends N-SET without any list of changes hears at once that nothing was wrong with it."""
    assert _create(site, report, uid).Status == SUCCESS
    request = dimse_primitives.N_SET()
    request.MessageID, request.RequestedSOPInstanceUID = 7, UID(uid)
    request.RequestedSOPClassUID = ModalityPerformedProcedureStep
    with dicom_peer.association(site.dicom.address) as peer:
        answer = dicom_peer.exchange(peer, ModalityPerformedProcedureStep, request)
    assert (answer.Status, answer.MessageIDBeingRespondedTo) == (SUCCESS, 7)
    assert _kept(site, uid) == ["IN PROGRESS"]


def test_another_class_is_not_created(site: Broker, report: Dataset, uid: str) -> None:
    """A request for another kind of object than a performed step is refused as that."""
    request = dimse_primitives.N_CREATE()
    request.MessageID, request.AffectedSOPInstanceUID = 7, UID(uid)
    request.AffectedSOPClassUID = ModalityPerformedProcedureStepNotification
    request.AttributeList = io.BytesIO(dsutils.encode(report, True, True) or b"")
    with dicom_peer.association(site.dicom.address) as peer:
        assert dicom_peer.exchange(peer, ModalityPerformedProcedureStep, request).Status == NO_SUCH_CLASS
    assert _kept(site, uid) == []


# ---- strict and lenient modalities ----


def test_a_strict_modality_is_held_to_the_letter(site: Broker, report: Dataset, uid: str) -> None:
    """Of a device that is to be certified nothing is overlooked: each fault is answered with its own status."""
    made = copy.deepcopy(report)
    made.ReferencedPatientSequence = []
    assert _create(site, report, None, title="STRICT").Status == MALFORMED_UID
    del made.StudyID
    assert _create(site, made, uid, title="STRICT").Status == MISSING_ATTRIBUTE
    made.StudyID = ""
    assert _create(site, made, uid, title="STRICT").Status == SUCCESS
    with dicom_peer.association(site.dicom.address, title="STRICT") as peer:
        answers = _answers(peer)
        late = dataset(PerformedProcedureStepDescription="more", BodyPartExamined="HEAD")
        peer.send_n_set(late, ModalityPerformedProcedureStep, uid)
    assert (answers[-1].Status, answers[-1].AttributeIdentifierList) == (NO_SUCH_ATTRIBUTE, 0x00180015)
    assert _set(site, dataset(PatientID="P1"), uid, title="STRICT").Status == INVALID_VALUE
    assert _set(site, _ending(), uid, title="STRICT").Status == MISSING_VALUE
    whole = _ending(PerformedSeriesSequence=[_whole_series()])
    assert _set(site, whole, uid, title="STRICT").Status == SUCCESS


def _whole_series() -> Dataset:
    series = _series()
    for keyword in ("PerformingPhysicianName", "OperatorsName", "SeriesDescription", "RetrieveAETitle"):
        setattr(series, keyword, "")
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    return series


def test_a_lenient_modality_is_refused_nothing_that_can_be_understood(site: Broker, report: Dataset, uid: str) -> None:
    """An old device that cannot do better reports its exam, repeats itself after a lost answer, and all is written down."""
    made = copy.deepcopy(report)
    _without("PerformedProcedureStepStatus", "Modality", "ScheduledStepAttributesSequence")(made)
    assert [_create(site, made, uid, title="LENIENT").Status for _ in range(2)] == [SUCCESS, SUCCESS]
    other = copy.deepcopy(made)
    other.PatientID = "P2"
    assert _create(site, other, uid, title="LENIENT").Status == DUPLICATE
    half = dataset(PerformedProcedureStepStatus="completed")
    assert [_set(site, half, uid, title="LENIENT").Status for _ in range(2)] == [SUCCESS, SUCCESS]
    assert _kept(site, uid) == ["COMPLETED"]
    news = dataset(PerformedProcedureStepDescription="something else")
    assert (_set(site, news, uid, title="LENIENT").ErrorID) == NO_LONGER
    told = _journalled(site, uid)
    assert [text for text in told if "0x0" in text] == ["0x0111", "0x0110"]
    assert "Modality is absent (type 1)" in told
    assert f"{SERIES} is missing although the step has ended" in told
    assert told.count("the modality said the same once more") == 2


def test_a_name_in_other_bytes_than_declared_keeps_them(site: Broker, report: Dataset, uid: str) -> None:
    """No letter of a patient's name is lost to a wrong declaration; an operator is told, and who is strict is refused."""
    made = copy.deepcopy(report)
    made.PatientName, made.SpecificCharacterSet = "Müller", "ISO_IR 100"
    raw = dsutils.encode(made, True, True)
    assert raw is not None
    for title, status in (("STRICT", INVALID_VALUE), ("CT1", SUCCESS)):
        request = dimse_primitives.N_CREATE()
        request.MessageID, request.AffectedSOPInstanceUID = 7, UID(uid)
        request.AffectedSOPClassUID = ModalityPerformedProcedureStep
        request.AttributeList = io.BytesIO(raw.replace(b"ISO_IR 100", b"ISO_IR 192"))
        with dicom_peer.association(site.dicom.address, title, syntaxes=[ImplicitVRLittleEndian]) as peer:
            assert dicom_peer.exchange(peer, ModalityPerformedProcedureStep, request).Status == status
    with dicom_peer.association(site.dicom.address) as peer:
        _, found = peer.send_n_get([0x00100010], ModalityPerformedProcedureStepRetrieve, uid)
    assert found.PatientName == "Müller"
    assert "PatientName is not in the character set the report declares" in " ".join(_journalled(site, uid))


def _journalled(broker: Broker, uid: str) -> list[str]:
    """The warnings about a report, and the statuses of its refusals, as an operator finds them."""
    with closing(sqlite3.connect(broker.settings.store.url.removeprefix("sqlite:///"))) as other:
        found = other.execute("SELECT detail FROM journal WHERE event IN ('warning', 'mpps refused') ORDER BY id")
        details = [json.loads(detail) for (detail,) in found]
    return [str(detail.get("status") or detail["text"]) for detail in details if detail["mpps"] == uid]


# ---- what others may read ----


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_a_report_can_be_read_by_others(site: Broker, report: Dataset, uid: str, syntax: str) -> None:
    """An archive asks for a step by its number and gets it as it stands, or the part it wants."""
    made = copy.deepcopy(report)
    made.SpecificCharacterSet, made.PatientName = "ISO_IR 100", "M\u00fcller^J\u00fcrgen"
    assert _create(site, made, uid).Status == SUCCESS
    with dicom_peer.association(site.dicom.address, syntaxes=[syntax]) as peer:
        status, whole = peer.send_n_get([], ModalityPerformedProcedureStepRetrieve, uid)
        assert (status.Status, whole.PatientName, whole.SpecificCharacterSet) == (
            SUCCESS,
            "M\u00fcller^J\u00fcrgen",
            "ISO_IR 192",
        )
        assert whole.ScheduledStepAttributesSequence[0].AccessionNumber == "A1"
        status, part = peer.send_n_get([0x00400252, 0x00380060], ModalityPerformedProcedureStepRetrieve, uid)
        assert (status.Status, part.PerformedProcedureStepStatus, part.ServiceEpisodeID) == (SUCCESS, "IN PROGRESS", "")
        assert "PatientName" not in part
        status, part = peer.send_n_get([0x00100020, 0x00080080], ModalityPerformedProcedureStepRetrieve, uid)
        assert (status.Status, part.PatientID) == (NOT_ALL, "P1")
        status, nothing = peer.send_n_get([], ModalityPerformedProcedureStepRetrieve, "1.2.3.4.5.6")
        assert (status.Status, nothing) == (UNKNOWN, None)


# ---- when the store fails ----


def test_a_report_that_cannot_be_kept_is_not_confirmed(
    make_broker: MakeBroker, mis: Mis, uid: str, tmp_path: Path
) -> None:
    """While the disk refuses, the modality hears "processing failure", nothing half is kept, and its next try works."""
    broker = make_broker(mis)
    order = his.Order()
    mllp_client.exchange(*broker.hl7.address, his.order_orm(order), 10)
    scanner = Modality(*broker.dicom.address, "CT1")
    (item,) = scanner.query(AccessionNumber=order.accession)
    made = in_progress((item,), "CT1")
    _refuse_journal(tmp_path, refuse=True)
    answer = _create(broker, made, uid)
    assert (answer.Status, "ErrorID" in answer) == (FAILURE, False)
    assert _kept(broker, uid) == []
    _refuse_journal(tmp_path, refuse=False)
    assert _create(broker, made, uid).Status == SUCCESS
    _refuse_journal(tmp_path, refuse=True)
    assert _set(broker, _ending(), uid).Status == FAILURE
    assert _kept(broker, uid) == ["IN PROGRESS"]
    assert [found.AccessionNumber for found in scanner.query()] == [order.accession]
    _refuse_journal(tmp_path, refuse=False)
    assert _set(broker, _ending(), uid).Status == SUCCESS
    # What was delivered while that could not be noted comes once more, under the same number.
    assert mis.wait_for(lambda received: len({each.control_id for each in received}) == 4)
    told = {each.control_id: each.type for each in mis.received}
    assert list(told.values()) == ["ORM^O01", "ORU^R01", "ORM^O01", "ORU^R01"]


def _refuse_journal(folder: Path, *, refuse: bool) -> None:
    """Let the database itself fail late in every transaction, as a full disk would; or no longer."""
    with closing(sqlite3.connect(folder / "swf.db", timeout=10)) as other:
        if refuse:
            raising = "BEGIN SELECT RAISE(FAIL, 'the disk refuses'); END"
            other.execute(f"CREATE TRIGGER refusing BEFORE INSERT ON journal {raising}")
        else:
            other.execute("DROP TRIGGER refusing")
        other.commit()

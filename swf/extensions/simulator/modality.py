"""A modality: asks the worklist and reports what it does (RAD-5 C-FIND, RAD-6 N-CREATE, RAD-7 N-SET; PS3.4 Annexes F, K)."""

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, _config, dsutils
from pynetdicom.dimse_primitives import N_SET
from pynetdicom.sop_class import (
    CTImageStorage,
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    Verification,
)

from swf import clock, errors

# By default pynetdicom writes every identifier, patient's name included, into the log.
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
# What it has to say reaches the caller as an error; without this, Python prints it to standard error as well.
logging.getLogger("pynetdicom").addHandler(logging.NullHandler())
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

SUCCESS = 0x0000
PENDING = (0xFF00, 0xFF01)
CANCELLED = 0xFE00
_QUERY = 1
TIMEOUT_S = 30.0
_REST_S, _LOOK_S = 1.0, 0.0005

# The return keys a scanner asks for (PS3.4 Table K.6-1).
KEYS = (
    "AccessionNumber",
    "ReferringPhysicianName",
    "ReferencedStudySequence",
    "ReferencedPatientSequence",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientWeight",
    "MedicalAlerts",
    "Allergies",
    "PregnancyStatus",
    "StudyInstanceUID",
    "RequestingPhysician",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "AdmissionID",
    "SpecialNeeds",
    "CurrentPatientLocation",
    "PatientState",
    "RequestedProcedureID",
    "RequestedProcedurePriority",
    "PatientTransportArrangements",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
    "ConfidentialityConstraintOnPatientDataDescription",
)
STEP_KEYS = (
    "Modality",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "ScheduledPerformingPhysicianName",
    "ScheduledProcedureStepDescription",
    "ScheduledProtocolCodeSequence",
    "ScheduledProcedureStepID",
    "ScheduledStationName",
    "ScheduledProcedureStepLocation",
    "PreMedication",
    "RequestedContrastAgent",
    "ScheduledProcedureStepStatus",
)
# What MPPS takes over from the worklist item (PS3.4 Table F.7.2-1; RAD TF-2 Appendix A), first its top level ...
FROM_PATIENT = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
)
# ... then each item of Scheduled Step Attributes: from the item itself and from its scheduled step.
FROM_ITEM = (
    "StudyInstanceUID",
    "ReferencedStudySequence",
    "AccessionNumber",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)
FROM_STEP = ("ScheduledProcedureStepID", "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence")
# Present without value until the end; what N-CREATE leaves out, N-SET may not bring (PS3.4 F.7.2.2.2).
EMPTY_AT_START = (
    "PerformedStationName",
    "PerformedLocation",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "PerformedProcedureTypeDescription",
    "PerformedProcedureStepDiscontinuationReasonCodeSequence",
    "CommentsOnThePerformedProcedureStep",
    "PerformedSeriesSequence",
)
# Of CID 9301.
REASONS = {
    "110500": "Doctor canceled procedure",
    "110501": "Equipment failure",
    "110505": "Patient refused to continue procedure",
    "110513": "Discontinued for unspecified reason",
    "110514": "Incorrect worklist entry selected",
}


class Modality:
    """One scanner. It remembers what it has begun, so that `complete` can tell the protocol and the physician."""

    def __init__(self, host: str, port: int, ae_title: str, called: str = "SWF") -> None:
        self.ae_title = ae_title
        self._address = (host, port)
        self._called = called
        self._begun: dict[str, Dataset] = {}

    def echo(self) -> float:
        """C-ECHO on an association of its own; how many milliseconds it all took. Raises PeerError."""
        started = time.monotonic()
        with self._association(Verification) as association:
            _require(association.send_c_echo(), "C-ECHO")
        return (time.monotonic() - started) * 1000

    def query(self, **keys: str) -> list[Dataset]:
        """The worklist items that match `keys`, named by DICOM keyword; every usual return key is asked for (RAD-5).

        Raises PeerError with the DIMSE status.
        """
        return self.ask(worklist_query(**keys))

    def ask(self, identifier: Dataset) -> list[Dataset]:
        """The worklist items that match any identifier. Raises PeerError with the DIMSE status."""
        with self._association(ModalityWorklistInformationFind) as association:
            return list(_matches(association, identifier))

    def break_off(self, identifier: Dataset, *, politely: bool) -> int:
        """Ask, and after the first item send C-CANCEL, or abort the association; how many items came all the same.

        Raises PeerError with the DIMSE status when the end is neither success nor a cancellation.
        """
        came = 0
        with self._association(ModalityWorklistInformationFind) as association:
            for response, _ in association.send_c_find(identifier, ModalityWorklistInformationFind, msg_id=_QUERY):
                status = _status(response, "C-FIND")
                came += status in PENDING
                if status not in PENDING and status != CANCELLED:
                    _succeeded(status, "C-FIND")
                if came and not politely:
                    association.abort()
                    break
                if came == 1 and status in PENDING:
                    association.send_c_cancel(_QUERY, query_model=ModalityWorklistInformationFind)
        return came

    def begin(self, *items: Dataset) -> str:
        """N-CREATE in progress for one worklist item or, as a group, for several; its SOP Instance UID (RAD-6).

        Raises PeerRefused with the DIMSE status.
        """
        uid = str(generate_uid(prefix=None))
        dataset = in_progress(items, self.ae_title)
        status, _ = self.create(uid, dataset)
        _succeeded(status, "N-CREATE")
        self.remember(uid, dataset)
        return uid

    def complete(self, uid: str, images: int = 2) -> None:
        """N-SET COMPLETED with one series of `images` images (RAD-7). Raises PeerRefused with the DIMSE status."""
        status, _ = self.set(uid, self.final(uid, "COMPLETED", images))
        _succeeded(status, "N-SET")

    def discontinue(self, uid: str, reason: str = "110513") -> None:
        """N-SET DISCONTINUED for a `reason` of CID 9301 and no images (RAD-7). Raises PeerRefused."""
        dataset = self.final(uid, "DISCONTINUED", 0)
        dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = [coded(reason, "DCM", REASONS[reason])]
        status, _ = self.set(uid, dataset)
        _succeeded(status, "N-SET")

    def remember(self, uid: str, dataset: Dataset) -> None:
        """What was begun by `create`, so that `final` can tell of it."""
        self._begun[uid] = dataset

    def create(self, uid: str, dataset: Dataset) -> tuple[int, Dataset]:
        """N-CREATE of any dataset, right or wrong: the DIMSE status and the whole response without its data set."""
        with self._association(ModalityPerformedProcedureStep) as association:
            response, _ = association.send_n_create(dataset, ModalityPerformedProcedureStep, uid or None)
            return _status(response, "N-CREATE"), response

    def set(self, uid: str, dataset: Dataset) -> tuple[int, Dataset]:
        """N-SET of any dataset, right or wrong: the DIMSE status and the whole response without its data set."""
        with self._association(ModalityPerformedProcedureStep) as association:
            response, _ = association.send_n_set(dataset, ModalityPerformedProcedureStep, uid)
            return _status(response, "N-SET"), response

    def set_and_hang_up(self, uid: str, dataset: Dataset) -> None:
        """N-SET whose answer nobody waits for: the association is aborted once the request is out."""
        with self._association(ModalityPerformedProcedureStep) as association:
            request = N_SET()
            request.MessageID, request.RequestedSOPClassUID = 1, ModalityPerformedProcedureStep
            request.RequestedSOPInstanceUID = uid
            context = association.accepted_contexts[0]
            syntax = context.transfer_syntax[0]
            request.ModificationList = BytesIO(
                dsutils.encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian) or b""
            )
            association.dimse.send_msg(request, context.context_id)
            association.abort()

    def final(self, uid: str, status: str, images: int) -> Dataset:
        """What N-SET says at the end of an exam this modality began (PS3.4 Table F.7.2-1, column N-SET)."""
        begun = self._begun.get(uid, Dataset())
        dataset = Dataset()
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PerformedProcedureStepStatus = status
        dataset.PerformedProcedureStepEndDate, dataset.PerformedProcedureStepEndTime = _date_and_time()
        protocol = begun.get("PerformedProcedureStepDescription") or "Simulated"
        dataset.PerformedSeriesSequence = [_series(str(protocol), self.ae_title, images)]
        return dataset

    @contextlib.contextmanager
    def _association(self, sop_class: UID) -> Iterator[Any]:
        entity = AE(ae_title=self.ae_title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
        entity.add_requested_context(sop_class)
        association = entity.associate(*self._address, ae_title=self._called)
        connection = association.dul.socket.socket
        try:
            if not association.is_established:
                host, port = self._address
                raise errors.PeerUnreachable(
                    f"{self._called} at {host}:{port} accepted no association with {self.ae_title}"
                )
            _let_it_settle(association)
            yield association
        finally:
            association.release()
            # pynetdicom forgets to when the other side was faster
            if connection is not None:
                connection.close()


def _let_it_settle(association: Any) -> None:
    """Wait until pynetdicom's own reader is really at rest.

    It calls itself paused a moment before it is, and then takes an answer for itself and throws it away.
    """
    checkpoint = association._reactor_checkpoint  # noqa: SLF001
    checkpoint.clear()
    until = time.monotonic() + _REST_S
    while association.is_alive() and not checkpoint._cond._waiters and time.monotonic() < until:  # noqa: SLF001
        time.sleep(_LOOK_S)


def worklist_query(**keys: str) -> Dataset:
    """A C-FIND identifier with every return key of a usual scanner and `keys` as matching keys (PS3.4 K.4.1.1)."""
    step = Dataset()
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _put(dataset, KEYS, keys)
    _put(step, STEP_KEYS, keys)
    unknown = keys.keys() - {*KEYS, *STEP_KEYS}
    _put(dataset, tuple(unknown), keys)
    dataset.ScheduledProcedureStepSequence = [step]
    return dataset


def in_progress(items: tuple[Dataset, ...], ae_title: str) -> Dataset:
    """What N-CREATE sends for worklist `items` of one patient (PS3.4 Table F.7.2-1, column N-CREATE)."""
    first = items[0]
    step = first.ScheduledProcedureStepSequence[0]
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    _copy(first, dataset, FROM_PATIENT)
    dataset.ScheduledStepAttributesSequence = [_scheduled_step(item) for item in items]
    _put(dataset, EMPTY_AT_START, {})
    dataset.PerformedProcedureStepID = f"PPS{secrets.token_hex(4).upper()}"
    dataset.PerformedStationAETitle = ae_title
    dataset.PerformedProcedureStepStartDate, dataset.PerformedProcedureStepStartTime = _date_and_time()
    dataset.PerformedProcedureStepStatus = "IN PROGRESS"
    dataset.PerformedProcedureStepDescription = step.get("ScheduledProcedureStepDescription", "")
    dataset.ProcedureCodeSequence = first.get("RequestedProcedureCodeSequence", [])
    dataset.Modality = step.Modality
    dataset.StudyID = first.get("RequestedProcedureID", "")
    dataset.PerformedProtocolCodeSequence = step.get("ScheduledProtocolCodeSequence", [])
    return dataset


def _scheduled_step(item: Dataset) -> Dataset:
    scheduled = Dataset()
    _copy(item, scheduled, FROM_ITEM)
    _copy(item.ScheduledProcedureStepSequence[0], scheduled, FROM_STEP)
    return scheduled


def _series(protocol: str, ae_title: str, images: int) -> Dataset:
    series = Dataset()
    series.PerformingPhysicianName = "DOC^SIM"
    series.ProtocolName = protocol
    series.OperatorsName = "TECH^SIM"
    series.SeriesInstanceUID = generate_uid(prefix=None)
    series.SeriesDescription = protocol
    series.RetrieveAETitle = ae_title
    series.ReferencedImageSequence = [_image() for _ in range(images)]
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    return series


def _image() -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = CTImageStorage
    image.ReferencedSOPInstanceUID = generate_uid(prefix=None)
    return image


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """The item of a code sequence."""
    code = Dataset()
    code.CodeValue = value
    code.CodingSchemeDesignator = scheme
    code.CodeMeaning = meaning
    return code


def _put(dataset: Dataset, keywords: tuple[str, ...], values: dict[str, str]) -> None:
    for keyword in keywords:
        setattr(dataset, keyword, values.get(keyword, [] if keyword.endswith("Sequence") else None))


def _copy(source: Dataset, target: Dataset, keywords: tuple[str, ...]) -> None:
    for keyword in keywords:
        setattr(target, keyword, source.get(keyword, [] if keyword.endswith("Sequence") else None))


def _date_and_time() -> tuple[str, str]:
    now = clock.local(clock.now())
    return now.strftime("%Y%m%d"), now.strftime("%H%M%S")


def _matches(association: Any, query: Dataset) -> Iterator[Dataset]:
    for response, identifier in association.send_c_find(query, ModalityWorklistInformationFind):
        if _status(response, "C-FIND") in PENDING:
            yield identifier
        else:
            _require(response, "C-FIND")


def _status(response: Dataset, request: str) -> int:
    if "Status" not in response:
        raise errors.PeerSilent(f"no response to {request} within {TIMEOUT_S:g} s")
    return int(response.Status)


def _require(response: Dataset, request: str) -> None:
    _succeeded(_status(response, request), request)


def _succeeded(status: int, request: str) -> None:
    if status != SUCCESS:
        raise errors.PeerRefused(f"{request} was answered with status 0x{status:04X}", ack_code=f"0x{status:04X}")

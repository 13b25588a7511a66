"""What a performed procedure step says: stored, read back, summed up (RAD-6, RAD-7; PS3.4 F.7.2, PS3.3 C.4.13 to C.4.16).

The rules of N-CREATE and N-SET are in `mpps_rules`, what people want to see of a step in `mpps_details`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from swf.dicom import encoding, matching, reading
from swf.dicom.mpps_rules import in_unicode
from swf.dicom.mpps_table import IMAGES, KEYWORDS, OTHER_INSTANCES, SCHEDULED_STEPS, SERIES, STATUS


@dataclass(frozen=True, slots=True)
class Reference:
    """One item of the Scheduled Step Attributes Sequence: which scheduled step was performed."""

    study_instance_uid: str
    accession_number: str
    requested_procedure_id: str
    step_id: str
    placer_order_number: str
    filler_order_number: str


@dataclass(frozen=True, slots=True)
class Series:
    """One performed series: how many images it names, and how many other objects (presentation states, reports)."""

    series_instance_uid: str
    protocol: str
    images: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step was discontinued, as a code (PS3.16 CID 9300)."""

    code: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What the rest of the broker needs to know of a performed step; "" and None where the modality does not say."""

    status: str
    sop_instance_uid: str
    performed_step_id: str
    performed_station: str
    modality: str
    description: str
    started: datetime | None
    ended: datetime | None
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    study_instance_uids: tuple[str, ...]
    series: tuple[Series, ...]
    discontinuation_reason: Reason | None


def encode(dataset: Dataset) -> bytes:
    """The bytes of a performed step as it is stored: Explicit VR Little Endian, ISO_IR 192."""
    return encode_unicode(in_unicode(dataset))


def encode_unicode(dataset: Dataset) -> bytes:
    """The same, of a dataset that `in_unicode` or `merge` has made."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def decode(stored: bytes) -> Dataset:
    """The performed step of stored bytes."""
    return read_dataset(BytesIO(stored), is_implicit_VR=False, is_little_endian=True)


def references(dataset: Dataset) -> list[Reference]:
    """Which scheduled steps were performed, one for each item that says anything; none when unscheduled."""
    return [
        Reference(
            study_instance_uid=reading.text(item, "StudyInstanceUID"),
            accession_number=reading.text(item, "AccessionNumber"),
            requested_procedure_id=reading.text(item, "RequestedProcedureID"),
            step_id=reading.text(item, "ScheduledProcedureStepID"),
            placer_order_number=reading.text(item, "PlacerOrderNumberImagingServiceRequest"),
            filler_order_number=reading.text(item, "FillerOrderNumberImagingServiceRequest"),
        )
        for item in reading.places(dataset, SCHEDULED_STEPS)
    ]


def summary(dataset: Dataset) -> Summary:
    """What a performed step says of itself."""
    studies = [reading.text(item, "StudyInstanceUID") for item in reading.items(dataset, SCHEDULED_STEPS)]
    return Summary(
        status=reading.text(dataset, STATUS),
        sop_instance_uid=reading.text(dataset, "SOPInstanceUID"),
        performed_step_id=reading.text(dataset, "PerformedProcedureStepID"),
        performed_station=reading.text(dataset, "PerformedStationAETitle"),
        modality=reading.text(dataset, "Modality"),
        description=reading.text(dataset, "PerformedProcedureStepDescription"),
        started=_moment(dataset, "PerformedProcedureStepStart"),
        ended=_moment(dataset, "PerformedProcedureStepEnd"),
        patient_id=reading.text(dataset, "PatientID"),
        issuer_of_patient_id=reading.text(dataset, "IssuerOfPatientID"),
        patient_name=reading.text(dataset, "PatientName"),
        study_instance_uids=tuple(dict.fromkeys(study for study in studies if study)),
        series=tuple(
            _series(item) for item in reading.items(dataset, SERIES) if reading.valued(item, "SeriesInstanceUID")
        ),
        discontinuation_reason=_reason(dataset),
    )


def _series(item: Dataset) -> Series:
    return Series(
        series_instance_uid=reading.text(item, "SeriesInstanceUID"),
        protocol=reading.text(item, "ProtocolName"),
        images=len(reading.items(item, "ReferencedImageSequence")),
        others=len(reading.items(item, "ReferencedNonImageCompositeSOPInstanceSequence")),
    )


def _reason(dataset: Dataset) -> Reason | None:
    for item in reading.items(dataset, "PerformedProcedureStepDiscontinuationReasonCodeSequence"):
        if reading.valued(item, "CodeValue"):
            return Reason(
                reading.text(item, "CodeValue"),
                reading.text(item, "CodingSchemeDesignator"),
                reading.text(item, "CodeMeaning"),
            )
    return None


def _moment(dataset: Dataset, prefix: str) -> datetime | None:
    """Local time as the modality gives it; None unless date and time can both be read."""
    day, time = reading.text(dataset, f"{prefix}Date"), reading.text(dataset, f"{prefix}Time")
    try:
        return datetime.strptime(matching.normal("DA", day) + matching.normal("TM", time), "%Y%m%d%H%M%S")
    except ValueError:
        return None


def instances(dataset: Dataset) -> Iterator[str]:
    """The SOP Instance UID of every image and other object the step names."""
    for path in (IMAGES, OTHER_INSTANCES):
        yield from (
            uid for item in reading.places(dataset, path) if (uid := reading.text(item, "ReferencedSOPInstanceUID"))
        )


def retrieved(stored: bytes, tags: Iterable[int]) -> tuple[Dataset, bool]:
    """What N-GET of these `tags` answers, all of the step when there are none; whether nothing was asked for in vain.

    An attribute of table F.7.2-1 that the modality never sent is there without a value (PS3.4 F.8.2.1).
    """
    step = decode(stored)
    wanted = set(tags)
    if not wanted:
        return step, True
    held = Dataset()
    for tag in {encoding.SPECIFIC_CHARACTER_SET, *wanted} & set(step.keys()):
        held[tag] = step[tag]
    for tag in wanted - set(step.keys()):
        if (keyword := keyword_for_tag(tag)) in KEYWORDS:
            setattr(held, keyword, None)
    return held, wanted <= set(held.keys())

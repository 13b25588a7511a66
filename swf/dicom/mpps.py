"""What N-CREATE and N-SET of a Modality Performed Procedure Step must, may and must not carry (RAD-6, RAD-7).

PS3.4 F.7.2: table F.7.2-1 as data, the checks that read it, the merge of an N-SET, storage and a summary.
Type 1 is demanded; what else real modalities leave out becomes a warning, because a refused report is a lost one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Any, Literal, NamedTuple, TypeAlias

from pydicom import datadict
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

from swf import errors
from swf.dicom import charset, encoding, matching, status, terms

OnCreate: TypeAlias = Literal["1", "2", "3"]
OnSet: TypeAlias = Literal["-", "1", "2", "3"]

STATUS = "PerformedProcedureStepStatus"
SCHEDULED_STEPS = "ScheduledStepAttributesSequence"
SERIES = "PerformedSeriesSequence"


class PerformedAttribute(NamedTuple):
    """A row of table F.7.2-1; `on_set` is `-` where N-SET may not change it, `at_end` where the end needs a value."""

    keyword: str
    path: str
    on_create: OnCreate
    on_set: OnSet
    at_end: bool = False


def _at(
    path: str, *rows: tuple[str, OnCreate, OnSet] | tuple[str, OnCreate, OnSet, bool]
) -> tuple[PerformedAttribute, ...]:
    return tuple(PerformedAttribute(row[0], path, *row[1:]) for row in rows)


TABLE: tuple[PerformedAttribute, ...] = (
    # Performed Procedure Step Relationship
    *_at("", (SCHEDULED_STEPS, "1", "-")),
    *_at(
        SCHEDULED_STEPS,
        ("StudyInstanceUID", "1", "-"),
        ("ReferencedStudySequence", "2", "-"),
        ("AccessionNumber", "2", "-"),
        ("IssuerOfAccessionNumberSequence", "3", "-"),
        ("PlacerOrderNumberImagingServiceRequest", "3", "-"),
        ("OrderPlacerIdentifierSequence", "3", "-"),
        ("FillerOrderNumberImagingServiceRequest", "3", "-"),
        ("OrderFillerIdentifierSequence", "3", "-"),
        ("RequestedProcedureID", "2", "-"),
        ("RequestedProcedureCodeSequence", "3", "-"),
        ("RequestedProcedureDescription", "2", "-"),
        ("ScheduledProcedureStepID", "2", "-"),
        ("ScheduledProcedureStepDescription", "2", "-"),
        ("ScheduledProtocolCodeSequence", "2", "-"),
    ),
    *_at(
        "",
        ("PatientName", "2", "-"),
        ("PatientID", "2", "-"),
        ("IssuerOfPatientID", "3", "-"),
        ("IssuerOfPatientIDQualifiersSequence", "3", "-"),
        ("OtherPatientIDsSequence", "3", "-"),
        ("PatientBirthDate", "2", "-"),
        ("PatientSex", "2", "-"),
        ("ReferencedPatientSequence", "2", "-"),
        ("AdmissionID", "3", "-"),
        ("IssuerOfAdmissionIDSequence", "3", "-"),
        ("ServiceEpisodeID", "3", "-"),
        ("IssuerOfServiceEpisodeIDSequence", "3", "-"),
        ("ServiceEpisodeDescription", "3", "-"),
    ),
    # Performed Procedure Step Information
    *_at(
        "",
        ("PerformedProcedureStepID", "1", "-"),
        ("PerformedStationAETitle", "1", "-"),
        ("PerformedStationName", "2", "-"),
        ("PerformedLocation", "2", "-"),
        ("PerformedProcedureStepStartDate", "1", "-"),
        ("PerformedProcedureStepStartTime", "1", "-"),
        (STATUS, "1", "3"),
        ("PerformedProcedureStepDescription", "2", "3"),
        ("PerformedProcedureTypeDescription", "2", "3"),
        ("ProcedureCodeSequence", "2", "3"),
        ("ReasonForPerformedProcedureCodeSequence", "3", "3"),
        ("PerformedProcedureStepEndDate", "2", "3", True),
        ("PerformedProcedureStepEndTime", "2", "3", True),
        ("CommentsOnThePerformedProcedureStep", "3", "3"),
        ("PerformedProcedureStepDiscontinuationReasonCodeSequence", "3", "3"),
    ),
    # Image Acquisition Results
    *_at(
        "",
        ("Modality", "1", "-"),
        ("StudyID", "2", "-"),
        ("PerformedProtocolCodeSequence", "2", "3"),
        (SERIES, "2", "3", True),
    ),
    *_at(
        SERIES,
        ("PerformingPhysicianName", "2", "2"),
        ("ProtocolName", "1", "1", True),
        ("OperatorsName", "2", "2"),
        ("SeriesInstanceUID", "1", "1", True),
        ("SeriesDescription", "2", "2"),
        ("RetrieveAETitle", "2", "2"),
        ("ArchiveRequested", "3", "3"),
        ("ReferencedImageSequence", "2", "2"),
        ("ReferencedNonImageCompositeSOPInstanceSequence", "2", "2"),
    ),
)

_TOP = tuple(row for row in TABLE if not row.path)
_FIXED = tuple(row.keyword for row in _TOP if row.on_set == "-")
_TABLE_KEYWORDS = frozenset(row.keyword for row in _TOP)
_SEQUENCES = (SCHEDULED_STEPS, SERIES)


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
    """One performed series and how many images it names."""

    series_instance_uid: str
    protocol: str
    images: int


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


# ---- N-CREATE ----


def check_create(dataset: Dataset) -> list[str]:
    """Warnings about an N-CREATE that can be stored (PS3.4 F.7.2.1).

    MissingAttribute or MissingValue when something of type 1 is absent or empty, InvalidValue when the status is not
    IN PROGRESS. An absent or empty Scheduled Step Attributes Sequence is only warned about: the modality performed
    what nobody had scheduled.
    """
    required = [row for row in TABLE if row.on_create == "1" and row.keyword != SCHEDULED_STEPS]
    _refuse_missing(dataset, required)
    performed = _text(dataset, STATUS)
    if performed != terms.PerformedStatus.IN_PROGRESS:
        raise errors.InvalidValue("a step is created IN PROGRESS and no other", keywords=(STATUS,))
    return [
        *_warn_unscheduled(dataset),
        *_warn_absent(dataset, "on_create"),
        *_warn_odd_values(dataset),
        *_warn_unreadable(dataset),
    ]


def _refuse_missing(dataset: Dataset, rows: list[PerformedAttribute]) -> None:
    absent = [row.keyword for row in rows if any(row.keyword not in place for place in _places(dataset, row.path))]
    if absent:
        raise errors.MissingAttribute(f"required and absent: {', '.join(absent)}", keywords=absent)
    empty = [
        row.keyword for row in rows if any(not _valued(place, row.keyword) for place in _places(dataset, row.path))
    ]
    if empty:
        raise errors.MissingValue(f"required and empty: {', '.join(empty)}", keywords=empty)


def _places(dataset: Dataset, path: str) -> list[Dataset]:
    """The datasets a row speaks of; an item without any element is what some modalities send for no item."""
    return [item for item in _items(dataset, path) if len(item)] if path else [dataset]


def _warn_unscheduled(dataset: Dataset) -> list[str]:
    return [] if _places(dataset, SCHEDULED_STEPS) else [f"{SCHEDULED_STEPS} is absent or empty: nothing was scheduled"]


def _warn_absent(dataset: Dataset, column: Literal["on_create", "on_set"]) -> list[str]:
    """Attributes of type 2, which may be empty, that are not even there."""
    paths = _SEQUENCES if column == "on_set" else ("", *_SEQUENCES)
    rows = [row for row in TABLE if row.path in paths and getattr(row, column) == "2"]
    return [
        f"{row.keyword} is absent (type 2)"
        for row in rows
        if any(row.keyword not in place for place in _places(dataset, row.path))
    ]


def _warn_unreadable(dataset: Dataset) -> list[str]:
    return [f"{datadict.keyword_for_tag(tag) or tag} cannot be read and is left out" for tag in _unreadable(dataset)]


def _warn_odd_values(dataset: Dataset) -> list[str]:
    checked = [
        (dataset, "PerformedProcedureStepStartDate"),
        (dataset, "PerformedProcedureStepStartTime"),
        *((item, "StudyInstanceUID") for item in _places(dataset, SCHEDULED_STEPS)),
        *((item, "SeriesInstanceUID") for item in _places(dataset, SERIES)),
    ]
    return [
        f"{keyword} {fault}"
        for place, keyword in checked
        for fault in encoding.violations(keyword, _text(place, keyword))
    ]


# ---- N-SET ----


def check_set(stored: Dataset, changes: Dataset) -> list[str]:
    """Warnings about an N-SET that can be merged into `stored` (PS3.4 F.7.2.2).

    StepClosed (Error ID A710) when the step has ended; InvalidValue for an unknown status or an attribute that may not
    change any more (the same value again is no change); MissingValue when the step would end without what table
    F.7.2-1 demands of a final state.
    """
    if _text(stored, STATUS) in terms.FINAL:
        raise errors.StepClosed(
            "Performed Procedure Step Object may no longer be updated", error_id=status.MAY_NO_LONGER_BE_UPDATED
        )
    _refuse_status(changes)
    changed = [
        keyword
        for keyword in _FIXED
        if _valued(changes, keyword) and _plain(stored.get(keyword)) != _plain(changes.get(keyword))
    ]
    if changed:
        raise errors.InvalidValue(f"may not be changed by N-SET: {', '.join(changed)}", keywords=changed)
    after = merge(stored, changes)
    if _text(after, STATUS) in terms.FINAL:
        _refuse_unfinished(after)
    return [*_warn_set(stored, changes), *_warn_absent(changes, "on_set"), *_warn_unreadable(changes)]


def _refuse_status(changes: Dataset) -> None:
    if STATUS not in changes:
        return
    if not _valued(changes, STATUS):
        raise errors.MissingValue("the status is empty", keywords=(STATUS,))
    if _text(changes, STATUS) not in tuple(terms.PerformedStatus):
        raise errors.InvalidValue("the status is none of a performed procedure step", keywords=(STATUS,))


def _refuse_unfinished(after: Dataset) -> None:
    missing = [
        row.keyword
        for row in TABLE
        if row.at_end and not all(_valued(place, row.keyword) for place in _final_places(after, row.path))
    ]
    if missing:
        raise errors.MissingValue(f"needed to end the step: {', '.join(missing)}", keywords=missing)


def _final_places(dataset: Dataset, path: str) -> list[Dataset]:
    return _items(dataset, path) if path else [dataset]


def _warn_set(stored: Dataset, changes: Dataset) -> Iterator[str]:
    """Left alone: a fixed attribute sent again empty. Taken, though it was never created: everything else (M-9)."""
    for keyword in (datadict.keyword_for_tag(tag) for tag in changes.keys()):  # noqa: SIM118 - a dataset is no dict
        if keyword in _FIXED and not _valued(changes, keyword) and _valued(stored, keyword):
            yield f"{keyword} is sent empty and keeps its value"
        elif keyword in _TABLE_KEYWORDS and keyword not in stored:
            yield f"{keyword} was never created"


def merge(stored: Dataset, changes: Dataset) -> Dataset:
    """`stored` with the values of `changes`; sequences are replaced whole, attributes N-SET may not touch stay.

    Either side is read with its own character set; the result is in ISO_IR 192 (PS3.4 F.7.2.2.2).
    """
    merged = _unicode(stored)
    for element in _unicode(changes):
        if element.keyword not in _FIXED:
            merged[element.tag] = element
    return merged


def _unicode(dataset: Dataset, *, nested: bool = False) -> Dataset:
    """A copy with every text decoded, declared as ISO_IR 192 at the top and nowhere else."""
    fresh = Dataset()
    if not nested:
        fresh.SpecificCharacterSet = charset.UNICODE
    for element in _readable(dataset):
        if element.VR == "SQ":
            inner = DicomSequence([_unicode(item, nested=True) for item in element.value])
            fresh[element.tag] = DataElement(element.tag, "SQ", inner)
        elif element.tag != encoding.SPECIFIC_CHARACTER_SET:
            fresh[element.tag] = element
    return fresh


def _readable(dataset: Dataset) -> Iterator[DataElement]:
    """Every element but binary numbers of the wrong length, which would make the whole report unreadable."""
    return (element for element in map(partial(_element, dataset), sorted(dataset.keys())) if element is not None)


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        return dataset[tag]
    except BytesLengthException:
        return None


def _unreadable(dataset: Dataset) -> Iterator[BaseTag]:
    """The tags, at any depth, of what `_readable` leaves out."""
    for tag in sorted(dataset.keys()):
        element = _element(dataset, tag)
        if element is None:
            yield tag
        elif element.VR == "SQ":
            for item in element.value:
                yield from _unreadable(item)


# ---- storage and reading ----


def encode(dataset: Dataset) -> bytes:
    """The bytes of a performed step as it is stored: Explicit VR Little Endian, ISO_IR 192."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, _unicode(dataset))
    return buffer.getvalue()


def decode(stored: bytes) -> Dataset:
    """The performed step of stored bytes."""
    return read_dataset(BytesIO(stored), is_implicit_VR=False, is_little_endian=True)


def references(dataset: Dataset) -> list[Reference]:
    """Which scheduled steps were performed, one for each item that says anything; none when unscheduled."""
    return [
        Reference(
            study_instance_uid=_text(item, "StudyInstanceUID"),
            accession_number=_text(item, "AccessionNumber"),
            requested_procedure_id=_text(item, "RequestedProcedureID"),
            step_id=_text(item, "ScheduledProcedureStepID"),
            placer_order_number=_text(item, "PlacerOrderNumberImagingServiceRequest"),
            filler_order_number=_text(item, "FillerOrderNumberImagingServiceRequest"),
        )
        for item in _places(dataset, SCHEDULED_STEPS)
    ]


def summary(dataset: Dataset) -> Summary:
    """What a performed step says of itself."""
    studies = [_text(item, "StudyInstanceUID") for item in _items(dataset, SCHEDULED_STEPS)]
    return Summary(
        status=_text(dataset, STATUS),
        sop_instance_uid=_text(dataset, "SOPInstanceUID"),
        performed_step_id=_text(dataset, "PerformedProcedureStepID"),
        performed_station=_text(dataset, "PerformedStationAETitle"),
        modality=_text(dataset, "Modality"),
        description=_text(dataset, "PerformedProcedureStepDescription"),
        started=_moment(dataset, "PerformedProcedureStepStart"),
        ended=_moment(dataset, "PerformedProcedureStepEnd"),
        patient_id=_text(dataset, "PatientID"),
        issuer_of_patient_id=_text(dataset, "IssuerOfPatientID"),
        patient_name=_text(dataset, "PatientName"),
        study_instance_uids=tuple(dict.fromkeys(study for study in studies if study)),
        series=tuple(_series(item) for item in _items(dataset, SERIES) if _valued(item, "SeriesInstanceUID")),
        discontinuation_reason=_reason(dataset),
    )


def _series(item: Dataset) -> Series:
    return Series(
        series_instance_uid=_text(item, "SeriesInstanceUID"),
        protocol=_text(item, "ProtocolName"),
        images=len(_items(item, "ReferencedImageSequence")),
    )


def _reason(dataset: Dataset) -> Reason | None:
    for item in _items(dataset, "PerformedProcedureStepDiscontinuationReasonCodeSequence"):
        if _valued(item, "CodeValue"):
            return Reason(_text(item, "CodeValue"), _text(item, "CodingSchemeDesignator"), _text(item, "CodeMeaning"))
    return None


def _moment(dataset: Dataset, prefix: str) -> datetime | None:
    """Local time as the modality gives it; None unless date and time can both be read."""
    day, time = _text(dataset, f"{prefix}Date"), _text(dataset, f"{prefix}Time")
    try:
        return datetime.strptime(matching.normal("DA", day) + matching.normal("TM", time), "%Y%m%d%H%M%S")
    except ValueError:
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    """The value as text, several joined by a backslash; "" when absent or empty."""
    return _value_text(dataset.get(keyword))


def _value_text(value: Any) -> str:
    if value is None:
        return ""
    texts = value if isinstance(value, MultiValue | list | tuple) else [value]
    return "\\".join(str(each) for each in texts).strip(" \0")


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    return list(value) if isinstance(value, DicomSequence) else []


def _valued(dataset: Dataset, keyword: str) -> bool:
    value = dataset.get(keyword)
    if isinstance(value, DicomSequence):
        return any(len(item) > 0 for item in value)
    return _value_text(value) != ""


def _plain(value: Any) -> Any:
    """A value in a form that compares by meaning: text without padding, items as dictionaries."""
    if isinstance(value, DicomSequence):
        return [{element.tag: _plain(element.value) for element in _readable(item)} for item in value]
    return _value_text(value)

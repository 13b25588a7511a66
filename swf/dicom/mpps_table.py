"""Table F.7.2-1 as data: what N-CREATE, N-SET and the end of a performed procedure step need (RAD-6, RAD-7; PS3.4 F.7.2)."""

from typing import Literal, NamedTuple, TypeAlias

OnCreate: TypeAlias = Literal["1", "2", "3"]
OnSet: TypeAlias = Literal["-", "1", "2", "3"]

STATUS = "PerformedProcedureStepStatus"
SCHEDULED_STEPS = "ScheduledStepAttributesSequence"
SERIES = "PerformedSeriesSequence"
REFERENCED_STUDIES = f"{SCHEDULED_STEPS}/ReferencedStudySequence"
IMAGES = f"{SERIES}/ReferencedImageSequence"
OTHER_INSTANCES = f"{SERIES}/ReferencedNonImageCompositeSOPInstanceSequence"


class PerformedAttribute(NamedTuple):
    """A row of table F.7.2-1; `on_set` is `-` where N-SET may not change it, `at_end` where the end needs a value."""

    keyword: str
    path: str
    on_create: OnCreate
    on_set: OnSet
    at_end: bool = False


_REFERENCE: tuple[tuple[str, OnCreate, OnSet], ...] = (
    ("ReferencedSOPClassUID", "1", "1"),
    ("ReferencedSOPInstanceUID", "1", "1"),
)


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
    *_at(REFERENCED_STUDIES, *_REFERENCE),
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
    *_at("ReferencedPatientSequence", *_REFERENCE),
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
    *_at(IMAGES, *_REFERENCE),
    *_at(OTHER_INSTANCES, *_REFERENCE),
)

TOP = tuple(row for row in TABLE if not row.path)
FIXED = tuple(row.keyword for row in TOP if row.on_set == "-")
KEYWORDS = frozenset(row.keyword for row in TOP)

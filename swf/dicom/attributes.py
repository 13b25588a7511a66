"""The attributes of the Modality Worklist Information Model for RAD-5, one row each (PS3.4 tables K.6-1 and K.6-1a).

A new return key needs no row here: everything an item holds is answered when asked for. A row says how the attribute
may be matched; its `column` names the indexed column that matches it, and without one it never narrows a query.
"""

from functools import cache
from typing import Literal, NamedTuple, TypeAlias

from pydicom import datadict

Matching: TypeAlias = Literal["R", "O", "-"]
ReturnType: TypeAlias = Literal["1", "1C", "2", "2C", "3"]

SPS = "ScheduledProcedureStepSequence"


class WorklistAttribute(NamedTuple):
    """`path` are the keywords of the sequences around it, joined by `/`; `matching` is Required, Optional or never."""

    keyword: str
    path: str
    matching: Matching
    return_type: ReturnType
    column: str = ""


def _at(
    path: str, *rows: tuple[str, Matching, ReturnType] | tuple[str, Matching, ReturnType, str]
) -> tuple[WorklistAttribute, ...]:
    return tuple(WorklistAttribute(row[0], path, *row[1:]) for row in rows)


def _code(path: str) -> tuple[WorklistAttribute, ...]:
    return _at(
        path,
        ("CodeValue", "O", "1C"),
        ("CodingSchemeDesignator", "O", "1C"),
        ("CodingSchemeVersion", "O", "3"),
        ("CodeMeaning", "-", "3"),
        ("LongCodeValue", "O", "1C"),
        ("URNCodeValue", "O", "1C"),
    )


def _instance(path: str) -> tuple[WorklistAttribute, ...]:
    return _at(path, ("ReferencedSOPClassUID", "O", "1"), ("ReferencedSOPInstanceUID", "O", "1"))


def _issuer(path: str) -> tuple[WorklistAttribute, ...]:
    return _at(
        path,
        ("LocalNamespaceEntityID", "O", "1C"),
        ("UniversalEntityID", "O", "1C"),
        ("UniversalEntityIDType", "O", "1C"),
    )


TABLE: tuple[WorklistAttribute, ...] = (
    # SOP Common
    *_at(
        "",
        ("SpecificCharacterSet", "-", "1C"),
        ("TimezoneOffsetFromUTC", "-", "1C"),
        ("HL7StructuredDocumentReferenceSequence", "-", "1C"),
    ),
    # Scheduled Procedure Step
    *_at("", (SPS, "R", "1")),
    *_at(
        SPS,
        ("ScheduledStationAETitle", "R", "1", "station"),
        ("ScheduledProcedureStepStartDate", "R", "1", "start_date"),
        ("ScheduledProcedureStepStartTime", "R", "1", "start_time"),
        ("Modality", "R", "1", "modality"),
        ("ScheduledPerformingPhysicianName", "R", "2", "performing_physician"),
        ("ScheduledProcedureStepDescription", "O", "1C"),
        ("ScheduledStationName", "O", "2", "station_name"),
        ("ScheduledProcedureStepLocation", "O", "2", "location"),
        ("ReferencedDefinedProtocolSequence", "O", "3"),
        ("ReferencedPerformedProtocolSequence", "O", "3"),
        ("ScheduledProtocolCodeSequence", "O", "1C"),
        ("PreMedication", "O", "2C"),
        ("ScheduledProcedureStepID", "O", "1", "step_id"),
        ("RequestedContrastAgent", "O", "2C"),
        ("ScheduledProcedureStepStatus", "O", "3", "status"),
        ("ScheduledProcedureStepEndDate", "O", "3"),
        ("ScheduledProcedureStepEndTime", "O", "3"),
        ("ScheduledProcedureStepModificationDateTime", "O", "3"),
        ("ScheduledPerformingPhysicianIdentificationSequence", "O", "3"),
        ("CommentsOnTheScheduledProcedureStep", "O", "3"),
    ),
    *_instance(f"{SPS}/ReferencedDefinedProtocolSequence"),
    *_instance(f"{SPS}/ReferencedPerformedProtocolSequence"),
    *_code(f"{SPS}/ScheduledProtocolCodeSequence"),
    *_at(f"{SPS}/ScheduledProtocolCodeSequence", ("ProtocolContextSequence", "-", "3")),
    *_at(
        f"{SPS}/ScheduledProtocolCodeSequence/ProtocolContextSequence",
        ("ValueType", "-", "1"),
        ("ConceptNameCodeSequence", "-", "1"),
        ("DateTime", "-", "1C"),
        ("PersonName", "-", "1C"),
        ("TextValue", "-", "1C"),
        ("ConceptCodeSequence", "-", "1C"),
        ("NumericValue", "-", "1C"),
        ("MeasurementUnitsCodeSequence", "-", "1C"),
    ),
    *_at("", ("ScheduledSpecimenSequence", "O", "3"), ("BarcodeValue", "O", "3")),
    # Not of K.6: of unified procedure steps, and here too what tells the tenants of one worklist apart
    *_at("", ("WorklistLabel", "O", "3", "worklist_label")),
    *_at(
        "ScheduledSpecimenSequence",
        ("ContainerIdentifier", "O", "1"),
        ("ContainerTypeCodeSequence", "-", "2"),
        ("SpecimenDescriptionSequence", "O", "1"),
    ),
    *_at(
        "ScheduledSpecimenSequence/SpecimenDescriptionSequence",
        ("SpecimenIdentifier", "O", "1"),
        ("SpecimenUID", "O", "1"),
    ),
    # Requested Procedure
    *_at(
        "",
        ("RequestedProcedureID", "O", "1", "requested_procedure_id"),
        ("RequestedProcedureDescription", "O", "1C"),
        ("RequestedProcedureCodeSequence", "O", "1C"),
        ("StudyInstanceUID", "O", "1", "study_instance_uid"),
        ("StudyDate", "O", "3"),
        ("StudyTime", "O", "3"),
        ("ReferencedStudySequence", "O", "2"),
        ("RequestedProcedurePriority", "O", "2"),
        ("PatientTransportArrangements", "O", "2"),
        ("RequestedProcedureLocation", "O", "3"),
        ("RequestedProcedureComments", "O", "3"),
        ("ReasonForTheRequestedProcedure", "O", "3"),
        ("ReasonForRequestedProcedureCodeSequence", "O", "3"),
        ("ConfidentialityCode", "O", "3"),
        ("ReportingPriority", "O", "3"),
        ("NamesOfIntendedRecipientsOfResults", "O", "3"),
        ("IntendedRecipientsOfResultsIdentificationSequence", "O", "3"),
    ),
    *_code("RequestedProcedureCodeSequence"),
    *_code("ReasonForRequestedProcedureCodeSequence"),
    *_instance("ReferencedStudySequence"),
    # Imaging Service Request
    *_at(
        "",
        ("AccessionNumber", "O", "2", "accession_number"),
        ("IssuerOfAccessionNumberSequence", "O", "3"),
        ("RequestingPhysician", "O", "2"),
        ("RequestingPhysicianIdentificationSequence", "O", "3"),
        ("RequestingService", "O", "3"),
        ("RequestingServiceCodeSequence", "O", "3"),
        ("ReferringPhysicianName", "O", "2"),
        ("ReferringPhysicianIdentificationSequence", "O", "3"),
        ("PlacerOrderNumberImagingServiceRequest", "O", "3", "placer_order_number"),
        ("OrderPlacerIdentifierSequence", "O", "3"),
        ("FillerOrderNumberImagingServiceRequest", "O", "3", "filler_order_number"),
        ("OrderFillerIdentifierSequence", "O", "3"),
        ("IssueDateOfImagingServiceRequest", "O", "3"),
        ("IssueTimeOfImagingServiceRequest", "O", "3"),
        ("OrderEnteredBy", "O", "3"),
        ("OrderEntererLocation", "O", "3"),
        ("OrderCallbackPhoneNumber", "O", "3"),
        ("ReasonForTheImagingServiceRequest", "O", "3"),
        ("ImagingServiceRequestComments", "O", "3"),
    ),
    *_issuer("IssuerOfAccessionNumberSequence"),
    *_issuer("OrderPlacerIdentifierSequence"),
    *_issuer("OrderFillerIdentifierSequence"),
    # Visit
    *_at(
        "",
        ("AdmissionID", "O", "2", "admission_id"),
        ("IssuerOfAdmissionIDSequence", "O", "3"),
        ("CurrentPatientLocation", "O", "2"),
        ("ReferencedPatientSequence", "O", "2"),
        ("InstitutionName", "O", "3"),
        ("InstitutionAddress", "O", "3"),
        ("InstitutionCodeSequence", "O", "3"),
        ("InstitutionalDepartmentName", "O", "3"),
        ("AdmittingDate", "O", "3"),
        ("AdmittingTime", "O", "3"),
        ("AdmittingDiagnosesDescription", "O", "3"),
        ("AdmittingDiagnosesCodeSequence", "O", "3"),
        ("RouteOfAdmissions", "O", "3"),
        ("PatientInstitutionResidence", "O", "3"),
        ("VisitStatusID", "O", "3"),
        ("VisitComments", "O", "3"),
        ("ServiceEpisodeID", "O", "3"),
        ("ServiceEpisodeDescription", "O", "3"),
    ),
    *_issuer("IssuerOfAdmissionIDSequence"),
    *_instance("ReferencedPatientSequence"),
    *_code("AdmittingDiagnosesCodeSequence"),
    # Patient
    *_at(
        "",
        ("PatientName", "R", "1", "patient_name"),
        ("PatientID", "R", "1", "patient_id"),
        ("IssuerOfPatientID", "O", "3", "issuer_of_patient_id"),
        ("TypeOfPatientID", "O", "3"),
        ("IssuerOfPatientIDQualifiersSequence", "O", "3"),
        ("OtherPatientIDsSequence", "O", "3"),
        ("OtherPatientNames", "O", "3"),
        ("PatientBirthName", "O", "3"),
        ("PatientMotherBirthName", "O", "3"),
        ("PatientBirthDate", "O", "2", "patient_birth_date"),
        ("PatientBirthTime", "O", "3"),
        ("PatientSex", "O", "2", "patient_sex"),
        ("PatientAge", "O", "3"),
        ("PatientPrimaryLanguageCodeSequence", "O", "3"),
        ("PatientWeight", "O", "2"),
        ("PatientSize", "O", "3"),
        ("PatientAddress", "O", "3"),
        ("PatientTelephoneNumbers", "O", "3"),
        ("ConfidentialityConstraintOnPatientDataDescription", "O", "2"),
        ("PatientState", "O", "2"),
        ("PregnancyStatus", "O", "2"),
        ("LastMenstrualDate", "O", "3"),
        ("SmokingStatus", "O", "3"),
        ("MedicalAlerts", "O", "2"),
        ("Allergies", "O", "2"),
        ("SpecialNeeds", "O", "2"),
        ("EthnicGroup", "O", "3"),
        ("Occupation", "O", "3"),
        ("AdditionalPatientHistory", "O", "3"),
        ("PatientReligiousPreference", "O", "3"),
        ("PatientComments", "O", "3"),
        ("ResponsiblePerson", "O", "3"),
        ("ResponsiblePersonRole", "O", "3"),
        ("PertinentDocumentsSequence", "-", "3"),
    ),
    *_at(
        "IssuerOfPatientIDQualifiersSequence",
        ("UniversalEntityID", "O", "3"),
        ("UniversalEntityIDType", "O", "1C"),
    ),
    *_at(
        "OtherPatientIDsSequence",
        ("PatientID", "O", "1"),
        ("IssuerOfPatientID", "O", "3"),
        ("TypeOfPatientID", "O", "1"),
    ),
    *_code("PatientPrimaryLanguageCodeSequence"),
    *_at("PatientPrimaryLanguageCodeSequence", ("PatientPrimaryLanguageModifierCodeSequence", "O", "3")),
    *_code("PatientPrimaryLanguageCodeSequence/PatientPrimaryLanguageModifierCodeSequence"),
)


@cache
def columns() -> dict[tuple[str, int], WorklistAttribute]:
    """The rows that have an indexed column, by path and tag."""
    return {(row.path, _tag(row.keyword)): row for row in TABLE if row.column}


def _tag(keyword: str) -> int:
    tag = datadict.tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is not a keyword of the DICOM dictionary")
    return tag

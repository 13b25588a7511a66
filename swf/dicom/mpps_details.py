"""What people want to see of a performed step: protocols, series, dose and what was used (PS3.3 C.4.14 to C.4.17).

The Radiation Dose module was retired from MPPS in 2017, and scanners that predate it still send it.
"""

from typing import Any

from pydicom.dataset import Dataset

from swf.dicom import reading
from swf.dicom.mpps_table import SCHEDULED_STEPS, SERIES

Shown = dict[str, Any]

# attribute, unit
DOSE = (
    ("TotalNumberOfExposures", ""),
    ("TotalTimeOfFluoroscopy", "s"),
    ("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"),
    ("EntranceDose", "dGy"),
    ("EntranceDoseInmGy", "mGy"),
    ("ExposedArea", "mm"),
    ("DistanceSourceToEntrance", "mm"),
    ("DistanceSourceToDetector", "mm"),
    ("CommentsOnRadiationDose", ""),
)
_EXPOSURES = "ExposureDoseSequence"
_EXPOSURE = (
    ("RadiationMode", ""),
    ("KVP", "kV"),
    ("XRayTubeCurrentInuA", "uA"),
    ("ExposureTime", "ms"),
    ("FilterType", ""),
    ("FilterMaterial", ""),
    ("CommentsOnRadiationDose", ""),
)
_CODES = (
    "ProcedureCodeSequence",
    "PerformedProtocolCodeSequence",
    "ReasonForPerformedProcedureCodeSequence",
    "PerformedProcedureStepDiscontinuationReasonCodeSequence",
    "BillingProcedureStepSequence",
)
_TEXTS = (
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedStationName",
    "PerformedLocation",
    "Modality",
    "StudyID",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "CommentsOnThePerformedProcedureStep",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
)
_SCHEDULED = (
    "StudyInstanceUID",
    "AccessionNumber",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)
_SERIES = (
    "SeriesInstanceUID",
    "ProtocolName",
    "SeriesDescription",
    "PerformingPhysicianName",
    "OperatorsName",
    "RetrieveAETitle",
    "ArchiveRequested",
)
_FILM = ("NumberOfFilms", "MediumType", "FilmSizeID")


def details(dataset: Dataset) -> Shown:
    """Everything a performed step tells, by the standard's keywords; what it leaves empty is left out."""
    codes = {keyword: [code(item) for item in reading.items(dataset, keyword)] for keyword in _CODES}
    return _said(
        {
            **_texts(dataset, _TEXTS),
            **codes,
            "scheduled": [_texts(item, _SCHEDULED) for item in reading.places(dataset, SCHEDULED_STEPS)],
            "series": [_series(item) for item in reading.places(dataset, SERIES)],
            "dose": dose(dataset),
            "exposures": [_measures(item, _EXPOSURE) for item in reading.items(dataset, _EXPOSURES)],
            "films": [_texts(item, _FILM) for item in reading.items(dataset, "FilmConsumptionSequence")],
            "supplies": [_supply(item) for item in reading.items(dataset, "BillingSuppliesAndDevicesSequence")],
        }
    )


def dose(dataset: Dataset) -> dict[str, str]:
    """What the step tells of radiation as a whole, each value with its unit."""
    return _measures(dataset, DOSE)


def code(item: Dataset) -> str:
    """A code as people write it: `110514 DCM Incorrect worklist entry selected`."""
    value = next(
        (found for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if (found := reading.text(item, name))), ""
    )
    return " ".join(
        filter(None, (value, reading.text(item, "CodingSchemeDesignator"), reading.text(item, "CodeMeaning")))
    )


def _series(item: Dataset) -> Shown:
    images = len(reading.items(item, "ReferencedImageSequence"))
    others = len(reading.items(item, "ReferencedNonImageCompositeSOPInstanceSequence"))
    return {**_texts(item, _SERIES), "images": images, "others": others}


def _supply(item: Dataset) -> Shown:
    billed = reading.places(item, "BillingItemSequence")
    quantity = next(iter(reading.places(item, "QuantitySequence")), Dataset())
    unit = next(iter(reading.places(quantity, "MeasuringUnitsSequence")), Dataset())
    return _said(
        {"item": ", ".join(map(code, billed)), "quantity": reading.text(quantity, "Quantity"), "unit": code(unit)}
    )


def _measures(dataset: Dataset, measures: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found = {keyword: (reading.text(dataset, keyword), unit) for keyword, unit in measures}
    return {keyword: f"{value} {unit}".strip() for keyword, (value, unit) in found.items() if value}


def _texts(dataset: Dataset, keywords: tuple[str, ...]) -> dict[str, str]:
    return {keyword: value for keyword in keywords if (value := reading.text(dataset, keyword))}


def _said(shown: Shown) -> Shown:
    return {name: value for name, value in shown.items() if value not in ("", [], {})}

"""What an Instance Availability Notification says and must say (RAD-49; PS3.4 Annex R, table R.3.2-1).

It names studies, series and instances and nothing else: no patient, no accession number, no procedure.
"""

from enum import StrEnum
from typing import NamedTuple

from pydicom.dataset import Dataset

from swf import errors
from swf.dicom import reading

STEPS = "ReferencedPerformedProcedureStepSequence"
SERIES = "ReferencedSeriesSequence"
INSTANCES = f"{SERIES}/ReferencedSOPSequence"


class Availability(StrEnum):
    """Instance Availability (0008,0056)."""

    ONLINE = "ONLINE"
    NEARLINE = "NEARLINE"
    OFFLINE = "OFFLINE"
    UNAVAILABLE = "UNAVAILABLE"


# Whoever asks for these gets them, at once or after a while
_CAN_BE_HAD = (Availability.ONLINE, Availability.NEARLINE, Availability.OFFLINE)

# path, keyword: without these a notice says nothing
_DEMANDED = (
    ("", "StudyInstanceUID"),
    ("", SERIES),
    (SERIES, "ReferencedSOPSequence"),
    (INSTANCES, "ReferencedSOPInstanceUID"),
    (INSTANCES, "InstanceAvailability"),
)
_EXPECTED = (
    (SERIES, "SeriesInstanceUID"),
    (INSTANCES, "ReferencedSOPClassUID"),
    (INSTANCES, "RetrieveAETitle"),
    (STEPS, "ReferencedSOPInstanceUID"),
)


class Instance(NamedTuple):
    """One instance: whether it can be had, and from whom."""

    sop_instance_uid: str
    availability: str
    retrieve_ae_title: str

    @property
    def can_be_had(self) -> bool:
        """Whether it can be had, however long that takes."""
        return self.availability in _CAN_BE_HAD


def check(dataset: Dataset) -> list[str]:
    """Warnings about a notice that can be kept.

    MissingAttribute or MissingValue without what it is about, InvalidValue for an availability nobody knows.
    """
    absent = [keyword for path, keyword in _DEMANDED if any(keyword not in place for place in _places(dataset, path))]
    if absent:
        raise errors.MissingAttribute(f"required and absent: {', '.join(absent)}", keywords=absent)
    empty = [
        keyword
        for path, keyword in _DEMANDED
        if not all(reading.valued(place, keyword) for place in _places(dataset, path))
    ]
    if empty:
        raise errors.MissingValue(f"required and empty: {', '.join(empty)}", keywords=empty)
    if any(each.availability not in tuple(Availability) for each in instances(dataset)):
        raise errors.InvalidValue("the availability is none of the standard's", keywords=("InstanceAvailability",))
    return [
        f"{keyword} is missing (type 1)"
        for path, keyword in _EXPECTED
        if not all(reading.valued(place, keyword) for place in reading.places(dataset, path))
    ]


def instances(dataset: Dataset) -> list[Instance]:
    """Every instance the notice names."""
    return [
        Instance(
            reading.text(item, "ReferencedSOPInstanceUID"),
            reading.text(item, "InstanceAvailability"),
            reading.text(item, "RetrieveAETitle"),
        )
        for item in reading.places(dataset, INSTANCES)
    ]


def performed_steps(dataset: Dataset) -> list[str]:
    """The SOP Instance UIDs of the performed steps it is about."""
    return [uid for item in reading.places(dataset, STEPS) if (uid := reading.text(item, "ReferencedSOPInstanceUID"))]


def _places(dataset: Dataset, path: str) -> list[Dataset]:
    return reading.places(dataset, path, empty=True)

"""What scanners differ in (RAD-5): how they ask, which character sets they read, what makes them show no list at all.

A table of the simulator's own, from conformance statements and field reports; the broker's profiles are not looked at.
"""

from dataclasses import dataclass
from typing import Literal

from swf.errors import ConfigError
from swf.profiles import did_you_mean
from swf.sentence import say

Asks = Literal["station", "modality", "broad", "patient", "accession"]
_TYPE_1 = (  # PS3.4 table K.6-1, return key type 1
    "PatientName",
    "PatientID",
    "StudyInstanceUID",
    "RequestedProcedureID",
)
_STEP_TYPE_1 = (
    "Modality",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "ScheduledProcedureStepID",
)
_TYPE_2 = (  # there, with a value or without
    *("AccessionNumber", "ReferringPhysicianName", "PatientBirthDate", "PatientSex", "PatientWeight", "MedicalAlerts"),
    *("Allergies", "PregnancyStatus", "RequestingPhysician", "AdmissionID", "SpecialNeeds", "CurrentPatientLocation"),
    *("PatientState", "RequestedProcedurePriority", "PatientTransportArrangements", "ReferencedStudySequence"),
    *("ReferencedPatientSequence", "ConfidentialityConstraintOnPatientDataDescription"),
)


@dataclass(frozen=True)
class Device:
    """One kind of scanner.

    `asks_in` is the (0008,0005) of its queries, `reads` are the sets it can show. `needs` and `step_needs` must have a
    value, `present` must at least be there. `name_length`, `name_parts` and `name_forms` are what its screen takes.
    A `strict` one shows no list when a single item of it is wrong.
    """

    about: str
    asks: Asks = "station"
    asks_in: str = "ISO_IR 192"
    reads: tuple[str, ...] = ("", "ISO_IR 6", "ISO_IR 192")
    needs: tuple[str, ...] = _TYPE_1
    step_needs: tuple[str, ...] = _STEP_TYPE_1
    present: tuple[str, ...] = _TYPE_2
    name_length: int = 64
    name_parts: int = 5
    name_forms: int = 3
    strict: bool = False


DEVICES: dict[str, Device] = {
    "plain": Device(say("asks for its station and the day, in UTF-8, and expects what the standard promises")),
    "strict-ct": Device(
        say(
            "as strict as a GE CT: Latin 1, an accession number in every item, names of 64 characters in three parts, and "
            "no list at all when one item is wrong"
        ),
        asks_in="ISO_IR 100",
        reads=("", "ISO_IR 6", "ISO_IR 100"),
        needs=(*_TYPE_1, "AccessionNumber"),
        name_parts=3,
        name_forms=1,
        strict=True,
    ),
    "latin-1": Device(
        say("knows ISO_IR 100 and nothing else"),
        asks_in="ISO_IR 100",
        reads=("", "ISO_IR 6", "ISO_IR 100"),
        name_forms=1,
    ),
    "cyrillic": Device(
        say("knows ISO_IR 144 and nothing else"),
        asks_in="ISO_IR 144",
        reads=("", "ISO_IR 6", "ISO_IR 144"),
        name_forms=1,
    ),
    "ascii": Device(say("names no character set and reads ASCII"), asks_in="", reads=("", "ISO_IR 6"), name_forms=1),
    "broad": Device(say("asks for nothing in particular and takes the whole list"), asks="broad"),
    "by-modality": Device(say("asks for its modality and the day, whatever the station"), asks="modality"),
    "by-patient": Device(say("asks for one patient by the number on the wristband"), asks="patient"),
    "by-accession": Device(say("asks for one order by the accession number on the requisition"), asks="accession"),
}


def device(name: str) -> Device:
    """The scanner of that name; raises ConfigError."""
    if name not in DEVICES:
        raise ConfigError(
            [f"{name} is no kind of modality{did_you_mean(name, DEVICES)}; there are {', '.join(DEVICES)}"]
        )
    return DEVICES[name]

"""Defined terms of RAD-5, RAD-6 and RAD-7: step states, modalities, discontinuation reasons (PS3.3, PS3.16)."""

from enum import StrEnum


class StepStatus(StrEnum):
    """Scheduled Procedure Step Status (0040,0020), PS3.3 C.4.10, with the ends a broker has to tell apart."""

    SCHEDULED = "SCHEDULED"
    ARRIVED = "ARRIVED"
    READY = "READY"
    STARTED = "STARTED"
    HELD = "HELD"  # ordered, but not to be done for now
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    DISCONTINUED = "DISCONTINUED"


class PerformedStatus(StrEnum):
    """Performed Procedure Step Status (0040,0252), PS3.3 C.4.14."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


# STARTED stays on the list: an appended or grouped acquisition has to find its entry again.
LISTED = frozenset({StepStatus.SCHEDULED, StepStatus.ARRIVED, StepStatus.READY, StepStatus.STARTED})

FINAL = frozenset({PerformedStatus.COMPLETED, PerformedStatus.DISCONTINUED})

# PS3.16 CID 29, and the codes it retired that old scanners still send.
MODALITIES = frozenset(
    {
        "AR", "AS", "BDUS", "BI", "BMD", "CD", "CF", "CFM", "CP", "CR", "CS", "CT", "CTPROTOCOL", "DD", "DF",
        "DG", "DM", "DMS", "DS", "DX", "EC", "ECG", "EEG", "EMG", "EOG", "EPS", "ES", "FA", "FS", "GM", "HD",
        "IO", "IVOCT", "IVUS", "KER", "LEN", "LP", "LS", "MA", "MG", "MR", "MS", "NM", "OAM", "OCT", "OP",
        "OPM", "OPR", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA", "POS", "PT", "PX", "RESP", "RF",
        "RG", "RTIMAGE", "SM", "SRF", "ST", "TG", "US", "VA", "VF", "XA", "XC",
    }
)  # fmt: skip

# PS3.16 CID 9300, which holds CID 9301 (MPPS) and CID 9302 (import); coding scheme DCM.
DISCONTINUATION_REASONS = {
    "110500": "Doctor canceled procedure",
    "110501": "Equipment failure",
    "110502": "Incorrect procedure ordered",
    "110503": "Patient allergic to media/contrast",
    "110504": "Patient died",
    "110505": "Patient refused to continue procedure",
    "110506": "Patient taken for treatment or surgery",
    "110507": "Patient did not arrive",
    "110508": "Patient pregnant",
    "110509": "Change of procedure for correct charging",
    "110510": "Duplicate order",
    "110511": "Nursing unit cancel",
    "110512": "Incorrect side ordered",
    "110513": "Discontinued for unspecified reason",
    "110514": "Incorrect worklist entry selected",
    "110515": "Patient condition prevented continuing",
    "110516": "Equipment change",
    "110521": "Objects incorrectly formatted",
    "110522": "Object Types not supported",
    "110523": "Object Set incomplete",
    "110524": "Media Failure",
    "110526": "Resource pre-empted",
    "110527": "Resource inadequate",
    "110528": "Discontinued Procedure Step rescheduled",
    "110529": "Discontinued Procedure Step rescheduling recommended",
    "110530": "Workitem assignment rejected by assigned resource",
    "110533": "Workitem expired",
    "113568": "Extravasation visible in image",
}

WRONG_ENTRY = "110514"

# After these nothing was done for the scheduled step, so it goes back to SCHEDULED. Other reasons (equipment failure,
# patient taken away) may well mean "later", but only the hospital knows: the order is reported DC and can be sent anew.
PUTS_BACK = frozenset({WRONG_ENTRY})

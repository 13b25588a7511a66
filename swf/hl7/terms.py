"""HL7 v2 tables this broker speaks, as data: code → meaning (RAD-2, RAD-3, RAD-4, RAD-13; ihe-swf §6.1)."""

import re
from functools import lru_cache

ORDER_CONTROL = {
    "NW": "New order",
    "SN": "Send order number: the filler made the order",
    "NA": "Number assigned by the placer",
    "CA": "Cancel the order",
    "OC": "Order cancelled by the filler",
    "CR": "Cancelled as requested",
    "UC": "Unable to cancel",
    "DC": "Discontinue the order",
    "OD": "Order discontinued by the filler",
    "DR": "Discontinued as requested",
    "UD": "Unable to discontinue",
    "HD": "Hold the order",
    "OH": "Order held by the filler",
    "RL": "Release the order from hold",
    "OE": "Order released by the filler",
    "XO": "Change the order",
    "XX": "Order changed by the filler",
    "XR": "Changed as requested",
    "UX": "Unable to change",
    "RP": "Replace the order",
    "RQ": "Replaced as requested",
    "RU": "Order replaced by the filler",
    "RO": "Replacement order",
    "SC": "Status changed",
    "SR": "Response to a status request",
    "SS": "Send the order's status",
    "OK": "Order accepted",
    "UA": "Unable to accept the order",
    "PA": "Parent order",
    "CH": "Child order",
    "RE": "Observations follow",
    "DE": "Data errors",
}
"""Table 0119, ORC-1."""

ORDER_STATUS = {
    "A": "Some results available",
    "CA": "Cancelled",
    "CM": "Completed",
    "DC": "Discontinued",
    "ER": "Error, order not found",
    "HD": "On hold",
    "IP": "In process",
    "RP": "Replaced",
    "SC": "Scheduled",
}
"""Table 0038, ORC-5."""

RESULT_STATUS = {
    "O": "Order received, nothing collected",
    "S": "Scheduled, procedure not done",
    "I": "Procedure incomplete, no results",
    "A": "Some results available",
    "P": "Preliminary results",
    "R": "Results stored, not verified",
    "F": "Final results",
    "C": "Correction of final results",
    "X": "Order cancelled, no results",
    "Y": "No order on record for this test",
    "Z": "No record of this patient",
}
"""Table 0123, OBR-25."""

ERROR_CONDITION = {
    0: "Message accepted",
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application internal error",
}
"""Table 0357, ERR-1.4 up to HL7 2.4 and ERR-3 from 2.5."""

ASSUMED_VERSION = "2.3.1"
"""The version IHE Scheduled Workflow was written for, assumed of a message that names none."""


@lru_cache(maxsize=64)
def version_number(text: str) -> tuple[int, ...]:
    """MSH-12 as numbers to compare, whatever stands around them; `ASSUMED_VERSION` if it holds none."""
    found = re.search(r"[0-9]{1,3}(?:[.,][0-9]{1,3})+", text)
    return tuple(map(int, re.split(r"[.,]", found[0] if found else ASSUMED_VERSION)))

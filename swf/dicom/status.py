"""DIMSE status codes by name: worklist queries (RAD-5, PS3.4 K.4.1.1.4) and MPPS (RAD-6/7, PS3.7 Annex C)."""

from typing import NamedTuple


class Status(NamedTuple):
    """One status code, what it means and the further elements an answer with it carries."""

    code: int
    meaning: str
    fields: tuple[str, ...] = ()


SUCCESS = 0x0000
PENDING = 0xFF00
PENDING_WITH_UNSUPPORTED_KEYS = 0xFF01
CANCELLED = 0xFE00
OUT_OF_RESOURCES = 0xA700
IDENTIFIER_DOES_NOT_MATCH = 0xA900
UNABLE_TO_PROCESS = 0xC000

NOT_ALL_ATTRIBUTES = 0x0001
ATTRIBUTE_LIST_ERROR = 0x0107
NO_SUCH_ATTRIBUTE = 0x0105
INVALID_ATTRIBUTE_VALUE = 0x0106
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
NO_SUCH_SOP_INSTANCE = 0x0112
ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
INVALID_SOP_INSTANCE = 0x0117
NO_SUCH_SOP_CLASS = 0x0118
MISSING_ATTRIBUTE = 0x0120
MISSING_ATTRIBUTE_VALUE = 0x0121
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORISED = 0x0124
UNRECOGNISED_OPERATION = 0x0211
RESOURCE_LIMITATION = 0x0213

# Error ID (0000,0903) that goes with PROCESSING_FAILURE when the step has ended (PS3.4 F.7.2.2.2).
MAY_NO_LONGER_BE_UPDATED = 0xA710

WORKLIST = (
    Status(SUCCESS, "matching is complete; no identifier"),
    Status(PENDING, "a match, all keys supported"),
    Status(PENDING_WITH_UNSUPPORTED_KEYS, "a match, an optional key was not used for matching"),
    Status(CANCELLED, "matching ended by C-CANCEL"),
    Status(OUT_OF_RESOURCES, "more matches than may be answered", ("ErrorComment",)),
    Status(IDENTIFIER_DOES_NOT_MATCH, "the identifier cannot be read", ("OffendingElement", "ErrorComment")),
    Status(UNABLE_TO_PROCESS, "the query could not be carried out", ("OffendingElement", "ErrorComment")),
    Status(SOP_CLASS_NOT_SUPPORTED, "the SOP class is not served"),
    Status(NOT_AUTHORISED, "the calling AE title may not ask"),
)

PERFORMED_STEP = (
    Status(SUCCESS, "stored"),
    Status(NOT_ALL_ATTRIBUTES, "N-GET: something was asked for that the step does not have"),
    Status(NO_SUCH_ATTRIBUTE, "an attribute that was never created", ("AttributeIdentifierList",)),
    Status(INVALID_ATTRIBUTE_VALUE, "a value the service does not allow"),
    Status(ATTRIBUTE_LIST_ERROR, "stored, some attributes were left out", ("AttributeIdentifierList",)),
    Status(PROCESSING_FAILURE, "not stored; with Error ID A710 the step has ended", ("ErrorComment", "ErrorID")),
    Status(DUPLICATE_SOP_INSTANCE, "the step exists already", ("AffectedSOPInstanceUID",)),
    Status(NO_SUCH_SOP_INSTANCE, "no such step", ("AffectedSOPInstanceUID",)),
    Status(INVALID_SOP_INSTANCE, "the SOP Instance UID is malformed"),
    Status(NO_SUCH_SOP_CLASS, "the SOP class is none of those created here"),
    Status(MISSING_ATTRIBUTE, "N-CREATE lacks a required attribute", ("AttributeIdentifierList",)),
    Status(MISSING_ATTRIBUTE_VALUE, "a required attribute is empty"),
    Status(SOP_CLASS_NOT_SUPPORTED, "the SOP class is not served"),
    Status(NOT_AUTHORISED, "the calling AE title may not report"),
    Status(UNRECOGNISED_OPERATION, "the service has no such operation"),
    Status(RESOURCE_LIMITATION, "not stored for want of resources"),
)

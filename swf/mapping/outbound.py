"""A status change becomes an HL7 message, by the site's templates (RAD-3; ORM^O01 and ORU^R01).

What a template can name is built here from the worklist item and from what the modality performed, never from columns,
so a destination is told exactly what the modality was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset

from swf.dicom import encoding
from swf.dicom.mpps import Summary
from swf.errors import MappingError
from swf.hl7 import charset, writer
from swf.mapping.templates import Template

_NAME_PARTS = ("family", "given", "middle", "prefix", "suffix")  # the order of PS3.5 6.2.1


@dataclass(frozen=True, slots=True)
class Notice:
    """What a destination is told about one order: its steps as stored, their status, what was performed."""

    steps: Sequence[bytes]
    status: str
    result_status: str
    performed: Summary
    at: datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who tells whom, and the message's own number. `charset` is a name of HL7 table 0211."""

    sender: tuple[str, str]
    receiver: tuple[str, str]
    control_id: str
    charset: str


def message(template: Template, notice: Notice, envelope: Envelope) -> bytes:
    """The message in the receiver's character set.

    Raises MappingError when the receiver's character set cannot hold it: nothing is replaced by a question mark.
    """
    text = template.render(_values(notice, envelope))
    codec = charset.codec_for(envelope.charset)
    if codec is None:
        raise MappingError(f"{envelope.charset} is no character set of HL7 table 0211")
    return charset.encode(text, codec)


def _values(notice: Notice, envelope: Envelope) -> dict[str, Any]:
    items = [encoding.decode(stored) for stored in notice.steps]
    first = items[0]
    return {
        "message": {
            "at": writer.timestamp(notice.at),
            "control_id": envelope.control_id,
            "charset": envelope.charset,
        },
        "sender": dict(zip(("application", "facility"), envelope.sender, strict=True)),
        "receiver": dict(zip(("application", "facility"), envelope.receiver, strict=True)),
        "patient": _patient(first),
        "order": _order(first, notice),
        "procedure": _procedure(items),
        "performed": _performed(notice),
    }


def _patient(item: Dataset) -> dict[str, str]:
    name = _text(item, "PatientName").split("=")[0].split("^")
    parts = dict(zip(_NAME_PARTS, [*name, *[""] * len(_NAME_PARTS)], strict=False))
    return {
        "id": _text(item, "PatientID"),
        "issuer": _text(item, "IssuerOfPatientID"),
        "birth_date": _text(item, "PatientBirthDate"),
        "sex": _text(item, "PatientSex"),
        **parts,
    }


def _order(item: Dataset, notice: Notice) -> dict[str, str]:
    return {
        "placer_number": _text(item, "PlacerOrderNumberImagingServiceRequest"),
        "placer_authority": _authority(item, "OrderPlacerIdentifierSequence"),
        "filler_number": _text(item, "FillerOrderNumberImagingServiceRequest"),
        "filler_authority": _authority(item, "OrderFillerIdentifierSequence"),
        "accession_number": _text(item, "AccessionNumber"),
        "status": notice.status,
        "result_status": notice.result_status,
    }


def _procedure(items: Sequence[Dataset]) -> dict[str, str]:
    first = items[0]
    code = first.get("RequestedProcedureCodeSequence") or [Dataset()]
    steps = [_text(item.ScheduledProcedureStepSequence[0], "ScheduledProcedureStepID") for item in items]
    return {
        "id": _text(first, "RequestedProcedureID"),
        "study_instance_uid": _text(first, "StudyInstanceUID"),
        "code": _text(code[0], "CodeValue") or _text(code[0], "LongCodeValue"),
        "meaning": _text(code[0], "CodeMeaning"),
        "scheme": _text(code[0], "CodingSchemeDesignator"),
        "steps": " ".join(steps),
    }


def _performed(notice: Notice) -> dict[str, Any]:
    performed = notice.performed
    reason = performed.discontinuation_reason
    changed = performed.ended or performed.started
    return {
        "status": performed.status,
        "started": _timestamp(performed.started),
        "ended": _timestamp(performed.ended),
        "changed": _timestamp(changed) or writer.timestamp(notice.at),
        "station": performed.performed_station,
        "modality": performed.modality,
        "description": performed.description,
        "reason_code": reason.code if reason else "",
        "reason": (reason.meaning or reason.code) if reason else "",
        "reason_scheme": reason.scheme if reason else "",
        "series": [
            {"uid": series.series_instance_uid, "protocol": series.protocol, "images": series.images}
            for series in performed.series
        ],
    }


def _timestamp(moment: datetime | None) -> str:
    return writer.timestamp(moment) if moment else ""


def _authority(item: Dataset, keyword: str) -> str:
    sequence = item.get(keyword)
    if not sequence:
        return ""
    return _text(sequence[0], "LocalNamespaceEntityID") or _text(sequence[0], "UniversalEntityID")


def _text(item: Dataset, keyword: str) -> str:
    value = item.get(keyword)
    return "" if value is None else str(value)

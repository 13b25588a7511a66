"""What an operator wants ordered by hand, judged field by field before a message is made of it (RAD-2; PS3.5 6.2).

Every mistake is found at once, each under the name of its field, in a half-sentence that never repeats the value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from swf import clock
from swf.dicom import encoding
from swf.mapping.catalogue import Catalogue
from swf.sentence import say

PRIORITIES = {"ROUTINE": "R", "MEDIUM": "T", "HIGH": "A", "STAT": "S"}
"""Defined terms of (0040,1003), and the codes of HL7 that mean them."""
SEXES = ("", "F", "M", "O")
_MISSING = say("is missing")
_OLDEST = 1850
_BETWEEN_STATIONS = re.compile(r"[\s,;\\]+")
_KEYWORDS = {
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "name": "PatientName",
    "procedure": "CodeValue",
    "procedure_text": "RequestedProcedureDescription",
    "scheme": "CodingSchemeDesignator",
    "modality": "Modality",
    "referring": "ReferringPhysicianName",
    "requesting": "RequestingPhysician",
    "reason": "ReasonForTheRequestedProcedure",
    "location": "CurrentPatientLocation",
    "accession": "AccessionNumber",
}


class Asked(NamedTuple):
    """Who asks, under which key (the same key never does anything twice), and whether destinations are told."""

    by: str
    key: str
    tell: bool = False


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as a form or a program gives it.

    Names are PN, up to three groups, or `family, given`; days YYYY-MM-DD, `start` YYYY-MM-DDTHH:MM by the site's clock;
    several stations have a comma between them. `modality`, `procedure_text` and `scheme` are for a procedure that the
    catalogue does not have.
    """

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    procedure: str = ""
    procedure_text: str = ""
    scheme: str = ""
    modality: str = ""
    priority: str = "ROUTINE"
    station: str = ""
    start: str = ""
    location: str = ""
    referring: str = ""
    requesting: str = ""
    reason: str = ""
    accession: str = ""


@dataclass(frozen=True, slots=True)
class StepChange:
    """What becomes of one step; empty for what stays. `version` is that of the step the operator saw, 0 for any."""

    start: str = ""
    station: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What becomes of an order that is known; empty for what stays. `steps` are changes by step id."""

    steps: Mapping[str, StepChange]
    priority: str = ""
    procedure: str = ""
    procedure_text: str = ""
    scheme: str = ""
    modality: str = ""
    reason: str = ""


_Texts = TypeVar("_Texts", NewOrder, OrderChange, StepChange)


def tidy(said: _Texts) -> _Texts:
    """Without blanks around anything, codes in capitals where they are never otherwise, names as PN."""
    texts = {each.name: getattr(said, each.name) for each in fields(said)}
    tidied: dict[str, Any] = {name: text.strip() for name, text in texts.items() if isinstance(text, str)}
    capitals: dict[str, Any] = {
        name: text.upper() for name, text in tidied.items() if name in ("modality", "priority", "sex")
    }
    names: dict[str, Any] = {
        name: as_name(text) for name, text in tidied.items() if name in ("name", "referring", "requesting")
    }
    return replace(said, **{**tidied, **capitals, **names})


def as_name(text: str) -> str:
    """`family, given` as PN; a PN as it is."""
    if "^" in text or "=" in text or "," not in text:
        return text
    return "^".join(part.strip() for part in text.split(","))


def stations(text: str) -> list[str]:
    """The AE titles in a field."""
    return [title for title in _BETWEEN_STATIONS.split(text) if title]


def moment(text: str) -> datetime | None:
    """The time in a field, by the site's clock; None when there is no such time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if len(text) > len("YYYY-MM-DD") else None
    except ValueError:
        return None


def day(text: str) -> str:
    """The day in a field as YYYYMMDD; "" when there is no such day."""
    try:
        return f"{date.fromisoformat(text):%Y%m%d}" if text else ""
    except ValueError:
        return ""


def mistakes(order: NewOrder, catalogue: Catalogue | None) -> dict[str, str]:
    """What is wrong with a new order, by field; nothing when it can be taken."""
    found = {name: text for name in ("patient_id", "name", "procedure", "start") if (text := _absent(order, name))}
    if not found.get("name") and not order.name.replace("=", "^").split("^")[0].strip():
        found["name"] = say("has no family name")
    found |= dict(_unfit(order))
    found |= {name: text for name, check in _CHECKS.items() if (text := check(getattr(order, name)))}
    return found | _procedure(order, catalogue)


def mistakes_of_change(change: OrderChange, catalogue: Catalogue | None) -> dict[str, str]:
    """What is wrong with a change, by field; fields of a step are `start` and `station` behind its id and a dot."""
    found = dict(_unfit(change))
    if change.priority and (unknown := _priority(change.priority)):
        found["priority"] = unknown
    found |= _procedure(change, catalogue) if change.procedure else {}
    for step_id, step in change.steps.items():
        told = {"start": _start(step.start), "station": _stations(step.station)}
        found |= {f"{step_id}.{name}": text for name, text in told.items() if text}
    return found


def _absent(order: NewOrder, name: str) -> str:
    return "" if getattr(order, name) else _MISSING


def _unfit(said: NewOrder | OrderChange) -> Iterator[tuple[str, str]]:
    for each in fields(said):
        keyword = _KEYWORDS.get(each.name)
        broken = encoding.violations(keyword, getattr(said, each.name)) if keyword else []
        if each.name == "procedure":  # a long code is a Long Code Value
            broken = [text for text in broken if "longer" not in text]
        if broken:
            yield each.name, broken[0]


def _procedure(said: NewOrder | OrderChange, catalogue: Catalogue | None) -> dict[str, str]:
    """A code of the catalogue says everything; any other needs its words and its modality."""
    if not said.procedure or is_listed(said.procedure, catalogue):
        return {}
    unsaid = say("is missing; a procedure that is not in the catalogue needs it")
    return {name: unsaid for name in ("procedure_text", "modality") if not getattr(said, name)}


def is_listed(code: str, catalogue: Catalogue | None) -> bool:
    """Whether the catalogue knows the code."""
    return catalogue is not None and code in catalogue.entries


def _birth_date(text: str) -> str:
    if not text:
        return ""
    written = day(text)
    if not written:
        return say("is no day; write it like 1980-02-29")
    if not f"{_OLDEST}0101" <= written <= f"{clock.local(clock.now()):%Y%m%d}":
        return say("is not a day anybody can have been born on")
    return ""


def _sex(text: str) -> str:
    return "" if text in SEXES else say("is F, M, O or unknown")


def _priority(text: str) -> str:
    return "" if text in PRIORITIES else say("is one of %(names)s", names=", ".join(PRIORITIES))


def _start(text: str) -> str:
    return "" if not text or moment(text) else say("is no time; write it like 2026-03-16T09:30")


def _stations(text: str) -> str:
    broken = (encoding.violations("ScheduledStationAETitle", title) for title in stations(text))
    return next((found[0] for found in broken if found), "")


def _accession(text: str) -> str:
    return say("holds * or ?, which a worklist query takes for any text") if re.search(r"[*?]", text) else ""


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "birth_date": _birth_date,
    "sex": _sex,
    "priority": _priority,
    "start": _start,
    "station": _stations,
    "accession": _accession,
}

"""The requisition of an order on paper: who, what, when and where, with the accession number as Code 128 and QR.

Without patient data until somebody asks for them, which the journal keeps: paper is out of our sight.
"""

from collections.abc import MutableSequence
from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydicom.dataset import Dataset

from swf import clock
from swf.dicom import encoding
from swf.extensions.web import codes, rendering
from swf.extensions.web.language import N_, _
from swf.extensions.web.mask import MASK
from swf.extensions.web.rooms import Rooms, who
from swf.store import inquiry
from swf.store.database import Record
from swf.workflow import operator

_PATIENT = (
    ("PatientID", N_("Patient ID")), ("PatientBirthDate", N_("Birth date")), ("PatientSex", N_("Sex")),
    ("PatientWeight", N_("Weight in kg")), ("CurrentPatientLocation", N_("Patient's location")),
    ("Allergies", N_("Allergies")), ("MedicalAlerts", N_("Medical alerts")), ("PregnancyStatus", N_("Pregnancy")),
    ("SpecialNeeds", N_("Special needs")), ("ReasonForTheRequestedProcedure", N_("Reason")),
)  # fmt: skip
_ORDER = (
    ("RequestedProcedurePriority", N_("Priority")), ("RequestingPhysician", N_("Requesting physician")),
    ("ReferringPhysicianName", N_("Referring physician")), ("RequestingService", N_("Requesting service")),
    ("PatientTransportArrangements", N_("Transport")),
)  # fmt: skip
_STEP = (
    ("ScheduledProcedureStepDescription", N_("What")), ("Modality", N_("Modality")),
    ("ScheduledStationAETitle", N_("Station")), ("ScheduledProcedureStepLocation", N_("Room")),
    ("ScheduledPerformingPhysicianName", N_("Performing physician")),
)  # fmt: skip
_PREGNANT = {"1": N_("not pregnant"), "2": N_("possibly pregnant"), "3": N_("definitely pregnant"), "4": N_("unknown")}
_NAMES = frozenset({"RequestingPhysician", "ReferringPhysicianName", "ScheduledPerformingPhysicianName"})


class Sheet(NamedTuple):
    """One order on paper."""

    order: Record
    number: str
    bars: codes.Drawn | None
    square: codes.Drawn
    name: str
    patient: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    procedures: list[str]
    steps: list[dict[str, Any]]


def routes(rooms: Rooms) -> APIRouter:
    """The sheet, without and with what says who the patient is."""
    router = APIRouter(include_in_schema=False)

    @router.get("/orders/{number:path}/requisition")
    def masked(number: str) -> HTMLResponse:
        return _answer(rooms, number, _orders(rooms, number), "")

    @router.post("/orders/{number:path}/requisition")
    def revealed(request: Request, number: str) -> HTMLResponse:
        found, by = _orders(rooms, number), who(request)
        numbers = [row.id for row in found]
        rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=numbers))
        return _answer(rooms, number, found, by)

    return router


def _orders(rooms: Rooms, number: str) -> list[Record]:
    with rooms.database.reading() as connection:
        found = list(inquiry.orders(connection, number))
    if not found:
        raise HTTPException(404, _("nothing is known of order %(number)s", number=number))
    return found


def _answer(rooms: Rooms, number: str, orders: list[Record], by: str) -> HTMLResponse:
    with rooms.database.reading() as connection:
        steps = {row.id: list(inquiry.steps(connection, row.id)) for row in orders}
    sheets = [_sheet(row, steps[row.id], revealed=bool(by)) for row in orders if steps[row.id]]
    site = rooms.site().settings.site
    return rendering.answer("requisition.html", number=number, sheets=sheets, by=by, site=site)


def _sheet(order: Record, steps: list[Record], *, revealed: bool) -> Sheet:
    items = [encoding.decode(row.dataset) for row in steps]
    first = items[0]
    number = order.accession_number or order.placer_order_number or order.filler_order_number

    def shown(text: str) -> str:
        return text if revealed or not text else MASK

    patient = [(_(title), shown(text)) for keyword, title in _PATIENT if (text := _text(first, keyword))]
    facts = [(_(title), text) for keyword, title in _ORDER if (text := _text(first, keyword))]
    return Sheet(
        order,
        number,
        codes.code_128(number),
        codes.qr(number),
        shown(legible(str(first.get("PatientName", "") or ""))),
        patient,
        facts,
        list(dict.fromkeys(_procedure(item) for item in items)),
        [_step(row, item) for row, item in zip(steps, items, strict=True)],
    )


def _step(row: Record, item: Dataset) -> dict[str, Any]:
    step = item.ScheduledProcedureStepSequence[0]
    said = [(_(title), text) for keyword, title in _STEP if (text := _text(step, keyword))]
    return {"id": row.step_id, "start": row.start, "status": row.status, "said": said}


def _procedure(item: Dataset) -> str:
    coded = item.get("RequestedProcedureCodeSequence") or []
    code = str(coded[0].get("CodeValue") or coded[0].get("LongCodeValue") or "") if coded else ""
    words = str(item.get("RequestedProcedureDescription", "") or "")
    return f"{words} ({code})" if words and code and code != words else words or code


def _text(item: Dataset, keyword: str) -> str:
    value = item.get(keyword)
    text = "" if value is None else str(value) if isinstance(value, str) else _several(value)
    if keyword in _NAMES:
        return legible(text)
    if keyword == "PatientBirthDate":
        return rendering.start(text)
    if keyword == "PregnancyStatus":
        return _(_PREGNANT.get(text, text))
    if keyword == "PatientID" and item.get("IssuerOfPatientID"):
        return f"{text} ({item.IssuerOfPatientID})"
    return text


def _several(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, MutableSequence) else str(value)


def legible(name: str) -> str:
    """A PN as people write it: family, given, what stands before and behind; other scripts behind a stroke."""
    groups = []
    for group in name.split("="):
        family, given, middle, prefix, suffix = [*group.split("^"), "", "", "", "", ""][:5]
        behind = " ".join(part for part in (prefix, given, middle) if part)
        groups.append(", ".join(part for part in (family, behind, suffix) if part))
    return " / ".join(group for group in groups if group)

"""The worklist as a station sees it: what it would be told now, what is kept back and why, by which filters (RAD-5)."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydicom.dataset import Dataset

from swf import clock, config
from swf.dicom import listing
from swf.extensions.web import mask, rendering
from swf.extensions.web.rooms import Rooms, RowNumber, who
from swf.sentence import listed as each_of
from swf.sentence import say
from swf.store import board
from swf.workflow import operator, station_list
from swf.workflow.station_list import Listed, StationList
from swf.workflow.stations import Rule

_SPS = "ScheduledProcedureStepSequence"
_COLUMNS = ("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepID", "ScheduledProcedureStepDescription")
_DAY, _TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
_PATIENT = ("PatientName", "PatientID")
_LAST, _ALL = "last", "all"


class Line(NamedTuple):
    """An entry as the station shows it; None is what it did not ask for. `number` leads to the order."""

    step: int
    number: str
    start: str
    cells: list[str | None]
    patient: bool


class Element(NamedTuple):
    """One element of an answer; `depth` says how many sequences it is in."""

    tag: str
    vr: str
    depth: int
    name: str
    text: str
    masked: bool


def routes(rooms: Rooms) -> APIRouter:
    """The list, and one answer of it as a dataset."""
    router = APIRouter(include_in_schema=False)

    @router.get("/worklist")
    def worklist(ae: str = "", called: str = "", asks: str = _LAST) -> HTMLResponse:
        return rendering.answer("worklist.html", **_page(rooms, ae.strip(), called.strip(), asks))

    @router.get("/worklist/{step}")
    def dataset(step: RowNumber, ae: str, called: str = "", asks: str = _LAST) -> HTMLResponse:
        return rendering.answer("dataset.html", **_one(rooms, step, (ae, called), asks, revealed=False))

    @router.post("/worklist/{step}")
    def reveal(request: Request, step: RowNumber, ae: str, called: str = "", asks: str = _LAST) -> HTMLResponse:
        shown = _one(rooms, step, (ae, called), asks, revealed=True)
        noted(rooms, who(request), shown["row"].order)
        return rendering.answer("dataset.html", **shown)

    return router


def found(rooms: Rooms, ae_title: str, called: str, *, last: bool, most: int = station_list.MOST) -> StationList:
    """The list of a station; with `last` as it asks last, else of everything. Keys that tell of a patient are masked."""
    with rooms.database.reading() as connection:
        settings = rooms.site().settings
        shown = station_list.of(connection, settings, (ae_title, called), clock.now(), last=last, most=most)
    asked = {path: mask.MASK if mask.is_of_the_patient(path) else value for path, value in shown.asked.items()}
    filters = [
        each._replace(condition=mask.MASK) if mask.is_of_the_patient(each.name) else each for each in shown.filters
    ]
    return dataclasses.replace(shown, asked=asked, filters=filters)


def answer(rooms: Rooms, step: int, caller: tuple[str, str], *, last: bool) -> Listed:
    """One answer of the list; raises HTTPException, with what hides the step, when it is not on it."""
    with rooms.database.reading() as connection:
        settings = rooms.site().settings
        listed, hidden = station_list.one(connection, settings, caller, step, clock.now(), last=last)
    if listed is None:
        raise HTTPException(
            404,
            say(
                "step %(step)s is not on the list of %(device)s now: %(rules)s",
                step=step,
                device=caller[0],
                rules=each_of(hidden),
            ),
        )
    return listed


def noted(rooms: Rooms, by: str, order: int) -> None:
    """Note that somebody looked at who the patient of that order row is."""
    rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=[order]))


def _page(rooms: Rooms, ae_title: str, called: str, asks: str) -> dict[str, Any]:
    settings = rooms.site().settings
    with rooms.database.reading() as connection:
        asked = [row.ae_title for row in board.last_queries(connection)]
    shown = found(rooms, ae_title, called, last=asks != _ALL) if ae_title else None
    return {
        "ae": ae_title,
        "called": called,
        "asks": asks,
        "titles": sorted({*asked, *(each.ae_title for each in settings.modality)}),
        "ours": config.called_titles(settings),
        "shown": shown,
        "lines": [_line(each) for each in shown.listed] if shown else [],
        "dated": shown is not None and any(each.rule == Rule.WINDOW or each.name == _DAY for each in shown.filters),
    }


def _line(listed: Listed) -> Line:
    step = listing.columns(listed.answer, (*_COLUMNS, _DAY, _TIME), _SPS)
    cells = [step.get(each) for each in _COLUMNS]
    start = step.get(_DAY, "") + step.get(_TIME, "")
    patient = any(listing.columns(listed.answer, _PATIENT).values())
    return Line(listed.row.id, listed.row.order_accession or listed.row.placer, start, cells, patient)


def _one(rooms: Rooms, step: int, caller: tuple[str, str], asks: str, *, revealed: bool) -> dict[str, Any]:
    listed = answer(rooms, step, caller, last=asks != _ALL)
    return {
        "row": listed.row,
        "number": listed.row.order_accession or listed.row.placer,
        "ae": caller[0],
        "called": caller[1],
        "asks": asks,
        "size": len(listed.answer),
        "elements": list(_elements(listed.dataset(), revealed=revealed)),
        "revealed": revealed,
    }


def _elements(dataset: Dataset, *, revealed: bool) -> Iterator[Element]:
    for each in listing.elements(dataset):
        masked = bool(each.text) and not revealed and mask.is_of_the_patient(each.path)
        name = each.path.rpartition("/")[2]
        yield Element(each.tag, each.vr, each.path.count("/"), name, mask.MASK if masked else each.text, masked)

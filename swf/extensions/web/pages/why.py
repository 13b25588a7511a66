"""Why not? An order and a station: every rule that passes, the one that hides, and what mends it (RAD-5)."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from swf import clock
from swf.config import Settings
from swf.extensions.web import mask, rendering
from swf.extensions.web.pages import messages
from swf.extensions.web.rooms import Rooms
from swf.store import board
from swf.store.database import Record
from swf.workflow import why as workflow_why
from swf.workflow.verdict import Why


def routes(rooms: Rooms) -> APIRouter:
    """The question, and its answer once both are given."""
    router = APIRouter(include_in_schema=False)

    @router.get("/why")
    def why(number: str = "", ae: str = "", called: str = "") -> HTMLResponse:
        return rendering.answer("why.html", **found(rooms, number.strip(), ae.strip(), called.strip()))

    return router


def jsonable(rooms: Rooms, number: str, ae_title: str, called: str) -> dict[str, Any]:
    """The answer with a name for every value."""
    with rooms.database.reading() as connection:
        return _answer(connection, rooms.site().settings, number, (ae_title, called)).jsonable()


def found(rooms: Rooms, number: str, ae_title: str, called: str) -> dict[str, Any]:
    """The answer, None while something is missing, and what may be chosen."""
    settings = rooms.site().settings
    with rooms.database.reading() as connection:
        asked = [row.ae_title for row in board.last_queries(connection)]
        answer = _answer(connection, settings, number, (ae_title, called)) if number and ae_title else None
    titles = sorted({*asked, *(each.ae_title for each in settings.modality)})
    ours = [settings.dicom.ae_title, *(each.ae_title for each in settings.partition)]
    most = max((stage.left for stage in answer.funnel), default=0) if answer else 0
    return {"answer": answer, "number": number, "ae": ae_title, "called": called, "titles": titles, "ours": ours} | {
        "most": most or 1
    }


def _answer(connection: Connection, settings: Settings, number: str, caller: tuple[str, str]) -> Why:
    """The answer without what says who the patient is, or whom the device asked for."""

    def readable(message: Record) -> bool:
        return bool(messages.readable(connection, [message], number))

    answer = workflow_why.of(connection, settings, number, caller, clock.now(), readable=readable)
    steps = [replace(step, findings=list(map(mask.finding, step.findings))) for step in answer.steps]
    return replace(answer, steps=steps, funnel=list(map(mask.stage, answer.funnel)))

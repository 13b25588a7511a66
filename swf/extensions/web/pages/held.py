"""Held entries: what is kept from every list because a strict modality would choke on it, each with its reasons (RAD-5)."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from swf.dicom import flaws, terms
from swf.extensions.web import rendering
from swf.extensions.web.rooms import Rooms
from swf.store import journal, worklist
from swf.store.database import Record
from swf.workflow import withheld

SHOWN = 200


def routes(rooms: Rooms) -> APIRouter:
    """The list."""
    router = APIRouter(include_in_schema=False)

    @router.get("/held")
    def held() -> HTMLResponse:
        return rendering.answer("held.html", **found(rooms))

    return router


def found(rooms: Rooms) -> dict[str, Any]:
    """The entries with a flaw, those that are kept back and those that are shown all the same."""
    hold = flaws.mask(rooms.site().settings.worklist.hold_for)
    with rooms.database.reading() as connection:
        rows = worklist.flawed(connection, sorted(terms.LISTED), among=0, limit=SHOWN)
        messages = journal.last_messages(connection, {row.order for row in rows})
    return {"lines": [_line(row, hold, messages.get(row.order, 0)) for row in rows], "shown": SHOWN}


def _line(row: Record, hold: int, message: int) -> dict[str, Any]:
    """An entry: what is wrong with it, what mends that, and the newest message about its order."""
    found = flaws.of(row.dataset)
    return {
        "row": row,
        "kept": bool(row.flaws & hold),
        "flaws": [(each.attribute.rpartition("/")[2], each.text) for each in found],
        "mends": list(dict.fromkeys(withheld.MENDS[each.flaw] for each in found)),
        "message": message,
    }

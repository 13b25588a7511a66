"""Two messages about one order beside each other: their fields by name, and what the mapping makes of each (RAD-2, RAD-4)."""

from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from swf import clock
from swf.extensions.web import bench_view, hl7_view, mask, rendering
from swf.extensions.web.language import _
from swf.extensions.web.pages import messages
from swf.extensions.web.rooms import Rooms, RowNumber, Said, number, who
from swf.hl7 import dictionary
from swf.hl7 import difference as hl7_difference
from swf.hl7.difference import Different
from swf.store import journal
from swf.workflow import difference, operator


class Field(NamedTuple):
    """A field that differs: its place and name, what stood there before and stands there after."""

    place: str
    name: str
    before: str
    after: str
    masked: bool


def routes(rooms: Rooms) -> APIRouter:
    """Two messages, and the same with patient data."""
    router = APIRouter(include_in_schema=False)

    @router.get("/messages/compare")
    def compare(one: RowNumber, other: RowNumber) -> HTMLResponse:
        return rendering.answer("compare.html", **found(rooms, one, other, revealed=False))

    @router.post("/messages/compare")
    def reveal(request: Request, said: Said) -> HTMLResponse:
        numbers = [number(said, name) for name in ("one", "other")]
        shown, by = found(rooms, *numbers, revealed=True), who(request)
        for each in numbers:
            rooms.database.run(
                lambda transaction, each=each: operator.revealed(  # type: ignore[misc]  # bound now, not at the end
                    transaction, clock.now(), by, orders=[], message=each
                )
            )
        return rendering.answer("compare.html", **shown)

    return router


def found(rooms: Rooms, one: int, other: int, *, revealed: bool) -> dict[str, Any]:
    """Both messages, their fields that differ, and the attributes of their worklist items that do."""
    rows = [messages.one(rooms, number) for number in (one, other)]
    contents = [difference.content(rooms.site(), row) for row in rows]
    if contents[0] is None or contents[1] is None:
        raise HTTPException(409, _("one of the messages cannot be read"))
    with rooms.database.reading() as connection:
        orders = [{each.order for each in journal.of_message(connection, number)} - {None} for number in (one, other)]
        numbers = journal.numbers_of(connection, orders[0] & orders[1])
    version = contents[1].header.version
    fields = [_field(each, version, revealed=revealed) for each in hl7_difference.of(contents[0], contents[1])]
    items = list(bench_view.changes(difference.between(rooms.site(), rows[0], rows[1]), revealed=revealed))
    refusals = [difference.refusal(rooms.site(), row) for row in rows]
    return {
        "rows": rows,
        "refusals": refusals,
        "orders": numbers,
        "fields": fields,
        "items": items,
        "revealed": revealed,
    }


def _field(each: Different, version: str, *, revealed: bool) -> Field:
    masked = not revealed and not hl7_view.is_harmless(each.segment, each.field)
    before, after = (mask.MASK if masked and text else text for text in (each.before, each.after))
    return Field(each.place, dictionary.field_name(version, each.segment, each.field) or "", before, after, masked)

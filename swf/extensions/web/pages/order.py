"""One order: its trace as picture and list, its steps, and where each attribute came from. The address is a permalink.

Names and other data of the patient stay behind a mask until somebody asks for them, which the journal keeps.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from swf import clock
from swf.dicom import encoding, flaws, listing
from swf.dicom.flaws import Found
from swf.extensions.web import mask, rendering, trace_view
from swf.extensions.web.language import _
from swf.extensions.web.rooms import Rooms, who
from swf.store import board, deliveries, inquiry, journal
from swf.store.database import Record
from swf.workflow import operator, provenance
from swf.workflow.provenance import Explained, Origin


class Shown(NamedTuple):
    """One attribute of a step, and where it came from."""

    path: str
    value: str
    origin: Origin
    masked: bool


class Step(NamedTuple):
    """A step with its attributes and what is wrong with it."""

    row: Record
    attributes: list[Shown]
    flaws: list[Found]


def routes(rooms: Rooms) -> APIRouter:
    """The page of an order, by its accession, placer or filler number."""
    router = APIRouter(include_in_schema=False)

    @router.get("/orders/{number:path}")
    def order(number: str) -> HTMLResponse:
        return rendering.answer("order.html", **found(rooms, number, revealed=False))

    @router.post("/orders/{number:path}")
    def reveal(request: Request, number: str) -> HTMLResponse:
        shown = found(rooms, number, revealed=True)
        numbers = [row.id for row in shown["orders"]]
        rooms.database.run(
            lambda transaction: operator.revealed(transaction, clock.now(), who(request), orders=numbers)
        )
        return rendering.answer("order.html", **shown)

    return router


def found(rooms: Rooms, number: str, *, revealed: bool) -> dict[str, Any]:
    """Everything the page shows; raises HTTPException when nobody knows the number."""
    with rooms.database.reading() as connection:
        orders = inquiry.orders(connection, number)
        if not orders:
            raise HTTPException(404, _("nothing is known of order %(number)s", number=number))
        rows = [step for order in orders for step in inquiry.steps(connection, order.id)]
        messages = board.messages_of(connection, [order.id for order in orders])
        moments = journal.trace_of(connection, [order.id for order in orders])
        asked = board.last_queries(connection)
        told = deliveries.numbers_of(connection, [order.id for order in orders])
    lines = trace_view.lines(moments, told)
    names = trace_view.lanes(lines, trace_view.devices_of(moments))
    explained = provenance.explained(rooms.site(), messages)
    settings = rooms.site().settings
    return {
        "number": number,
        "orders": orders,
        "anchors": {row.step_id: number for number, row in enumerate(rows, start=1)},
        "steps": [_step(row, explained, revealed=revealed) for row in rows],
        "lines": lines,
        "picture": trace_view.picture(lines, names),
        "revealed": revealed,
        "messages": list(reversed(messages)),
        "devices": sorted({*(each.ae_title for each in settings.modality), *(row.ae_title for row in asked)}),
    }


def _step(row: Record, explained: Sequence[Explained], *, revealed: bool) -> Step:
    attributes = listing.attributes(encoding.decode(row.dataset))
    origins = provenance.of_step(explained, row.step_id, attributes)
    return Step(row, list(_shown(attributes, origins, revealed=revealed)), flaws.of(row.dataset))


def _shown(attributes: dict[str, str], origins: dict[str, Origin], *, revealed: bool) -> Iterator[Shown]:
    for path, value in attributes.items():
        masked = bool(value) and not revealed and mask.is_of_the_patient(path)
        yield Shown(path, mask.MASK if masked else value, origins[path], masked)

"""Deliveries: what destinations were told, what waits and why, and letting a parked message try again (RAD-3)."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.extensions.web import hl7_view, rendering
from swf.extensions.web.language import _
from swf.extensions.web.rooms import Rooms, who
from swf.jobs import relay
from swf.model.delivery import DeliveryStatus
from swf.store import deliveries as delivery_store
from swf.store import journal
from swf.store.database import Record
from swf.workflow import operator

SHOWN = 100


def routes(rooms: Rooms) -> APIRouter:
    """The list, one delivery, and its return into the line."""
    router = APIRouter(include_in_schema=False)

    @router.get("/deliveries")
    def deliveries(status: str = "") -> HTMLResponse:
        return rendering.answer("deliveries.html", **listed(rooms, status))

    @router.get("/deliveries/{number}")
    def delivery(number: int) -> HTMLResponse:
        return rendering.answer("delivery.html", **_shown(rooms, number, revealed=False))

    @router.post("/deliveries/{number}/reveal")
    def reveal(request: Request, number: int) -> HTMLResponse:
        shown, by = _shown(rooms, number, revealed=True), who(request)
        orders = [shown["row"].order] if shown["row"].order else []
        rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=orders))
        return rendering.answer("delivery.html", **shown)

    @router.post("/deliveries/{number}/retry")
    def retry(request: Request, number: int) -> Response:
        by = who(request)
        rooms.database.run(lambda transaction: operator.retry(transaction, clock.now(), by, number))
        return RedirectResponse(f"/deliveries/{number}", 303)

    return router


def listed(rooms: Rooms, status: str, limit: int = SHOWN) -> dict[str, Any]:
    """The newest deliveries first, of one status when given."""
    with rooms.database.reading() as connection:
        rows = delivery_store.overview(connection, limit=limit, status=status)
    return {"rows": rows, "status": status, "statuses": list(DeliveryStatus), "shown": limit}


def one(rooms: Rooms, number: int) -> Record:
    """A delivery; raises HTTPException when there is none."""
    with rooms.database.reading() as connection:
        row = delivery_store.one(connection, number)
    if row is None:
        raise HTTPException(404, _("there is no delivery %(number)s", number=number))
    return row


def _shown(rooms: Rooms, number: int, *, revealed: bool) -> dict[str, Any]:
    row = one(rooms, number)
    with rooms.database.reading() as connection:
        orders = journal.numbers_of(connection, [row.order]) if row.order else []
    lines = [] if row.type in relay.KINDS else hl7_view.lines(bytes(row.payload), revealed=revealed)
    return {"row": row, "orders": orders, "lines": lines, "revealed": revealed, "parked": DeliveryStatus.PARKED}

"""Deliveries: what destinations were told, what waits and why; retry, skip, and holding a whole destination (RAD-3)."""

from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.extensions.web import hl7_view, rendering
from swf.extensions.web.language import _
from swf.extensions.web.rooms import Rooms, RowNumber, Said, who
from swf.jobs import relay
from swf.model.delivery import DeliveryStatus
from swf.store import board, journal
from swf.store import deliveries as delivery_store
from swf.store.database import Record
from swf.workflow import operator

SHOWN = 100


def routes(rooms: Rooms) -> APIRouter:
    """The list, one delivery, and what is done about either."""
    router = APIRouter(include_in_schema=False)

    @router.get("/deliveries")
    def deliveries(status: str = "") -> HTMLResponse:
        return rendering.answer("deliveries.html", **listed(rooms, status))

    @router.get("/deliveries/{number}")
    def delivery(number: RowNumber) -> HTMLResponse:
        return rendering.answer("delivery.html", **_shown(rooms, number, revealed=False))

    @router.post("/deliveries/{number}/reveal")
    def reveal(request: Request, number: RowNumber) -> HTMLResponse:
        shown, by = _shown(rooms, number, revealed=True), who(request)
        orders = [shown["row"].order] if shown["row"].order else []
        rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=orders))
        return rendering.answer("delivery.html", **shown)

    @router.post("/deliveries/{number}/retry")
    def retry(request: Request, number: RowNumber) -> Response:
        by = who(request)
        rooms.database.run(lambda transaction: operator.retry(transaction, clock.now(), by, number))
        return RedirectResponse(f"/deliveries/{number}", 303)

    _doers(router, rooms)
    return router


def _doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/deliveries/{number}/skip")
    def skip(request: Request, number: RowNumber, said: Said) -> Response:
        skipped(rooms, number, said.get("reason", ""), who(request))
        return RedirectResponse(f"/deliveries/{number}", 303)

    @router.post("/destinations/{name}/hold")
    def hold(request: Request, name: str, said: Said) -> Response:
        held(rooms, name, said.get("reason", ""), who(request))
        return RedirectResponse("/deliveries", 303)

    @router.post("/destinations/{name}/release")
    def release(request: Request, name: str) -> Response:
        released(rooms, name, who(request))
        return RedirectResponse("/deliveries", 303)


def skipped(rooms: Rooms, number: int, reason: str, by: str) -> None:
    """Give a delivery up; raises Overtaken."""
    rooms.database.run(lambda transaction: operator.skip(transaction, clock.now(), by, number, reason))


def held(rooms: Rooms, name: str, reason: str, by: str) -> None:
    """Tell a destination nothing for now; raises Overtaken."""
    settings = rooms.site().settings
    rooms.database.run(lambda transaction: operator.hold(transaction, settings, clock.now(), by, (name, reason)))


def released(rooms: Rooms, name: str, by: str) -> None:
    """Tell it again; raises Overtaken."""
    rooms.database.run(lambda transaction: operator.let_go(transaction, clock.now(), by, name))


class Line(NamedTuple):
    """A destination: how many wait for it since when, how many are parked, when it took one, and who holds it."""

    name: str
    waiting: int
    oldest: datetime | None
    parked: int
    taken: datetime | None
    held: Record | None


def lines(rooms: Rooms) -> list[Line]:
    """Every destination and relay of the settings."""
    settings = rooms.site().settings
    with rooms.database.reading() as connection:
        holds = delivery_store.held(connection)
        return [
            Line(each.name, *board.line(connection, each.name)[:4], holds.get(each.name))
            for each in (*settings.destination, *settings.relay)
        ]


def listed(rooms: Rooms, status: str, limit: int = SHOWN) -> dict[str, Any]:
    """The newest deliveries first, of one status when given."""
    with rooms.database.reading() as connection:
        rows = delivery_store.overview(connection, limit=limit, status=status)
    found = {"rows": rows, "status": status, "statuses": list(DeliveryStatus), "shown": limit}
    return found | {"lines": lines(rooms)}


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
    return {"row": row, "orders": orders, "lines": lines, "revealed": revealed, "parked": DeliveryStatus.PARKED} | {
        "open": row.status in (DeliveryStatus.WAITING, DeliveryStatus.PARKED)
    }

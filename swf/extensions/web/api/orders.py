"""Orders for programs: what is to be done today, the list, the trace, and why a station does not see one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from swf.extensions.web import rendering
from swf.extensions.web.pages import orders, today, why
from swf.extensions.web.rooms import Rooms
from swf.store import journal


def routes(rooms: Rooms) -> APIRouter:
    """What the pages of orders show."""
    router = APIRouter()

    @router.get("/api/v1/today", summary="Counts by modality and status, and what needs somebody")
    def get_today() -> Response:
        found = today.overview(rooms)
        lists = {name: [each._asdict() for each in found[name]] for name in ("cards", "devices", "destinations")}
        return rendering.json({"steps": found["matrix"], "ailing": found["ailing"], **lists})

    @router.get("/api/v1/orders", summary="The newest orders, or those of a number")
    def get_orders(q: str = "", status: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        found = orders.found(rooms, q, status, limit)
        return rendering.json(
            [rendering.named(line["order"], "id", "patient", "identity", "parent") for line in found["lines"]]
        )

    @router.get("/api/v1/orders/{number}/trace", summary="Everything that happened to an order, oldest first")
    def get_trace(number: str) -> Response:
        with rooms.database.reading() as connection:
            moments = journal.trace(connection, number)
        found = [{"at": each.at, "event": each.event, **each.detail} for each in moments]
        return rendering.json(found or {"error": f"nothing is known of {number}"}, 200 if found else 404)

    @router.get("/api/v1/why", summary="Whether a station sees an order, and by which rule not")
    def get_why(number: str, ae: str, called: str = "") -> Response:
        return rendering.json(why.jsonable(rooms, number, ae, called))

    return router

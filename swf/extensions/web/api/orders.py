"""Orders for programs: what is to be done today, the list, the trace, and why a station does not see one."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from swf.extensions.web.api import shapes
from swf.extensions.web.pages import order, orders, today, why
from swf.extensions.web.rooms import Rooms
from swf.sentence import say
from swf.store import inquiry, journal


def routes(rooms: Rooms) -> APIRouter:
    """What the pages of orders show."""
    router = APIRouter()

    @router.get("/api/v1/today", summary="Counts by modality and status, and what needs somebody")
    def get_today() -> shapes.Today:
        found = today.overview(rooms)
        lists = {name: [each._asdict() for each in found[name]] for name in ("cards", "devices", "destinations")}
        return shapes.Today(steps=found["matrix"], ailing=list(found["ailing"]), **lists)

    @router.get("/api/v1/orders", summary="The newest orders, or those of a number")
    def get_orders(
        q: str = "", status: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[shapes.Order]:
        with rooms.database.reading() as connection:
            found = orders.listed(connection, q, status, limit)
        return [shapes.Order.model_validate(row) for row in found]

    @router.get(
        "/api/v1/orders/{number}", summary="An order by any of its numbers, its steps, and where each value came from"
    )
    def get_order(number: str) -> shapes.OrderWhole:
        found = order.found(rooms, number, revealed=False)
        steps = [
            shapes.OrderStep(
                step_id=each.row.step_id,
                status=each.row.status,
                flaws=list(map(str, each.flaws)),
                attributes=[shapes.Attribute.model_validate(shown) for shown in each.attributes],
            )
            for each in found["steps"]
        ]
        return shapes.OrderWhole(orders=[shapes.Order.model_validate(row) for row in found["orders"]], steps=steps)

    @router.get("/api/v1/orders/{number}/trace", summary="Everything that happened to an order, oldest first")
    def get_trace(number: str) -> list[shapes.Moment]:
        with rooms.database.reading() as connection:
            moments = journal.trace_of(connection, [row.id for row in inquiry.orders(connection, number)])
        if not moments:
            raise HTTPException(404, say("nothing is known of %(number)s", number=number))
        return [shapes.Moment.model_validate({"at": each.at, "event": each.event, **each.detail}) for each in moments]

    @router.get("/api/v1/why", summary="Whether a station sees an order, and by which rule not")
    def get_why(number: str, ae: str, called: str = "") -> shapes.Why:
        return shapes.Why.model_validate(why.jsonable(rooms, number, ae, called))

    return router

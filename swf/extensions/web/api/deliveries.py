"""Deliveries for programs: what destinations were told, what waits and why, and letting a parked one try again (RAD-3)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from swf import clock
from swf.dicom import mpps_envelope
from swf.extensions.web.api import shapes
from swf.extensions.web.pages import deliveries
from swf.extensions.web.rooms import Rooms, who
from swf.hl7 import charset
from swf.jobs import relay
from swf.store import journal
from swf.workflow import operator


def routes(rooms: Rooms) -> APIRouter:
    """What the page of deliveries shows and does."""
    router = APIRouter()

    @router.get("/api/v1/deliveries", summary="Messages to destinations, the newest first")
    def get_deliveries(status: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[shapes.Delivery]:
        return [shapes.Delivery.model_validate(row) for row in deliveries.listed(rooms, status.upper(), limit)["rows"]]

    @router.get("/api/v1/deliveries/{number}", summary="One of them, without its content")
    def get_delivery(number: int) -> shapes.Delivery:
        return _told(rooms, number)

    @router.post("/api/v1/deliveries/{number}/reveal", summary="What it says; the journal keeps who asked")
    def post_reveal(request: Request, number: int) -> shapes.DeliveryText:
        row, by = deliveries.one(rooms, number), who(request)
        orders = [row.order] if row.order else []
        rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=orders))
        is_report = row.type in relay.KINDS
        text = mpps_envelope.text(row.payload) if is_report else str(charset.for_people(row.payload))
        return shapes.DeliveryText(id=number, message=text)

    @router.post("/api/v1/deliveries/{number}/retry", summary="Put a parked one back into its line")
    def post_retry(request: Request, number: int) -> shapes.Delivery:
        by = who(request)
        rooms.database.run(lambda transaction: operator.retry(transaction, clock.now(), by, number))
        return _told(rooms, number)

    return router


def _told(rooms: Rooms, number: int) -> shapes.Delivery:
    row = deliveries.one(rooms, number)
    with rooms.database.reading() as connection:
        orders = journal.numbers_of(connection, [row.order]) if row.order else []
    told = shapes.Delivery.model_validate(row)
    return told.model_copy(update={"accession_number": orders[0]}) if orders else told

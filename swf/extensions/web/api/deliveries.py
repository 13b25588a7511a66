"""Deliveries for programs: what destinations were told, what waits and why, and letting a parked one try again (RAD-3)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from swf import clock
from swf.dicom import mpps_envelope
from swf.extensions.web.api import shapes
from swf.extensions.web.pages import deliveries
from swf.extensions.web.rooms import Rooms, RowNumber, who
from swf.hl7 import charset
from swf.jobs import relay
from swf.store import journal
from swf.workflow import operator


class Why(BaseModel):
    """The reason for what is done, as the journal keeps it."""

    reason: str = Field(min_length=1, max_length=300)


class Destination(BaseModel):
    """A line of deliveries."""

    name: str
    waiting: int
    oldest: datetime | None
    parked: int
    taken: datetime | None
    held: bool
    held_by: str = ""
    held_at: datetime | None = None
    reason: str = ""


def routes(rooms: Rooms) -> APIRouter:
    """What the page of deliveries shows and does."""
    router = APIRouter()

    @router.get("/api/v1/deliveries", summary="Messages to destinations, the newest first")
    def get_deliveries(status: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[shapes.Delivery]:
        return [shapes.Delivery.model_validate(row) for row in deliveries.listed(rooms, status.upper(), limit)["rows"]]

    @router.get("/api/v1/deliveries/{number}", summary="One of them, without its content")
    def get_delivery(number: RowNumber) -> shapes.Delivery:
        return _told(rooms, number)

    @router.post("/api/v1/deliveries/{number}/reveal", summary="What it says; the journal keeps who asked")
    def post_reveal(request: Request, number: RowNumber) -> shapes.DeliveryText:
        row, by = deliveries.one(rooms, number), who(request)
        orders = [row.order] if row.order else []
        rooms.database.run(lambda transaction: operator.revealed(transaction, clock.now(), by, orders=orders))
        is_report = row.type in relay.KINDS
        text = mpps_envelope.text(row.payload) if is_report else str(charset.for_people(row.payload))
        return shapes.DeliveryText(id=number, message=text)

    @router.post("/api/v1/deliveries/{number}/retry", summary="Put a parked one back into its line")
    def post_retry(request: Request, number: RowNumber) -> shapes.Delivery:
        by = who(request)
        rooms.database.run(lambda transaction: operator.retry(transaction, clock.now(), by, number))
        return _told(rooms, number)

    @router.post("/api/v1/deliveries/{number}/skip", summary="Give one up that waits or is parked")
    def post_skip(request: Request, number: RowNumber, why: Why) -> shapes.Delivery:
        deliveries.skipped(rooms, number, why.reason, who(request))
        return _told(rooms, number)

    @router.get("/api/v1/destinations", summary="Every destination: what waits, what is parked, and who holds it")
    def get_destinations() -> list[Destination]:
        return [_destination(each) for each in deliveries.lines(rooms)]

    @router.post("/api/v1/destinations/{name}/hold", summary="Tell a destination nothing until it is released")
    def post_hold(request: Request, name: str, why: Why) -> list[Destination]:
        deliveries.held(rooms, name, why.reason, who(request))
        return get_destinations()

    @router.post("/api/v1/destinations/{name}/release", summary="Tell it what has waited")
    def post_release(request: Request, name: str) -> list[Destination]:
        deliveries.released(rooms, name, who(request))
        return get_destinations()

    return router


def _destination(each: deliveries.Line) -> Destination:
    held = each.held
    said = {"held_by": held.by, "reason": held.reason, "held_at": held.at} if held else {}
    return Destination.model_validate(each._asdict() | {"held": bool(held)} | said)


def _told(rooms: Rooms, number: int) -> shapes.Delivery:
    row = deliveries.one(rooms, number)
    with rooms.database.reading() as connection:
        orders = journal.numbers_of(connection, [row.order]) if row.order else []
    told = shapes.Delivery.model_validate(row)
    return told.model_copy(update={"accession_number": orders[0]}) if orders else told

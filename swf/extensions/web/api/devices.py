"""Devices, destinations and relays for programs: who calls, what came of it, and whether a peer answers now."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from swf.extensions.web import rendering
from swf.extensions.web.api import shapes
from swf.extensions.web.pages import devices, query
from swf.extensions.web.rooms import Rooms, RowNumber, who
from swf.workflow.rejections import Rejection


def routes(rooms: Rooms) -> APIRouter:
    """What the pages of devices show and do."""
    router = APIRouter()

    @router.get("/api/v1/devices", summary="Every device of the settings, and whoever else has called")
    def get_devices() -> list[shapes.Device]:
        return [shapes.Device.model_validate(each) for each in devices.every(rooms)]

    @router.get(
        "/api/v1/devices/{ae:path}", summary="One device: settings in force, queries, latency, reports, rejections"
    )
    def get_device(ae: str, limit: Annotated[int, Query(ge=1, le=1000)] = devices.SHOWN) -> Response:
        found = devices.account(rooms, ae, limit)
        told = {
            "device": {**found.device._asdict(), "rejected": _rejected(found.device.rejected)},
            "in_force": [each._asdict() for each in found.in_force],
            "queries": [{**rendering.named(each.row, "identifier"), "keys": each.keys} for each in found.asked],
            "latency": found.latency._asdict() if found.latency else None,
            "reports": [rendering.named(row, "patient_id") for row in found.reports],
            "rejections": [each._asdict() for each in found.rejections],
        }
        return rendering.json(told)

    @router.post("/api/v1/devices/{ae:path}/echo", summary="Ask a device with host and port in the settings (C-ECHO)")
    def post_echo(request: Request, ae: str) -> shapes.Probed:
        return shapes.Probed.model_validate(devices.tested(rooms, who(request), ("device",), ae))

    @router.get("/api/v1/queries/{number}/why", summary="What each condition of a query leaves, and what came near")
    def get_why_nothing(number: RowNumber) -> Response:
        return rendering.json(query.found(rooms, number).jsonable())

    @router.get("/api/v1/lines", summary="Destinations and relays: what waits, what is parked, when one was last taken")
    def get_lines() -> list[shapes.Line]:
        return [shapes.Line.model_validate(each) for each in devices.lines(rooms)]

    @router.post("/api/v1/lines/{name:path}/test", summary="Ask a destination (connection only) or relay (C-ECHO)")
    def post_test(request: Request, name: str) -> shapes.Probed:
        return shapes.Probed.model_validate(devices.tested(rooms, who(request), ("destination", "relay"), name))

    return router


def _rejected(rejection: Rejection | None) -> dict[str, Any] | None:
    return rejection._asdict() if rejection is not None else None

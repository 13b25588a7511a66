"""The same for programs: REST and JSON under /api/v1, and what supervisors and Prometheus ask for."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from swf import clock
from swf.extensions.web import rendering
from swf.extensions.web.metrics import Figures
from swf.extensions.web.pages import messages, orders, today, why
from swf.extensions.web.rooms import Rooms, who
from swf.store import journal, pulse
from swf.store.database import Record

_LOOK_S = 0.25
_LONGEST_WAIT_S = 60.0


class Asked(BaseModel):
    """Which messages."""

    q: str = Field(default="", description="A part of their text.")
    refused: bool = Field(default=False, description="Only those without effect.")
    before: int = Field(default=0, description="Only those before this one.")
    after: int = Field(default=0, description="Only those after this one.")
    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    wait: str = Field(default="0s", description="How long to wait for one that fits, such as 5s.")


def routes(rooms: Rooms) -> APIRouter:
    """Everything for programs."""
    router = APIRouter()
    _lookers(router, rooms)
    _doers(router, rooms)
    _watchers(router, rooms)
    return router


def _lookers(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/api/v1/today", summary="Counts by modality and status, and what needs somebody")
    def get_today() -> Response:
        found = today.overview(rooms)
        lists = {name: [each._asdict() for each in found[name]] for name in ("cards", "devices", "destinations")}
        return rendering.json({"steps": found["matrix"], "ailing": found["ailing"], **lists})

    @router.get("/api/v1/orders", summary="The newest orders, or those of a number")
    def get_orders(q: str = "", status: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        found = orders.found(rooms, q, status, limit)
        return rendering.json([named(line["order"], "id", "patient", "identity", "parent") for line in found["lines"]])

    @router.get("/api/v1/orders/{number}/trace", summary="Everything that happened to an order, oldest first")
    def get_trace(number: str) -> Response:
        with rooms.database.reading() as connection:
            moments = journal.trace(connection, number)
        found = [{"at": each.at, "event": each.event, **each.detail} for each in moments]
        return rendering.json(found or {"error": f"nothing is known of {number}"}, 200 if found else 404)

    @router.get("/api/v1/why", summary="Whether a station sees an order, and by which rule not")
    def get_why(number: str, ae: str, called: str = "") -> Response:
        return rendering.json(why.jsonable(rooms, number, ae, called))

    @router.get("/api/v1/messages", summary="Messages, the newest first; with wait until one comes that fits")
    async def get_messages(asked: Annotated[Asked, Query()]) -> Response:
        ends = time.monotonic() + _seconds(asked.wait)
        while True:
            found = await run_in_threadpool(messages.listed, rooms, asked.q, **asked.model_dump(exclude={"q", "wait"}))
            if found["rows"] or time.monotonic() >= ends:
                return rendering.json([named(row) for row in found["rows"]])
            await asyncio.sleep(_LOOK_S)


def _doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/api/v1/messages/{number}/replay", summary="Take a message again; without really only try")
    def post_replay(request: Request, number: int, really: bool = False) -> Response:
        return rendering.json(messages.replayed(rooms, number, who(request), really=really)._asdict())


def _watchers(router: APIRouter, rooms: Rooms) -> None:
    registry = CollectorRegistry()
    registry.register(Figures(rooms))

    @router.get("/livez", summary="Whether every part does its work")
    def get_livez() -> Response:
        ailing = list(rooms.ailing())
        return rendering.json({"ailing": ailing}, 503 if ailing else 200)

    @router.get("/readyz", summary="Whether the store takes a write, proven by one")
    def get_readyz() -> Response:
        at = clock.now()
        rooms.database.run(lambda transaction: pulse.write(transaction, at))
        return rendering.json({"written": at, "milliseconds": round((clock.now() - at).total_seconds() * 1000)})

    @router.get("/metrics", summary="Figures for Prometheus; no names, no numbers of patients or orders")
    def get_metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def named(row: Record, *without: str) -> dict[str, Any]:
    """A row with a name for every value."""
    return {name: value for name, value in row._mapping.items() if name not in without}  # noqa: SLF001  the documented way


def _seconds(text: str) -> float:
    """`5s` or `5`."""
    try:
        return min(max(float(text.removesuffix("s")), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        return 0.0

"""What supervisors and Prometheus ask for: health proven by work, and figures without patients."""

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from swf import clock
from swf.extensions.web import rendering
from swf.extensions.web.metrics import Figures
from swf.extensions.web.rooms import Rooms
from swf.store import pulse


def routes(rooms: Rooms) -> APIRouter:
    """`/livez`, `/readyz` and `/metrics`."""
    router = APIRouter()
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

    return router

"""What supervisors and Prometheus ask for: health proven by work, and figures without patients."""

import threading
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from swf import clock
from swf.extensions.web import rendering
from swf.extensions.web.metrics import Figures
from swf.extensions.web.rooms import Rooms
from swf.store import pulse
from swf.store.database import Database

_GOOD_FOR = timedelta(seconds=1)


class Proof:
    """The last write to the store. Nobody has to sign in to ask for one, so that from elsewhere one a second is made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._last: tuple[datetime, int] | None = None

    def given(self, *, fresh: bool) -> tuple[datetime, int]:
        """When the store took a write, and how many milliseconds that needed; raises StoreError when it takes none."""
        if fresh:
            return self._made()
        with self._lock:
            if self._last is None or clock.now() - self._last[0] >= _GOOD_FOR:
                self._last = None
                self._last = self._made()
            return self._last

    def _made(self) -> tuple[datetime, int]:
        at = clock.now()
        self._database.run(lambda transaction: pulse.write(transaction, at))
        return at, round((clock.now() - at).total_seconds() * 1000)


def routes(rooms: Rooms) -> APIRouter:
    """`/livez`, `/readyz` and `/metrics`."""
    router = APIRouter()
    registry = CollectorRegistry()
    registry.register(Figures(rooms))

    @router.get("/livez", summary="Whether every part does its work")
    def get_livez() -> Response:
        ailing = list(rooms.ailing())
        return rendering.json({"ailing": ailing}, 503 if ailing else 200)

    proof = Proof(rooms.database)

    @router.get("/readyz", summary="Whether the store takes a write, proven by one")
    def get_readyz(request: Request) -> Response:
        at, milliseconds = proof.given(fresh=request.scope["arrival"].local)
        return rendering.json({"written": at, "milliseconds": milliseconds})

    @router.get("/metrics", summary="Figures for Prometheus; no names, no numbers of patients or orders")
    def get_metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router

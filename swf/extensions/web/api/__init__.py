"""The same for programs: REST and JSON under /api/v1, one module for each noun; and what supervisors ask for."""

from typing import Any

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer

from swf.extensions.web.api import (
    bench,
    by_hand,
    deliveries,
    devices,
    exams,
    health,
    held,
    issues,
    messages,
    orders,
    shapes,
    simulator,
    statistics,
    users,
    worklist,
)
from swf.extensions.web.proofs import Proofs
from swf.extensions.web.rooms import Rooms

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": shapes.Problem, "description": "Nobody knows who asks: show a token."},
    403: {"model": shapes.Problem, "description": "The role of who asks does not reach so far."},
    404: {"model": shapes.Problem, "description": "There is no such thing."},
    409: {"model": shapes.Problem, "description": "It cannot be done as things stand."},
    503: {"model": shapes.Problem, "description": "The store does not answer."},
}
_TOKEN = HTTPBearer(auto_error=False, description="A token of swf tokens add.")  # the gate asks; this only tells of it


def routes(rooms: Rooms, proofs: Proofs) -> APIRouter:
    """Everything for programs."""
    router = APIRouter()
    told = APIRouter(responses=REFUSALS, dependencies=[Security(_TOKEN)])
    for noun in (
        orders,
        by_hand,
        messages,
        bench,
        worklist,
        deliveries,
        exams,
        held,
        devices,
        issues,
        statistics,
        simulator,
    ):
        told.include_router(noun.routes(rooms))
    told.include_router(users.routes(rooms, proofs))
    router.include_router(told)
    router.include_router(health.routes(rooms))
    return router

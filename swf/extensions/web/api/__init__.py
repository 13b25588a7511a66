"""The same for programs: REST and JSON under /api/v1, one module for each noun; and what supervisors ask for."""

from typing import Any

from fastapi import FastAPI, Security
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


NOUNS = (
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
)


def join(app: FastAPI, rooms: Rooms, proofs: Proofs) -> None:
    """Everything for programs. Straight into the application: each router between would make every route once more."""
    for router in (*(noun.routes(rooms) for noun in NOUNS), users.routes(rooms, proofs)):
        app.include_router(router, responses=REFUSALS, dependencies=[Security(_TOKEN)])
    app.include_router(health.routes(rooms))

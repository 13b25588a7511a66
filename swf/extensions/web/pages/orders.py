"""Orders: the newest, or those of a number; and what was perhaps meant when there are none."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from swf.extensions.web import rendering, visitor
from swf.extensions.web.rooms import Rooms
from swf.model.user import Role
from swf.store import board, inquiry
from swf.store.database import Record
from swf.workflow import near
from swf.workflow.states import OrderStatus

SHOWN = 100


def routes(rooms: Rooms) -> APIRouter:
    """The list of orders."""
    router = APIRouter(include_in_schema=False)

    @router.get("/orders")
    def orders(q: str = "", status: str = "") -> HTMLResponse:
        return rendering.answer("orders.html", **found(rooms, q.strip(), status))

    return router


def found(rooms: Rooms, search: str, status: str, limit: int = SHOWN) -> dict[str, Any]:
    """The orders that are searched for; `near` are numbers that resemble one nobody knows."""
    with rooms.database.reading() as connection:
        rows = listed(connection, search, status, limit)
        steps = board.first_steps(connection, [row.id for row in rows])
        meant = near.numbers(search, inquiry.numbers(connection, near.AMONG)) if search and not rows else []
    lines = [{"order": row, "first": steps.get(row.id)} for row in rows]
    return {"lines": lines, "near": meant, "search": search, "status": status, "statuses": list(OrderStatus)} | {
        "shown": limit
    }


def listed(connection: Connection, search: str, status: str, limit: int) -> Sequence[Record]:
    """The orders that are searched for; by the number of a patient only for who may see patients."""
    return board.orders(connection, search=search, status=status, limit=limit, by_patient=visitor.may(Role.OPERATOR))

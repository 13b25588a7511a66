"""The same for programs: REST and JSON under /api/v1, one module for each noun; and what supervisors ask for."""

from fastapi import APIRouter

from swf.extensions.web.api import bench, by_hand, devices, health, messages, orders, simulator, worklist
from swf.extensions.web.rooms import Rooms


def routes(rooms: Rooms) -> APIRouter:
    """Everything for programs."""
    router = APIRouter()
    for noun in (orders, by_hand, messages, bench, worklist, devices, simulator, health):
        router.include_router(noun.routes(rooms))
    return router

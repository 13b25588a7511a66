"""Failed messages by cause: looked at, tried, replayed and dealt with together."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from swf import clock
from swf.extensions.web import rendering
from swf.extensions.web.rooms import Rooms, Said, who
from swf.workflow import failures
from swf.workflow.failures import Cause, Summary

_LISTED = 50
_HERE = "/messages/failed"


def routes(rooms: Rooms) -> APIRouter:
    """The causes, one of them, and what is done about it."""
    router = APIRouter(include_in_schema=False)

    @router.get(_HERE)
    def failed() -> HTMLResponse:
        found = listed(rooms)
        return rendering.answer("failed.html", causes=found, looked_at=failures.LOOKED_AT)

    @router.get(_HERE + "/{key}")
    def cause(key: str) -> HTMLResponse:
        return rendering.answer("failed_cause.html", **_shown(rooms, key))

    @router.post(_HERE + "/{key}/replay")
    def again(request: Request, key: str, said: Said) -> HTMLResponse:
        cause = one(rooms, key)
        summary = taken_again(rooms, key, who(request), really=said.get("really") == "1")
        return rendering.answer("failed_cause.html", **_told(cause, summary))

    @router.post(_HERE + "/{key}/settle")
    def settle(request: Request, key: str, said: Said) -> Response:
        settled(rooms, key, said.get("remark", ""), who(request))
        return RedirectResponse(_HERE, 303)

    @router.post(_HERE + "/{key}/reopen")
    def reopen(request: Request, key: str) -> Response:
        reopened(rooms, key, who(request))
        return RedirectResponse(f"{_HERE}/{rendering.part(key)}", 303)

    return router


def listed(rooms: Rooms) -> list[Cause]:
    """Every cause among the newest messages without effect."""
    with rooms.database.reading() as connection:
        return failures.found(connection)


def one(rooms: Rooms, key: str) -> Cause:
    """A cause; raises Overtaken."""
    with rooms.database.reading() as connection:
        return failures.one(connection, key)


def taken_again(rooms: Rooms, key: str, by: str, *, really: bool) -> Summary:
    """Take what would succeed again, or only try; raises Overtaken."""
    return failures.taken_again(rooms.database, rooms.site(), key, (clock.now(), by), really=really)


def settled(rooms: Rooms, key: str, remark: str, by: str) -> None:
    """Say that a cause is dealt with; raises Overtaken."""
    rooms.database.run(lambda transaction: failures.settle(transaction, key, remark, clock.now(), by))


def reopened(rooms: Rooms, key: str, by: str) -> None:
    """Take that back; raises Overtaken."""
    rooms.database.run(lambda transaction: failures.reopen(transaction, key, clock.now(), by))


def _shown(rooms: Rooms, key: str) -> dict[str, Any]:
    return _told(one(rooms, key), None)


def _told(cause: Cause, summary: Summary | None) -> dict[str, Any]:
    return {"cause": cause, "summary": summary, "listed": _LISTED, "at_once": failures.AT_ONCE}

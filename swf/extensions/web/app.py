"""Puts the pages together: one application for people and programs, with one last resort for what nobody thought of."""

from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import Match

from swf import log
from swf.errors import StoreError, SwfError
from swf.extensions.web import api, refusing, streams
from swf.extensions.web.gate import Gate
from swf.extensions.web.identity import Identity
from swf.extensions.web.language import _
from swf.extensions.web.live import Live
from swf.extensions.web.pages import (
    account,
    bench,
    by_hand,
    compare,
    deliveries,
    devices,
    failed,
    held,
    issues,
    login,
    messages,
    mpps,
    order,
    orders,
    query,
    requisition,
    simulator,
    statistics,
    today,
    users,
    why,
    worklist,
)
from swf.extensions.web.pages import language as language_page
from swf.extensions.web.proofs import Proofs
from swf.extensions.web.rooms import Rooms
from swf.store import board
from swf.store.database import Database

PAGES = (
    today,
    orders,
    by_hand,
    requisition,
    order,
    why,
    worklist,
    compare,  # before the messages, for these are no numbers
    failed,
    messages,
    bench,
    deliveries,
    mpps,
    held,
    statistics,
    simulator,
    devices,
    query,
    issues,
    language_page,
)
_INSTEAD = {"/lines": "/devices", "/destinations": "/deliveries", "/tokens": "/users"}
_STATIC = Path(__file__).parent / "static"


def build(rooms: Rooms) -> FastAPI:
    """The application; its streams are `app.state.live`."""
    app = FastAPI(
        title="swf",
        version=metadata.version("swf-broker"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.live = Live(lambda: _stamp(rooms.database))
    settings = rooms.site().settings.web
    identity, proofs = Identity(rooms.database, settings), Proofs(rooms.database, settings)
    app.state.identity = identity
    app.add_middleware(Gate, identity=identity)
    pages = [*(page.routes(rooms) for page in PAGES), login.routes(rooms, identity, proofs)]
    pages += [account.routes(rooms, identity, proofs), users.routes(rooms, proofs)]
    for page in pages:
        app.router.routes.extend(page.routes)  # as they are; of an included router each would be made once more
    api.join(app, rooms, proofs)
    app.add_api_route("/events", streams.events, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(SwfError, _refused)
    app.add_exception_handler(Exception, _failed)
    return app


def _stamp(database: Database) -> object:
    with database.reading() as connection:
        return board.stamp(connection)


def _misread(request: Request, error: Exception) -> Response:
    """An address with something else than what belongs there; programs are told where, for people it is no page."""
    if not refusing.for_programs(request.url.path):
        return refusing.told(request.url.path, 404, _("there is no such page"))
    found = error.errors() if isinstance(error, RequestValidationError) else []
    where = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in found)
    return refusing.told(request.url.path, 422, where, _("/api/v1/openapi.json tells what is taken here."))


def _above(request: Request) -> str:
    """The nearest page above an address that only takes forms: somebody kept it, or came back to it."""
    place = str(request.scope["path"])
    while place := place.rpartition("/")[0]:
        place = _INSTEAD.get(place, place)
        if any(route.matches({**request.scope, "path": place})[0] is Match.FULL for route in request.app.routes):
            return quote(place)
    return "/"


def _not_found(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    if (
        code == HTTPStatus.METHOD_NOT_ALLOWED
        and request.method == "GET"
        and not refusing.for_programs(request.url.path)
    ):
        return RedirectResponse(_above(request), HTTPStatus.SEE_OTHER)
    if getattr(error, "detail", "") == HTTPStatus(code).phrase:  # nobody of ours said it
        return refusing.told(request.url.path, code, _("there is no such page"))
    return refusing.told(request.url.path, code, getattr(error, "detail", ""))


def _refused(request: Request, error: Exception) -> Response:
    """Something went wrong in a way the program has an answer for."""
    advice = error.advice if isinstance(error, SwfError) else ""
    sentence = error.args[0] if error.args else ""
    return refusing.told(request.url.path, 503 if isinstance(error, StoreError) else 409, sentence, advice)


def _failed(request: Request, error: Exception) -> Response:
    log.error("page failed", error=type(error).__name__, traceback=log.frames(error))
    sentence = _("this page failed (%(kind)s)", kind=type(error).__name__)
    return refusing.told(request.url.path, 500, sentence, _("The log says where; the broker runs on."))

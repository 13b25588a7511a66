"""A stream of events as an answer: for as long as whoever listens might still ask, and there is room."""

from functools import partial

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from swf.errors import StoreError
from swf.extensions.web import roles
from swf.extensions.web.identity import Identity
from swf.extensions.web.language import _
from swf.extensions.web.live import Live, Shown


async def events(request: Request) -> Response:
    """That something changed, whatever it was."""
    return answer(request)


def answer(request: Request, shown: Shown | None = None) -> Response:
    """The stream, with what its page has `shown`; 503 when there are as many as are let in."""
    live: Live = request.app.state.live
    if live.full:
        return Response(_("too many pages are open") + "\n", 503, {"Retry-After": "5"})
    welcome = partial(run_in_threadpool, _welcome, request)
    return StreamingResponse(live.stream(welcome, shown), media_type="text/event-stream")


def _welcome(request: Request) -> bool:
    """Whether who listens might still ask: sessions end, users are disabled, tokens are revoked."""
    identity: Identity = request.app.state.identity
    try:
        who = identity.visitor(request.scope, request.scope["arrival"], noted=False)
    except StoreError:
        return True  # nobody knows; the next look may
    return who.may(roles.needed("GET", request.scope["path"]))

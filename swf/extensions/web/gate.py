"""The gate every request passes: who asks, whether they may, and whether a page of ours made them ask.

It stands before the router and knows pages, the API, streams and figures alike; a route that is added later is behind it
from its first day. What each may is in `roles`.
"""

import hmac
from urllib.parse import quote

from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from swf.errors import StoreError
from swf.extensions.web import forms, refusing, rendering, roles, visitor
from swf.extensions.web.identity import Identity
from swf.extensions.web.language import N_, _
from swf.extensions.web.visitor import Visitor
from swf.model.user import Role

_STRANGE = N_("this was not asked by a page of this window, or by one from before you signed in or it was started anew")
_LOAD_ANEW = N_("Load the page anew and try again. A program sends a token in place of it (Authorization: Bearer …).")
SIGN_IN = "/login"


class Gate:
    """Lets in who may, as the `Visitor` of the request."""

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self._app = app
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer why not."""
        if scope["type"] != "http":
            return
        needed = roles.needed(scope["method"], scope["path"])
        try:
            asking = await self._who(scope, needed)
        except StoreError as error:
            await refusing.told(scope["path"], 503, str(error), error.advice)(scope, receive, send)
            return
        before = visitor.CURRENT.set(asking)
        try:
            receive, refused = await _judged(scope, receive, asking, needed)
            await (refused or self._app)(scope, receive, send)
        finally:
            visitor.CURRENT.reset(before)

    async def _who(self, scope: Scope, needed: Role | None) -> Visitor:
        """Who asks; for what is open to everybody the store is not asked, which may be what has failed."""
        if needed is None:
            return self._identity.stranger(scope, scope["arrival"])
        return await run_in_threadpool(self._identity.visitor, scope, scope["arrival"])


async def _judged(
    scope: Scope, receive: Receive, asking: Visitor, needed: Role | None
) -> tuple[Receive, Response | None]:
    """What is left to read of the request, and the answer when it is refused."""
    if not asking.may(needed):
        return receive, _not_let_in(scope, asking, needed)
    if scope["method"] in roles.SAFE or asking.bearer:
        return receive, None
    given, receive = await forms.token(Headers(scope=scope), receive)
    if given and hmac.compare_digest(given.encode(), asking.csrf.encode()):
        return receive, None
    return receive, refusing.told(scope["path"], 403, _STRANGE, _LOAD_ANEW)


def _not_let_in(scope: Scope, asking: Visitor, needed: Role | None) -> Response:
    """Who is known is told what is missing; who is not is led to the page to sign in, or told to show a token."""
    path, headers = scope["path"], Headers(scope=scope)
    if asking.role is not None:
        return refusing.told(path, 403, _("this needs the role %(role)s", role=_(str(needed))))
    if asking.problem or refusing.for_programs(path):
        sentence, advice = asking.problem or N_("nobody has signed in"), N_("Show a token of swf tokens add.")
        return refusing.told(path, 401, sentence, advice, {"WWW-Authenticate": "Bearer"})
    if "hx-request" in headers:  # a board that is still open when its session ends
        return Response(status_code=401, headers={"HX-Redirect": SIGN_IN, "WWW-Authenticate": "Bearer"})
    if scope["method"] not in roles.SAFE:
        return RedirectResponse(SIGN_IN, 303)
    if headers.get("sec-fetch-site") == "cross-site":
        # A link in a mail: the browser keeps the cookie back until a page of ours asks, which this one does.
        return rendering.answer("hop.html")
    return RedirectResponse(f"{SIGN_IN}?next={quote(_asked(scope), safe='')}", 303)


def _asked(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")

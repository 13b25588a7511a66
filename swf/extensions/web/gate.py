"""The gate every request passes: who asks, whether they may, and whether a page of ours made them ask.

It stands before the router and knows pages, the API, streams and figures alike; a route that is added later is behind it
from its first day. What each may is in `roles`.
"""

import hmac
import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from swf.extensions.web import forms, refusing, roles, visitor
from swf.extensions.web.language import N_, _
from swf.extensions.web.visitor import Visitor
from swf.model.user import Role

_STRANGE = N_("this was not asked by a page of this window, or by one from before it was started anew")
_LOAD_ANEW = N_("Load the page anew and try again. A program sends a token in place of it (Authorization: Bearer …).")


class Gate:
    """Lets in who may, as the `Visitor` of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._secret = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer why not."""
        if scope["type"] != "http":
            return
        asking = self._who(scope)
        before = visitor.CURRENT.set(asking)
        try:
            needed = roles.needed(scope["method"], scope["path"])
            if not asking.may(needed):
                refused = refusing.told(scope["path"], 403, _("this needs the role %(role)s", role=needed))
                await refused(scope, receive, send)
                return
            if scope["method"] not in roles.SAFE and not asking.bearer:
                given, receive = await forms.token(Headers(scope=scope), receive)
                if not given or not hmac.compare_digest(given.encode(), asking.csrf.encode()):
                    await refusing.told(scope["path"], 403, _STRANGE, _LOAD_ANEW)(scope, receive, send)
                    return
            await self._app(scope, receive, send)
        finally:
            visitor.CURRENT.reset(before)

    def _who(self, scope: Scope) -> Visitor:
        """Whoever sits at this machine."""
        address = scope["client"][0] if scope.get("client") else "somebody"
        return Visitor(f"{address}, without login", Role.ADMIN, self._secret)

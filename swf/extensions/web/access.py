"""Which requests are listened to: those to a name of ours, from a page of ours. Checked first, on every path and stream.

A browser also shows strange pages, which may ask for ours: under another name that leads here (DNS rebinding: the Host
header), or from their own (Origin, Sec-Fetch-Site). All of those are refused. Scripts, styles and
connections come from here alone, and nothing inline is run, so that a name which is a script stays a name.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from swf import config
from swf.config import Web
from swf.extensions.web import arrival
from swf.extensions.web.arrival import Arrival, Refused

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With no-referrer a browser would send our own forms with Origin: null.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_OURS = ("same-origin", "none")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SAFE = ("GET", "HEAD")
LONGEST_BODY = 8_000_000  # more than the longest form there is; what is cut off nobody keeps in memory


_WATCHED = ("/livez", "/readyz")


def refusal(scope: Scope, came: Arrival, settings: Web) -> str:
    """Why a request is refused; "" when it is not."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    name = _name(host)
    if not (config.is_loopback(name) or name in settings.names or (name and name == _own_address(scope))):
        return f"this window is not called {name or 'nothing'}; names in [web] has its names"
    if _CONTROL.search(scope["path"]):  # the router takes a line end for the end of an address, and roles do not
        return "no address holds control characters"
    if arrival.in_the_clear(came, settings) and scope["path"] not in _WATCHED:
        return "others could read this on its way: use https"
    return "" if _is_ours(scope["method"], headers, came) else "another page asked for this"


def _is_ours(method: str, headers: Headers, came: Arrival) -> bool:
    """Whether a page of ours asks, a program, or somebody who follows a link."""
    origin = headers.get("origin")
    scheme = "https" if came.secure else "http"
    if origin is not None and origin.lower() != f"{scheme}://{headers.get('host', '').lower()}":
        return False
    follows_a_link = method in _SAFE and headers.get("sec-fetch-mode") == "navigate"
    site = headers.get("sec-fetch-site", "none")
    return site in _OURS or (follows_a_link and headers.get("sec-fetch-dest") == "document")


def _own_address(scope: Scope) -> str:
    """The address the connection came to, such as 10.0.0.5: no strange name leads a browser to say that."""
    return scope["server"][0] if scope.get("server") else ""


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _bounded(receive: Receive) -> Receive:
    """The request as far as it is no longer than `LONGEST_BODY`; then it ends as if its sender had gone."""
    left = LONGEST_BODY

    async def received() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return received


class Access:
    """The first thing a request meets; those that pass have their `arrival` in their scope."""

    def __init__(self, app: ASGIApp, settings: Web) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 403, or pass on; every answer carries `HEADERS`, unless the page says otherwise."""
        answered = False

        async def with_headers(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-cache"
            await send(message)

        if scope["type"] != "http":
            return
        why = self._refusal(scope)
        if why:
            await PlainTextResponse(f"refused: {why}\n", 403)(scope, receive, with_headers)
        else:
            try:
                await self._app(scope, _bounded(receive), with_headers)
            except Exception:
                if not answered:  # else Starlette raises anew what its last resort has logged and answered
                    raise

    def _refusal(self, scope: Scope) -> str:
        try:
            scope["arrival"] = arrival.of(scope, self._settings)
        except Refused as error:
            return str(error)
        return refusal(scope, scope["arrival"], self._settings)

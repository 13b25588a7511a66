"""Who may ask: this machine, from a page of ours. Checked before anything else, on every path and for every stream.

A browser on this machine also shows strange pages, which may ask for ours: under another name that leads here (DNS
rebinding: the Host header), or from their own (Origin, Sec-Fetch-Site). All of those are refused. Scripts, styles and
connections come from here alone, and nothing inline is run, so that a name which is a script stays a name.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from swf import config

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
_SAFE = ("GET", "HEAD")


def refusal(method: str, headers: Headers) -> str:
    """Why a request is refused; "" when it is not."""
    host = headers.get("host", "")
    name = _name(host)
    if not config.is_loopback(name):
        return f"this window is at 127.0.0.1 or localhost, not at {name or 'no name'}"
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return "another page asked for this"
    site = headers.get("sec-fetch-site", "none")
    follows_a_link = method in _SAFE and headers.get("sec-fetch-mode") == "navigate"
    if site not in _OURS and not (follows_a_link and headers.get("sec-fetch-dest") == "document"):
        return "another page asked for this"
    return ""


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Access:
    """The first thing a request meets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
        why = refusal(scope["method"], Headers(scope=scope))
        if why:
            await PlainTextResponse(f"refused: {why}\n", 403)(scope, receive, with_headers)
        else:
            try:
                await self._app(scope, receive, with_headers)
            except Exception:
                if not answered:  # else Starlette raises anew what its last resort has logged and answered
                    raise

"""The choice of a language, kept in a cookie of the browser."""

from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from swf.extensions.web.language import COOKIE, NAMES, _
from swf.extensions.web.rooms import Rooms

_A_YEAR_S = 365 * 86_400


def routes(_rooms: Rooms) -> APIRouter:
    """Where the links in the footer lead."""
    router = APIRouter(include_in_schema=False)

    @router.get("/language/{choice}")
    def language(request: Request, choice: str, back: str = "/") -> Response:
        if choice not in NAMES:
            raise HTTPException(404, _("there is no language %(choice)s", choice=choice))
        answer = RedirectResponse(back if _is_ours(back) else "/", 303)
        answer.set_cookie(
            COOKIE, choice, _A_YEAR_S, samesite="lax", secure=request.url.scheme == "https", httponly=True
        )
        return answer

    return router


def _is_ours(address: str) -> bool:
    """Whether an address is a place in this window and nowhere else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc and address[:1] == "/" and address[1:2] not in ("/", "\\")

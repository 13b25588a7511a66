"""Signing in and out. Whoever has signed in gets a new key: one that was put into the browser before opens nothing."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from swf import clock
from swf.extensions.web import identity as cookies
from swf.extensions.web import rendering, visitor
from swf.extensions.web.identity import Identity
from swf.extensions.web.proofs import NotProven, Proofs
from swf.extensions.web.rooms import Rooms, Said
from swf.workflow import passwords, users


def routes(rooms: Rooms, identity: Identity, proofs: Proofs) -> APIRouter:
    """The page to sign in, what it sends, and signing out."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def login(request: Request, next: str = "/") -> Response:  # noqa: A002  the word people know
        who = identity.visitor(request.scope, request.scope["arrival"])
        if who.role is not None:
            return RedirectResponse(_place(next), 303)
        return _page(identity, _place(next))

    @router.post("/login")
    async def sign_in(request: Request, said: Said) -> Response:
        address, secure = visitor.current().address, visitor.current().secure
        place = _place(said.get("next", "/"))
        old = request.cookies.get(cookies.session_cookie(secure=secure), "")
        try:
            user = await proofs.proven(said.get("name", ""), said.get("password", ""), address)
            key = await proofs.opened(user, address, old)
        except NotProven as error:
            return _page(identity, place, str(error), error.wait)
        answer = RedirectResponse(place, 303)
        remember(answer, key)
        answer.delete_cookie(cookies.sign_in_cookie(secure=secure), secure=secure, httponly=True, samesite="strict")
        return answer

    @router.post("/logout")
    async def sign_out() -> Response:
        who = visitor.current()
        answer = RedirectResponse("/login" if who.key else "/", 303)
        if who.key:
            await run_in_threadpool(
                rooms.database.run, lambda transaction: users.sign_out(transaction, clock.now(), who.by, who.key)
            )
            forget(answer)
        return answer

    return router


def remember(answer: Response, key: str) -> None:
    """Give the browser the key of its session, out of reach of scripts and of other sites."""
    secure = visitor.current().secure
    answer.set_cookie(
        cookies.session_cookie(secure=secure), key, secure=secure, httponly=True, samesite="strict", path="/"
    )


def forget(answer: Response) -> None:
    """Take it from the browser."""
    secure = visitor.current().secure
    answer.delete_cookie(cookies.session_cookie(secure=secure), secure=secure, httponly=True, samesite="strict")


def _page(identity: Identity, place: str, problem: str = "", wait: int = 0) -> HTMLResponse:
    """The page, with a key of its own for its form: nobody can sign a browser in from elsewhere."""
    who = visitor.current()
    key = who.key or passwords.new_key()
    who = identity.about_to_sign_in(key, who)
    token = visitor.CURRENT.set(who)
    answer = rendering.answer("login.html", 429 if wait else 403 if problem else 200, next=place, problem=problem)
    visitor.CURRENT.reset(token)
    answer.set_cookie(
        cookies.sign_in_cookie(secure=who.secure), key, secure=who.secure, httponly=True, samesite="strict", path="/"
    )
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _place(address: str) -> str:
    """Where to go afterwards: a place in this window, and nowhere else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    elsewhere = parts.scheme or parts.netloc or not address.startswith("/") or address[1:2] in ("/", "\\")
    return "/" if elsewhere or not address.isprintable() else address

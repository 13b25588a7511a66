"""Users and tokens: who may use the window and what for. For admins."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from swf import clock
from swf.errors import UserRefused
from swf.extensions.web import rendering
from swf.extensions.web.proofs import NotProven, Proofs
from swf.extensions.web.rooms import Rooms, Said, who
from swf.model.user import Role
from swf.sentence import say
from swf.store import users as store
from swf.store.database import Transaction
from swf.workflow import users

SHOWN = 500
_LONGEST_DAYS = 3650


def routes(rooms: Rooms, proofs: Proofs) -> APIRouter:
    """The list, one user, and what may be done to both."""
    router = APIRouter(include_in_schema=False)
    _lookers(router, rooms)
    _user_doers(router, rooms, proofs)
    _token_doers(router, rooms)
    return router


def _lookers(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/users")
    def listed() -> HTMLResponse:
        return rendering.answer("users.html", **_listed(rooms), new=None)

    @router.get("/users/{name}")
    def one(name: str) -> HTMLResponse:
        with rooms.database.reading() as connection:
            user = store.named(connection, name)
        if user is None:
            raise HTTPException(404, say("there is no user %(name)s", name=name))
        return rendering.answer("user.html", user=user, roles=list(Role))


def _user_doers(router: APIRouter, rooms: Rooms, proofs: Proofs) -> None:
    @router.post("/users")
    async def add(request: Request, said: Said) -> Response:
        name = said.get("name", "").strip()
        await added(rooms, proofs, who(request), name, role=role_of(said), password=said.get("password", ""))
        return RedirectResponse("/users", 303)

    @router.post("/users/{name}/password")
    async def password(request: Request, name: str, said: Said) -> Response:
        await set_password(rooms, proofs, who(request), name, said.get("password", ""))
        return RedirectResponse(f"/users/{rendering.part(name)}", 303)

    @router.post("/users/{name}/role")
    def role(request: Request, name: str, said: Said) -> Response:
        by, wanted = who(request), role_of(said)
        return _done(rooms, name, lambda transaction: users.set_role(transaction, clock.now(), by, name, wanted))

    @router.post("/users/{name}/disable")
    def disable(request: Request, name: str) -> Response:
        by = who(request)
        return _done(rooms, name, lambda transaction: users.disable(transaction, clock.now(), by, name))

    @router.post("/users/{name}/enable")
    def enable(request: Request, name: str) -> Response:
        by = who(request)
        return _done(rooms, name, lambda transaction: users.enable(transaction, clock.now(), by, name))

    @router.post("/users/{name}/sign-out")
    def sign_out(request: Request, name: str) -> Response:
        by = who(request)
        return _done(rooms, name, lambda transaction: users.sign_out_everywhere(transaction, clock.now(), by, name))


def _token_doers(router: APIRouter, rooms: Rooms) -> None:
    @router.post("/tokens")
    def add(request: Request, said: Said) -> HTMLResponse:
        by, name, role, days = who(request), said.get("name", ""), role_of(said), days_of(said.get("days", "365"))
        key = rooms.database.run(
            lambda transaction: users.add_token(transaction, clock.now(), by, name, role=role, days=days)
        )
        return rendering.answer("users.html", **_listed(rooms), new={"name": name, "key": key})

    @router.post("/tokens/{name}/revoke")
    def revoke(request: Request, name: str) -> Response:
        by = who(request)
        rooms.database.run(lambda transaction: users.revoke_token(transaction, clock.now(), by, name))
        return RedirectResponse("/users#tokens", 303)


async def added(rooms: Rooms, proofs: Proofs, by: str, name: str, *, role: Role, password: str) -> None:
    """Add a user; raises UserRefused."""
    kept = await hashed(proofs, name, password)
    await changed(
        rooms, lambda transaction: users.add(transaction, clock.now(), by, name, role=role, password_hash=kept)
    )


async def set_password(rooms: Rooms, proofs: Proofs, by: str, name: str, password: str) -> None:
    """Give somebody another password; raises UserRefused."""
    kept = await hashed(proofs, name, password)
    await changed(rooms, lambda transaction: users.set_password(transaction, clock.now(), by, name, kept))


async def changed(rooms: Rooms, work: Callable[[Transaction], None]) -> None:
    """Do it in one transaction, beside the loop."""
    await run_in_threadpool(rooms.database.run, work)


async def hashed(proofs: Proofs, name: str, password: str) -> str:
    """How the password is kept; raises UserRefused."""
    try:
        return await proofs.hashed(name, password)
    except NotProven as error:
        raise UserRefused(str(error)) from error


def role_of(said: dict[str, str]) -> Role:
    """The role a form names; raises UserRefused."""
    role = said.get("role", "")
    if role not in set(Role):
        raise UserRefused(say("%(role)s is no role; there are viewer, operator and admin", role=role or "nothing"))
    return Role(role)


def days_of(text: str) -> int:
    """For how many days a token is good, 0 for ever; raises UserRefused."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LONGEST_DAYS)) and int(text) <= _LONGEST_DAYS):
        raise UserRefused(say("a token is good for 0 (for ever) to %(most)s days", most=_LONGEST_DAYS))
    return int(text)


def _listed(rooms: Rooms) -> dict[str, Any]:
    with rooms.database.reading() as connection:
        found = {"users": store.listed(connection, SHOWN), "tokens": store.tokens(connection, SHOWN)}
    return {**found, "roles": list(Role)}


def _done(rooms: Rooms, name: str, work: Callable[[Transaction], None]) -> Response:
    rooms.database.run(work)
    return RedirectResponse(f"/users/{rendering.part(name)}", 303)

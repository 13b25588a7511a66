"""My account: who I am here, where I am signed in, another password, signing out everywhere."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from swf import clock
from swf.errors import UserRefused
from swf.extensions.web import rendering, visitor
from swf.extensions.web.identity import Identity
from swf.extensions.web.language import _, told
from swf.extensions.web.pages import login
from swf.extensions.web.proofs import NotProven, Proofs
from swf.extensions.web.rooms import Rooms, Said
from swf.store import users as store
from swf.workflow import users


def routes(rooms: Rooms, identity: Identity, proofs: Proofs) -> APIRouter:
    """The page and its two forms."""
    router = APIRouter(include_in_schema=False)

    @router.get("/account")
    def account(changed: bool = False) -> Response:
        return rendering.answer("account.html", **_shown(rooms, identity), changed=changed, problem="")

    @router.post("/account/password")
    async def password(said: Said) -> Response:
        who = visitor.current()
        if not who.user:
            raise UserRefused("nobody has signed in here with a password")
        try:
            key = await _changed(rooms, proofs, said)
        except (NotProven, UserRefused) as error:
            shown = await run_in_threadpool(_shown, rooms, identity)
            code = 429 if isinstance(error, NotProven) and error.wait else 403
            return rendering.answer("account.html", code, **shown, changed=False, problem=told(error.args[0]))
        answer = RedirectResponse("/account?changed=1", 303)
        login.remember(answer, key)
        return answer

    @router.post("/account/sign-out")
    def sign_out_everywhere() -> Response:
        who = visitor.current()
        if not who.user:
            raise UserRefused("nobody has signed in here with a password")
        rooms.database.run(lambda transaction: users.sign_out_everywhere(transaction, clock.now(), who.by, who.user))
        answer = RedirectResponse("/login", 303)
        login.forget(answer)
        return answer

    return router


async def _changed(rooms: Rooms, proofs: Proofs, said: dict[str, str]) -> str:
    """Change the password, which ends every session, and open this one anew; its key. Raises NotProven, UserRefused."""
    who, new = visitor.current(), said.get("new", "")
    await proofs.proven(who.user, said.get("password", ""), who.address)
    if new != said.get("again", ""):
        raise NotProven(_("The new password was not the same both times."))
    kept = await proofs.hashed(who.user, new)
    await run_in_threadpool(
        rooms.database.run,
        lambda transaction: users.set_password(transaction, clock.now(), who.by, who.user, kept),
    )
    return await proofs.opened(await proofs.user(who.user), who.address)


def _shown(rooms: Rooms, identity: Identity) -> dict[str, Any]:
    who, now = visitor.current(), clock.now()
    with rooms.database.reading() as connection:
        user = store.named(connection, who.user) if who.user else None
        sessions = store.sessions_of(connection, user.id, now, now - identity.idle) if user else []
        anybody = store.anybody(connection)
    return {"who": who, "user": user, "sessions": sessions, "anybody": anybody}

"""Users and tokens for programs, which have to be admins; and who asks, for everybody."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from swf import clock
from swf.errors import UserRefused
from swf.extensions.web import visitor
from swf.extensions.web.api import shapes
from swf.extensions.web.pages import users as pages
from swf.extensions.web.proofs import Proofs
from swf.extensions.web.rooms import Rooms, who
from swf.model.user import Role
from swf.sentence import say
from swf.store import users as store
from swf.store.database import Transaction
from swf.workflow import users

Password = Annotated[str, Field(max_length=1024)]


class NewUser(BaseModel):
    """Somebody who may sign in from now on."""

    name: str
    role: Role
    password: Password


class Changed(BaseModel):
    """What becomes of a user; what is left out stays. Another password or `disabled` signs them out everywhere."""

    role: Role | None = None
    password: Password | None = None
    disabled: bool | None = None


class NewToken(BaseModel):
    """A token that is wanted, good for so many days or for ever."""

    name: str
    role: Role
    days: Annotated[int, Field(ge=0, le=3650)] = 365


def routes(rooms: Rooms, proofs: Proofs) -> APIRouter:
    """What the page of users shows and does."""
    router = APIRouter()
    _user_routes(router, rooms, proofs)
    _token_routes(router, rooms)

    @router.get("/api/v1/me", summary="Who asks, as the journal names them, and their role")
    def get_me() -> shapes.Me:
        asking = visitor.current()
        return shapes.Me(by=asking.by, role=asking.role or "")

    return router


def _user_routes(router: APIRouter, rooms: Rooms, proofs: Proofs) -> None:
    @router.get("/api/v1/users", summary="Who may sign in")
    def get_users() -> list[shapes.User]:
        with rooms.database.reading() as connection:
            return [shapes.User.model_validate(row) for row in store.listed(connection, pages.SHOWN)]

    @router.post("/api/v1/users", status_code=201, summary="Let somebody sign in")
    async def post_user(request: Request, said: NewUser) -> Literal["added"]:
        await pages.added(rooms, proofs, who(request), said.name, role=said.role, password=said.password)
        return "added"

    @router.patch("/api/v1/users/{name}", summary="Another role or password; let in no more, or again")
    async def patch_user(request: Request, name: str, said: Changed) -> Literal["changed"]:
        by = who(request)
        kept = await pages.hashed(proofs, name, said.password) if said.password is not None else None
        await pages.changed(rooms, lambda transaction: _change(transaction, by, name, said, kept))
        return "changed"


def _change(transaction: Transaction, by: str, name: str, said: Changed, kept: str | None) -> None:
    """All of it, or nothing."""
    at = clock.now()
    if store.named(transaction, name) is None:
        raise HTTPException(404, say("there is no user %(name)s", name=name))
    if said.role is not None:
        users.set_role(transaction, at, by, name, said.role)
    if kept is not None:
        users.set_password(transaction, at, by, name, kept)
    if said.disabled is not None:
        (users.disable if said.disabled else users.enable)(transaction, at, by, name)


def _token_routes(router: APIRouter, rooms: Rooms) -> None:
    @router.get("/api/v1/tokens", summary="Which programs have a token")
    def get_tokens() -> list[shapes.Token]:
        with rooms.database.reading() as connection:
            return [shapes.Token.model_validate(row) for row in store.tokens(connection, pages.SHOWN)]

    @router.post("/api/v1/tokens", status_code=201, summary="Make a token; it is told this once")
    def post_token(request: Request, said: NewToken) -> shapes.NewToken:
        by = who(request)
        key = rooms.database.run(
            lambda transaction: users.add_token(transaction, clock.now(), by, said.name, role=said.role, days=said.days)
        )
        return shapes.NewToken(name=said.name, role=said.role, token=key)

    @router.delete("/api/v1/tokens/{name}", summary="Let nobody in with it any more")
    def delete_token(request: Request, name: str) -> Literal["revoked"]:
        by = who(request)
        try:
            rooms.database.run(lambda transaction: users.revoke_token(transaction, clock.now(), by, name))
        except UserRefused as error:
            raise HTTPException(404, error.args[0]) from error
        return "revoked"

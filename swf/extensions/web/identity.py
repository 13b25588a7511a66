"""Whom a request is from: a token, somebody a trusted proxy names, a browser that has signed in, or this machine itself."""

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from swf import clock
from swf.config import Web
from swf.errors import StoreError
from swf.extensions.web import roles
from swf.extensions.web.arrival import Arrival
from swf.extensions.web.language import N_, _
from swf.extensions.web.visitor import Visitor
from swf.model.user import Role
from swf.store import users
from swf.store.database import Database, Transaction
from swf.workflow import passwords
from swf.workflow import users as users_rules

_NOTED_EVERY = timedelta(minutes=1)
_BEARER = "bearer "


def session_cookie(*, secure: bool) -> str:
    """The name of the cookie of those who have signed in; with its prefix no other host and no plain page can set it."""
    return "__Host-swf" if secure else "swf_session"


def sign_in_cookie(*, secure: bool) -> str:
    """The name of the cookie of those who are about to."""
    return "__Host-swf-sign-in" if secure else "swf_sign_in"


class Identity:
    """Knows visitors by what they bring. What it signs is good until the window is opened anew."""

    def __init__(self, database: Database, settings: Web) -> None:
        self._database = database
        self._settings = settings
        self._secret = secrets.token_bytes(32)

    @property
    def idle(self) -> timedelta:
        """How long a session lasts in which nobody clicks."""
        return timedelta(minutes=self._settings.idle_minutes)

    def stranger(self, scope: Scope, arrival: Arrival, problem: str = "") -> Visitor:
        """Somebody nobody knows, who may look at the page to sign in; the store is not asked."""
        kept = _cookies(scope).get(sign_in_cookie(secure=arrival.secure), "")
        csrf = self._signed("sign in", kept) if kept else ""
        return Visitor(
            arrival.address, csrf=csrf, key=kept, address=arrival.address, secure=arrival.secure, problem=problem
        )

    def about_to_sign_in(self, key: str, who: Visitor) -> Visitor:
        """A stranger whose browser keeps `key` until the form comes back."""
        return replace(who, key=key, csrf=self._signed("sign in", key))

    def visitor(self, scope: Scope, arrival: Arrival, *, noted: bool = True) -> Visitor:
        """Who it is; the first that fits counts. `noted` keeps when a session or token was last used.

        Raises StoreError when the store does not answer.
        """
        headers = Headers(scope=scope)
        shown = headers.get("authorization")
        # What else a browser shows there is for the proxy that says who it is, and passes it on.
        if shown is not None and (not arrival.user or shown.lower().startswith(_BEARER + users_rules.TOKEN_BEGINS)):
            return self._program(shown, scope, arrival, noted=noted)
        if arrival.user:
            return self._named_by_the_proxy(scope, arrival)
        key = _cookies(scope).get(session_cookie(secure=arrival.secure), "")
        found = self._signed_in(key, headers, scope["method"], arrival, noted=noted) if key else None
        return found or self._this_machine(arrival) or self.stranger(scope, arrival)

    def _program(self, shown: str, scope: Scope, arrival: Arrival, *, noted: bool) -> Visitor:
        now, key = clock.now(), shown[len(_BEARER) :].strip()
        if not shown.lower().startswith(_BEARER):
            return self.stranger(scope, arrival, N_("programs show a token: Authorization: Bearer …"))
        with self._database.reading() as connection:
            token = users.token(connection, passwords.key_hash(key), now)
        if token is None:
            return self.stranger(scope, arrival, N_("this token is not known, or no longer"))
        if noted and (token.used_at is None or now - token.used_at > _NOTED_EVERY):
            self._note(lambda transaction: users.token_used(transaction, token.id, now))
        return Visitor(
            f"token {token.name}", Role(token.role), bearer=True, address=arrival.address, secure=arrival.secure
        )

    def _named_by_the_proxy(self, scope: Scope, arrival: Arrival) -> Visitor:
        role = self._role_at_the_proxy(arrival)
        if role is None:
            return self.stranger(scope, arrival, _("%(user)s may not use this window", user=arrival.user))
        csrf = self._signed("proxy", arrival.user)
        return Visitor(f"{arrival.user}, by the proxy", role, csrf, address=arrival.address, secure=arrival.secure)

    def _role_at_the_proxy(self, arrival: Arrival) -> Role | None:
        """What the proxy says, else what a user of that name may, else what everybody it names may."""
        if self._settings.proxy_role_header:
            return Role(arrival.role) if arrival.role in set(Role) else None
        with self._database.reading() as connection:
            user = users.named(connection, arrival.user.casefold())
        if user is None:
            return Role(self._settings.proxy_role)
        return None if user.disabled_at else Role(user.role)

    def _signed_in(self, key: str, headers: Headers, method: str, arrival: Arrival, *, noted: bool) -> Visitor | None:
        now = clock.now()
        with self._database.reading() as connection:
            found = users.session(connection, passwords.key_hash(key), now, now - self.idle)
        if found is None:
            return None
        clicked = method not in roles.SAFE or "hx-request" not in headers or found.role == Role.VIEWER
        if noted and clicked and now - found.seen_at > min(_NOTED_EVERY, self.idle / 4):
            self._note(lambda transaction: users.session_seen(transaction, found.id, now))
        csrf = hmac.new(key.encode(), b"csrf", hashlib.sha256).hexdigest()
        return Visitor(
            found.name,
            Role(found.role),
            csrf,
            user=found.name,
            key=key,
            address=arrival.address,
            secure=arrival.secure,
        )

    def _this_machine(self, arrival: Arrival) -> Visitor | None:
        """Whoever sits here, while there is no user who could sign in and nobody else comes this way."""
        if self._settings.login or self._settings.reached_by_others or not arrival.local:
            return None
        with self._database.reading() as connection:
            if users.anybody(connection):
                return None
        csrf = self._signed("this machine", "")
        return Visitor(f"{arrival.address}, without login", Role.ADMIN, csrf, address=arrival.address)

    def _signed(self, what: str, of: str) -> str:
        return hmac.new(self._secret, f"{what}\0{of}".encode(), hashlib.sha256).hexdigest()

    def _note(self, work: Callable[[Transaction], None]) -> None:
        with contextlib.suppress(StoreError):  # who looks may look also while nothing can be written
            self._database.run(work)


def _cookies(scope: Scope) -> dict[str, str]:
    return cookie_parser(Headers(scope=scope).get("cookie", ""))

"""Users, tokens and signed-in browsers for tests: put into the store as the window itself does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx

from swf import clock
from swf.broker import Broker
from swf.model.user import Role
from swf.store import users as store
from swf.workflow import passwords, users
from tests.extensions.web.conftest import NO_AUTHORITY, Operator, csrf_of

PASSWORD = "correct horse battery"  # noqa: S105  of nobody
_HASH: list[str] = []


def enrol(broker: Broker, name: str, role: Role = Role.OPERATOR) -> None:
    """A user whose password is `PASSWORD`."""
    if not _HASH:
        _HASH.append(passwords.hashed("somebody", PASSWORD))
    broker.database.run(
        lambda transaction: users.add(transaction, clock.now(), "a test", name, role=role, password_hash=_HASH[0])
    )


def session(broker: Broker, name: str, lasts: timedelta = timedelta(hours=1)) -> str:
    """The key of a browser in which that user has signed in."""
    with broker.database.reading() as connection:
        user = store.named(connection, name)
    assert user is not None
    return broker.database.run(
        lambda transaction: users.sign_in(
            transaction, clock.now(), user, "127.0.0.1", lasts=lasts, idle=timedelta(hours=1)
        )
    )


def token(broker: Broker, name: str, role: Role, days: int = 1) -> str:
    """A token of that name."""
    return broker.database.run(
        lambda transaction: users.add_token(transaction, clock.now(), "a test", name, role=role, days=days)
    )


@contextmanager
def browser(operator: Operator, key: str = "") -> Iterator[httpx.Client]:
    """A browser, signed in with that key; it sends the token of our pages."""
    with httpx.Client(base_url=operator.address, verify=NO_AUTHORITY, timeout=10) as http:
        if key:
            http.cookies.set("swf_session", key, domain="127.0.0.1")
        http.headers["X-CSRF-Token"] = csrf_of(http.get("/account" if key else "/login").text)
        yield http


def sign_in(http: httpx.Client, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
    """Send the form of the page to sign in."""
    page = http.get("/login").text
    return http.post(
        "/login",
        data={"csrf": csrf_of(page), "name": name, "password": password, **fields},
        headers={"X-CSRF-Token": ""},
    )

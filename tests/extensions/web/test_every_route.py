"""Every route and every kind of visitor: who is let in, who is told to sign in, who is told that it is not for them."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from swf.extensions.web import app, rooms
from swf.model.user import Role
from swf.store import journal
from tests.extensions.web import people
from tests.extensions.web.conftest import NO_AUTHORITY, Operator

OPEN = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/static/app.css"),
    ("GET", "/language/{choice}"),
    ("GET", "/login"),
    ("POST", "/login"),
}
THEIR_OWN = {("POST", "/logout"), ("POST", "/account/password"), ("POST", "/account/sign-out")}
FOR_ADMINS = ("/users", "/tokens", "/api/v1/users", "/api/v1/tokens")
CHANGES_THE_MAPPING = {f"/bench/{did}" for did in ("begin", "draft", "rebase", "discard", "save", "undo", "reload")}
SAFE = ("GET", "HEAD")


class Route(NamedTuple):
    """A way to ask; `path` as it is declared."""

    method: str
    path: str

    @property
    def address(self) -> str:
        """The path with something that is nowhere in the store."""
        return re.sub(r"\{[^}]*\}", "404", self.path)


def expected(route: Route) -> Role | None:
    """The role a route needs, by the words of the guide and not by the table of the program."""
    if (route.method, route.path) in OPEN:
        return None
    if route.path.startswith(FOR_ADMINS):
        return Role.ADMIN
    if route.method not in SAFE and route.path.removeprefix("/api/v1") in CHANGES_THE_MAPPING:
        return Role.ADMIN
    if route.method in SAFE or (route.method, route.path) in THEIR_OWN:
        return Role.VIEWER
    return Role.OPERATOR


def declared(found: Any) -> Iterator[Route]:
    """Every route there is, those of routers and of what is mounted among them."""
    for each in found:
        inner = getattr(each, "original_router", None) or getattr(each, "router", None)
        if inner is not None and not hasattr(each, "path"):
            yield from declared(inner.routes)
        elif hasattr(each, "methods"):
            yield from (Route(method, each.path) for method in sorted(each.methods))
        else:
            assert each.path == "/static", f"nobody has thought of what is mounted at {each.path}"
            yield Route("GET", "/static/app.css")


@pytest.fixture
def guarded(open_window: Callable[..., Operator]) -> Operator:
    """A window with a user for each role and a token for each role."""
    operator = open_window()
    for role in Role:
        people.enrol(operator.broker, role, role)
    return operator


def routes_of(operator: Operator) -> list[Route]:
    """Every route of the window as it is built for this broker."""
    given = rooms.Rooms(
        operator.broker.database, lambda: operator.broker.site, list, operator.broker._probe, lambda: None
    )
    built = app.build(given)
    return list(dict.fromkeys(declared(built.routes)))


def outcome(http: httpx.Client, route: Route) -> str:
    """What becomes of a request; a stream is left as soon as it has begun."""
    with http.stream(route.method, route.address, follow_redirects=False) as answer:
        if answer.status_code == 401 or (answer.status_code == 303 and "?next=" in answer.headers["location"]):
            return "nobody"
        if answer.status_code == 303 and answer.headers["location"] == "/login" and "set-cookie" not in answer.headers:
            return "nobody"  # who signs out is led there too, and a cookie is taken away
        return "forbidden" if answer.status_code == 403 and b"this needs the role" in answer.read() else "in"


def test_every_route_for_every_visitor(guarded: Operator) -> None:
    """Nobody, each role, and a token of each role: each is let in where the guide says so, and nowhere else."""
    found = sorted(routes_of(guarded), key=lambda route: (route.method, route.path) in THEIR_OWN)  # which end sessions
    assert {("GET", "/"), ("GET", "/events"), ("GET", "/metrics"), ("GET", "/api/v1/openapi.json")} <= {*found}
    assert {*OPEN, *THEIR_OWN} <= {*found}
    seen, wanted = {}, {}
    with ExitStack() as stack:
        visitors = [(None, "page", stack.enter_context(people.browser(guarded)))]
        for role in Role:
            key, shown = people.session(guarded.broker, role), people.token(guarded.broker, role, role)
            visitors.append((role, "page", stack.enter_context(people.browser(guarded, key))))
            program = httpx.Client(
                base_url=guarded.address, verify=NO_AUTHORITY, headers={"Authorization": f"Bearer {shown}"}
            )
            visitors.append((role, "program", stack.enter_context(program)))
        for route, (role, kind, http) in itertools.product(found, visitors):
            if (route.method, route.path) in THEIR_OWN and role and kind == "page":
                http.cookies.set("swf_session", people.session(guarded.broker, role), domain="127.0.0.1")
            needed = expected(route)
            allowed = needed is None or (role is not None and role.reaches(needed))
            wanted[route, role, kind] = "in" if allowed else "forbidden" if role else "nobody"
            seen[route, role, kind] = outcome(http, route)
    assert {key: seen[key] for key in seen if seen[key] != wanted[key]} == {}


def test_nothing_is_changed_without_a_page_of_ours(guarded: Operator) -> None:
    """Whatever changes something asks for the token of this very session, whoever has signed in."""
    unsafe = [route for route in routes_of(guarded) if route.method not in SAFE]
    assert len(unsafe) > 10
    with people.browser(guarded, people.session(guarded.broker, "admin")) as other:
        strange = other.headers["X-CSRF-Token"]
    key = people.session(guarded.broker, "admin")
    for sent in ({}, {"X-CSRF-Token": strange}, {"X-CSRF-Token": "x"}):
        with httpx.Client(
            base_url=guarded.address, verify=NO_AUTHORITY, cookies={"swf_session": key}, headers=sent
        ) as http:
            codes = {route: http.request(route.method, route.address).status_code for route in unsafe}
            assert codes == dict.fromkeys(unsafe, 403)
            assert http.get("/account").status_code == 200


def _journal(guarded: Operator) -> list[int]:
    with guarded.broker.database.reading() as connection:
        return [row.id for row in journal.recent(connection, limit=1000)]


def test_looking_changes_nothing(guarded: Operator) -> None:
    """What is done by a form cannot be done by a link, an image or a page that is fetched beforehand."""
    found = routes_of(guarded)
    looked_at = {route.address for route in found if route.method == "GET"}
    with people.browser(guarded, people.session(guarded.broker, "admin")) as http:
        before = _journal(guarded)
        for route in found:
            if route.method == "POST" and route.address not in looked_at:
                assert http.get(route.address).status_code in {303, 404, 405}, route
        assert _journal(guarded) == before
        assert http.get("/account").status_code == 200


def test_no_way_of_writing_an_address_leads_around_its_role(guarded: Operator) -> None:
    """However the address of a page for admins is written, an operator never gets it."""
    spellings = ["/users", "//users", "/users/", "/%75sers", "/users%2F", "/users;a=b", "/./users", "/x/../users"]
    with people.browser(guarded, people.session(guarded.broker, "operator")) as http:
        for path in [*spellings, "/users?a", "/users%00", "/USERS", "/users%0A"]:
            request = http.build_request("GET", f"{guarded.address}/")
            request.url = request.url.copy_with(raw_path=path.encode())
            answer = http.send(request, follow_redirects=True)
            assert answer.status_code in {400, 403, 404}, path
            assert "A viewer looks" not in answer.text


def test_no_other_method_is_a_way_in(guarded: Operator) -> None:
    """Ways of asking that no page uses are refused to those who may not act, and do nothing for those who may."""
    with people.browser(guarded) as nobody, people.browser(guarded, people.session(guarded.broker, "viewer")) as http:
        for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW"):
            assert nobody.request(method, "/messages").status_code in {303, 401}
            assert http.request(method, "/messages").status_code in {403, 405}

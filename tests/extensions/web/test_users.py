"""Signing in: who has a name and a password comes in, as what they are, for as long as they should, and nobody else."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from swf import clock
from swf.errors import ConfigError, StoreError
from swf.extensions.web import live
from swf.extensions.web.pages import login
from swf.model.user import Role
from swf.store import journal, users
from swf.workflow import users as rules
from tests.conftest import MakeBroker
from tests.extensions.web import people
from tests.extensions.web.conftest import NO_AUTHORITY, Operator, csrf_of, readable

COOKIE = "swf_session"
Open = Callable[..., Operator]


def noted(operator: Operator, *events: str) -> list[dict[str, Any]]:
    """What the journal says of these kinds, oldest first."""
    with operator.broker.database.reading() as connection:
        rows = journal.recent(connection, limit=100)
    return [{"event": row.event, **row.detail} for row in reversed(rows) if row.event in events]


def stranger(operator: Operator) -> httpx.Client:
    """A browser that has never been here."""
    return httpx.Client(base_url=operator.address.replace("0.0.0.0", "127.0.0.1"), verify=NO_AUTHORITY, timeout=10)


def test_signing_in_and_out(operator: Operator) -> None:
    """Somebody is led to the page to sign in, from there to where they wanted, and out again; the journal knows all."""
    people.enrol(operator.broker, "jane", Role.OPERATOR)
    with stranger(operator) as http:
        led = http.get("/orders?q=4711")
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Forders%3Fq%3D4711")
        assert "Orders" not in readable(http.get(led.headers["location"]).text)
        assert 'value="/orders?q=4711"' in http.get(led.headers["location"]).text
        http.cookies.set(COOKIE, "put there by somebody else")
        answer = people.sign_in(http, " Jane ", next="/orders?q=4711")
        assert (answer.status_code, answer.headers["location"]) == (303, "/orders?q=4711")
        http.cookies.clear()
        cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(COOKIE))
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        key = cookie.partition("=")[2].partition(";")[0]
        assert len(key) == 43
        http.cookies.set(COOKIE, key)
        page = http.get("/")
        assert "jane" in readable(page.text)
        assert 'href="/users"' not in page.text
        out = http.post("/logout", data={"csrf": csrf_of(page.text)})
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        http.cookies.set(COOKIE, key)
        assert http.get("/").status_code == 303
        assert key not in json.dumps(noted(operator, "signed in", "signed out"))
    assert noted(operator, "signed in", "signed out") == [
        {"event": "signed in", "by": "jane", "address": "127.0.0.1"},
        {"event": "signed out", "by": "jane"},
    ]


def test_a_wrong_password_is_told_from_a_wrong_name_by_nobody(operator: Operator, log_lines: Any) -> None:
    """The same words for an unknown name, a wrong password and a disabled user; after five tries one has to wait."""
    for name in ("jane", "joe"):
        people.enrol(operator.broker, name, Role.ADMIN)
    operator.broker.database.run(lambda transaction: rules.disable(transaction, clock.now(), "a test", "joe"))
    with stranger(operator) as http:
        tried = [("nobody", "x"), ("joe", people.PASSWORD), ("s3cret typed as a name", ""), *[("jane", "wrong")] * 5]
        pages = {
            people.sign_in(http, name, password).text.replace(csrf_of(http.get("/login").text), "")
            for name, password in tried[:3]
        }
        answers = [people.sign_in(http, name, password) for name, password in tried[3:]]
        assert {answer.status_code for answer in answers} == {403}
        assert all("Name or password is wrong." in page for page in [*pages, *(answer.text for answer in answers)])
        late = people.sign_in(http, "jane")
        assert (late.status_code, int(late.headers["retry-after"]) > 200) == (429, True)
        assert COOKIE not in http.cookies
    refused = noted(operator, "sign-in refused")
    assert [each["by"] for each in refused] == ["an unknown name", "joe", "an unknown name", *["jane"] * 5]
    assert "s3cret" not in json.dumps(refused) + log_lines.getvalue()


def test_nobody_signs_a_browser_in_from_elsewhere(operator: Operator) -> None:
    """A strange page cannot make a browser somebody's, not even its own: the form belongs to this browser."""
    people.enrol(operator.broker, "jane")
    form = {"name": "jane", "password": people.PASSWORD}
    with stranger(operator) as http, stranger(operator) as other:
        assert http.post("/login", data=form).status_code == 403
        strange = csrf_of(other.get("/login").text)
        http.get("/login")
        assert http.post("/login", data={"csrf": strange, **form}).status_code == 403
        assert http.post("/login", data=form, headers={"Origin": "http://evil.example"}).status_code == 403
        assert people.sign_in(http, "jane").status_code == 303


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil",
        "",
        "x",
        "http:/",
        "/a\nb",
        "[",
        "///e",
    ],
)
def test_signing_in_leads_nowhere_else(place: str) -> None:
    """A link that somebody made up cannot lead away from the window once one has signed in."""
    assert login._place(place) == "/"
    assert login._place("/orders?q=//x") == "/orders?q=//x"


def test_a_session_ends(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its hours, by nobody clicking, by being disabled: pages lead to the sign-in page, and streams end as well."""
    monkeypatch.setattr(live, "STILL_THERE_S", 0.2)
    operator = open_window()
    database = operator.broker.database
    people.enrol(operator.broker, "jane", Role.ADMIN)
    people.enrol(operator.broker, "joe")
    with people.browser(operator, people.session(operator.broker, "joe", timedelta(0))) as late:
        assert late.get("/").status_code == 303
    with people.browser(operator, people.session(operator.broker, "joe")) as http:
        with database.reading() as connection:
            user = users.named(connection, "joe")
            assert user is not None
            (session,) = users.sessions_of(connection, user.id, clock.now(), clock.now() - timedelta(hours=1))

        def seen() -> Any:
            with database.reading() as connection:
                return users.sessions_of(connection, user.id, clock.now(), clock.now() - timedelta(days=1))[0].seen_at

        ago = clock.now() - timedelta(minutes=30)
        database.run(lambda transaction: users.session_seen(transaction, session.id, ago))
        assert http.get("/", headers={"HX-Request": "true"}).status_code == 200
        assert seen() == ago  # the board fetched something; nobody clicked
        assert http.get("/").status_code == 200
        assert seen() > ago
        database.run(lambda transaction: users.session_seen(transaction, session.id, clock.now() - timedelta(hours=2)))
        assert http.get("/").status_code == 303
        database.run(lambda transaction: users.session_seen(transaction, session.id, clock.now()))
        with http.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 2000"
            database.run(lambda transaction: rules.disable(transaction, clock.now(), "a test", "joe"))
            assert "data: ended" in list(lines)
        left = http.get("/", headers={"HX-Request": "true"})
        assert (left.status_code, left.headers["hx-redirect"]) == (401, "/login")
        assert http.get("/api/v1/today").json()["error"] == "nobody has signed in"


def test_another_password_ends_every_other_session(operator: Operator) -> None:
    """Who fears that somebody knows the password changes it, stays signed in, and is so nowhere else."""
    people.enrol(operator.broker, "jane", Role.VIEWER)
    mine, stolen = (people.session(operator.broker, "jane") for _ in range(2))
    form = {"password": people.PASSWORD, "new": "another good one", "again": "another good one"}
    with people.browser(operator, mine) as http, people.browser(operator, stolen) as thief:
        for wrong, sentence in (
            ({"password": "x"}, "Name or password is wrong."),
            ({"again": "y"}, "not the same both times"),
            ({"new": "short", "again": "short"}, "12 to 256 characters"),
        ):
            refused = http.post("/account/password", data={**form, **wrong})
            assert (refused.status_code, sentence in readable(refused.text)) == (403, True)
        assert "127.0.0.1" in readable(http.get("/account").text)
        done = http.post("/account/password", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/account?changed=1")
        assert http.cookies[COOKIE] not in (mine, stolen)
        assert "is changed" in readable(http.get("/account?changed=1").text)
        assert thief.get("/").status_code == 303
        with stranger(operator) as fresh:
            assert people.sign_in(fresh, "jane").status_code == 403
            assert people.sign_in(fresh, "jane", "another good one").status_code == 303
        page = http.get("/account").text
        assert http.post("/account/sign-out", headers={"X-CSRF-Token": csrf_of(page)}).status_code == 303
        assert http.get("/").status_code == 303
    assert "another good one" not in json.dumps(noted(operator, "user changed", "signed in", "signed out"))


def test_the_first_admin_closes_the_door(operator: Operator) -> None:
    """While there are no users this machine may do everything; the first admin is made there, and then one signs in."""
    assert "There are no users" in readable(operator.http.get("/users").text)
    assert "no users" in readable(operator.http.get("/account").text)
    form = {"name": "Jane", "role": "admin", "password": people.PASSWORD}
    assert operator.http.post("/users", data={**form, "role": "king"}).status_code == 409
    assert operator.http.post("/users", data=form).status_code == 303
    assert operator.http.get("/").status_code == 303
    with people.browser(operator, people.session(operator.broker, "jane")) as http:
        assert operator.http.post("/users", data=form).status_code == 303  # to the page to sign in
        http.post("/users", data={**form, "name": "joe", "role": "viewer"})
        assert "joe viewer may sign in" in readable(http.get("/users").text)
        for what, data in (("role", {"role": "operator"}), ("disable", {}), ("enable", {}), ("sign-out", {})):
            assert http.post(f"/users/joe/{what}", data=data).status_code == 303, what
        http.post("/users/joe/password", data={"password": "another good one"})
        assert "operator" in readable(http.get("/users/joe").text)
        for what, data in (("role", {"role": "viewer"}), ("disable", {})):
            assert "the last admin" in http.post(f"/users/jane/{what}", data=data).text
        assert http.get("/users/nobody").status_code == 404
    changed = noted(operator, "user changed")
    assert [(each["by"], each["did"], each["user"]) for each in changed] == [
        ("127.0.0.1, without login", "add", "jane"),
        *[("jane", did, "joe") for did in ("add", "role", "disable", "enable", "password")],
    ]


def test_programs_show_a_token(operator: Operator) -> None:
    """A token does what its role may, needs no form of ours, is noted when used, and opens nothing once it is revoked."""
    made = operator.http.post("/tokens", data={"name": "ci", "role": "operator", "days": "1"})
    key = readable(made.text).partition("shown this once: ")[2].split()[0]
    for days in ("-1", "9" * 5000):
        assert operator.http.post("/tokens", data={"name": "x", "role": "viewer", "days": days}).status_code == 409
    operator.order()
    with stranger(operator) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        assert http.post("/api/v1/messages/1/replay", params={"really": True}).status_code == 200
        assert http.get("/users").status_code == 403
        assert http.get("/api/v1/today", headers={"Host": "evil.example"}).status_code == 403
        for wrong in (f"Bearer {key}x", "Bearer", f"Basic {key}", key, "Bearer null"):
            for path in ("/api/v1/today", "/metrics", "/events", "/"):
                refused = http.get(path, headers={"Authorization": wrong})
                assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer"), (path, wrong)
        assert "operator" in readable(operator.http.get("/users").text)
        assert operator.http.post("/tokens/ci/revoke").status_code == 303
        assert http.get("/api/v1/today").status_code == 401
    assert [each["by"] for each in noted(operator, "operator acted")] == ["token ci"]
    assert key not in json.dumps(noted(operator, "token changed"))


def test_a_viewer_sees_no_buttons(operator: Operator) -> None:
    """What one may not do is not offered, and refused when it is done all the same."""
    operator.order()
    people.enrol(operator.broker, "jane", Role.VIEWER)
    with people.browser(operator, people.session(operator.broker, "jane")) as http:
        page = http.get("/messages/1")
        assert "Take it again" in page.text
        assert 'action="/messages' not in page.text.replace('action="/messages">', "")
        assert 'action="/logout"' in page.text
        refused = http.post("/messages/1/replay", data={"really": "1"})
        assert (refused.status_code, "this needs the role operator" in refused.text) == (403, True)


def test_a_link_in_a_mail_finds_who_is_signed_in(operator: Operator) -> None:
    """The browser keeps the cookie back when a strange page leads here; one moment later it is there."""
    people.enrol(operator.broker, "jane")
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    with stranger(operator) as http:
        moment = http.get("/orders/4711", headers=link)
        assert (moment.status_code, 'http-equiv="refresh"' in moment.text) == (200, True)
        assert http.get("/orders/4711", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
        assert http.get("/api/v1/today", headers=link).status_code == 401


def test_who_looks_may_look_while_nothing_can_be_written(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk keeps nobody from seeing what is wrong; a store that answers nobody is told as such."""
    people.enrol(operator.broker, "jane")
    key = people.session(operator.broker, "jane")

    def refuse(*_: Any) -> None:
        raise StoreError("the store did not commit: disk is full")

    with people.browser(operator, key) as http:
        ago = clock.now() - timedelta(minutes=30)
        operator.broker.database.run(lambda transaction: users.session_seen(transaction, 1, ago))
        monkeypatch.setattr(operator.broker.database, "run", refuse)
        assert http.get("/").status_code == 200
        monkeypatch.setattr(operator.broker.database, "reading", refuse)
        assert (http.get("/").status_code, http.get("/livez").status_code) == (503, 200)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"host": "0.0.0.0", "plain_http": True}, "host"),
        ({"proxy_addresses": ("127.0.0.1",)}, "proxy_addresses"),
        ({"login": True}, "login"),
    ],
)
def test_nobody_could_sign_in(make_broker: MakeBroker, open_window: Open, settings: dict[str, Any], key: str) -> None:
    """Where everybody has to sign in and no admin could, the broker does not start and says what to do; with one it does."""
    with pytest.raises(ConfigError, match=rf"web\.{key}: .* swf users add NAME --role admin"):
        make_broker(web=settings)
    broker = make_broker()
    people.enrol(broker, "jane", Role.ADMIN)
    broker.stop()
    operator = open_window(web=settings)
    with stranger(operator) as http:
        assert http.get("/").status_code == 303
        assert http.get("/api/v1/today").status_code == 401
        assert people.sign_in(http, "jane").status_code == 303
        assert http.get("/").status_code == 200


def test_the_proxy_says_who_it_is(open_window: Open) -> None:
    """People sign in with the site's own proxy: its word is taken for name and role, and for https."""
    operator = open_window(
        web={"proxy_addresses": ("127.0.0.1",), "proxy_user_header": "Remote-User", "names": ("swf.example",)}
    )
    people.enrol(operator.broker, "jane", Role.ADMIN)
    people.enrol(operator.broker, "joe", Role.VIEWER)
    operator.broker.database.run(lambda transaction: rules.disable(transaction, clock.now(), "a test", "joe"))
    way = {"X-Forwarded-For": "10.0.0.77", "X-Forwarded-Proto": "https", "Host": "swf.example"}
    with httpx.Client(base_url=operator.address, verify=NO_AUTHORITY, headers=way) as http:
        assert http.get("/users", headers={"Remote-User": "Jane"}).status_code == 200
        assert http.get("/users", headers={"Remote-User": "roe"}).status_code == 403
        assert http.get("/", headers={"Remote-User": "joe"}).status_code == 401
        assert http.get("/", headers={"X-Forwarded-Proto": "http"}).status_code == 403
        shown = {"Remote-User": "Jane", "Authorization": "Basic b2YgdGhlIHByb3h5"}  # which the proxy asked for
        assert http.get("/users", headers=shown).status_code == 200
        assert http.get("/users", headers={**shown, "Authorization": "Bearer swf_x"}).status_code == 401
        written = {http.get("/readyz").json()["written"] for _ in range(5)}
        assert len(written) < 5  # nobody makes the store write without end
        mine = {"Remote-User": "Jane", "Origin": "https://swf.example"}
        token = csrf_of(http.get("/", headers=mine).text)
        added = {"csrf": token, "name": "ci", "role": "viewer", "days": "1"}
        assert http.post("/tokens", data=added, headers={**mine, "Origin": "http://swf.example"}).status_code == 403
        assert http.post("/tokens", data=added, headers={**mine, "Remote-User": "roe"}).status_code == 403
        assert http.post("/tokens", data=added, headers=mine).status_code == 200
        page = http.get("/login")
        kept = {"Cookie": page.headers["set-cookie"].partition(";")[0]}  # over https the browser would send it itself
        assert kept["Cookie"].startswith("__Host-swf-sign-in=")
        form = {"csrf": csrf_of(page.text), "name": "jane", "password": people.PASSWORD}
        cookies = http.post("/login", data=form, headers=kept).headers.get_list("set-cookie")
        session = next(line for line in cookies if line.startswith("__Host-swf="))
        assert {"Secure", "HttpOnly", "SameSite=strict"} <= {part.strip() for part in session.split(";")}
    assert [each["by"] for each in noted(operator, "token changed")] == ["Jane, by the proxy"]
    assert noted(operator, "signed in")[0]["address"] == "10.0.0.77"


def test_the_proxy_says_what_as(open_window: Open) -> None:
    """Where the proxy also says the role, that counts and nothing else; without one nobody is let in."""
    operator = open_window(
        web={
            "proxy_addresses": ("127.0.0.1",),
            "proxy_user_header": "Remote-User",
            "proxy_role_header": "Remote-Role",
            "plain_http": True,
        }
    )
    people.enrol(operator.broker, "jane", Role.ADMIN)
    said: list[dict[str, str]] = [{}, *({"Remote-Role": role} for role in ("king", "viewer", "Admin"))]
    answers = [operator.http.get("/users", headers={"Remote-User": "jane", **role}) for role in said]
    assert [answer.status_code for answer in answers] == [401, 401, 403, 200]
    assert operator.http.get("/", headers={"Remote-Role": "admin"}).status_code == 303

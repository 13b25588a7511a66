"""Who may look: this machine, from pages of ours, and nobody else; whatever a name says, it stays text."""

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from swf import config
from swf.errors import ConfigError
from swf.extensions.web import access, app, rooms, serving
from tests.authority import Authority
from tests.conftest import MakeBroker, settings_for
from tests.extensions.web.conftest import Operator, csrf_of

EVIL: list[dict[str, str]] = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "localhost.evil.example:8080"},
    {"Host": "10.0.0.1"},
    {"Host": "[::"},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
]


HOSTS = {
    "swf.hospital.example": 200,
    "SWF.Hospital.Example:8080": 200,
    "127.0.0.1": 200,
    "hospital.example": 403,
    "swf.hospital.example.evil.example": 403,
    "0.0.0.0": 403,
    "": 403,
}


def _routes(operator: Operator) -> list[tuple[str, str]]:
    given = rooms.Rooms(
        operator.broker.database, lambda: operator.broker.site, list, operator.broker._probe, lambda: None
    )
    built = app.build(given)
    found = [
        (method, route.path.replace("{number}", "1").replace("{number:path}", "1"))  # type: ignore[attr-defined]
        for route in _flat(built.routes)
        for method in sorted(getattr(route, "methods", None) or {"GET"})
    ]
    return [*found, ("GET", "/static/app.css")]


def _flat(routes: Any) -> list[Any]:
    found: list[Any] = []
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        found += _flat(inner.routes) if inner is not None and not hasattr(route, "path") else [route]
    return [route for route in found if hasattr(route, "path")]


def test_no_page_answers_a_stranger(operator: Operator) -> None:
    """A page of the internet, open in the operator's browser, gets nothing and does nothing, by whatever route."""
    routes = _routes(operator)
    assert {("GET", "/"), ("GET", "/events"), ("POST", "/messages/1/replay"), ("GET", "/metrics")} <= {*routes}
    for headers in EVIL:
        for method, path in routes:
            answer = operator.http.request(method, path, headers=headers)
            assert answer.status_code in {400, 403}, (method, path, headers)
            assert "script" not in answer.text


def test_this_machine_is_known_by_all_its_names(operator: Operator) -> None:
    """A tunnel may end at another port and the browser may say localhost: it is still this machine."""
    for host in ("127.0.0.1", "localhost", "LOCALHOST:8080", "[::1]:8080", "127.0.0.1:9000"):
        assert operator.http.get("/livez", headers={"Host": host}).status_code == 200, host


def test_a_link_from_elsewhere_may_lead_here(operator: Operator) -> None:
    """A colleague's mail may hold the address of an order: following a link shows the page, and only shows it."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert operator.http.get("/", headers=link).status_code == 200
    assert operator.http.post("/messages/1/reveal", headers=link).status_code == 403


def test_every_answer_forbids_what_is_not_ours(operator: Operator) -> None:
    """Pages, mistakes and refusals alike tell the browser to run and load nothing but our own files."""
    for path, headers in (("/", {}), ("/nothing", {}), ("/", EVIL[0]), ("/orders/none", {}), ("/static/app.css", {})):
        answer = operator.http.get(path, headers=headers)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_page_holds_anything_inline(operator: Operator) -> None:
    """No page has a script, a style or an event of its own in it, so that the strict policy breaks none."""
    number = operator.order().accession
    for path in ("/", "/orders", f"/orders/{number}", f"/why?number={number}&ae=CT1", "/messages", "/messages/1"):
        page = operator.http.get(path).text
        assert "style=" not in page
        assert "<style" not in page
        assert " on" not in {part[:3] for part in page.split("<") if part.startswith(("button", "a ", "form", "tr"))}
        assert all("src=" in part[:120] for part in page.split("<script")[1:])


def test_off_the_loopback_it_does_not_open(tmp_path: Path) -> None:
    """Passwords do not cross the network in the clear: such a setting refuses the start and says what to do."""
    (tmp_path / "swf.toml").write_text('[web]\nhost = "0.0.0.0"\n')
    with pytest.raises(ConfigError, match=r"swf\.toml:1: web\.plain_http: other machines would sign in at 0\.0\.0\.0"):
        config.load(tmp_path / "swf.toml", {})


def test_a_port_that_is_taken_stops_no_broker(make_broker: MakeBroker, log_lines: Any) -> None:
    """Patients do not wait because somebody else has port 8080: the broker runs, and says what is missing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = make_broker(web={"port": taken.getsockname()[1]})
        assert broker.hl7.healthy()
        assert broker.ailing() == ["web window"]
    assert "web window not opened" in log_lines.getvalue()


@pytest.mark.parametrize("settings", [{"web": {"enabled": False}}, {"node": {"roles": ["hl7", "dicom"]}}])
def test_it_can_be_left_out(make_broker: MakeBroker, settings: Any) -> None:
    """A site that wants no window has none, and misses nothing."""
    broker = make_broker(**settings)
    assert broker.web.address == ("", 0)
    assert broker.ailing() == []


def test_it_is_open_when_nothing_is_set(tmp_path: Path) -> None:
    """The first start opens the window, on this machine alone."""
    (tmp_path / "swf.toml").touch()
    found = config.load(tmp_path / "swf.toml", {})
    assert (found.web.enabled, found.web.host, found.web.port) == (True, "127.0.0.1", 8080)
    assert "web" in found.node.roles


def test_the_broker_ends_although_somebody_watches(open_window: Callable[..., Operator]) -> None:
    """Pages that are open all night keep no broker from ending within seconds."""
    operator = open_window()
    with operator.http.stream("GET", "/events") as stream:
        lines = stream.iter_lines()  # held: who lets go of it has left
        assert next(lines) == "retry: 2000"
        operator.broker.stop()
        with pytest.raises(httpx.TransportError):
            operator.http.get("/")


def test_the_window_shows_that_it_works(operator: Operator) -> None:
    """The broker can tell a window that turns from one that does not."""
    assert operator.broker.web.healthy()
    operator.broker.web.stop()
    assert not operator.broker.web.healthy()


def test_settings_of_tests_open_it_on_a_free_port(tmp_path: Path) -> None:
    """No test takes a fixed port."""
    assert settings_for(tmp_path).web.port == 0


def test_it_answers_to_the_names_it_is_given(open_window: Callable[..., Operator]) -> None:
    """The site's name for it, its own address and this machine's names are answered, and no other."""
    operator = open_window(web={"names": ("SWF.hospital.example",)})
    answered = {host: operator.http.get("/livez", headers={"Host": host}).status_code for host in HOSTS}
    assert answered == HOSTS


def test_it_speaks_tls(open_window: Callable[..., Operator], tmp_path: Path) -> None:
    """With a certificate the window is https, a form of it is taken, and a new certificate needs no restart."""
    authority, other = Authority(tmp_path), Authority(tmp_path / "other")
    operator = open_window(web=authority.issue("127.0.0.1"))
    broker = operator.broker
    assert broker.web.url == operator.address == f"https://127.0.0.1:{broker.web.address[1]}"
    with httpx.Client(base_url=operator.address, verify=ssl.create_default_context(cafile=authority.file)) as http:
        page = http.get("/account")
        form = {"csrf": csrf_of(page.text)}
        assert http.post("/logout", data=form, headers={"Origin": operator.address}).status_code == 303
        assert http.post("/logout", data=form, headers={"Origin": "http://127.0.0.1"}).status_code == 403
    renewed = broker.settings.web.model_copy(update=other.issue("127.0.0.1"))
    broker.reload(broker.settings.model_copy(update={"web": renewed}))
    with httpx.Client(base_url=operator.address, verify=ssl.create_default_context(cafile=other.file)) as http:
        assert http.get("/livez").status_code == 200


def test_who_says_nothing_is_not_waited_for(
    open_window: Callable[..., Operator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections without a whole request end, or a few hundred of them shut everybody out; a stream goes on."""
    monkeypatch.setattr(serving, "REQUEST_S", 0.3)
    operator = open_window()
    begun = [b"", b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n"]
    begun[2] += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\ncsr"
    with operator.http.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        for part in begun:
            with socket.create_connection(operator.broker.web.address, timeout=10) as silent:
                silent.sendall(part)
                with contextlib.suppress(ConnectionResetError):
                    assert silent.recv(1) == b""
        operator.order()
        assert next(line for line in lines if line.startswith("event")) == "event: changed"


def test_no_request_is_taken_without_end(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than any form is not gathered in memory, whoever sends it."""
    asked = {"text": "MSH|" + "x" * 2000}
    assert operator.http.post("/api/v1/bench/look", json=asked).status_code == 200
    monkeypatch.setattr(access, "LONGEST_BODY", 1000)
    assert operator.http.post("/api/v1/bench/look", json=asked).status_code == 400

"""Who may what: every route has its line in one table, and whatever changes something is asked by a page of ours."""

import re
from pathlib import Path

import httpx
import pytest

from swf.config import Web
from swf.extensions.web import forms, roles, visitor
from swf.extensions.web.identity import Identity
from swf.extensions.web.visitor import Visitor
from swf.model.user import Role
from tests.extensions.web.conftest import NO_AUTHORITY, Operator, csrf_of

TEMPLATES = sorted((Path(forms.__file__).parent / "templates").glob("*.html"))


def _stranger(operator: Operator) -> httpx.Client:
    """A program at this machine that has read no page of ours."""
    return httpx.Client(base_url=operator.address, verify=NO_AUTHORITY)


def test_a_role_may_what_those_below_it_may() -> None:
    """An admin may act and look, an operator look, a viewer only that."""
    reach = {(role, needed) for role in Role for needed in Role if role.reaches(needed)}
    assert reach == {
        ("viewer", "viewer"),
        ("operator", "viewer"),
        ("operator", "operator"),
        ("admin", "viewer"),
        ("admin", "operator"),
        ("admin", "admin"),
    }


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/static/app.css"])
def test_supervisors_and_files_need_no_role(path: str) -> None:
    """What watches over the broker, and the looks of its pages, ask nobody who they are; nothing is done there."""
    assert roles.needed("GET", path) is None
    assert roles.needed("POST", path) is Role.OPERATOR


@pytest.mark.parametrize("path", ["/livezz", "/livez/", "//livez", "/static", "/livez\n", "/x/static/app.css"])
def test_what_only_looks_open_is_not(path: str) -> None:
    """An address that resembles an open one is as closed as any other."""
    assert roles.needed("GET", path) is Role.VIEWER


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_whatever_is_no_looking_needs_an_operator(method: str) -> None:
    """A way of asking nobody has thought of is held for one that changes something."""
    assert roles.needed(method, "/nobody/thought/of/it") is Role.OPERATOR


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_form_that_posts_carries_the_token(template: Path) -> None:
    """No page can forget it: it is put into the template as it is loaded, as the first field of each such form."""
    source = template.read_text()
    made = forms.Guarded.preprocess(None, source, None)  # type: ignore[arg-type]
    posting = re.findall(r"<form\b[^>]*?method=.?post", source, re.IGNORECASE)
    assert made.count(forms._INPUT) == len(posting) == made.count("may_post(_address)")
    assert "formmethod" not in source


@pytest.mark.parametrize(
    "form",
    [
        '<form method="post" action="/a">x</form>',
        '<form\n  class="b" METHOD=POST action="/a/{{ 1 > 0 }}#d">x</FORM >',
        '<form action="/a" method=\'post\'>x</form><form method="post" action="/b">y</form>',
    ],
)
def test_however_a_form_is_written_it_is_guarded(form: str) -> None:
    """Quotes, capitals and line ends make no difference."""
    made = forms._FORM.sub(forms._guarded, form)
    assert made.count(forms._INPUT) == len(re.findall("(?i)<form", form)) == made.count("{% endif %}")


def test_a_form_that_asks_stays_as_it_is() -> None:
    """A search is no change, and its address can be sent to a colleague: it holds no token."""
    form = '<form class="find" action="/orders"><input name="q"></form>'
    assert forms._FORM.sub(forms._guarded, form) == form


def test_a_page_hides_what_its_reader_may_not_do() -> None:
    """Buttons are shown to those who may press them."""
    found = []
    for role in (None, *Role):
        token = visitor.CURRENT.set(Visitor("somebody", role))
        found.append((visitor.may("operator"), visitor.may_post("/messages/1/replay#again")))
        visitor.CURRENT.reset(token)
    assert found == [(False, False), (False, False), (True, True), (True, True)]
    assert visitor.CURRENT.get().role is None


def test_nothing_is_changed_without_the_token(operator: Operator) -> None:
    """A request that did not begin on a page of ours changes nothing, whatever its body is called."""
    operator.order()
    path = "/messages/1/reveal"
    token = csrf_of(operator.http.get("/").text)
    multipart = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token}\r\n--x--\r\n'.encode()
    kinds = {"f": "application/x-www-form-urlencoded", "m": "multipart/form-data; boundary=x", "t": "text/plain"}
    sent: list[tuple[dict[str, str], bytes, int]] = [
        ({}, b"", 403),
        ({"X-CSRF-Token": ""}, b"", 403),
        ({"X-CSRF-Token": token[:-1]}, b"", 403),
        ({"X-CSRF-Token": token}, b"", 200),
        ({"Content-Type": kinds["f"]}, f"csrf={token}".encode(), 200),
        ({"Content-Type": kinds["f"]}, f"csrf={token}&a={'b' * 5000}".encode(), 200),
        ({"Content-Type": kinds["f"]}, f"a=b&csrf={token}".encode(), 403),
        ({"Content-Type": kinds["f"]}, b"csrf=&a=b", 403),
        ({"Content-Type": kinds["t"]}, f"csrf={token}".encode(), 403),
        ({"Content-Type": kinds["m"]}, multipart, 200),
        ({"Content-Type": kinds["m"]}, multipart.replace(b"csrf", b"crsf"), 403),
        ({"Content-Type": "application/json"}, f'{{"csrf": "{token}"}}'.encode(), 403),
    ]
    with _stranger(operator) as http:
        for headers, body, expected in sent:
            answer = http.post(path, headers=headers, content=body)
            assert answer.status_code == expected, (headers, body[:80])
        assert http.post(f"{path}?csrf={token}").status_code == 403
        assert "load the page anew" in http.post(path).text.lower()


def test_a_form_reaches_its_page_whole(operator: Operator) -> None:
    """The token is looked for in the first bytes; the page reads the form from its beginning all the same."""
    operator.order()
    token = csrf_of(operator.http.get("/").text)
    with _stranger(operator) as http:
        tried = http.post("/messages/1/replay", data={"csrf": token, "really": "1"})
        assert "It was taken again" in tried.text
        too_long = http.post("/messages/1/replay", data={"csrf": token, "really": "1" * 70_000})
        assert too_long.status_code == 413


def test_each_window_has_its_own_token() -> None:
    """What a page of one broker carries opens nothing at another, nor after a new start, nor in another browser."""
    first, second = (Identity(None, Web()) for _ in range(2))  # type: ignore[arg-type]  nothing is asked of it
    tokens = {each.about_to_sign_in(key, visitor.NOBODY).csrf for each in (first, second) for key in ("a", "b")}
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {64}

"""The window speaks English, German and Russian: which of them, and that nothing is left unsaid."""

from collections.abc import Callable

import pytest
from starlette.datastructures import Headers

from swf.extensions.web import language
from tests.extensions.web.conftest import Operator


@pytest.mark.parametrize(
    ("cookie", "setting", "browser", "spoken"),
    [
        ("lang=ru", "de", "en", "ru"),
        ("lang=xx", "de", "ru", "de"),
        ("", "", "fr-FR, ru;q=0.4, de-AT;q=0.8, en;q=0", "de"),
        ("", "", "en-GB, de;q=0.9", "en"),
        ("", "", "fr, de;q=none", "en"),
        ("", "", "", "en"),
        ("lang", "", "*", "en"),
    ],
)
def test_who_chose_is_heard_first(cookie: str, setting: str, browser: str, spoken: str) -> None:
    """The reader's choice comes before the site's, that before the browser's; who says nothing readable gets English."""
    assert language.chosen(Headers({"cookie": cookie, "accept-language": browser}), setting) == spoken


def test_a_choice_lasts(operator: Operator) -> None:
    """A click in the footer changes the language of the page one is on, and of all that follow."""
    answer = operator.http.get("/language/de", params={"back": "/orders?q=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders?q=1")
    assert '<html lang="de">' in operator.http.get("/orders").text
    assert operator.http.get("/language/ru").status_code == 303
    assert "<title>Сегодня · swf</title>" in operator.http.get("/").text


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "", "[", "orders"]
)
def test_a_choice_leads_nowhere_else(operator: Operator, back: str) -> None:
    """A link that somebody made up cannot use the switch to lead away from the window."""
    assert operator.http.get("/language/de", params={"back": back}).headers["location"] == "/"


def test_the_site_has_a_language(open_window: Callable[..., Operator]) -> None:
    """A hospital that says German gets German pages in every browser; programs are answered in English."""
    operator = open_window(web={"language": "de"})
    assert '<html lang="de">' in operator.http.get("/", headers={"accept-language": "ru"}).text
    assert operator.http.get("/api/v1/orders/1/trace").json()["error"] == "nothing is known of 1"

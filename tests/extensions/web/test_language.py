"""The window speaks English, German and Russian: which of them, and that nothing is left unsaid."""

import ast
import contextvars
import copy
import json
import re
from collections.abc import Callable

import pytest
from starlette.datastructures import Headers

from swf.extensions.simulator import his
from swf.extensions.web import language
from swf.sentence import alternatives, say, say_n
from tests.extensions.web import catalogues
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


@pytest.fixture(scope="module")
def said() -> catalogues.Said:
    """Everything the window can say."""
    return catalogues.said()


@pytest.mark.parametrize("code", catalogues.LANGUAGES)
def test_nothing_is_left_in_english(code: str, said: catalogues.Said) -> None:
    """Whatever the window says it says in every language, and no catalogue holds what nobody says any more."""
    entries = {entry.msgid: entry for entry in catalogues.catalogue(code)}
    assert sorted(said.keys() - entries.keys()) == []
    assert sorted(entries.keys() - said.keys()) == []
    assert [entry.msgid for entry in entries.values() if not entry.translated() or entry.fuzzy] == []
    assert [one for one, many in said.items() if entries[one].msgid_plural != many] == []


@pytest.mark.parametrize("code", catalogues.LANGUAGES)
def test_translations_keep_what_is_put_in(code: str) -> None:
    """Numbers, names and times stand in a translation as they stand in English; only how many it is may go without saying."""
    wrong = [
        (entry.msgid, form)
        for entry in catalogues.catalogue(code)
        for form in entry.msgstr_plural.values() or [entry.msgstr]
        if not _put_in(entry.msgid) - COUNTS <= _put_in(form) <= _put_in(entry.msgid_plural or entry.msgid)
    ]
    assert wrong == []


COUNTS = {"%(n)s", "%(num)s", "%(count)s"}


def _put_in(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]|%[A-Za-z]", text))


@pytest.mark.parametrize(("number", "shown"), [(1, "1 запись"), (3, "3 записи"), (11, "11 записей"), (21, "21 запись")])
def test_russian_counts(number: int, shown: str) -> None:
    """One entry, two to four, many: Russian has three forms."""
    context = contextvars.copy_context()
    context.run(language.speak, "ru")
    assert context.run(language.ngettext, "%(n)s entry", "%(n)s entries", number) == shown


def test_every_text_of_a_page_is_marked() -> None:
    """A word that was written into a template and forgotten by its author cannot be translated; there is none."""
    templates = sorted((catalogues.ROOT / "extensions/web/templates").glob("*.html"))
    assert len(templates) > 10
    assert [f"{page.name}: {text}" for page in templates for text in _unmarked(page.read_text("utf-8"))] == []


NO_WORDS = {"swf", "VR", "AE", "UID", "DICOM", "HL7", "MPPS", "SVG", "API", "JSON", "Enter"}


def _unmarked(template: str) -> list[str]:
    """Words that stand in a template outside of markup, code, keys and what Jinja puts in."""
    text = re.sub(r"(?s)\{%-?\s*trans\b.*?endtrans\s*-?%\}|\{#.*?#\}", "", template)
    text = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}", "\0", text)
    text = re.sub(r"(?s)<(code|kbd|style|script)\b[^>]*>.*?</\1>", " ", text)
    told = re.findall(r'(?:placeholder|title|alt|aria-label)="([^"|]*)"', text)  # with a bar it is HL7
    bare = re.sub(r'&\w+;|<[^>]*>|[\w-]+="[^"]*"', " ", text)  # a macro may hold an attribute without its tag
    words = re.findall(r"[A-Za-z]{2,}", " ".join([bare, *told]))
    return [word for word in words if word not in NO_WORDS]


def test_a_sentence_is_english_until_it_is_told() -> None:
    """What a rule says is plain English to a program, and the same sentence in the reader's language on a page."""
    found = say("%(value)s is not among %(wanted)s", value="CT", wanted=alternatives(["MR", "US"]))
    again = copy.deepcopy(found)
    assert json.loads(json.dumps(again)) == "CT is not among MR or US"
    context = contextvars.copy_context()
    context.run(language.speak, "de")
    assert context.run(language.told, again) == "CT gehört nicht zu MR oder US"
    assert context.run(language.told, say_n("%(n)s waits", "%(n)s wait", 2)) == "2 warten"


def test_a_reason_in_russian(operator: Operator) -> None:
    """Why not? gives rule, facts and remedy in the reader's language; a program that asks the same reads English."""
    order = operator.order()
    assert operator.send(his.cancel(order)) == "AA"
    question = {"number": order.accession, "ae": "CT1"}
    operator.http.get("/language/ru")
    shown = operator.text("/why", **question)
    assert f"CT1 не видит {order.accession}: статус" in shown
    assert "Что сделать: пусть МИС отправит заявку заново" in shown
    assert operator.json("/api/v1/why", **question)["sentence"] == f"CT1 does not see {order.accession}: status"


def test_a_page_forgets_its_last_reader(operator: Operator) -> None:
    """What a page said to a Russian it says to a German in German."""
    operator.order()
    shown = [
        operator.http.get("/worklist?ae=CT1", headers={"accept-language": code}).text for code in ("ru", "de", "en")
    ]
    assert [word in page for page, word in zip(shown, ("окно", "Zeitfenster", "window"), strict=True)] == [True] * 3


def test_a_refusal_is_never_a_bare_text() -> None:
    """A page that says no says so in the reader's language: whatever it raises was said for translators."""
    bare = [
        f"{module.name}:{call.lineno}"
        for module in (catalogues.ROOT / "extensions/web").rglob("*.py")
        if module.parent.name != "api"
        for call in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "HTTPException"
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant | ast.JoinedStr)
    ]
    assert bare == []


def test_a_refusal_in_german(operator: Operator) -> None:
    """Why a message was refused is kept in English, as its sender was told, and read in German with its place."""
    assert operator.send(his.cancel(his.Order())) == "AE"
    assert operator.json("/api/v1/messages")[0]["reason"] == "ORC^1^2: no order of that number is known"
    operator.http.get("/language/de")
    assert "ORC^1^2: kein Auftrag mit dieser Nummer ist bekannt" in operator.text("/messages")

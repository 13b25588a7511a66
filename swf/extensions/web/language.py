"""The language of a page: what the reader has chosen, what the settings say, what the browser asks for, or English.

It is known while a request is answered, to templates and to Python alike. Catalogues are gettext's .po files as translators
keep them, read when the first page in their language is asked for: nothing is compiled beforehand.
"""

import gettext
import io
import re
from collections.abc import Callable
from contextvars import ContextVar
from enum import StrEnum
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from swf.dicom.terms import PerformedStatus, StepStatus
from swf.model.delivery import DeliveryStatus
from swf.model.journal import Event
from swf.model.message import Disposition
from swf.model.mpps import Matching
from swf.model.user import Role
from swf.sentence import Sentence
from swf.workflow.problems import Kind
from swf.workflow.stations import Rule

NAMES = {"de": "Deutsch", "en": "English", "ru": "Русский"}
"""Every language there is, under the name its speakers know it by."""
ENGLISH = "en"
COOKIE = "lang"
FOR_PROGRAMS = ("/api/", "/livez", "/readyz", "/metrics", "/events")
"""What is under these is for programs, and always in English."""
LOCALE = Path(__file__).parent / "locale"
_current: ContextVar[str] = ContextVar("language", default=ENGLISH)
_here: ContextVar[str] = ContextVar("here", default="/")

WORDS: tuple[type[StrEnum], ...] = (
    Event,
    StepStatus,
    PerformedStatus,
    DeliveryStatus,
    Disposition,
    Matching,
    Role,
    Rule,
    Kind,
)
"""Kinds of words of the store and of the standard that pages show; each of their values is translated."""


def _(message: str, /, **values: Any) -> str:
    """`message` in the reader's language, with `values` in place of `%(name)s`."""
    found = _translations().gettext(message) if message else ""
    return found % values if values else found


def ngettext(one: str, many: str, n: int, /, **values: Any) -> str:
    """The form that fits `n`, which it may show as `%(n)s`."""
    return _translations().ngettext(one, many, n) % {"n": n, **values}


def N_(message: str) -> str:  # noqa: N802  gettext's name for it
    """Marks a text that is translated where it is shown."""
    return message


def told(text: object) -> str:
    """A sentence or a text in the reader's language; what nobody translated stays as it is."""
    if not isinstance(text, Sentence):
        return _(str(text))
    values = {name: _put_in(name, value) for name, value in text.values.items()}
    if text.singular:
        return _translations().ngettext(text.singular, text.template, text.values["n"]) % values
    return _(text.template, **values)


def _put_in(name: str, value: object) -> object:
    if isinstance(value, Sentence):
        return told(value)
    return reason(value) if name in _REASONS and isinstance(value, str) else value


_REASONS = ("reason", "cause")
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2}[\^\d.-]*: )?(.*)", re.DOTALL)


def reason(text: str) -> str:
    """Why something was refused, as it is kept: the place in the message stays, the sentence is said when it is known."""
    if isinstance(text, Sentence):
        return told(text)
    place, sentence = _PLACE.match(text).groups("")  # type: ignore[union-attr]  # it matches anything
    return place + told(sentence)


def word(value: object) -> str:
    """A word of `WORDS`, in small letters."""
    return told(str(value).lower())


def current() -> str:
    """The language of this request."""
    return _current.get()


def speak(code: str) -> None:
    """Settle the language of this request."""
    _current.set(code)


def here() -> str:
    """The address of the page that is shown, to come back to in another language; "/" for the answer to a form."""
    return _here.get()


class Spoken:
    """Outermost layer of the application: settles the language before anything is said."""

    def __init__(self, app: ASGIApp, setting: str = "") -> None:
        """`setting` is the language of who has not chosen one; "" for what the browser asks for."""
        self._app = app
        self._setting = setting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the language known to all that follows."""
        if scope["type"] == "http":
            english = scope["path"].startswith(FOR_PROGRAMS)
            speak(ENGLISH if english else chosen(Headers(scope=scope), self._setting))
            _here.set(_address(scope) if scope["method"] == "GET" else "/")
        await self._app(scope, receive, send)


def _address(scope: Scope) -> str:
    asked = scope["query_string"].decode("latin-1")
    return quote(scope["path"]) + (f"?{asked}" if asked else "")


def chosen(headers: Headers, setting: str) -> str:
    """Cookie, setting, Accept-Language (RFC 9110 12.5.4), English: the first that names a language there is."""
    asked = (_cookie(headers.get("cookie", "")), setting, *_accepted(headers.get("accept-language", "")))
    return next((each for each in asked if each in NAMES), ENGLISH)


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _accepted(header: str) -> list[str]:
    """The languages of the header without their countries, the dearest first."""
    weighed = []
    for place, each in enumerate(header.split(",")):
        tag, _semicolon, weight = each.partition(";")
        weighed.append((-_weight(weight), place, tag.strip().partition("-")[0].lower()))
    return [tag for weight, _place, tag in sorted(weighed) if weight]


def _weight(text: str) -> float:
    name, _equals, value = text.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


def _translations() -> gettext.NullTranslations:
    return _catalogue(_current.get())


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    import polib  # noqa: PLC0415  only who reads another language than English pays for it

    compiled = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "swf.po")).to_binary()
    return gettext.GNUTranslations(io.BytesIO(compiled))


def calls() -> dict[str, Callable[..., str]]:
    """What jinja2.ext.i18n is given; it puts the values in itself, escaped."""
    return {
        "gettext": lambda message: _translations().gettext(message),
        "ngettext": lambda one, many, n: _translations().ngettext(one, many, n),
    }

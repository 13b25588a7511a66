"""Sentences in English that can be said in other languages: what is fixed in them, and what was put in.

A `Sentence` is the English text itself, so that the terminal, the log, JSON and HL7 take it as it is. Whoever shows it to
people takes `template` and `values` to say it in their language.
"""

from collections.abc import Iterable
from typing import Any, Self


class Sentence(str):
    """An English sentence; `template` has its values as `%(name)s`, `singular` is the other form for `values["n"] == 1`."""

    __slots__ = ("singular", "template", "values")

    template: str
    values: dict[str, Any]
    singular: str

    def __new__(cls, template: str, values: dict[str, Any] | None = None, singular: str = "") -> Self:
        """`values` may hold sentences. Without values the template is the sentence, per cent signs and all."""
        form = singular if singular and values and values.get("n") == 1 else template
        made = super().__new__(cls, form % values if values else form)
        made.template, made.values, made.singular = template, values or {}, singular
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:  # for copies, as dataclasses.asdict makes them
        return self.template, self.values, self.singular


def say(template: str, /, **values: Any) -> Sentence:
    """A sentence; the template is what translators see, so it has to be written out where this is called."""
    return Sentence(template, values)


def say_n(one: str, many: str, n: int, /, **values: Any) -> Sentence:
    """A sentence about `n` of something, which it may show as `%(n)s`."""
    return Sentence(many, {"n": n, **values}, one)


def alternatives(words: Iterable[str]) -> str:
    """`a or b or c`."""
    return _joined(words, say("%(first)s or %(second)s").template)


def all_of(words: Iterable[str]) -> str:
    """`a and b and c`."""
    return _joined(words, say("%(first)s and %(second)s").template)


def together(parts: Iterable[str]) -> str:
    """`a; b; c`."""
    return _joined(parts, "%(first)s; %(second)s")


def listed(parts: Iterable[str]) -> str:
    """`a, b, c`."""
    return _joined(parts, "%(first)s, %(second)s")


def _joined(parts: Iterable[str], template: str) -> str:
    whole: str | None = None
    for each in parts:
        whole = each if whole is None else Sentence(template, {"first": whole, "second": each})
    return whole or ""

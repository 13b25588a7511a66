r"""Matching keys of a worklist query (RAD-5) as predicates over the columns of the store (PS3.4 C.2.2.2).

A column holds `normal(vr, value)`: dates as YYYYMMDD, times as HHMMSS, names folded, codes in capitals, everything else
without outer spaces. A column may hold several values joined by `\` (stations, the groups of a name); any of them may
match. An empty column matches no key.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Equal:
    """The column is one of `values`."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """The column is covered by `pattern`: `*` is any run of characters, `?` any one; nothing else is special."""

    column: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """The column lies between `low` and `high`, both included; "" is an open end."""

    column: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class DateTimeRange:
    """The step starts (start_date and start_time, joined) between two moments YYYYMMDDHHMMSS; "" is an open end."""

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of `choices`, all of them about the same column, holds."""

    column: str
    choices: tuple[Equal | Wildcard | Range, ...]


Predicate: TypeAlias = Equal | Wildcard | Range | AnyOf | DateTimeRange

START_DATE, START_TIME = "start_date", "start_time"

_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_TIMED_VRS = frozenset({"DA", "TM"})
_DATE = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TIME = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.[0-9]*)?)?)?")
_BETWEEN_PARTS_OF_A_NAME = re.compile(r"[\s^=\\]+")
_WITH_ANY_FURTHER_PARTS = re.compile(r"(.+?)(?:\^\*+)+", re.DOTALL)
# Letters that no decomposition parts from their stroke; casefold has made them small and dealt with the sharp s.
_BASE_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ħ": "h",
        "\u0131": "i",
        "ŧ": "t",
        "ŋ": "n",
    }
)
_FIRST_ACCENT, _LAST_ACCENT = "\u0300", "\u036f"


def normal(vr: str, value: str) -> str:
    """What a column holds for one value of this VR; a date or time that cannot be read stays as it is."""
    value = value.strip(" \0")
    if vr == "PN":
        return fold(value)
    if vr == "CS":
        return value.upper()  # no code has a small letter, but keys do
    return _first_and_last(vr, value)[0] if vr in _TIMED_VRS else value


def fold(name: str) -> str:
    r"""A person name as it is compared, PS3.4 C.2.2.2.1 and C.2.2.2.4.

    Letters lose case and accents (Müller = MULLER, Ødegård = odegard). Runs of `^` and spaces are one `^`, at the ends
    none, so that missing components do not matter: SMITH^ANNA^^ = Smith^Anna. The component groups (alphabetic,
    ideographic, phonetic) are values of their own, joined by `\`. `*` and `?` stay.
    """
    groups = (_fold_group(group) for group in name.split("="))
    return "\\".join(group for group in groups if group)


def _fold_group(group: str) -> str:
    if group.isascii():
        return _BETWEEN_PARTS_OF_A_NAME.sub("^", group.lower()).strip("^")
    parted = unicodedata.normalize("NFKD", group.casefold())
    plain = "".join(character for character in parted if not _FIRST_ACCENT <= character <= _LAST_ACCENT)
    letters = unicodedata.normalize("NFC", plain).casefold().translate(_BASE_LETTERS)
    return _BETWEEN_PARTS_OF_A_NAME.sub("^", letters).strip("^")


def asked(column: str, vr: str, raw_values: Sequence[str], *, names_begin: bool = False) -> list[Predicate]:
    """What the values of one matching key ask of `column`; all of it has to hold, nothing is universal matching.

    Universal are no value, empty ones and those of nothing but `*`. Several values mean any of them, also where they
    hold wildcards or ranges (beyond PS3.4, which has lists of UIDs only). Each group of a name that says something is
    asked for. With `names_begin` a name without a wildcard need only be the first parts of the patient's. A date or
    time that cannot be read matches nothing.
    """
    values = [value.strip(" \0") for value in raw_values]
    keys = [value for value in values if value]
    if len(keys) == 1 and vr == "PN":
        groups = fold(keys[0]).split("\\")
        return [_any(column, _name(column, group, names_begin)) for group in groups if group.strip("*^")]
    keys = [_first_group(key) for key in keys] if vr == "PN" else keys
    if not keys or any(_asks_nothing(vr, key) for key in keys):
        return []
    if vr == "PN":
        return [_any(column, [choice for key in keys for choice in _name(column, key, names_begin)])]
    return [_any(column, [_single(column, vr, key) for key in keys])]


def _first_group(name: str) -> str:
    """The first group of a name that asks something."""
    groups = fold(name).split("\\")
    return next((group for group in groups if group.strip("*^")), "")


def _asks_nothing(vr: str, key: str) -> bool:
    return not key.strip("*") or (vr in _TIMED_VRS and key == "-")


def _any(column: str, choices: list[Equal | Wildcard | Range]) -> Predicate:
    if all(isinstance(choice, Equal) for choice in choices):
        return Equal(column, tuple(value for choice in choices if isinstance(choice, Equal) for value in choice.values))
    return choices[0] if len(choices) == 1 else AnyOf(column, tuple(choices))


def _name(column: str, group: str, begins: bool) -> list[Equal | Wildcard | Range]:
    """The choices a group leaves: `smith^*` is also Smith alone, whose further parts are missing."""
    if begins and not ("*" in group or "?" in group):
        group += "^*"
    found = _WITH_ANY_FURTHER_PARTS.fullmatch(group)
    if found is None:
        return [_single(column, "PN", group)]
    first_parts = _single(column, "PN", found[1])
    return [first_parts] if found[1].endswith("*") else [first_parts, Wildcard(column, f"{found[1]}^*")]


def _single(column: str, vr: str, key: str) -> Equal | Wildcard | Range:
    if vr in _TIMED_VRS and "-" in key:
        return _range(column, vr, key)
    if ("*" in key or "?" in key) and vr in (_WILDCARD_VRS | _TIMED_VRS):
        return Wildcard(column, key.upper() if vr == "CS" else key)
    return Equal(column, (normal(vr, key),))


def _range(column: str, vr: str, key: str) -> Equal | Range:
    low, _, high = key.partition("-")
    first, last = _first_and_last(vr, low.strip())[0], _first_and_last(vr, high.strip())[1]
    if (first or last) and (first + last).isdigit():
        return Range(column, first, last)
    return Equal(column, (key,))


def _first_and_last(vr: str, value: str) -> tuple[str, str]:
    """The first and the last second (or the day) a date or time means: 0830 is 083000, as an end it is 083059."""
    found = (_DATE if vr == "DA" else _TIME).fullmatch(value)
    if found is None:
        return value, value
    parts = [part for part in found.groups() if part]
    if vr == "DA":
        return "".join(parts), "".join(parts)
    missing = 3 - len(parts)
    return "".join(parts) + "00" * missing, "".join(parts) + "59" * missing


def combine(predicates: Sequence[Predicate]) -> list[Predicate]:
    """`predicates` with a range of start dates and a range of start times made one range of moments (K.6-1)."""
    ranges = {each.column: each for each in predicates if isinstance(each, Range)}
    if START_DATE not in ranges or START_TIME not in ranges:
        return list(predicates)
    dates, times = ranges[START_DATE], ranges[START_TIME]
    others = [each for each in predicates if each not in (dates, times)]
    return [
        *others,
        DateTimeRange(
            low=dates.low and dates.low + (times.low or "000000"),
            high=dates.high and dates.high + (times.high or "235959"),
        ),
    ]


def matches(asked: Predicate, row: Mapping[str, str]) -> bool:
    """True when `row` (column → normal value) satisfies `asked`; what a store's SQL has to agree with."""
    if isinstance(asked, DateTimeRange):
        day, time = row.get(START_DATE, ""), row.get(START_TIME, "")
        return bool(day and time) and _between(day + time, asked.low, asked.high)
    if isinstance(asked, AnyOf):
        return any(matches(choice, row) for choice in asked.choices)
    return any(_satisfies(value, asked) for value in row.get(asked.column, "").split("\\") if value)


def _satisfies(value: str, asked: Equal | Wildcard | Range) -> bool:
    if isinstance(asked, Equal):
        return value in asked.values
    if isinstance(asked, Wildcard):
        return covers(asked.pattern, value)
    return _between(value, asked.low, asked.high)


def _between(value: str, low: str, high: str) -> bool:
    return low <= value and (not high or value <= high)


def covers(pattern: str, value: str) -> bool:
    """True when `pattern` covers all of `value`; at most len(pattern) times len(value) steps (PS3.4 C.2.2.2.4)."""
    at = rule = resume = 0
    star = -1
    while at < len(value):
        if rule < len(pattern) and pattern[rule] == "*":
            star, resume, rule = rule, at, rule + 1
        elif rule < len(pattern) and pattern[rule] in ("?", value[at]):
            at, rule = at + 1, rule + 1
        elif star >= 0:
            resume += 1
            at, rule = resume, star + 1
        else:
            return False
    return not pattern[rule:].strip("*")

"""What comes near: the difference between what was asked and what there is, in words (RAD-5)."""

import difflib
import re
from collections.abc import Iterable, Mapping

from swf.dicom.matching import START_DATE, START_TIME, AnyOf, DateTimeRange, Equal, Predicate, Range, Wildcard
from swf.sentence import alternatives, say

AMONG = 5_000
"""Among how many of the newest orders a near miss is looked for."""
_MOST = 5
_ALIKE = 0.8  # twice what two numbers share, of the letters of both
_LONGER = (2 - _ALIKE) / _ALIKE + 0.001  # times the other: then they are not alike even when one holds all of the other


def text(asked: Predicate) -> str:
    """A condition as people read it."""
    match asked:
        case AnyOf(choices=choices):
            return alternatives(dict.fromkeys(map(text, choices)))
        case Equal(values=values):
            return alternatives(dict.fromkeys(values))
        case Wildcard(pattern=pattern):
            return pattern
        case Range(low=low, high=high) | DateTimeRange(low=low, high=high):
            return say("%(low)s to %(high)s", low=low or "…", high=high or "…")


def value(asked: Predicate, row: Mapping[str, str]) -> str:
    r"""What a step has where the condition looks; several values are joined by `\`."""
    if isinstance(asked, DateTimeRange):
        return row.get(START_DATE, "") + row.get(START_TIME, "")
    return row.get(asked.column, "")


def difference(asked: Predicate, found: str) -> str:
    """In what `found` differs from what was asked, when that is little; "" when they are far apart."""
    if not found or not isinstance(asked, Equal):
        return ""
    for wanted in asked.values:
        for each in found.split("\\"):
            if wanted.casefold() == each.casefold():
                return say("capitals and small letters differ")
            if _core(wanted) == _core(each):
                return say("only leading zeros, blanks or hyphens differ")
            if difflib.SequenceMatcher(None, wanted, each).ratio() >= 0.75:  # noqa: PLR2004  one letter of four
                return say("%(wanted)s is nearly %(found)s", wanted=wanted, found=each)
    return ""


def numbers(number: str, known: Iterable[str]) -> list[str]:
    """Of the `known` numbers those that may have been meant, the nearest first."""
    wanted = _core(number)
    shortest, longest = len(wanted) / _LONGER, len(wanted) * _LONGER
    cores: dict[str, list[str]] = {}
    for each in dict.fromkeys(known):
        core = _core(each)
        if shortest <= len(core) <= longest:
            cores.setdefault(core, []).append(each)
    close = difflib.get_close_matches(wanted, cores, n=_MOST, cutoff=_ALIKE)
    return [each for core in close for each in cores[core] if each != number][:_MOST]


def _core(number: str) -> str:
    """A number without what people leave out or add: capitals, blanks, hyphens, leading zeros."""
    if number.isascii() and number.isalnum():  # nearly always, and thousands are looked at
        return number.lower().lstrip("0")
    return re.sub(r"[^0-9a-z]+", "", number.casefold()).lstrip("0")

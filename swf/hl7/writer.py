"""ER7 writing: values escaped, segments assembled, so that no value can end a field or start a segment (§7)."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from swf.hl7.header import STANDARD, Delimiters

_CONTROL = dict.fromkeys(range(0x20))
_LINE_ENDS = "\r\n\u0085\u2028\u2029"


def escape(value: str, delimiters: Delimiters = STANDARD) -> str:
    r"""`value` as the content of a field: separators escaped, line ends as `\.br\`, other control characters dropped.

    Unicode's own line ends are line ends too, so that no template can be split inside a value.

    Where the receiver's delimiters have no escape character, a separator or a line end becomes a blank.
    """
    return value.replace("\r\n", "\n").translate(_escapes(delimiters))


@lru_cache(maxsize=32)
def _escapes(delimiters: Delimiters) -> dict[int, str | None]:
    mark = delimiters.escape
    named = zip(delimiters, "FSRET", strict=True)
    separators = {ord(character): f"{mark}{letter}{mark}" if mark else " " for character, letter in named if character}
    line_end = f"{mark}.br{mark}" if mark else " "
    return {**_CONTROL, **separators, **dict.fromkeys(map(ord, _LINE_ENDS), line_end)}


def assemble(lines: Iterable[str]) -> str:
    """The message of these segments, values already escaped: empty lines dropped, empty tails of segments, fields,
    repetitions and components cut, control characters removed, each segment ended by CR. MSH-2 stays as it is.
    """
    segments = (_trimmed(line.translate(_CONTROL)) for line in lines)
    return "".join(f"{segment}\r" for segment in segments if segment)


_EMPTY_TAILS = [re.compile(pattern) for pattern in (r"&+(?=[\^~|]|$)", r"\^+(?=[~|]|$)", r"~+(?=\||$)")]


def _trimmed(line: str) -> str:
    declared, rest = (line[:8], line[8:]) if line.startswith("MSH|") else ("", line)
    for empty_tail in _EMPTY_TAILS:
        rest = empty_tail.sub("", rest)
    return declared + rest.rstrip("|")


def timestamp(moment: datetime, *, zone: bool = False) -> str:
    """`moment` as TS or DTM to the second; with its offset if `zone` is asked for and the moment has one."""
    offset = f"{moment:%z}"[:5] if zone else ""
    day = f"{moment.year:04}{moment.month:02}{moment.day:02}"
    return f"{day}{moment.hour:02}{moment.minute:02}{moment.second:02}{offset}"

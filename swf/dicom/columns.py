"""What of a stored item is kept in columns of its own, so that RAD-5 queries find it by index (PS3.4 K.6).

Also the two changes a stored item undergoes without its order being mapped again: in its one scheduled procedure step,
and in the attributes of its patient.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from swf.dicom import attributes, encoding, matching, transliteration
from swf.dicom.encoding import Item

_SPS = encoding.layout(attributes.SPS).tag
_SHOWN = ("icao", "russian", "ukrainian")
_NAMES_REMEMBERED = 4096
STATION, START = "station", "start"


def columns(stored: bytes) -> dict[str, str]:
    """Every column of `attributes.TABLE` with its normal value, and `start`: date and time joined.

    `status` is left out, the store keeps it by itself.
    """
    return of_contents(encoding.contents(stored))


def of_contents(outer: Mapping[int, bytes]) -> dict[str, str]:
    """The same of an item that is parted already."""
    items = encoding.items(outer.get(_SPS, b""))
    inner = encoding.contents(items[0]) if items else {}
    found = {column: _normal(vr, (inner if nested else outer).get(tag, b"")) for column, tag, vr, nested in _wanted()}
    found[START] = found[matching.START_DATE] + found[matching.START_TIME]
    return found


def step(stored: bytes) -> bytes:
    """The encoded elements of the scheduled procedure step; empty when the item has none."""
    items = encoding.items(encoding.contents(stored).get(_SPS, b""))
    return items[0] if items else b""


def merge(stored: bytes, changes: Mapping[str, encoding.Value]) -> bytes:
    """`stored` with `changes` in place of its own elements; in the scheduled procedure step, element by element."""
    sequence = changes.get(attributes.SPS)
    outer: Item = {keyword: value for keyword, value in changes.items() if keyword != attributes.SPS}
    merged = encoding.merge(stored, outer)
    if not sequence or isinstance(sequence, str) or isinstance(sequence[0], str):
        return merged
    return encoding.replace(merged, _SPS, encoding.item_bytes(encoding.merge_elements(step(stored), sequence[0])))


def _normal(vr: str, content: bytes) -> str:
    if not content:
        return ""
    text = content.decode().rstrip(" \0")
    if vr == "PN" and not text.isascii():
        return _normal_name(text)
    if "\\" not in text:
        return matching.normal(vr, text)
    return "\\".join(matching.normal(vr, value) for value in text.split("\\"))


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _normal_name(text: str) -> str:
    """A name with letters beyond ASCII: as it is, and as a modality that has no such letters shows it."""
    values = [group for name in text.split("\\") for group in matching.fold(name).split("\\")]
    for group in re.split(r"[=\\]", text):
        spellings = (transliteration.transliterate(group, str.isascii, scheme) for scheme in _SHOWN)
        values += [matching.fold(spelling) for spelling in spellings if transliteration.is_readable(spelling)]
    return "\\".join(dict.fromkeys(filter(None, values)))


@cache
def _wanted() -> tuple[tuple[str, int, str, bool], ...]:
    rows = (
        row for row in attributes.TABLE if row.column and row.column != "status" and row.path in ("", attributes.SPS)
    )
    return tuple(
        (row.column, encoding.layout(row.keyword).tag, encoding.layout(row.keyword).vr, row.path == attributes.SPS)
        for row in rows
    )

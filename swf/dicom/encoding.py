"""The stored worklist item of RAD-5: Implicit VR Little Endian, explicit lengths, UTF-8 (PS3.5 clauses 6, 7 and A.1).

An item is written and picked apart here without pydicom datasets, which take ten times as long; `decode` makes one
for who wants to look inside. The second half says which values an attribute may hold.
"""

import re
import struct
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple, TypeAlias

from pydicom import config, datadict
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from swf.dicom import uid
from swf.sentence import say

# What a modality sends is judged by `violations`; pydicom's own warnings would print patients' data.
config.settings.reading_validation_mode = config.IGNORE

Value: TypeAlias = str | Sequence[str] | Sequence["Item"]
Item: TypeAlias = "Mapping[str, Value]"


class Recurring(list["Item"]):
    """Items that come with many orders, such as codes, and are never changed; they keep the bytes they were `written` as."""

    written = b""


SPECIFIC_CHARACTER_SET = 0x00080005
_ITEM_TAG = 0xFFFEE000
_HEADER = struct.Struct("<HHL")
_LENGTH = struct.Struct("<L")
_MANY = 256
_LENGTHS = [_LENGTH.pack(size) for size in range(_MANY)]  # nearly every element is short
_NUMBERS = {"US": "<H", "SS": "<h", "UL": "<L", "SL": "<l", "FL": "<f", "FD": "<d"}
_TEXTS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)


class Layout(NamedTuple):
    """How a keyword is written: its tag, its VR, the four bytes of the tag and what turns its value into bytes."""

    tag: int
    vr: str
    head: bytes
    pack: Callable[[Any], bytes]


@cache
def layout(keyword: str) -> Layout:
    """Tag and VR of a keyword of PS3.6; ValueError for an unknown keyword or one whose VR no worklist item has."""
    tag = datadict.tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is not a keyword of the DICOM dictionary")
    vr = datadict.dictionary_VR(tag)
    return Layout(tag, vr, struct.pack("<HH", tag >> 16, tag & 0xFFFF), _packer(keyword, vr))


def _packer(keyword: str, vr: str) -> Callable[[Any], bytes]:
    if vr == "SQ":
        return _pack_items
    if vr in _NUMBERS:
        return _number_packer(_NUMBERS[vr], int if vr not in ("FL", "FD") else float)
    if vr in _TEXTS:
        return _pack_uid if vr == "UI" else _pack_text
    raise ValueError(f"{keyword} has the VR {vr}, which a worklist item cannot hold")


def _pack_text(value: str | Sequence[str]) -> bytes:
    content = (value if isinstance(value, str) else "\\".join(value)).encode()
    return content + b" " if len(content) % 2 else content


def _pack_uid(value: str | Sequence[str]) -> bytes:
    content = (value if isinstance(value, str) else "\\".join(value)).encode("ascii")
    return content + b"\0" if len(content) % 2 else content


def _number_packer(form: str, number: Callable[[str], float]) -> Callable[[str | Sequence[str]], bytes]:
    def pack(value: str | Sequence[str]) -> bytes:
        texts = value.split("\\") if isinstance(value, str) else value
        try:
            return b"".join(struct.pack(form, number(text)) for text in texts if text)
        except struct.error as problem:
            raise ValueError(f"a number out of range: {problem}") from problem

    return pack


def _pack_items(value: Sequence[Item] | str) -> bytes:
    if isinstance(value, str):
        if value:
            raise ValueError("a sequence holds items, not text")
        return b""
    if isinstance(value, Recurring):
        value.written = value.written or _items_bytes(value)
        return value.written
    return _items_bytes(value)


def _items_bytes(value: Sequence[Item]) -> bytes:
    return b"".join([item_bytes(_joined(_pieces(item))) for item in value])


def item_bytes(content: bytes) -> bytes:
    """One sequence item of explicit length around its encoded elements (PS3.5 7.5.1)."""
    return b"\xfe\xff\x00\xe0" + _LENGTH.pack(len(content)) + content


def _pieces(item: Item) -> dict[int, bytes]:
    pieces = {}
    for keyword, value in item.items():
        tag, _, head, pack = layout(keyword)
        if pack is _pack_text and isinstance(value, str):  # nearly always, and then without a call
            content = value.encode()
            size = len(content)
            if size % 2:
                content += b" "
                size += 1
        else:
            content = pack(value)
            size = len(content)
        pieces[tag] = head + (_LENGTHS[size] if size < _MANY else _LENGTH.pack(size)) + content
    return pieces


def _joined(pieces: Mapping[int, bytes]) -> bytes:
    return b"".join([pieces[tag] for tag in sorted(pieces)])


_UNICODE = _pieces({"SpecificCharacterSet": "ISO_IR 192"})


def encode(item: Item) -> bytes:
    """The bytes of an item as it is stored; always with Specific Character Set ISO_IR 192, tags ascending.

    ValueError for an unknown keyword and for a number, a UID or a sequence that is none.
    """
    return _joined(_pieces(item) | _UNICODE)


def layered(item: Item, *, under: bytes = b"", over: bytes = b"") -> tuple[bytes, dict[int, bytes]]:
    """`encode` of `item` with the elements of `under` that it does not have, and those of `over` in place of its own;
    also the `contents` of what comes of it. What every new step needs, and so without a second look.
    """
    pieces = {**(_spans(under) if under else {}), **_pieces(item), **_UNICODE, **(_spans(over) if over else {})}
    spans = [(tag, pieces[tag]) for tag in sorted(pieces)]
    return b"".join([span for _, span in spans]), {tag: span[_HEADER.size :] for tag, span in spans}


def elements(stored: bytes) -> dict[int, tuple[int, int]]:
    """Where each top-level element begins (its header) and ends; ValueError when the lengths do not add up."""
    found = {}
    offset, end = 0, len(stored)
    while offset + _HEADER.size <= end:
        group, element, length = _HEADER.unpack_from(stored, offset)
        begin, offset = offset, offset + _HEADER.size + length
        found[group << 16 | element] = (begin, offset)
    if offset != end:
        raise ValueError("the stored item is cut short")
    return found


def contents(stored: bytes) -> dict[int, bytes]:
    """The value of each top-level element, with its padding."""
    return {tag: stored[begin + _HEADER.size : end] for tag, (begin, end) in elements(stored).items()}


def items(sequence: bytes) -> list[bytes]:
    """The encoded elements of each item in the value of a sequence; ValueError when it is none of ours."""
    found = []
    offset, end = 0, len(sequence)
    while offset + _HEADER.size <= end:
        group, element, length = _HEADER.unpack_from(sequence, offset)
        begin, offset = offset + _HEADER.size, offset + _HEADER.size + length
        if group << 16 | element != _ITEM_TAG:
            raise ValueError("a sequence holds something that is no item")
        found.append(sequence[begin:offset])
    if offset != end:
        raise ValueError("the stored sequence is cut short")
    return found


def merge(stored: bytes, changes: Item) -> bytes:
    """`stored` with the top-level elements of `changes` in place of its own, or added; a sequence is replaced whole."""
    return _joined(_spans(stored) | _pieces(changes) | _UNICODE)


def merge_elements(stored: bytes, changes: Item) -> bytes:
    """The same for the elements of a sequence item, which declares no character set of its own."""
    return _joined(_spans(stored) | _pieces(changes))


def overlay(stored: bytes, changes: bytes) -> bytes:
    """`stored` with the top-level elements of the encoded item `changes` in place of its own, or added."""
    return _joined(_spans(stored) | _spans(changes))


def replace(stored: bytes, tag: int, content: bytes) -> bytes:
    """`stored` with `content` as the value of the top-level element `tag`."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return _joined(_spans(stored) | {tag: head + _LENGTH.pack(len(content)) + content})


def without(stored: bytes, tags: Iterable[int]) -> bytes:
    """`stored` without the top-level elements of these `tags`."""
    unwanted = frozenset(tags)
    return b"".join(span for tag, span in _spans(stored).items() if tag not in unwanted)


def only_groups(stored: bytes, groups: Collection[int]) -> bytes:
    """The top-level elements of `stored` whose tags are in these `groups`."""
    return b"".join(span for tag, span in _spans(stored).items() if tag >> 16 in groups)


def _spans(stored: bytes) -> dict[int, bytes]:
    return {tag: stored[begin:end] for tag, (begin, end) in elements(stored).items()}


def decode(stored: bytes) -> Dataset:
    """A pydicom dataset of a stored item."""
    return read_dataset(BytesIO(stored), is_implicit_VR=True, is_little_endian=True)


def text(stored: bytes, keyword: str) -> str:
    """The first value of a top-level element as text, without padding; "" when absent, empty or a sequence."""
    tag, vr, _, _ = layout(keyword)
    content = contents(stored).get(tag, b"")
    if vr in _NUMBERS:
        return str(struct.unpack_from(_NUMBERS[vr], content)[0]) if content else ""
    if vr == "SQ":
        return ""
    value = content.decode().rstrip(" \0")
    return value if vr in _MULTILINE else value.partition("\\")[0].rstrip(" ")


# ---- which values an attribute may hold (PS3.5 table 6.2-1) ----

_LIMITS = {
    "AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "PN": 64, "SH": 16,
    "ST": 1024, "TM": 14, "UI": 64,
}  # fmt: skip
_MULTILINE = frozenset({"LT", "ST", "UT"})
_DISPLAY = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_PLAIN_VRS = frozenset({"AE", "LO", "LT", "SH", "ST"})  # any printable text of their length will do
_ALLOWED_CONTROLS = "\t\n\f\r"
_NAME_GROUPS, _NAME_COMPONENTS = 3, 5

_IDENTIFIERS = frozenset(
    {
        "AccessionNumber",
        "AdmissionID",
        "FillerOrderNumberImagingServiceRequest",
        "IssuerOfPatientID",
        "PatientID",
        "PlacerOrderNumberImagingServiceRequest",
        "RequestedProcedureID",
        "ScheduledProcedureStepID",
        "ScheduledStationAETitle",
        "StudyInstanceUID",
    }
)

_TIME = r"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"
_ZONE = r"(?:[+-][0-9]{4})?"


def _form(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_date(value: str) -> bool:
    if len(value) != _LIMITS["DA"] or not (value.isascii() and value.isdigit()):
        return False
    try:
        return bool(date(int(value[:4]), int(value[4:6]), int(value[6:])))
    except ValueError:
        return False


_BOUNDS = {"US": (0, 2**16 - 1), "SS": (-(2**15), 2**15 - 1), "UL": (0, 2**32 - 1), "SL": (-(2**31), 2**31 - 1)}
_BOUNDS["IS"] = _BOUNDS["SL"]


def _whole_number(vr: str) -> Callable[[str], bool]:
    low, high = _BOUNDS[vr]
    return lambda value: re.fullmatch("[+-]?[0-9]{1,12}", value) is not None and low <= int(value) <= high


_FORMS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "AS": (_form("[0-9]{3}[DWMY]"), say("is not an age such as 042Y")),
    "CS": (_form("[A-Z0-9 _]*"), say("holds other characters than capital letters, digits, space and underscore")),
    "DA": (_is_date, say("is not a date YYYYMMDD")),
    "DS": (_form(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"), say("is not a decimal number")),
    "DT": (
        _form(rf"[0-9]{{4}}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12][0-9]|3[01])(?:{_TIME})?)?)?{_ZONE}"),
        say("is not a date and time YYYYMMDDHHMMSS"),
    ),
    "TM": (_form(_TIME), say("is not a time HHMMSS")),
    "UI": (uid.valid, say("is not a valid UID")),
} | {vr: (_whole_number(vr), say("is not a whole number in the range of its VR")) for vr in _BOUNDS}


def is_identifier(keyword: str) -> bool:
    """True for what names a patient, an order or a station: it is refused when it does not fit, never changed."""
    return keyword in _IDENTIFIERS


def limit(keyword: str) -> int:
    """How many characters one value may have; 0 where there is no limit."""
    return _LIMITS.get(layout(keyword).vr, 0)


def violations(keyword: str, value: str) -> list[str]:
    """What one `value` (not a list of values) breaks of its VR, as half-sentences that never repeat the value."""
    vr = layout(keyword).vr
    if not value or (vr in _PLAIN_VRS and len(value) <= _LIMITS[vr] and _is_plain(value)):
        return []
    found = [*_too_long(vr, value), *_forbidden_characters(vr, value)]
    if vr == "PN":
        found += _name_violations(value)
    accepts, complaint = _FORMS.get(vr, (None, ""))
    if accepts is not None and not accepts(value.strip(" ")):
        found.append(complaint)
    return found


@cache
def fits(keyword: str) -> Callable[[str], bool]:
    """A quick look at one value: True when `clean` and `violations` would find nothing to do, as they nearly never do."""
    vr = layout(keyword).vr
    limit = _LIMITS.get(vr, 0)
    if vr in _PLAIN_VRS:
        return lambda value: len(value) <= limit and _is_plain(value) and value == value.strip(" ")
    if vr == "PN":
        return lambda value: (
            len(value) <= limit
            and _is_plain(value)
            and "=" not in value
            and value.count("^") < _NAME_COMPONENTS
            and value == value.strip(" ")
        )
    accepts = _FORMS[vr][0] if vr in ("CS", "DA", "TM", "UI") else None
    return lambda value: accepts is not None and len(value) <= limit and accepts(value) and value == value.strip(" ")


def _is_plain(value: str) -> bool:
    """What nearly every value is: nothing in it could matter to any VR but its length."""
    return value.isprintable() and "\\" not in value


def _too_long(vr: str, value: str) -> list[str]:
    limit = _LIMITS.get(vr)
    longest = max(len(group) for group in value.split("=")) if vr == "PN" else len(value)
    return (
        [say("is longer than %(limit)s characters (%(length)s)", limit=limit, length=longest)]
        if limit is not None and longest > limit
        else []
    )


def _forbidden_characters(vr: str, value: str) -> list[str]:
    found: list[str] = []
    if "\\" in value and vr not in _MULTILINE:
        found.append(say("holds a backslash"))
    if not value.isprintable() and any(_is_forbidden(character, vr) for character in value):
        found.append(say("holds a control character"))
    return found


def _is_forbidden(character: str, vr: str) -> bool:
    allowed = vr in _MULTILINE and character in _ALLOWED_CONTROLS
    return unicodedata.category(character) in ("Cc", "Cs") and not allowed


def _name_violations(value: str) -> list[str]:
    groups = value.split("=")
    found: list[str] = []
    if len(groups) > _NAME_GROUPS:
        found.append(say("has more than %(most)s component groups", most=_NAME_GROUPS))
    if any(group.count("^") >= _NAME_COMPONENTS for group in groups):
        found.append(say("has more than %(most)s components in a group", most=_NAME_COMPONENTS))
    return found


def clean(keyword: str, value: str) -> str:
    r"""`value` without what may never stand in its VR.

    Only text for people is mended: line ends become one space where the VR has no lines, other control characters go,
    and a backslash becomes `/`, because it would part the value in two. Identifiers, dates, codes and numbers lose
    their outer spaces and nothing else; `violations` then says what is wrong with them.
    """
    vr = layout(keyword).vr
    if vr not in _DISPLAY or is_identifier(keyword) or _is_plain(value):
        return value.strip(" ")
    if vr not in _MULTILINE:
        value = re.sub(r"[\t\n\f\r]+", " ", value).replace("\\", "/")
    return "".join(character for character in value if not _is_forbidden(character, vr)).strip(" ")


def cut(keyword: str, value: str) -> str:
    """Text for people cut to the length of its VR; ValueError for anything else, which may only be refused."""
    vr = layout(keyword).vr
    if vr not in _DISPLAY or is_identifier(keyword):
        raise ValueError(f"{keyword} is never cut")
    limit = _LIMITS.get(vr)
    if vr == "PN":
        return "=".join(group[:limit].rstrip(" ^") for group in value.split("="))
    return value[:limit].rstrip(" ") if limit is not None and len(value) > limit else value

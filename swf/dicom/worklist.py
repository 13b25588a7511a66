"""Modality Worklist of RAD-5: a query identifier becomes a query, a stored item its answer (PS3.4 K.4 and C.2.2.2).

An answer is cut out of the stored bytes; pydicom carries the pieces to the network without decoding them.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timezone, tzinfo
from functools import cache
from typing import NamedTuple, TypeAlias

from pydicom import charset as extensions
from pydicom import datadict
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

from swf.dicom import attributes, charset, encoding, matching, tailoring, zones
from swf.dicom.tailoring import AS_IT_IS, Tailoring

# The tags asked for, each with what is asked of its items; None asks for all there is.
Requested: TypeAlias = "dict[int, Requested] | None"

SPS_SEQUENCE = 0x00400100
TIMEZONE_OFFSET = 0x00080201
_START = (0x00400002, 0x00400003)
_NEVER_KEYS = frozenset({encoding.SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET})  # table K.6-1a

_BINARY_VRS = frozenset(
    {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "UN", "US", "UV"}
)
_CHARACTER_SET_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_LONG_LENGTH_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})


@dataclass(frozen=True)
class WorklistQuery:
    """What a modality asks: all `predicates` have to hold, `requested` is what it wants to see.

    `optional_unsupported` says that a key had a value nothing is matched with, so that matches are answered FF01.
    `statuses_asked` says that the query names step statuses itself, in place of those listed by default. `zone_asked`
    says that it holds Timezone Offset From UTC, which the answers then hold too, told by `local`. `remarks` are the
    oddities that were read around, in words without a value of the query.
    """

    predicates: list[matching.Predicate]
    requested: Requested
    optional_unsupported: bool
    character_sets: tuple[str, ...]
    statuses_asked: bool
    zone_asked: bool = False
    remarks: tuple[str, ...] = ()
    tailoring: Tailoring = AS_IT_IS
    local: zones.Local | None = field(default=None, compare=False, repr=False)


class _Key(NamedTuple):
    """A matching key with a value, found at `path` (keywords joined by `/`)."""

    path: str
    tag: int
    values: list[str]


class _Piece(NamedTuple):
    """An element of an answer: its bytes as stored, or the pieces of each of its items."""

    tag: int
    vr: str
    value: "bytes | list[list[_Piece]]"


# ---- the query ----


def read_query(
    identifier: Dataset, *, names_begin: bool = False, local: zones.Local | None = None, zone: tzinfo | None = None
) -> WorklistQuery:
    """The query an identifier means; oddities of real modalities neither narrow it nor make it fail.

    Of a sequence with several items the first counts; an empty sequence or item asks for all of it. Keys without an
    indexed column never narrow; with a value they set `optional_unsupported` (PS3.4 K.4.1.3.1, status FF01).
    With `names_begin` a name without a wildcard need only be the first parts of the patient's. `local` brings moments
    into the site's zone; with it, keys of a query that declares another zone, or comes from one in `zone`, are asked in
    the site's time.
    """
    reading = _Reading(charset.standard(_character_sets(identifier)))
    requested = reading.read(identifier, "")
    columns = attributes.columns()
    supported = [key for key in reading.keys if (key.path, key.tag) in columns]
    predicates: list[matching.Predicate] = []
    for key in supported:
        row = columns[key.path, key.tag]
        vr = encoding.layout(row.keyword).vr
        asked = matching.asked(row.column, vr, key.values, names_begin=names_begin)
        predicates += asked
        reading.remarks += [f"{row.keyword} is no {vr}" for each in asked if _is_unreadable(vr, each)]
    predicates = matching.combine(predicates)
    declared = zones.offset(reading.zone or "")
    theirs = zone if declared is None else timezone(declared)
    if local is not None and theirs is not None:
        predicates = zones.in_site_time(predicates, theirs, local)
    return WorklistQuery(
        predicates=predicates,
        requested=requested,
        optional_unsupported=len(supported) < len(reading.keys),
        character_sets=reading.terms,
        statuses_asked=any(getattr(each, "column", "") == "status" for each in predicates),
        zone_asked=reading.zone is not None,
        remarks=tuple(reading.remarks),
        local=local if zone is None else lambda moment: moment.astimezone(zone),
    )


def _is_unreadable(vr: str, asked: matching.Predicate) -> bool:
    return (
        vr in ("DA", "TM") and isinstance(asked, matching.Equal) and not all(value.isdigit() for value in asked.values)
    )


class _Reading:
    """An identifier being read: its keys with a value, its time zone, and what was odd about it."""

    def __init__(self, terms: tuple[str, ...]) -> None:
        self.terms = terms
        self.keys: list[_Key] = []
        self.zone: str | None = None
        self.remarks: list[str] = []

    def read(self, dataset: Dataset, path: str) -> Requested:
        """What `dataset` asks for; its keys with a value are added to `keys`."""
        requested: dict[int, Requested] = {}
        for tag in sorted(dataset.keys()):
            if tag.element == 0 or tag in _NEVER_KEYS:
                self._note_zone(dataset, tag)
                continue
            wanted: Requested = None
            if _is_sequence(dataset, tag):
                wanted = self._read_sequence(dataset, tag, path) or None
            elif values := _values(_unread(dataset, tag), self.terms):
                self.keys.append(_Key(path, int(tag), values))
            if not tag.is_private:
                requested[int(tag)] = wanted
        return requested

    def _read_sequence(self, dataset: Dataset, tag: BaseTag, path: str) -> Requested:
        name = datadict.keyword_for_tag(tag) or str(tag)
        items = _items(dataset, tag)
        if len(items) > 1:
            self.remarks.append(f"of {len(items)} items of {name} the first counts")
        return self.read(items[0], f"{path}/{name}".lstrip("/")) if items else None

    def _note_zone(self, dataset: Dataset, tag: BaseTag) -> None:
        if tag == TIMEZONE_OFFSET:
            self.zone = "".join(_values(_unread(dataset, tag), ())[:1])


def _character_sets(identifier: Dataset) -> list[str]:
    tag = BaseTag(encoding.SPECIFIC_CHARACTER_SET)
    return _values(_unread(identifier, tag), ()) if tag in identifier else []


def _unread(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement:
    """The element as it came: pydicom would read the bytes its own way and warn of what it does not know."""
    return dataset.get_item(tag, keep_deferred=True)


def _is_sequence(dataset: Dataset, tag: BaseTag) -> bool:
    return _vr(tag) == "SQ" or _unread(dataset, tag).VR == "SQ"


def _items(dataset: Dataset, tag: BaseTag) -> list[Dataset]:
    value = dataset[tag].value
    return list(value) if isinstance(value, DicomSequence) else []


def _values(element: DataElement | RawDataElement, terms: tuple[str, ...]) -> list[str]:
    """The values of a key; none when it is empty or blank, whatever it is padded with."""
    if element.value is None:
        return []
    if isinstance(element.value, bytes):
        texts = _raw_values(int(element.tag), element.value, terms)
    else:
        texts = [str(each) for each in element.value] if _is_list(element.value) else [str(element.value)]
    texts = [each.strip(" \0") for each in texts]
    return texts if any(texts) else []


def _is_list(value: object) -> bool:
    return isinstance(value, MultiValue | list | tuple)


def _raw_values(tag: int, raw: bytes, terms: tuple[str, ...]) -> list[str]:
    vr = _vr(tag)
    if vr in _BINARY_VRS:
        return [raw.hex()]
    return charset.decode(raw, terms if vr in _CHARACTER_SET_VRS else ()).split("\\")


@cache
def _vr(tag: int) -> str:
    """The VR of PS3.6, the first where it depends on others; UN for a tag it does not know."""
    try:
        return datadict.dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"


def with_return_keys(requested: Requested, paths: Iterable[tuple[int, ...]]) -> Requested:
    """`requested` and, beside it, the attributes at these `paths` of tags; what is asked for whole stays whole."""
    if requested is None:
        return None
    more = dict(requested)
    for tag, *inner in paths:
        known = more.get(tag, {} if inner else None)
        more[tag] = with_return_keys(known, [tuple(inner)]) if inner else known
    return more


def is_filled(stored: bytes, paths: Iterable[tuple[int, ...]]) -> bool:
    """True when the stored item has a value at each of these `paths` of tags; of a sequence the first item counts."""
    return all(_value_at(stored, path) for path in paths)


def _value_at(stored: bytes, path: tuple[int, ...]) -> bytes:
    tag, *inner = path
    value = encoding.contents(stored).get(tag, b"")
    if not inner:
        return value.strip(b" \0")
    items = encoding.items(value)
    return _value_at(items[0], tuple(inner)) if items else b""


# ---- the answer ----


def answer(stored: bytes, query: WorklistQuery, *, implicit: bool = True) -> Dataset:
    """The identifier of a pending response: what was requested of a stored item, and nothing else.

    Every requested attribute is there, zero-length when the item does not have it; a sequence asked for as a whole
    comes whole. Specific Character Set is there when anything is not ASCII: that of the request when it holds all
    characters, else ISO_IR 192, unless the query's tailoring says otherwise. `implicit` is the transfer syntax the answer
    will be written in without being decoded; the other one works as well, but takes longer. ValueError when `stored` cannot be read.
    """
    pieces, chosen = _chosen(stored, query)
    raw = {piece.tag: _raw_element(piece, chosen, implicit=implicit) for piece in pieces}
    dataset = Dataset({element.tag: element for element in raw.values()})
    codecs = extensions.convert_encodings(chosen.split("\\")) if chosen else extensions.default_encoding
    dataset.set_original_encoding(implicit, True, codecs)
    return dataset


def answer_bytes(stored: bytes, query: WorklistQuery, *, implicit: bool) -> bytes:
    """The same identifier as bytes in Implicit or Explicit VR Little Endian; ValueError when `stored` cannot be read."""
    pieces, chosen = _chosen(stored, query)
    return _item(pieces, chosen, implicit=implicit)


def _chosen(stored: bytes, query: WorklistQuery) -> tuple[list[_Piece], str]:
    """The pieces of an answer, in the order of their tags, and the character set they are written in."""
    never = query.tailoring.never
    if query.requested is None:  # everything, but for how the stored item is written
        never |= {encoding.SPECIFIC_CHARACTER_SET}
    pieces = _select(stored, query.requested, never)
    chosen = tailoring.declared(query.tailoring, query.character_sets, _foreign_texts(pieces))
    if query.tailoring != AS_IT_IS:
        pieces = list(_tailored(pieces, query.tailoring, chosen))
    more = [_Piece(encoding.SPECIFIC_CHARACTER_SET, "CS", _padded(chosen.encode()))] if chosen else []
    if query.zone_asked and query.local is not None:
        offset = zones.offset_at(_start(stored), query.local)
        more += [_Piece(TIMEZONE_OFFSET, "SH", _padded(offset.encode()))] if offset else []
    return sorted([*more, *pieces]) if more else pieces, chosen


def _start(stored: bytes) -> str:
    """The day and time of an item's step."""
    step = encoding.items(encoding.contents(stored).get(SPS_SEQUENCE, b""))[:1]
    found = encoding.contents(step[0]) if step else {}
    day, time = (found.get(tag, b"").decode().strip(" ") for tag in _START)
    return day + time


def _select(stored: bytes, requested: Requested, never: frozenset[int]) -> list[_Piece]:
    found = encoding.contents(stored)
    pieces = []
    for tag in found if requested is None else requested:
        if tag in never:
            continue
        vr, value = _vr(tag), found.get(tag, b"")
        wanted = requested[tag] if requested is not None else None
        pieces.append(_Piece(tag, vr, _select_items(tag, value, wanted, never) if vr == "SQ" else value))
    return pieces


def _select_items(tag: int, value: bytes, wanted: Requested, never: frozenset[int]) -> list[list[_Piece]]:
    items = encoding.items(value)
    if tag == SPS_SEQUENCE:
        items = (items or [b""])[:1]  # PS3.4 K.6.1.2.2: exactly one item
    return [_select(item, wanted, never) for item in items]


def _foreign_texts(pieces: list[_Piece]) -> Iterator[tuple[str, str]]:
    """Keyword and value of every text that is not ASCII."""
    for piece in pieces:
        if isinstance(piece.value, list):
            for item in piece.value:
                yield from _foreign_texts(item)
        elif piece.vr in _CHARACTER_SET_VRS and not piece.value.isascii():
            yield datadict.keyword_for_tag(piece.tag), piece.value.decode()


def _tailored(pieces: list[_Piece], how: Tailoring, chosen: str) -> Iterator[_Piece]:
    for piece in pieces:
        if isinstance(piece.value, list):
            yield piece._replace(value=[list(_tailored(item, how, chosen)) for item in piece.value])
        elif piece.vr not in _CHARACTER_SET_VRS or (piece.value.isascii() and not how.limits_names):
            yield piece
        else:
            keyword = datadict.keyword_for_tag(piece.tag)
            text = tailoring.written(how, keyword, piece.vr, piece.value.decode().rstrip(" "), chosen)
            yield piece._replace(value=_padded(text.encode()))


def _raw_element(piece: _Piece, chosen: str, *, implicit: bool) -> RawDataElement:
    content = _content(piece, chosen, implicit=implicit)
    return RawDataElement(
        tag=BaseTag(piece.tag),
        VR=piece.vr,
        length=len(content),
        value=content,
        value_tell=0,
        is_implicit_VR=implicit,
        is_little_endian=True,
    )


def _content(piece: _Piece, chosen: str, *, implicit: bool) -> bytes:
    if isinstance(piece.value, list):
        return b"".join(encoding.item_bytes(_item(item, chosen, implicit=implicit)) for item in piece.value)
    if piece.vr not in _CHARACTER_SET_VRS or chosen in ("", charset.UNICODE) or piece.value.isascii():
        return piece.value
    return _padded(charset.encode(piece.value.decode().rstrip(" "), chosen))


def _padded(content: bytes) -> bytes:
    return content + b" " if len(content) % 2 else content


def _item(pieces: list[_Piece], chosen: str, *, implicit: bool) -> bytes:
    return b"".join(_element(piece, _content(piece, chosen, implicit=implicit), implicit=implicit) for piece in pieces)


def _element(piece: _Piece, content: bytes, *, implicit: bool) -> bytes:
    """One element with its header (PS3.5 7.1.2 and 7.1.3)."""
    group, element, length = piece.tag >> 16, piece.tag & 0xFFFF, len(content)
    if implicit:
        return struct.pack("<HHL", group, element, length) + content
    if piece.vr in _LONG_LENGTH_VRS:
        return struct.pack("<HH2sHL", group, element, piece.vr.encode(), 0, length) + content
    return struct.pack("<HH2sH", group, element, piece.vr.encode(), length) + content

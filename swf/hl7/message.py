"""Lazy ER7 reader: header, segments and order groups by path, the text kept exactly (hl7v2.md §2.2, §7)."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from swf.errors import UnreadableMessage
from swf.hl7.header import BEFORE_HEADER, STANDARD, Delimiters, Header

NULL = '""'
"""A field or component sent as `""`: clear the stored value. Nothing sent at all means: leave it (H-10)."""


_SEVERAL = "These are several messages; each is to be read on its own"
# Far above any report with its pictures; below what would take memory and seconds.
_MOST_LINES = 250_000
_MOST_SEGMENTS = 50_000
_TOO_MANY = f"The message has more than {_MOST_SEGMENTS} segments"
_SEGMENT_SEQUENCE, _APPLICATION_ERROR = 100, 207
_DECLARING = 2  # MSH-1 and MSH-2 are the delimiters
_MEANT = (
    "PID",
    "PV1",
    "MRG",
    "ORC",
    "OBR",
    "TQ1",
    "IPC",
    "ZDS",
    "OBX",
    "AL1",
    "SCH",
    "RGS",
    "AIS",
    "AIG",
    "AIL",
    "AIP",
)
"""Segments that decide who is examined, and how; none of them may be taken for text of another."""
_ENVELOPE = frozenset({"FHS", "BHS", "BTS", "FTS"})


Shape: TypeAlias = tuple[tuple[Any, ...], ...]
"""For each name of a segment: the name, and the numbers of the fields that each segment of that name holds."""


class Segment:
    """One segment, split on the first touch. Fields, repetitions and components count from 1, as in the standard.

    `sequence` tells which segment of its name it is in the message, as ERR locations count; `sent_at` is MSH-7 when that
    names an offset from UTC, which then holds for every time of the message without one. `zone` names the zone the sender
    lives in, empty for the site's.
    """

    __slots__ = (
        "_codec",
        "_delimiters",
        "_fields",
        "_repeated",
        "_said",
        "name",
        "sent_at",
        "sequence",
        "text",
        "zone",
    )

    def __init__(self, text: str, delimiters: Delimiters, codec: str = "utf-8") -> None:
        self.name = text[:3]
        self.text = text
        self.sequence = 1
        self.sent_at = self.zone = ""
        self._delimiters = delimiters
        self._codec = codec
        self._fields: list[str] = []
        self._said: tuple[bool, ...] = ()
        self._repeated: tuple[int, list[str]] = (0, [])  # the field last asked for one of its repetitions, parted

    def __repr__(self) -> str:
        return f"Segment({self.text!r})"

    @property
    def last(self) -> int:
        """The number of the last field sent."""
        return len(self._split()) - 1

    def raw(self, field: int) -> str:
        """The text of a field as it came, all repetitions; "" if it is not there. MSH-1 is the separator itself."""
        fields = self._fields or self._split()
        return fields[field] if 0 < field < len(fields) else ""

    def _split(self) -> list[str]:
        if not self._fields:
            self._fields = self.text.split(self._delimiters.field)
            if self.name == "MSH":
                self._fields.insert(1, self._delimiters.field)
        return self._fields

    def said(self) -> tuple[bool, ...]:
        """Of each field, the name at 0 and MSH-1 at 1, whether it is there and not empty."""
        if not self._said:
            self._said = tuple(map(bool, self._split()))
        return self._said

    def repetitions(self, field: int) -> int:
        """How often a field was sent; 0 if it is empty."""
        text = self.raw(field)
        if not text or self._is_declaration(field) or not self._delimiters.repetition:
            return int(text != "")
        return text.count(self._delimiters.repetition) + 1

    def value(self, field: int, repetition: int = 1, component: int = 0, subcomponent: int = 0) -> str:
        """The unescaped text of one part of a field; "" if there is no such part, `NULL` if it was sent as `""`.

        Component 0 is the whole repetition, separators kept. A component that has subcomponents is read as its first
        one unless another is asked for (HL7 2.5.1 §2.5.3: how a receiver of an older version reads a newer field).
        """
        fields = self._fields or self._split()
        text = fields[field] if 0 < field < len(fields) else ""
        if not text:
            return ""
        if field <= _DECLARING and self.name == "MSH":
            return text if repetition == 1 else ""
        _, separator, between, escape, within = self._delimiters
        if repetition != 1 or (between and between in text):
            text = self._repetition(text, field, repetition)
        if component or subcomponent:
            text = _part(text, separator, component or 1)
            if subcomponent > 1 or (within and within in text):
                text = _part(text, within, subcomponent or 1)
        return unescape(text, self._delimiters, self._codec) if escape and escape in text else text

    def components(self, field: int, repetition: int, numbers: range) -> list[str]:
        """`value` of several components of one repetition, which is parted once."""
        text = self.raw(field)
        _, separator, between, escape, within = self._delimiters
        if repetition != 1 or (between and between in text) or self._is_declaration(field):
            return [self.value(field, repetition, number) for number in numbers]
        parts = text.split(separator) if separator else [text]
        if within and within in text:
            parts = [part.partition(within)[0] for part in parts]
        if escape and escape in text:
            parts = [unescape(part, self._delimiters, self._codec) for part in parts]
        return [parts[number - 1] if number <= len(parts) else "" for number in numbers]

    def plain(self, text: str) -> bool:
        """Whether this text of a field means the same in every other message of standard delimiters."""
        return STANDARD.escape not in text and self._delimiters == STANDARD

    def _repetition(self, text: str, field: int, number: int) -> str:
        separator = self._delimiters.repetition
        if not separator or separator not in text:
            return text if number == 1 else ""
        # Thousands of repetitions are read one after the other; to part them anew for each would take seconds.
        if self._repeated[0] != field:
            self._repeated = (field, text.split(separator))
        parts = self._repeated[1]
        return parts[number - 1] if 1 <= number <= len(parts) else ""

    def _is_declaration(self, field: int) -> bool:
        """MSH-1 and MSH-2 hold separators as data."""
        return field <= _DECLARING and self.name == "MSH"


def _part(text: str, separator: str, number: int) -> str:
    if not separator or separator not in text:
        return text if number == 1 else ""
    parts = text.split(separator)
    return parts[number - 1] if 1 <= number <= len(parts) else ""


class Message:
    """A message as it came: `text` exactly, and its segments in order; `joined` lines were no segments of their own."""

    __slots__ = ("_by_name", "header", "joined", "segments", "text")

    def __init__(self, text: str, header: Header, segments: list[Segment], zone: str = "") -> None:
        self.text = text
        self.header = header
        self.segments = segments
        self.joined = 0
        self._by_name = by_name(segments)
        sent_at = header.at if header.at[-5:-4] in {"+", "-"} else ""
        for same in self._by_name.values():
            for sequence, segment in enumerate(same, start=1):
                segment.sequence = sequence
                segment.sent_at = sent_at
                segment.zone = zone

    @property
    def delimiters(self) -> Delimiters:
        """The message's own separators."""
        return self.header.delimiters

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        segments = self._by_name.get(name)
        return segments[0] if segments else None

    def all(self, name: str) -> list[Segment]:
        """Every segment of that name, in order."""
        return self._by_name.get(name, [])

    def value(self, name: str, field: int, repetition: int = 1, component: int = 0, subcomponent: int = 0) -> str:
        """`Segment.value` of the first segment of that name; "" if there is none."""
        segment = self.first(name)
        return segment.value(field, repetition, component, subcomponent) if segment else ""


def by_name(segments: Iterable[Segment]) -> dict[str, list[Segment]]:
    """The segments by their names, each name's in order."""
    by_name: dict[str, list[Segment]] = {}
    for segment in segments:
        by_name.setdefault(segment.name, []).append(segment)
    return by_name


def parse(text: str, header: Header, codec: str = "utf-8", zone: str = "") -> Message:
    """The message in `text`, decoded with `codec`, whose header was read from the same bytes; `zone` is its sender's.

    Segments end with CR or CR LF, or with LF if no CR separates them. A line that is no segment (a wrapped base64
    block, a CR typed into a report) continues the one before. Batch segments are no part of the message. Raises
    `UnreadableMessage` for an unusable header, for more segments than any message has, for a segment whose name is
    written wrongly, which would vanish in the one before, and for several messages, which `batch.split` parts: their
    patients must never mix.
    """
    if header.fault:
        raise UnreadableMessage(header.fault, location="MSH^1")
    if text.count("\r") + text.count("\n") > _MOST_LINES:
        raise UnreadableMessage(_TOO_MANY, code=_APPLICATION_ERROR)
    lines, joined = _segment_lines(text, header.delimiters.field)
    if len(lines) > _MOST_SEGMENTS:
        raise UnreadableMessage(_TOO_MANY, code=_APPLICATION_ERROR)
    segments = [Segment(line, header.delimiters, codec) for line in lines if line[:3] not in _ENVELOPE]
    if sum(segment.name == "MSH" for segment in segments) > 1:
        raise UnreadableMessage(_SEVERAL, location="MSH^2")
    content = Message(text, header, segments, zone)
    content.joined = joined
    return content


def _segment_lines(text: str, separator: str) -> tuple[list[str], int]:
    """The segments, and how many lines were joined to the one before."""
    body = text.lstrip(BEFORE_HEADER).rstrip("\r\n")
    lines = body.replace("\r\n", "\r").split("\r") if "\r" in body else body.split("\n")
    begins = _segment_start(separator)
    if all(map(begins, lines)):
        return lines, 0
    lines = [line for line in lines if line.strip()]
    segments = list(_continued(lines, begins, _misspelt(separator)))
    return segments, len(lines) - len(segments)


@lru_cache(maxsize=32)
def _segment_start(separator: str) -> Callable[[str], object]:
    return re.compile(rf"[A-Z][A-Z0-9]{{2}}(?:{re.escape(separator)}|\Z)").match


@lru_cache(maxsize=32)
def _misspelt(separator: str) -> Callable[[str], re.Match[str] | None]:
    """Finds the name of a segment in small letters or among blanks."""
    return re.compile(rf"\s*({'|'.join(_MEANT)})\s*{re.escape(separator)}", re.IGNORECASE).match


def _continued(
    lines: Iterable[str], begins: Callable[[str], object], misspelt: Callable[[str], re.Match[str] | None]
) -> Iterator[str]:
    """Join each line that is no segment to the one before."""
    pending: list[str] = []
    for number, line in enumerate(lines, start=1):
        if begins(line) and pending:
            yield "\r".join(pending)
            pending = []
        elif pending and (found := misspelt(line)):
            name = found[1].upper()
            raise UnreadableMessage(
                f"line {number} seems to be a segment {name} and does not begin with that name in capitals",
                location=f"{name}^1",
                code=_SEGMENT_SEQUENCE,
            )
        pending.append(line)
    yield "\r".join(pending)


_LONGEST_BLANK = 100
_TRUNCATION = "#"
_LAYOUT = {"br": "\n", "ce": "\n", "sp": "\n", "sk": " ", "in": "", "ti": "", "fi": "", "nf": ""}
_REPEATED = frozenset({"sp", "sk"})


def unescape(text: str, delimiters: Delimiters = STANDARD, codec: str = "utf-8") -> str:
    r"""`text` with its escape sequences resolved in a single pass (HL7 2.5.1 §2.7).

    Line breaks become "\n", highlighting is dropped, `\Xhh..\` is read in `codec`. What is unknown, unterminated or
    not readable stays as it is, so a path such as `C:\dir` survives.
    """
    escape = delimiters.escape
    if not escape or escape not in text:
        return text
    letters = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": escape,
        "P": _TRUNCATION,
    }

    def resolve(sequence: re.Match[str]) -> str:
        if sequence["letter"]:
            return letters[sequence["letter"]] or sequence[0]
        if sequence["layout"]:
            return _layout(sequence["layout"].lower(), sequence["count"])
        return "" if sequence["hex"] is None else _hexadecimal(sequence["hex"], codec, sequence[0])

    return _escape_sequence(escape).sub(resolve, text)


@lru_cache(maxsize=32)
def _escape_sequence(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(
        rf"{mark}(?:(?P<letter>[FSTREP])|[HN]|[Xx](?P<hex>[0-9A-Fa-f]+)"
        rf"|\.(?P<layout>(?i:br|sp|sk|in|ti|ce|fi|nf)) ?[+-]?(?P<count>[0-9]{{0,10}})){mark}"
    )


def _layout(command: str, count: str) -> str:
    times = min(int(count or 1), _LONGEST_BLANK) if command in _REPEATED else 1
    return _LAYOUT[command] * times


def _hexadecimal(digits: str, codec: str, sequence: str) -> str:
    """Senders write any number of digits; NUL is never text, it only pads."""
    try:
        return bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)).decode(codec).replace("\0", "")
    except UnicodeDecodeError:
        return sequence

"""What a strict modality would choke on in a stored worklist item (RAD-5, PS3.4 table K.6-1, PS3.5 6.2).

Some scanners give up the whole list at the first entry they cannot read, so such an entry is better kept back and shown
to an operator than served. What is found depends on the item alone; what is kept back for it is the site's choice.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple

from pydicom import datadict

from swf.dicom import attributes, encoding
from swf.sentence import say


class Flaw(StrEnum):
    """The kinds; each is a bit of the number a step carries, in this order: new ones come at the end."""

    MISSING = "missing"
    BACKSLASH = "backslash"
    LENGTH = "length"
    CHARACTER = "character"
    FORM = "form"
    LOST = "lost"


class Found(NamedTuple):
    """One flaw: of which kind, in which attribute (keywords joined by `/`), and a half-sentence without its value."""

    flaw: Flaw
    attribute: str
    text: str

    def __str__(self) -> str:
        return f"{self.attribute} {self.text}"


class _Expected(NamedTuple):
    """What is known of an attribute: its keyword and VR, and whether it may hold several values."""

    keyword: str
    vr: str
    several: bool


_BITS = {flaw: 1 << place for place, flaw in enumerate(Flaw)}
_ONE_OF = (  # return type 1C of K.6-1: this, or the codes, or both
    ("", "RequestedProcedureDescription", "RequestedProcedureCodeSequence"),
    (attributes.SPS, "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence"),
)
_KINDS = (
    ("is longer", Flaw.LENGTH),
    ("holds a backslash", Flaw.BACKSLASH),
    ("holds a control", Flaw.CHARACTER),
)
_REPLACEMENT = "\ufffd"  # stands where a character was lost before it came here
_MULTILINE = frozenset({"LT", "ST", "UT"})
_UNCHECKED = frozenset({"UN", "US", "SS", "UL", "SL", "FL", "FD", "OB", "OW"})
_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 200  # bytes; the scheduled procedure step is longer, and never the same


def mask(flaws: Collection[Flaw | str]) -> int:
    """The number that says which of the kinds are among `flaws`."""
    return sum(bit for flaw, bit in _BITS.items() if flaw in flaws)


def of(stored: bytes) -> list[Found]:
    """Every flaw of an item, in the order of its attributes."""
    return list(_of_dataset(stored, ""))


def bits(stored: bytes) -> int:
    """The kinds among the flaws of an item, as `mask` writes them; 0 for an item without one."""
    return bits_of_contents(encoding.contents(stored))


def bits_of_contents(found: Mapping[int, bytes], path: str = "") -> int:
    """The same of an item that is parted already, as fast as can be: this is asked for every order."""
    number = 0
    for tag, _ in _required(path):
        if not found.get(tag, b"").strip(b" \0"):
            number |= _BITS[Flaw.MISSING]
    for tags, _ in _required_one_of(path):
        if not any(map(found.get, tags)):
            number |= _BITS[Flaw.MISSING]
    for tag, content in found.items():
        if content:
            number |= (_recurring_bits if len(content) <= _LONGEST_REMEMBERED else _value_bits)(tag, content, path)
    return number


def _value_bits(tag: int, content: bytes, path: str) -> int:
    if _inside(path, tag):
        return _sequence_bits(tag, content, path)
    found = _judged(tag, content)
    return mask({flaw for flaw, _ in found}) if found else 0


# One value, or a sequence such as a code: most come again and again
_recurring_bits = lru_cache(maxsize=_REMEMBERED)(_value_bits)


def _sequence_bits(tag: int, content: bytes, path: str) -> int:
    number = 0
    for item in encoding.items(content):
        number |= bits_of_contents(encoding.contents(item), _inside(path, tag))
    return number


def _of_dataset(stored: bytes, path: str) -> Iterator[Found]:
    found = encoding.contents(stored)
    for tag, keyword in _required(path):
        if not found.get(tag, b"").strip(b" \0"):
            yield Found(Flaw.MISSING, _joined(path, keyword), say("is missing (type 1)"))
    for tags, keywords in _required_one_of(path):
        if not any(found.get(tag) for tag in tags):
            yield Found(
                Flaw.MISSING,
                _joined(path, keywords[0]),
                say("is missing, and so is %(other)s (type 1C)", other=keywords[1]),
            )
    for tag, content in found.items():
        if not content:
            continue
        if _expected(tag).vr == "SQ":
            inner = _inside(path, tag)
            for item in encoding.items(content):
                yield from _of_dataset(item, inner)
        else:
            for flaw, text in _judged(tag, content):
                yield Found(flaw, _joined(path, _expected(tag).keyword), text)


@cache
def _inside(path: str, tag: int) -> str:
    """The path of what stands in the sequence `tag` at `path`; "" when it is no sequence."""
    return _joined(path, _expected(tag).keyword) if _expected(tag).vr == "SQ" else ""


def _joined(path: str, keyword: str) -> str:
    return f"{path}/{keyword}" if path else keyword


@cache
def _required(path: str) -> tuple[tuple[int, str], ...]:
    """Tag and keyword of each attribute of return type 1 at `path`, sequences left out."""
    rows = (row for row in attributes.TABLE if row.path == path and row.return_type == "1")
    found = ((encoding.layout(row.keyword), row.keyword) for row in rows)
    return tuple((layout.tag, keyword) for layout, keyword in found if layout.vr != "SQ")


@cache
def _required_one_of(path: str) -> tuple[tuple[tuple[int, ...], tuple[str, ...]], ...]:
    choices = (keywords for inside, *keywords in _ONE_OF if inside == path)
    return tuple((tuple(encoding.layout(each).tag for each in keywords), tuple(keywords)) for keywords in choices)


@cache
def _expected(tag: int) -> _Expected:
    try:
        _, multiplicity, _, _, keyword = datadict.get_entry(tag)
        return _Expected(keyword, datadict.dictionary_VR(tag)[:2], multiplicity != "1")
    except KeyError:
        return _Expected(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "UN", several=True)


def _judged(tag: int, content: bytes) -> tuple[tuple[Flaw, str], ...]:
    """The flaws of one value as it is stored."""
    expected = _expected(tag)
    if expected.vr in _UNCHECKED:
        return ()
    text = content.decode(errors="replace").rstrip(" \0")
    if encoding.fits(expected.keyword)(text) and _REPLACEMENT not in text:
        return ()
    values = text.split("\\") if expected.several and expected.vr not in _MULTILINE else [text]
    sentences = dict.fromkeys(sentence for value in values for sentence in encoding.violations(expected.keyword, value))
    found = [(_kind(sentence), sentence) for sentence in sentences]
    if _REPLACEMENT in text:
        found.append((Flaw.LOST, say("holds the sign of a letter that was lost on its way here (U+FFFD)")))
    return tuple(found)


def _kind(sentence: str) -> Flaw:
    return next((flaw for beginning, flaw in _KINDS if sentence.startswith(beginning)), Flaw.FORM)

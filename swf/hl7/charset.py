"""MSH-18 ↔ codec, always strict: no character of a name is ever replaced or guessed (hl7v2.md §6, ihe-swf §3.5)."""

import codecs
import math
import re

from swf.errors import MappingError, UnreadableMessage
from swf.hl7 import iso2022
from swf.hl7.header import Header, read_header
from swf.sentence import say

_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"M\0", b"\0M\0", b"\0\0\0M")
_EXTENDED = frozenset({"iso2022_jp_2", "iso2022_jp_ext"})
_EXTENSIBLE = frozenset({"shift_jis", "euc_kr", "gb18030"})
"""Codecs of sets that are also written with escape sequences, when MSH-18 names no other."""
_ISO_8859 = re.compile(r"iso8859-|tis-620")
_ALPHABETS = re.compile(r"iso8859-|cp(?:125\d|866)|koi8-")
"""Codecs of one byte a character, in which UTF-8 text reads as nonsense and hardly any real text is valid UTF-8."""

_CYRILLIC = ("windows-1251", "koi8-r", "cp866", "iso8859-5")
_FREQUENCIES = (110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17, 16, 16, 15, 12, 10, 9, 7)
_RARE = 4
_LIKELIHOOD = {letter: math.log(_RARE) for letter in "юцщэфъё"} | dict(
    zip("оеаинтсрвлкмдпуяыьгзбчйхжш", map(math.log, _FREQUENCIES), strict=True)
)
"""Of each letter, by how often it stands in a thousand of Russian text."""

_UNLIKELY = math.log(0.1)
_LEAST_LIKELY = 2.0

_REGISTRATIONS = {
    1: (100, "LATIN1"),
    2: (101, "LATIN2"),
    3: (109, "LATIN3"),
    4: (110, "LATIN4"),
    5: (144, "CYRILLIC"),
    6: (127, "ARABIC"),
    7: (126, "GREEK"),
    8: (138, "HEBREW"),
    9: (148, "LATIN5"),
}
"""Part of ISO 8859 → its ISO registration and common name."""

_NAMES = {
    "utf-8": ("UNICODE UTF-8", "UTF-8", "UNICODE", "ISO IR192", "65001"),
    "ascii": ("ASCII", "US-ASCII", "ISO IR6", "ISO 2022 IR 6", "ISO 646", "ANSI X3.4-1968"),
    "iso8859-15": ("8859/15", "ISO 8859-15", "ISO IR203", "LATIN9"),
    "koi8-r": ("KOI8-R", "KOI8", "20866"),
    "koi8-u": ("KOI8-U", "21866"),
    "cp866": ("CP866", "IBM866", "DOS866", "866"),
    "tis-620": ("TIS-620", "ISO IR166"),
    "gb18030": ("GB 18030-2000", "GB18030", "GBK", "GB2312", "CP936", "ISO IR58"),
    "big5": ("BIG-5", "CP950"),
    "euc_kr": ("KS X 1001", "KS C 5601", "EUC-KR", "ISO IR149", "ISO 2022 IR 149"),
    "euc_jp": ("EUC-JP",),
    "shift_jis": ("ISO IR14", "ISO IR13", "ISO 2022 IR 13", "SHIFT_JIS", "SJIS"),
    "iso2022_jp_2": ("ISO IR87", "ISO IR159", "ISO-2022-JP", "ISO 2022 IR 87", "ISO 2022 IR 159"),
    "iso2022_jp_ext": ("JAS2020", "JIS X 0202"),
}


def _key(name: str) -> str:
    """Case, blanks, dashes, slashes and underscores do not tell names apart."""
    return re.sub(r"[^A-Z0-9]", "", name.upper())


def _codecs() -> dict[str, str]:
    known = {_key(name): codec for codec, names in _NAMES.items() for name in names}
    for part, (registration, common) in _REGISTRATIONS.items():
        names = (f"8859{part}", f"ISO8859{part}", f"ISOIR{registration}", f"ISO2022IR{registration}", common)
        known.update(dict.fromkeys(names, f"iso8859-{part}"))
    for page in range(1250, 1259):
        known.update(dict.fromkeys((f"WINDOWS{page}", f"WIN{page}", f"CP{page}", f"{page}"), f"cp{page}"))
    return known


_CODECS = _codecs()


def codec_for(name: str) -> str | None:
    """The Python codec of an MSH-18 name or one of its many spellings; None if it cannot be read here."""
    return _CODECS.get(_key(name))


def decode(raw: bytes, header: Header, *, default: str = "utf-8", override: str | None = None) -> tuple[str, str]:
    """The text of a payload and the codec it was read with.

    A byte order mark decides, then `override` (the source is known to declare wrongly), then MSH-18, then UTF-8, then
    `default`. Raises `UnreadableMessage` with codec and offset for the first byte that does not fit, for UTF-16, for
    an unknown name, for UTF-8 bytes declared as a one-byte alphabet, and for escape sequences of ISO 2022 that nothing
    announces: all of them would garble names silently.
    """
    if raw.startswith(_WIDE_MARKS):
        raise UnreadableMessage(say("The message is UTF-16 or UTF-32, which MLLP cannot carry; send UTF-8"))
    if raw.startswith(_UTF8_MARK):
        return _strict(raw[len(_UTF8_MARK) :], "utf-8", header), "utf-8"
    if header.charsets and not override:
        return _declared(raw, header)
    codec = "utf-8" if not override and _is_utf8(raw) and not iso2022.is_used(raw) else _configured(override or default)
    return _strict(raw, codec, header, extended=codec in _EXTENSIBLE and iso2022.is_used(raw)), codec


def _declared(raw: bytes, header: Header) -> tuple[str, str]:
    """The text as MSH-18 declares it. Of several repetitions the first is what each segment begins in (ISO 2022)."""
    found = [_known(name) for name in header.charsets]
    others = list(dict.fromkeys(codec for codec in found if codec != "ascii"))
    if len(others) <= 1:
        codec = "".join(others) or "ascii"
        _refuse_mislabelled(raw, codec)
        extended = iso2022.is_used(raw) and codec not in _EXTENDED and (len(found) > 1 or codec in _EXTENSIBLE)
        return _strict(raw, codec, header, first=found[0], extended=extended), codec
    if not all(codec in _EXTENSIBLE | _EXTENDED or _ISO_8859.match(codec) for codec in others):
        text = f"MSH-18 names several character sets, and ISO 2022 cannot change between them: {', '.join(header.charsets)}"
        raise UnreadableMessage(text, location="MSH^1^18", code=103)
    is_japanese = _EXTENDED.intersection(others)
    codec = "iso2022_jp_ext" if is_japanese else others[0]
    first = "shift_jis" if is_japanese and "shift_jis" in others else found[0]
    return _strict(raw, codec, header, first=first, extended=True), codec


def for_people(raw: bytes) -> str:
    """The text of any bytes that came as a message; what cannot be decoded is shown as it would be in Latin-1."""
    try:
        return decode(raw, read_header(raw))[0]
    except UnreadableMessage:
        return raw.decode("latin-1")


def _configured(name: str) -> str:
    """The settings take every character set Python knows, MSH-18 only those of HL7."""
    return codec_for(name) or codecs.lookup(name).name


def encode(text: str, codec: str) -> bytes:
    """`text` in `codec`; raises `MappingError` for a character the codec does not have."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError as error:
        character = f"U+{ord(text[error.start]):04X}"
        raise MappingError(f"The character {character} at {error.start} does not exist in {codec}") from error


def resembles(raw: bytes) -> str:
    """What the bytes look like: utf-8, windows-1251, koi8-r, cp866 or iso8859-5; "" if nothing speaks for any of them.

    Judged by the frequency of Russian letters, for an operator to read. No name is ever decoded by it.
    """
    if raw.isascii():
        return ""
    if _is_utf8(raw):
        return "utf-8"
    words = [word for word in re.findall(rb"[\x80-\xff]+", raw) if len(word) > 1]
    if sum(map(len, words)) * 2 < len(re.findall(rb"[\x80-\xff]", raw)):
        return ""  # single letters among plain ones: a western alphabet
    scores = {name: _russian(b"".join(words).decode(name, "replace")) for name in _CYRILLIC}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] > _LEAST_LIKELY else ""


def _russian(text: str) -> float:
    """How likely the characters of `text` are in Russian, on the average."""
    return sum(_LIKELIHOOD.get(character, _UNLIKELY) for character in text.lower()) / len(text)


def _hint(raw: bytes) -> str:
    name = resembles(raw)
    return f"; it looks like {name}" if name else ""


def _known(name: str) -> str:
    """The codec of one repetition of MSH-18; an empty one is ASCII."""
    codec = codec_for(name) if name else "ascii"
    if codec is None:
        raise UnreadableMessage(f"The character set {name!r} is not known", location="MSH^1^18", code=103)
    return codec


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refuse_mislabelled(raw: bytes, codec: str) -> None:
    if _ALPHABETS.match(codec) and not raw.isascii() and _is_utf8(raw):
        raise UnreadableMessage(
            f"MSH-18 declares {codec}, but the bytes are UTF-8; correct MSH-18 or override the source's character set",
            location="MSH^1^18",
        )


def _strict(raw: bytes, codec: str, header: Header, *, first: str = "", extended: bool = False) -> str:
    if not extended and iso2022.is_used(raw) and codec not in _EXTENDED:
        raise UnreadableMessage(
            f"The message changes its character set by escape sequences (ISO 2022), which {codec} has not; declare the "
            "sets in MSH-18, or override the source's character set",
            location="MSH^1^18",
        )
    try:
        return iso2022.decode(raw, first or codec) if extended else raw.decode(codec)
    except UnicodeDecodeError as error:
        location = _location(raw[: error.start], header.delimiters.field)
        text = f"The byte {raw[error.start]:#04x} at offset {error.start} is not {codec}{_hint(raw)}"
        raise UnreadableMessage(text, location=location) from error


def _location(before: bytes, separator: str) -> str:
    """Segment, its sequence and field of the byte that follows `before`."""
    lines = re.split(rb"[\r\n]+", before)
    name = lines[-1][:3]
    field = lines[-1].count(separator.encode()) + (name == b"MSH")
    sequence = sum(line[:3] == name for line in lines)
    return f"{name.decode('latin-1')}^{sequence}^{field}" if re.fullmatch(rb"[A-Z][A-Z0-9]{2}", name) else ""

"""Specific Character Set (0008,0005) for RAD-5: read a request's keys, choose and write an answer's (PS3.3 C.12.1.1.2).

Everything is stored as ISO_IR 192; another set is used only in an answer, and only when it holds every character.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pydicom import charset as extensions

UNICODE = "ISO_IR 192"

TERMS: dict[str, str] = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "iso8859_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "tis_620",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 IR 6": "ascii",
    "ISO 2022 IR 13": "shift_jis",
    "ISO 2022 IR 58": "gb2312",
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 100": "iso8859_1",
    "ISO 2022 IR 101": "iso8859_2",
    "ISO 2022 IR 109": "iso8859_3",
    "ISO 2022 IR 110": "iso8859_4",
    "ISO 2022 IR 126": "iso8859_7",
    "ISO 2022 IR 127": "iso8859_6",
    "ISO 2022 IR 138": "iso8859_8",
    "ISO 2022 IR 144": "iso8859_5",
    "ISO 2022 IR 148": "iso8859_9",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 166": "tis_620",
}

_ALONE = frozenset({UNICODE, "GB18030", "GBK"})
_ESCAPE = b"\x1b"
_GB2312_ESCAPE = "\x1b$)A"
# Code extensions end at these characters (PS3.5 6.1.2.5.3), so each piece between them is written by itself.
_ENDS_EXTENSION = re.compile(r"([\\^=\r\n\f\t])")
_DELIMITERS = set(rb"\^=" + b"\r\n\f\t")
_ASCII, _ROMAJI = b"\x1b(B", b"\x1b(J"


class _Part(NamedTuple):
    """One set of a code extension, PS3.3 tables C.12-3 and C.12-4.

    A Python codec that knows its letters, the escape sequence that calls it, how many bytes of the codec make a letter,
    what they begin with, and whether it takes the place of ASCII (G0) or stands beside it (G1).
    """

    codec: str
    escape: bytes
    size: int = 1
    begins: bytes = b""
    replaces_ascii: bool = False


_PARTS: dict[str, _Part] = {
    "ISO 2022 IR 13": _Part("shift_jis", b"\x1b)I"),
    "ISO 2022 IR 58": _Part("gb2312", b"\x1b$)A", 2),
    "ISO 2022 IR 87": _Part("euc_jp", b"\x1b$B", 2, replaces_ascii=True),
    "ISO 2022 IR 100": _Part("iso8859_1", b"\x1b-A"),
    "ISO 2022 IR 101": _Part("iso8859_2", b"\x1b-B"),
    "ISO 2022 IR 109": _Part("iso8859_3", b"\x1b-C"),
    "ISO 2022 IR 110": _Part("iso8859_4", b"\x1b-D"),
    "ISO 2022 IR 126": _Part("iso8859_7", b"\x1b-F"),
    "ISO 2022 IR 127": _Part("iso8859_6", b"\x1b-G"),
    "ISO 2022 IR 138": _Part("iso8859_8", b"\x1b-H"),
    "ISO 2022 IR 144": _Part("iso8859_5", b"\x1b-L"),
    "ISO 2022 IR 148": _Part("iso8859_9", b"\x1b-M"),
    "ISO 2022 IR 149": _Part("euc_kr", b"\x1b$)C", 2),
    "ISO 2022 IR 159": _Part("euc_jp", b"\x1b$(D", 3, b"\x8f", replaces_ascii=True),
    "ISO 2022 IR 166": _Part("tis_620", b"\x1b-T"),
}
_SEVERAL_BYTES = frozenset({"ISO 2022 IR 58", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 159"})
# Letters the codecs know from later editions of the standards than the registered sets have.
_TOO_NEW = {"iso8859_7": frozenset("\u20ac\u20af\u037a"), "iso8859_8": frozenset("\u200e\u200f")}


def _compact(term: str) -> str:
    return re.sub(r"[ _-]", "", term.upper())


_SPELLINGS = {_compact(term): term for term in TERMS} | {"UTF8": UNICODE, "ISO88591": "ISO_IR 100"}


def standard(values: Sequence[str]) -> tuple[str, ...]:
    """The defined terms meant by the `values` of (0008,0005), however spelled; unknown ones are left out.

    A set that knows no code extensions (UTF-8, GB18030, GBK) stands alone.
    """
    terms = tuple(_SPELLINGS[_compact(value)] for value in values if _compact(value) in _SPELLINGS)
    alone = [term for term in terms if term in _ALONE]
    return (alone[0],) if alone else terms


def decode(raw: bytes, terms: Sequence[str]) -> str:
    """The text of a key; one whose declaration is absent or wrong is read as UTF-8, else as Latin-1."""
    if _ESCAPE in raw and len(terms) > 1:
        text = extensions.decode_bytes(raw, _extension_codecs(terms), _DELIMITERS)
        return text.replace(_GB2312_ESCAPE, "")  # pydicom leaves this one in
    codec = TERMS[terms[0]] if terms else "ascii"
    for attempt in (codec, "utf_8"):
        try:
            return raw.decode(attempt)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin_1")


def choose(text: str, wanted: Sequence[str]) -> str:
    r"""The value of (0008,0005) for an answer of `text`; several terms are joined by `\`.

    "" when everything is ASCII; the `wanted` set of the request when it holds every character; else ISO_IR 192.
    """
    if text.isascii():
        return ""
    terms = usable(wanted)
    if any(term not in ("", "ISO_IR 6") for term in terms) and all(holds(terms, each) for each in set(text)):
        return "\\".join(terms)
    return UNICODE


def usable(wanted: Sequence[str]) -> tuple[str, ...]:
    """The terms an answer can declare: a set of several bytes a letter never stands first (PS3.3 C.12.1.1.2)."""
    terms = standard(wanted)
    if terms and terms[0] in _SEVERAL_BYTES:
        return ("", *terms)
    return terms if len(terms) < 2 else tuple(_EXTENSIONS.get(term, term) for term in terms)  # noqa: PLR2004


def holds(terms: Sequence[str], character: str) -> bool:
    """True when text in these terms can have `character`; ASCII always can."""
    if character.isascii():
        return True
    if len(terms) == 1:
        return _bytes(terms[0], character) != b""
    return any(_bytes(term, character) for term in terms)


def encode(text: str, chosen: str) -> bytes:
    """The bytes of `text` in the set `choose` returned; UnicodeEncodeError when it does not hold a character."""
    terms = chosen.split("\\")
    if len(terms) > 1:
        return b"".join(_encode_piece(piece, terms) for piece in _ENDS_EXTENSION.split(text))
    if chosen in _SEVERAL_BYTES:
        return encode(text, "\\" + chosen)
    return text.encode(TERMS[chosen])


def _encode_piece(piece: str, terms: Sequence[str]) -> bytes:
    """A run of text between two delimiters; each begins and ends in the first set."""
    if piece.isascii():
        return piece.encode()
    ascii_escape = _ROMAJI if _PARTS.get(terms[0], _NO_PART).codec == "shift_jis" else _ASCII
    written: list[bytes] = []
    first = _PARTS.get(terms[0], _NO_PART).escape
    low, high = b"", first
    for character in piece:
        term = "" if character.isascii() else next(iter(each for each in terms if _bytes(each, character)), None)
        if term is None:
            raise UnicodeEncodeError("dicom", character, 0, 1, f"is not in {terms}")
        part = _PARTS.get(term, _NO_PART)
        if not term or part.replaces_ascii:
            if low != part.escape:
                written.append(part.escape or ascii_escape)
                low = part.escape
        elif high != part.escape:
            written.append(part.escape)
            high = part.escape
        written.append(_bytes(term, character) if term else character.encode())
    return b"".join([*written, ascii_escape if low else b"", first if high != first else b""])


_NO_PART = _Part("ascii", b"")
_EXTENSIONS = {term.replace(" 2022 ", "_"): term for term in _PARTS if term not in _SEVERAL_BYTES} | {
    "ISO_IR 6": "ISO 2022 IR 6"
}


@lru_cache(maxsize=1 << 16)
def _bytes(term: str, character: str) -> bytes:
    """How the set writes a letter beyond ASCII; empty when it does not have it."""
    part = _PARTS.get(_EXTENSIONS.get(term, term), _Part(TERMS[term], b"", 0))
    if character in _TOO_NEW.get(part.codec, ""):
        return b""
    try:
        encoded = character.encode(part.codec)
    except UnicodeEncodeError:
        return b""
    if part.size and (len(encoded) != part.size or not encoded.startswith(part.begins)):
        return b""
    if part.replaces_ascii:
        encoded = bytes(each & 0x7F for each in encoded.removeprefix(part.begins))
        return encoded if encoded[0] > 0x20 else b""  # noqa: PLR2004
    return encoded


def _extension_codecs(terms: Sequence[str]) -> list[str]:
    return [extensions.python_encoding[term] for term in terms]

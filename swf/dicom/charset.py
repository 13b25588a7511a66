"""Specific Character Set (0008,0005) for RAD-5: read a request's keys, choose and write an answer's (PS3.3 C.12.1.1.2).

Everything is stored as ISO_IR 192; another set is used only in an answer, and only when it holds every character.
"""

import re
from collections.abc import Sequence

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
_READ_ONLY = frozenset({"ISO 2022 IR 58"})  # pydicom reads its code extension but writes it without the escape sequence
_HALF_WIDTH = frozenset({"ISO_IR 13", "ISO 2022 IR 13"})
_ESCAPE = b"\x1b"
_GB2312_ESCAPE = "\x1b$)A"
# Code extensions end at these characters (PS3.5 6.1.2.5.3), so each piece between them is written by itself.
_ENDS_EXTENSION = re.compile(r"([\\^=\r\n\f\t])")
_DELIMITERS = set(rb"\^=" + b"\r\n\f\t")


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
    terms = standard(wanted)
    if any(term not in ("", "ISO_IR 6") for term in terms) and all(_held(each, terms) for each in set(text)):
        return "\\".join(terms)
    return UNICODE


def encode(text: str, chosen: str) -> bytes:
    """The bytes of `text` in the set `choose` returned; UnicodeEncodeError when it does not hold a character."""
    terms = chosen.split("\\")
    if len(terms) == 1:
        return text.encode(TERMS[chosen])
    codecs = _extension_codecs(terms)
    return b"".join(extensions.encode_string(piece, codecs) for piece in _ENDS_EXTENSION.split(text))


def _held(character: str, terms: Sequence[str]) -> bool:
    return character.isascii() or any(_holds(term, character) for term in terms)


def _holds(term: str, character: str) -> bool:
    if term in _READ_ONLY:
        return False
    try:
        encoded = character.encode(TERMS[term])
    except UnicodeEncodeError:
        return False
    return len(encoded) == 1 or term not in _HALF_WIDTH  # JIS X 0201 has half-width katakana only


def _extension_codecs(terms: Sequence[str]) -> list[str]:
    return [extensions.python_encoding[term] for term in terms]

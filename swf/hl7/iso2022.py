r"""ISO 2022 code extension: text that changes its character set by escape sequences (MSH-18 repeated; HL7 2.5.1 2.15.9.18).

G0 holds ASCII and the Japanese sets of seven bits, G1 what bytes from 0x80 on mean. A segment begins in the first set
that MSH-18 names. JIS X 0201's letters are read as ASCII: they differ in `\` and `~`, which separate.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from functools import partial

KATAKANA = "katakana"
"""JIS X 0201 in bytes from 0xA1 on, for which Python has no codec of its own."""

_G1 = {
    b"-A": "iso8859-1",
    b"-B": "iso8859-2",
    b"-C": "iso8859-3",
    b"-D": "iso8859-4",
    b"-L": "iso8859-5",
    b"-G": "iso8859-6",
    b"-F": "iso8859-7",
    b"-H": "iso8859-8",
    b"-M": "iso8859-9",
    b"-b": "iso8859-15",
    b"-T": "tis-620",
    b")I": KATAKANA,
    b"$)A": "gb18030",
    b"$)C": "euc_kr",
}
"""What follows ESC, and the codec of the set that it puts into G1 (ISO-IR; PS3.3 C.12.1.1.2)."""

_TO_G1 = b"|".join(map(re.escape, _G1))
_PIECES = re.compile(
    rb"\x1b(?P<to>%(to_g1)s)|(?P<end>[\r\n]+)|(?P<high>[\x80-\xff]+)|(?:[^\r\n\x1b\x80-\xff]+|\x1b(?!%(to_g1)s))+"
    % {b"to_g1": _TO_G1}
)
_LETTERS = re.compile(rb"\x1b\(J")
_DESIGNATION = re.compile(rb"\x1b(?:" + _TO_G1 + rb"|\([BIJ]|\$[@B]|\$\(D)")
_FIRST_KATAKANA = 0xFF61
_KATAKANA_BYTES = range(0xA1, 0xE0)
_SHIFTED = "shift_jis"  # as which ISO IR14 is read by itself


def is_used(raw: bytes) -> bool:
    """Whether an escape sequence in `raw` changes to a character set that is known here."""
    return b"\x1b" in raw and _DESIGNATION.search(raw) is not None


def decode(raw: bytes, first: str) -> str:
    """The text of `raw`, in whose segments bytes from 0x80 on are of the codec `first` until an escape sequence says else.

    Raises UnicodeDecodeError at the first byte that does not fit.
    """
    return "".join(_decoded(_LETTERS.sub(b"\x1b(B", raw), KATAKANA if first == _SHIFTED else first))


def _decoded(raw: bytes, initial: str) -> Iterator[str]:
    lower = codecs.getincrementaldecoder("iso2022_jp_ext")("strict")
    upper = initial
    for piece in _PIECES.finditer(raw):
        if piece["to"]:
            upper = _G1[piece["to"]]
        elif piece["end"]:
            upper = initial
            lower.reset()
            yield piece[0].decode("ascii")
        else:
            yield _text(raw, piece, partial(_upper, codec=upper) if piece["high"] else partial(_lower, decoder=lower))


def _text(raw: bytes, piece: re.Match[bytes], read: Callable[[bytes], str]) -> str:
    """What `read` makes of a piece; an error tells its place in the whole message."""
    try:
        return read(piece[0])
    except UnicodeDecodeError as error:
        offset = piece.start() + error.start
        raise UnicodeDecodeError(error.encoding, raw, offset, offset + 1, error.reason) from error


def _lower(content: bytes, decoder: codecs.IncrementalDecoder) -> str:
    text = decoder.decode(content)
    if decoder.getstate()[0]:  # half a character would wait for whatever comes next
        raise UnicodeDecodeError("iso2022_jp_ext", content, len(content) - 1, len(content), "half a character")
    return text


def _upper(content: bytes, codec: str) -> str:
    if codec != KATAKANA:
        return content.decode(codec)
    odd = next((index for index, byte in enumerate(content) if byte not in _KATAKANA_BYTES), None)
    if odd is not None:
        raise UnicodeDecodeError(KATAKANA, content, odd, odd + 1, "no katakana")
    return "".join(chr(_FIRST_KATAKANA + byte - _KATAKANA_BYTES[0]) for byte in content)

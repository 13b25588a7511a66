"""Accession numbers made here, by the site's template such as `{prefix}{number:08}{check:luhn}` (RAD-4; SH, PS3.5).

`{prefix}` is the setting of the site, `{number}` the order's own number (`:08` fills it with zeros), `{year}` the year
it arrived in, `{check:SCHEME}` a check digit over all that stands before it, `{check}` the same by the site's own scheme.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from swf.mapping import check_digits
from swf.mapping.check_digits import Scheme

DEFAULT = "{prefix}{number:08}"
_FIELD = re.compile(r"\{(?P<name>\w+)(?::(?P<form>\w*))?\}")
_LONGEST = 16
_LONGEST_PREFIX, _YEAR, _SMALLEST_WIDTH = 6, 4, 6
_CHECK = "check"
_FIELDS = ("prefix", "number", "year", _CHECK)


class Numbers(NamedTuple):
    """What an accession number is made of."""

    prefix: str
    number: int
    at: datetime


Piece = Callable[[str, Numbers], str]


class Accession(NamedTuple):
    """A template ready for use: each piece is given what stands before it."""

    text: str
    pieces: tuple[Piece, ...]

    def render(self, prefix: str, number: int, at: datetime) -> str:
        """The accession number of the order with this number."""
        numbers = Numbers(prefix, number, at)
        made = ""
        for piece in self.pieces:
            made += piece(made, numbers)
        return made


def parse(text: str, own: Scheme | None = None) -> Accession:
    """The template written as `text`, `own` being the scheme of `{check}` in it.

    ValueError says what is wrong with it, a number longer than SH included.
    """
    fields = list(_FIELD.finditer(text))
    rest = _FIELD.sub("", text)
    if re.search(r"[^A-Z0-9.-]", rest):
        raise ValueError("between the fields of an accession number stand capitals, digits, dots and dashes alone")
    pieces, length = _pieces(text, fields, own)
    if "number" not in [found["name"] for found in fields]:
        raise ValueError("an accession number without {number} would be given twice")
    if length > _LONGEST:
        raise ValueError(f"the accession number can be {length} characters long; a worklist holds {_LONGEST} (SH)")
    return Accession(text, pieces)


def _pieces(text: str, fields: list[re.Match[str]], own: Scheme | None) -> tuple[tuple[Piece, ...], int]:
    pieces: list[Piece] = []
    length = end = 0
    for found in fields:
        pieces.append(_literal(text[end : found.start()]))
        length += found.start() - end
        if found["name"] == _CHECK:
            piece, width = _check(found["form"] or "", own, length)
        else:
            piece, width = _field(found["name"], found["form"] or "")
        pieces.append(piece)
        length += width
        end = found.end()
    pieces.append(_literal(text[end:]))
    return tuple(pieces), length + len(text) - end


def _field(name: str, form: str) -> tuple[Piece, int]:
    if name not in _MAKERS:
        near = difflib.get_close_matches(name, _FIELDS, 1)
        raise ValueError(f"there is no field {name}; {f'did you mean {near[0]}?' if near else ', '.join(_FIELDS)}")
    return _MAKERS[name](form)


def _literal(text: str) -> Piece:
    return lambda _, __: text


def _prefix(_: str) -> tuple[Piece, int]:
    return (lambda _, numbers: numbers.prefix), _LONGEST_PREFIX


def _year(_: str) -> tuple[Piece, int]:
    return (lambda _, numbers: f"{numbers.at.year:04d}"), _YEAR


def _number(form: str) -> tuple[Piece, int]:
    if not re.fullmatch(r"0\d{1,2}|", form):
        raise ValueError(f"{{number:{form}}} must be written like {{number:08}}")
    width = int(form or 0)
    if width < _SMALLEST_WIDTH:
        raise ValueError(f"{{number}} needs a width of {_SMALLEST_WIDTH} or more, such as {{number:08}}")
    return (lambda _, numbers: f"{numbers.number:0{width}d}"), width


def _check(form: str, own: Scheme | None, length: int) -> tuple[Piece, int]:
    """A check over the `length` characters that can stand before it at most."""
    if not form and own is None:
        raise ValueError("{check} needs a line check in [identifiers], or a scheme such as {check:luhn}")
    scheme = own if own and not form else check_digits.parse(form)
    if not re.fullmatch(r"[A-Z0-9]+", scheme.alphabet):
        raise ValueError(
            "the check digit can be other than a capital or a digit; a worklist query takes * for any text"
        )
    if scheme.longest and length > scheme.longest:
        raise ValueError(f"{length} characters can stand before the check digit, which has {scheme.longest} weights")
    return (lambda before, _: scheme.check(before)), len(scheme.check("0"))


_MAKERS: Mapping[str, Callable[[str], tuple[Piece, int]]] = {
    "prefix": _prefix,
    "number": _number,
    "year": _year,
}

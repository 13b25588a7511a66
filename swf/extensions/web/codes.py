"""A number as marks a scanner reads: Code 128 (ISO/IEC 15417) and QR (ISO/IEC 18004), each as one path of an SVG."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import segno
from barcode.codex import Code128
from barcode.errors import BarcodeError

_QUIET_BARS, _QUIET_QR = 10, 4  # modules of white around, without which no scanner finds a code
_BAR_HEIGHT = 30


class Drawn(NamedTuple):
    """A code: how large it is in modules, and its dark ones as the `d` of a path."""

    width: int
    height: int
    path: str


def code_128(text: str) -> Drawn | None:
    """The bars of `text`; None when it holds letters Code 128 does not have."""
    try:
        (modules,) = Code128(text).build() if text else ("",)
    except (BarcodeError, KeyError):
        return None
    bars = "".join(_bars(map("1".__eq__, modules), _QUIET_BARS, 0, _BAR_HEIGHT))
    return Drawn(len(modules) + 2 * _QUIET_BARS, _BAR_HEIGHT, bars) if modules else None


def qr(text: str) -> Drawn:
    """The QR code of `text`, which can be read with a quarter of it lost."""
    rows = list(segno.make_qr(text, error="q", boost_error=False).matrix_iter(border=_QUIET_QR))
    path = "".join(mark for y, row in enumerate(rows) for mark in _bars(map(bool, row), 0, y, 1))
    return Drawn(len(rows), len(rows), path)


def _bars(dark: Iterable[bool], x: int, y: int, height: int) -> Iterator[str]:
    """Each run of dark modules as a rectangle."""
    for is_dark, run in groupby(dark):
        width = len(list(run))
        if is_dark:
            yield f"M{x} {y}h{width}v{height}h-{width}z"
        x += width

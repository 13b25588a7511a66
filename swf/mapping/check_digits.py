"""Check digits of numbers made here (ISO/IEC 7064, Luhn, Verhoeff, Damm): a slip of the typist is noticed.

Schemes of digits pass over letters, so that a prefix does no harm. Every check is one character or two of A to Z and 0 to 9.
"""

from collections.abc import Callable, Mapping
from functools import reduce

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VERHOEFF_ROUND = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978", "3674209581", "5869720134", "8945362017",
    "9438617205", "2581436790",
)  # fmt: skip


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdigit()]


def luhn(text: str) -> str:
    """Modulus 10 with every second digit doubled (ISO/IEC 7812-1)."""
    digits = _digits(text)[::-1]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[::2]]  # noqa: PLR2004  two digits become their sum
    return str(-(sum(doubled) + sum(digits[1::2])) % 10)


def verhoeff(text: str) -> str:
    """Verhoeff's scheme: every single slip and every transposition of neighbours."""
    state = 0
    for place, digit in enumerate(_digits(text)[::-1], start=1):
        state = _turned(state, _rotated(digit, place))
    return str(_inverse(state))


def _rotated(digit: int, times: int) -> int:
    return reduce(lambda value, _: _VERHOEFF_ROUND[value], range(times % 8), digit)


def _turned(one: int, other: int) -> int:
    """The product of two symmetries of a pentagon, the ones below 5 rotations."""
    flipped = 5 if (one < 5) is not (other < 5) else 0  # noqa: PLR2004
    return flipped + (one + other if one < 5 else one - other) % 5  # noqa: PLR2004


def _inverse(value: int) -> int:
    return next(other for other in range(10) if _turned(value, other) == 0)


def damm(text: str) -> str:
    """Damm's scheme: as Verhoeff's, with one table."""
    return str(reduce(lambda state, digit: int(_DAMM[state][digit]), _digits(text), 0))


def mod11_2(text: str) -> str:
    """ISO/IEC 7064 MOD 11-2: the check is a digit or X."""
    state = reduce(lambda value, digit: (value + digit) * 2 % 11, _digits(text), 0)
    return "0123456789X"[(12 - state) % 11]


def mod11_10(text: str) -> str:
    """ISO/IEC 7064 MOD 11,10: the check is a digit."""
    state = reduce(lambda value, digit: ((value + digit) % 10 or 10) * 2 % 11, _digits(text), 10)
    return str((11 - state) % 10)


def mod97_10(text: str) -> str:
    """ISO/IEC 7064 MOD 97-10 over letters (A is 10) and digits: the check is two digits."""
    number = int("".join(str(_LETTERS.index(character)) for character in text if character in _LETTERS) + "00")
    return f"{98 - number % 97:02d}"


def mod37_36(text: str) -> str:
    """ISO/IEC 7064 MOD 37,36 over letters and digits: the check is a letter or a digit."""
    values = [_LETTERS.index(character) for character in text if character in _LETTERS]
    state = reduce(lambda value, letter: ((value + letter) % 36 or 36) * 2 % 37, values, 36)
    return _LETTERS[(37 - state) % 36]


SCHEMES: Mapping[str, Callable[[str], str]] = {
    scheme.__name__: scheme for scheme in (luhn, verhoeff, damm, mod11_2, mod11_10, mod97_10, mod37_36)
}
"""By name. MOD 37-2 is left out: its check can be `*`, which a worklist query takes for a wildcard."""

"""Check digits of numbers made here (ISO/IEC 7064, Luhn, Verhoeff, Damm): a slip of the typist is noticed.

Schemes of digits pass over letters, so that a prefix does no harm. Every check is one character or two of A to Z and 0 to 9.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, NamedTuple

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


def mod37_2(text: str) -> str:
    """ISO/IEC 7064 MOD 37-2 over letters and digits: the check is a letter, a digit or `*`."""
    values = [_LETTERS.index(character) for character in text if character in _LETTERS]
    state = reduce(lambda value, letter: (value + letter) * 2 % 37, values, 0)
    return f"{_LETTERS}*"[(38 - state) % 37]


SCHEMES: Mapping[str, Callable[[str], str]] = {
    scheme.__name__: scheme for scheme in (luhn, verhoeff, damm, mod11_2, mod11_10, mod97_10, mod37_36, mod37_2)
}
"""The schemes of a standard, by name."""


# ---- a site's own ----


class Scheme(NamedTuple):
    """A check ready for use: what makes it, every character it can be, how long a text it is made for (0: any)."""

    check: Callable[[str], str]
    alphabet: str
    longest: int = 0


_ABSENT: dict[str, Any] = {
    "scheme": "",
    "weights": [],
    "modulus": 0,
    "pad": "",
    "letters": "A=10",
    "complement": False,
    "digits": "",
}
_LETTER_VALUES = re.compile(r"([A-Z])=(\d{1,3})")
_WEIGHTED, _TABLE = "weighted", "table"


def parse(given: str | Mapping[str, Any]) -> Scheme:
    """The scheme of that name, or the `weighted` or `table` one a site describes; ValueError says what is wrong.

    weighted: the sum of each character's value times its weight, modulo `modulus`, names a character of `digits`; with
    `complement` what is missing to the next multiple does. table: the same without weights, of the whole number.
    """
    if isinstance(given, str):
        if given not in SCHEMES:
            raise ValueError(f"there is no check digit {given}; known are {', '.join((*SCHEMES, _WEIGHTED, _TABLE))}")
        return Scheme(SCHEMES[given], f"{_LETTERS}*" if given == mod37_2.__name__ else _LETTERS)
    unknown = given.keys() - _ABSENT.keys()
    if unknown:
        raise ValueError(f"a check digit has no setting {', '.join(sorted(unknown))}; it has {', '.join(_ABSENT)}")
    said = {**_ABSENT, **given}
    return parse(said["scheme"]) if said["scheme"] in SCHEMES else _described(said)


def _described(said: Mapping[str, Any]) -> Scheme:
    name, weights, digits = said["scheme"], said["weights"], str(said["digits"])
    modulus = said["modulus"] or len(digits)
    if name not in (_WEIGHTED, _TABLE):
        raise ValueError(f"there is no check digit {name}; known are {', '.join((*SCHEMES, _WEIGHTED, _TABLE))}")
    if not isinstance(weights, list) or not all(type(weight) is int for weight in weights):
        raise ValueError("weights must be a list of whole numbers")
    if (name == _WEIGHTED) is not bool(weights):
        raise ValueError("weighted needs weights, and table takes none")
    digits = digits or _LETTERS[: modulus if type(modulus) is int else 0]
    if type(modulus) is not int or not 1 < modulus <= len(digits):
        raise ValueError("modulus must be a whole number from 2 on, and digits have a character for each remainder")
    values = _values(str(said["letters"]), str(said["pad"]))
    complement = bool(said["complement"])

    def check(text: str) -> str:
        total = _sum(text.rjust(len(weights), str(said["pad"]) or "0"), weights, values) if weights else _number(text)
        remainder = total % modulus
        return digits[-remainder % modulus if complement else remainder]

    return Scheme(check, digits[:modulus], len(weights))


def _values(letters: str, pad: str) -> dict[str, int]:
    """What each character counts: a digit itself, the letters from the one named on, the padding next after Z."""
    found = _LETTER_VALUES.fullmatch(letters)
    if found is None or len(pad) > 1:
        raise ValueError('letters must be written like "A=10", and pad be one character')
    first, value = _LETTERS.index(found[1]), int(found[2])
    values = {digit: int(digit) for digit in "0123456789"}
    values |= {letter: value + number for number, letter in enumerate(_LETTERS[first:])}
    return values if pad in values else {**values, pad: value + len(_LETTERS) - first}


def _sum(text: str, weights: Sequence[int], values: Mapping[str, int]) -> int:
    """The weighted sum; a character without a value counts nothing, as does what goes beyond the weights."""
    return sum(weight * values.get(character, 0) for weight, character in zip(weights, text, strict=False))


def _number(text: str) -> int:
    return int("".join(chain("0", (character for character in text if character.isdigit()))))

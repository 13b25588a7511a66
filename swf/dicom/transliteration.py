"""Letters a modality's character set does not hold, written with letters it holds: never `?`, never left out (RAD-5).

Cyrillic, Arabic and Latin follow ICAO Doc 9303-3 section 6, the table of passports, or a national table; Greek follows
ELOT 743 (ISO 843 type 2), kana Hepburn, hangul the Revised Romanization. What has no table here (ideographs above all,
whose reading depends on the person) is written as its code point, such as U+738B: no two names become the same one.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TypeAlias

Held: TypeAlias = Callable[[str], bool]
Rules: TypeAlias = "dict[str, tuple[tuple[re.Pattern[str], str], ...]]"

ICAO = "icao"
_DELIMITERS = frozenset("^=\\?*")  # what no letter may turn into: they part names and are wildcards
_ALPHABETS = frozenset({"ARABIC", "CYRILLIC", "GREEK"})
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})


def transliterate(text: str, held: Held, scheme: str = ICAO) -> str:
    """`text` in letters for which `held` is true (ASCII has to be held); what is held already stays as it is.

    An alphabet of which one letter is not held is left altogether, so that no name is half in one and half in another.
    `scheme` is one of `SCHEMES`. KeyError for another one.
    """
    if all(map(held, text)):
        return text
    text = unicodedata.normalize("NFC", _HALF_WIDTH.sub(lambda run: _full_width(run[0], held), text))
    left = {_script(letter) for letter in text if not held(letter)} & _ALPHABETS
    kept = (lambda letter: held(letter) and _script(letter) not in left) if left else held
    return "".join(_written(text, kept, _rules(scheme)))


def _script(letter: str) -> str:
    return "" if letter.isascii() else unicodedata.name(letter, "").partition(" ")[0]


def _full_width(run: str, held: Held) -> str:
    return run if all(map(held, run)) else unicodedata.normalize("NFKC", run)


def is_readable(text: str) -> bool:
    """False when `text` holds a code point that stands for a letter no table knows."""
    return _CODE_POINT.search(text) is None


def _written(text: str, held: Held, rules: Rules) -> Iterator[str]:
    small = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    at = 0
    while at < len(text):
        length, letters = _covered(small, at, rules)
        source = text[at : at + max(length, 1)]
        if all(map(held, source)):
            yield text[at]
            at += 1
            continue
        yield _cased(letters, text, at, at + len(source)) if length else _decomposed(text[at], held, rules)
        at += len(source)


def _covered(small: str, at: int, rules: Rules) -> tuple[int, str]:
    """How many letters the first rule that fits here covers, and what stands for them; 0 when none fits."""
    for pattern, letters in rules.get(small[at], ()):
        if found := pattern.match(small, at):
            return found.end() - at, found.expand(letters)
    syllable = _hangul(small[at])
    return len(syllable and small[at]), syllable


def _cased(letters: str, text: str, begin: int, end: int) -> str:
    """Ю is IU among capitals, Iu before small letters and by itself."""
    first = text[begin:end].strip("'’ʼ")[:1]
    if first.upper() == first.lower():  # a script without capitals: a name still begins with one
        return letters if text[:begin][-1:].isalnum() else letters.capitalize()
    if not first.isupper():
        return letters
    before, after = text[:begin][-1:], text[end:][:1]
    among_capitals = after.isupper() or (before.isupper() and not after.islower())
    return letters.upper() if among_capitals or len(letters) == 1 else letters.capitalize()


def _decomposed(letter: str, held: Held, rules: Rules) -> str:
    """A letter without its accents or its special form, as far as that helps; else its code point."""
    if unicodedata.category(letter) in _INVISIBLE:
        return ""
    parts = [part for part in unicodedata.normalize("NFKD", letter) if unicodedata.category(part) not in _INVISIBLE]
    plain = "".join(parts)
    if plain == letter or _DELIMITERS & set(plain):
        return f"U+{ord(letter):04X}"
    return "".join(_written(unicodedata.normalize("NFC", plain), held, rules)) if parts else f"U+{ord(letter):04X}"


# ---- the tables: small letters, and what stands for them ----

# ICAO Doc 9303-3 section 6 A; letters not listed lose their accent.
_LATIN = {
    "ä": "ae", "å": "aa", "æ": "ae", "ð": "d", "ö": "oe", "ø": "oe", "ü": "ue", "þ": "th", "ß": "ss", "đ": "d",
    "ħ": "h", "ı": "i", "ĳ": "ij", "ĸ": "q", "ł": "l", "ŋ": "n", "œ": "oe", "ŧ": "t", "ə": "a", "ſ": "s", "ƒ": "f",
    "ŀ": "l", "ŉ": "n",
}  # fmt: skip

_SIGNS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "ʼ": "'", "ʹ": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "‹": "'", "›": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "№": "No.",
    "€": "EUR", "£": "GBP", "¥": "JPY", "×": "x", "÷": "/", "°": "deg", "±": "+/-", "•": "-", "·": "-", "§": "par.",
}  # fmt: skip

# ICAO Doc 9303-3 section 6 B, with the exceptions of each language below.
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "", "э": "e", "ю": "iu",
    "я": "ia", "і": "i", "ѣ": "ie", "ѳ": "f", "ѵ": "y", "ґ": "g", "ў": "u", "ѫ": "u", "ѓ": "g", "ђ": "d", "ѕ": "dz",
    "ј": "j", "ќ": "k", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "є": "ie", "ї": "i", "ғ": "g", "қ": "q", "ң": "n",
    "ө": "o", "ү": "u", "ұ": "u", "һ": "h", "ә": "a",
}  # fmt: skip

_BELARUSIAN = {"г": "h", "ё": "io"}
_BULGARIAN = {"щ": "sht", "ъ": "a"}
_SERBIAN = {"ж": "z", "х": "h", "ц": "c", "ч": "c", "ш": "s"}
_MACEDONIAN = {"ѓ": "gj", "ќ": "kj", "х": "h", "ц": "c", "џ": "dj"}
# The practical transcription of GOST R 7.0.34-2014.
_RUSSIAN = {"ё": "yo", "й": "y", "ъ": "", "ю": "yu", "я": "ya"}
# Resolution 55 of the Cabinet of Ministers of Ukraine, 2010: a letter at the beginning of a word is written otherwise.
_UKRAINIAN = {
    "зг": "zgh", r"\bє": "ye", r"\bї": "yi", r"\bй": "y", r"\bю": "yu", r"\bя": "ya",
    "['’ʼ]є": "ie", "['’ʼ]ї": "i", "['’ʼ]ю": "iu", "['’ʼ]я": "ia", "['’ʼ]й": "i",
    "г": "h", "ґ": "g", "и": "y", "і": "i",
}  # fmt: skip

# ICAO Doc 9303-3 section 6 C, where X begins what Latin letters have no sound for.
_ARABIC = {
    "ء": "xe", "آ": "xaa", "أ": "xae", "ؤ": "xw", "إ": "i", "ئ": "xi", "ا": "a", "ب": "b", r"ة(?=\w)": "xta", "ة": "xah", "ت": "t",
    "ث": "xth", "ج": "j", "ح": "xh", "خ": "xkh", "د": "d", "ذ": "xdh", "ر": "r", "ز": "z", "س": "s", "ش": "xsh",
    "ص": "xss", "ض": "xdz", "ط": "xtt", "ظ": "xzz", "ع": "e", "غ": "g", "ـ": "", "ف": "f", "ق": "q", "ك": "k",
    "ل": "l", "م": "m", "ن": "n", "ه": "h", "و": "w", "ى": "xay", "ي": "y",
}  # fmt: skip

# ELOT 743: a vowel and upsilon are spoken before vowels and voiced consonants, breathed before others and at the end.
_VOICED = "(?=[αάβγδεέζηήιίϊΐλμνοόρυύϋΰωώ])"
_GREEK = {
    f"α[υύ]{_VOICED}": "av", "α[υύ]": "af", f"ε[υύ]{_VOICED}": "ev", "ε[υύ]": "ef", f"η[υύ]{_VOICED}": "iv",
    "η[υύ]": "if", "ο[υύ]": "ou", "γγ": "ng", "γξ": "nx", "γχ": "nch", r"\bμπ": "b", r"μπ\b": "b",
    "α": "a", "ά": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "έ": "e", "ζ": "z", "η": "i", "ή": "i", "θ": "th",
    "ι": "i", "ί": "i", "ϊ": "i", "ΐ": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "ό": "o",
    "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "ύ": "y", "ϋ": "y", "ΰ": "y", "φ": "f", "χ": "ch",
    "ψ": "ps", "ω": "o", "ώ": "o",
}  # fmt: skip

_KANA_ROWS = {
    "": "あいうえお", "k": "かきくけこ", "g": "がぎぐげご", "s": "さしすせそ", "z": "ざじずぜぞ", "t": "たちつてと",
    "d": "だぢづでど", "n": "なにぬねの", "h": "はひふへほ", "b": "ばびぶべぼ", "p": "ぱぴぷぺぽ", "m": "まみむめも",
    "r": "らりるれろ",
}  # fmt: skip
_KANA = {kana: row + vowel for row, kanas in _KANA_ROWS.items() for kana, vowel in zip(kanas, "aiueo", strict=True)} | {
    "し": "shi", "じ": "ji", "ち": "chi", "ぢ": "ji", "つ": "tsu", "づ": "zu", "ふ": "fu", "ゔ": "vu", "や": "ya",
    "ゆ": "yu", "よ": "yo", "わ": "wa", "ゐ": "i", "ゑ": "e", "を": "o", "ん(?=[ばびぶべぼぱぴぷぺぽまみむめも])": "m",
    "ん": "n", "ぁ": "a", "ぃ": "i", "ぅ": "u", "ぇ": "e", "ぉ": "o", "ゃ": "ya", "ゅ": "yu", "ょ": "yo", "ゎ": "wa",
    "ー": "", "・": " ",
}  # fmt: skip
_SMALL_Y = {"ゃ": "a", "ゅ": "u", "ょ": "o"}
_SOFT = {
    kana + small: _KANA[kana][:-1] + ("" if _KANA[kana] in ("shi", "ji", "chi") else "y") + vowel
    for kana in "きぎしじちぢにひびぴみり"
    for small, vowel in _SMALL_Y.items()
}
# A small tsu doubles the consonant that follows, and ch becomes tch.
_DOUBLED = {f"っ(?={kana})": (letters[0] if letters[0] != "c" else "t") for kana, letters in _KANA.items()
            if len(kana) == 1 and letters[:1] not in "aiueon"} | {"っ": "tsu"}  # fmt: skip
_HIRAGANA = {**_SOFT, **_DOUBLED, **_KANA}


def _katakana(rule: str) -> str:
    return "".join(chr(ord(each) + 0x60) if "\u3041" <= each <= "\u3096" else each for each in rule)


_INITIALS = ("g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h")
_VOWELS = (
    "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu", "eu",
    "ui", "i",
)  # fmt: skip
_FINALS = (
    "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng", "t",
    "t", "k", "t", "p", "t",
)  # fmt: skip
_FIRST_SYLLABLE, _LAST_SYLLABLE = "가", "힣"


def _hangul(letter: str) -> str:
    if not _FIRST_SYLLABLE <= letter <= _LAST_SYLLABLE:
        return ""
    number = ord(letter) - ord(_FIRST_SYLLABLE)
    initial, rest = divmod(number, len(_VOWELS) * len(_FINALS))
    vowel, final = divmod(rest, len(_FINALS))
    return _INITIALS[initial] + _VOWELS[vowel] + _FINALS[final]


_SCRIPTS: tuple[Mapping[str, str], ...] = (
    _LATIN,
    _SIGNS,
    _GREEK,
    _CYRILLIC,
    _ARABIC,
    _HIRAGANA,
    {_katakana(rule): letters for rule, letters in _HIRAGANA.items()},
)

SCHEMES: dict[str, Mapping[str, str]] = {
    ICAO: {},
    "belarusian": _BELARUSIAN,
    "bulgarian": _BULGARIAN,
    "macedonian": _MACEDONIAN,
    "russian": _RUSSIAN,
    "serbian": _SERBIAN,
    "ukrainian": _UKRAINIAN,
}
"""By the name a profile gives: what is written otherwise than in the tables all share."""

_CODE_POINT = re.compile("U\\+[0-9A-F]{4,6}")
_HALF_WIDTH = re.compile("[\uff65-\uff9f]+")  # katakana whose voice marks are letters of their own


@cache
def _rules(scheme: str) -> Rules:
    """The rules of a scheme by the letter they begin with, its own before the common ones."""
    found: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for table in (SCHEMES[scheme], *_SCRIPTS):
        for rule, letters in table.items():
            begin = rule.removeprefix("\\b")
            for first in begin[1 : begin.index("]")] if begin[0] == "[" else begin[0]:
                found.setdefault(first, []).append((re.compile(rule), letters))
    return {first: tuple(rules) for first, rules in found.items()}

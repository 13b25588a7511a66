"""What one modality can read: character set, length and parts of a name (RAD-5; PS3.3 C.12.1.1.2, PS3.5 6.2).

Text is only ever rewritten for the answer; the stored item keeps every letter. An identifier is never rewritten: where
the modality's set does not hold one, the whole answer is in ISO_IR 192.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from swf.dicom import charset, encoding, transliteration

Outside = Literal["transliterate", "unicode"]
_REMEMBERED = 8192  # a list is asked for again and again, with the same names on it
_MIDDLE, _GIVEN = 3, 2  # of the five components of a name: family, given and middle name, prefix and suffix


@dataclass(frozen=True, slots=True)
class Tailoring:
    """How one modality's answers differ; the defaults change nothing.

    `character_sets` are the terms of (0008,0005), none means those of the query. `outside` says what is done with
    letters the set does not hold, `scheme` is one of `transliteration.SCHEMES`. A limit of 0 is none. Elements of the
    tags `never` are left out wherever they stand.
    """

    character_sets: tuple[str, ...] = ()
    outside: Outside = "unicode"
    scheme: str = transliteration.ICAO
    name_length: int = 0
    name_components: int = 0
    name_groups: int = 0
    never: frozenset[int] = frozenset()

    @property
    def limits_names(self) -> bool:
        """Whether a name may have to be shortened."""
        return bool(self.name_length or self.name_components or self.name_groups)


AS_IT_IS = Tailoring()


def declared(tailoring: Tailoring, query_sets: Iterable[str], texts: Iterable[tuple[str, str]]) -> str:
    """The value of (0008,0005) for an answer with these (keyword, text); "" for none.

    A set of the modality's own is declared even where ASCII would do: one set, always.
    """
    own = charset.usable(tailoring.character_sets)
    found = list(texts)
    together = "".join(text for _, text in found)
    if not own and tailoring.outside == "unicode":
        return charset.choose(together, list(query_sets))
    terms = own or charset.usable(list(query_sets)) or ("",)
    for keyword, text in found:
        fixed = tailoring.outside == "unicode" or encoding.is_identifier(keyword)
        if fixed and not all(charset.holds(terms, letter) for letter in text):
            return charset.UNICODE
    return "" if terms[0] == "ISO_IR 6" or (together.isascii() and not own) else "\\".join(terms)


@lru_cache(maxsize=_REMEMBERED)
def written(tailoring: Tailoring, keyword: str, vr: str, text: str, chosen: str) -> str:
    """`text` as the modality is to get it in the set `chosen`: held by the set, and a name within its limits."""
    terms = tuple(chosen.split("\\"))

    def held(letter: str) -> bool:
        return charset.holds(terms, letter)

    if vr == "PN":
        name = text if all(map(held, text)) else _spelled(text, held, tailoring.scheme)
        return _shortened(name, tailoring) if tailoring.limits_names else name
    if all(map(held, text)):
        return text
    spelled = transliteration.transliterate(text, held, tailoring.scheme)
    return "\\".join(encoding.cut(keyword, value) for value in spelled.split("\\"))


def _spelled(name: str, held: transliteration.Held, scheme: str) -> str:
    """A name in letters that are held. Groups that are held stay as they are.

    The first group is spelled; the others, which only say it once more in another script, go. A first group that no
    table can spell, or none, is taken from another group that can be: the sound of a Japanese name from its kana.
    """
    groups = name.split("=")
    if all(map(held, groups[0])) and groups[0]:
        kept = [group if all(map(held, group)) else "" for group in groups]
    else:
        spelled = [transliteration.transliterate(group, held, scheme) for group in groups]
        readable = (each for each in (spelled[0], *reversed(spelled[1:])) if each and transliteration.is_readable(each))
        kept = [next(readable, spelled[0]), *(group if all(map(held, group)) else "" for group in groups[1:])]
    return "=".join(kept).rstrip("=")


def _shortened(name: str, tailoring: Tailoring) -> str:
    """A name within the limits: groups go first, then suffix, prefix and middle name, and only then letters."""
    groups = name.split("=")
    if tailoring.name_groups:
        groups = groups[: tailoring.name_groups]
    if tailoring.name_components:
        groups = [_fewer(group, tailoring.name_components) for group in groups]
    limit = tailoring.name_length
    if not limit:
        return "=".join(groups)
    return next(each for each in _ever_shorter(groups, limit) if len(each) <= limit)


def _fewer(group: str, components: int) -> str:
    """No more than so many components: what goes beyond joins the last one, except prefix and suffix, which go."""
    parts = group.split("^")
    if len(parts) <= components:
        return group
    if components >= _MIDDLE:
        return "^".join(parts[:components]).rstrip("^")
    rest = " ".join(part for part in parts[components - 1 : _MIDDLE] if part)
    return "^".join([*parts[: components - 1], rest])


def _ever_shorter(groups: list[str], limit: int) -> Iterator[str]:
    for count in range(len(groups), 0, -1):
        yield "=".join(groups[:count]).rstrip("=")
    parts = groups[0].split("^")
    for count in range(len(parts), 0, -1):
        yield "^".join(parts[:count]).rstrip("^")
        if count == _GIVEN:
            break
    yield groups[0][:limit].rstrip(" ^")

"""Two messages field by field: segments of one name are paired in their order, fields by their number (HL7 2.5.1 2.6)."""

from collections.abc import Iterator
from typing import NamedTuple

from swf.hl7.message import Message, Segment


class Different(NamedTuple):
    """A field that is not the same in both, as it was sent; `sequence` counts segments of a name."""

    segment: str
    sequence: int
    field: int
    before: str
    after: str

    @property
    def place(self) -> str:
        """`OBR[2]-4`; the count is shown when it is not 1."""
        count = f"[{self.sequence}]" if self.sequence > 1 else ""
        return f"{self.segment}{count}-{self.field}"


def of(one: Message, other: Message) -> list[Different]:
    """The fields that differ, in the order of the messages; of a segment only one has, every field that says anything."""
    before, after = ({(each.name, each.sequence): each for each in content.segments} for content in (one, other))
    found: list[Different] = []
    for key in _merged(list(before), list(after)):
        found += _fields(key, before.get(key), after.get(key))
    return found


def _merged(first: list[tuple[str, int]], second: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Every segment once: as the second message has them, and what only the first has behind what it stood behind."""
    merged = list(second)
    for number, key in enumerate(first):
        if key not in merged:
            around = next((each for each in reversed(first[:number]) if each in merged), None)
            merged.insert(merged.index(around) + 1 if around else 0, key)
    return merged


def _fields(key: tuple[str, int], before: Segment | None, after: Segment | None) -> Iterator[Different]:
    first = 2 if key[0] == "MSH" else 1  # MSH-1 is the separator itself
    for number in range(first, max(each.last for each in (before, after) if each) + 1):
        was, now = (each.raw(number) if each and number <= each.last else "" for each in (before, after))
        if was != now:
            yield Different(*key, number, was, now)

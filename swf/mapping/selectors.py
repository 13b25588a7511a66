"""Where a value stands in an HL7 message, such as `PID-3[1].4.1`: parsed once, read many times.

`SEG-field.component.subcomponent`, counted from 1; `[n]` behind the segment or the field picks a repetition, `[*]`
takes them all, `[2+]` (fields only) all from the second on; without it the first one is read. `PID.NTE` are the notes
on the patient, `NTE` those on the order.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from swf.hl7.message import NULL, Segment
from swf.hl7.order_groups import OrderGroup

EVERY, FURTHER = 0, -2
_WORDS = {"*": EVERY, "2+": FURTHER}
_FORM = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2}|PID\.NTE)(?:\[(?P<occurrence>\d+|\*)\])?"
    r"-(?P<field>\d+)(?:\[(?P<repetition>\d+|\*|2\+)\])?"
    r"(?:\.(?P<component>\d+)(?:\.(?P<subcomponent>\d+))?)?"
)


class Selector(NamedTuple):
    """A place in a message; an occurrence or repetition of `EVERY` means all, a repetition of `FURTHER` all but one."""

    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int

    @property
    def picks(self) -> bool:
        """Whether it is anything but the first repetition of the field in the first segment of that name."""
        return not self.occurrence == self.repetition == 1

    def __str__(self) -> str:
        parts = [part for part in (self.component, self.subcomponent) if part]
        field = f"{self.segment}{_picked(self.occurrence)}-{self.field}{_picked(self.repetition)}"
        return ".".join([field, *map(str, parts)])


def _picked(number: int) -> str:
    """How a place is written that is not the first of its kind; for all of them the name alone says enough."""
    return "[2+]" if number == FURTHER else f"[{number}]" if number > 1 else ""


class Source(NamedTuple):
    """One repetition of one field that a selector leads to; mapping functions read it."""

    segment: Segment
    field: int
    repetition: int
    component: int
    subcomponent: int

    def text(self) -> str:
        """What stands at the selector itself."""
        return self.segment.value(self.field, self.repetition, self.component, self.subcomponent)

    def is_null(self) -> bool:
        """Whether the selector itself was sent as `""`."""
        return NULL in self.segment.raw(self.field) and self.text() == NULL

    def component_text(self, number: int) -> str:
        """The component `number`, counted from the selector's own component as 1."""
        return _said(self.segment.value(self.field, self.repetition, max(self.component, 1) + number - 1))

    def component_texts(self, first: int, count: int) -> list[str]:
        """`component_text` of `count` components from `first` on, without the blanks around them."""
        begin = max(self.component, 1) + first - 1
        parts = self.segment.components(self.field, self.repetition, range(begin, begin + count))
        return [_said(part).strip() for part in parts]

    def subcomponent_text(self, number: int) -> str:
        """The subcomponent `number` of the selector's component."""
        return _said(self.segment.value(self.field, self.repetition, max(self.component, 1), number))


def _said(text: str) -> str:
    """A part of a field sent as `""` is an empty part; never are the two quotes shown to anybody."""
    return "" if text == NULL else text


def parse(text: str) -> Selector:
    """The selector written as `text`; ValueError says what a selector looks like."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no place in a message; write it like PID-3.1 or OBR-4[1].2")
    return Selector(
        segment=found["segment"],
        occurrence=_count(found["occurrence"], 1),
        field=int(found["field"]),
        repetition=_count(found["repetition"], 1),
        component=_count(found["component"], 0),
        subcomponent=_count(found["subcomponent"], 0),
    )


def sources(selector: Selector, group: OrderGroup) -> Sequence[Source]:
    """Every field repetition `selector` leads to in `group`, in the order of the message."""
    segment, occurrence, field, repetition, component, subcomponent = selector
    segments = group.all(segment)
    if occurrence == repetition == 1:  # nearly always
        return (Source(segments[0], field, 1, component, subcomponent),) if segments else ()
    if occurrence != EVERY:
        segments = segments[occurrence - 1 : occurrence]
    if repetition > 0:
        return [Source(each, field, repetition, component, subcomponent) for each in segments]
    return [
        Source(each, field, number, component, subcomponent)
        for each in segments
        for number in range(2 if repetition == FURTHER else 1, each.repetitions(field) + 1)
    ]


def segment_name(selector: Selector) -> str:
    """The segment as the message names it."""
    return selector.segment.removeprefix("PID.")


def placed(selector: Selector, group: OrderGroup) -> Selector:
    """`selector` with its occurrence counted in the whole message and no longer in `group`."""
    segments = group.all(selector.segment)
    occurrence = max(selector.occurrence, 1)
    sequence = segments[occurrence - 1].sequence if len(segments) >= occurrence else selector.occurrence
    return selector if sequence == selector.occurrence else selector._replace(occurrence=sequence)


def location(selector: Selector) -> str:
    """The place as an ERR segment names it: segment, sequence, field."""
    return f"{segment_name(selector)}^{max(selector.occurrence, 1)}^{selector.field}"


def _count(text: str | None, absent: int) -> int:
    if text is None:
        return absent
    return _WORDS[text] if text in _WORDS else int(text)

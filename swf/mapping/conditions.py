"""When a line of a mapping counts: `when = { "PV1-2" = "E" }`, several values as a list, `*` for any, "" for none."""

from collections.abc import Iterable
from typing import NamedTuple

from swf.hl7.message import NULL
from swf.hl7.order_groups import OrderGroup
from swf.mapping import selectors
from swf.mapping.selectors import EVERY, Selector, Source

ANY, NONE = "*", ""


class Condition(NamedTuple):
    """A place in a message and the values it may have."""

    selector: Selector
    values: frozenset[str]

    def __str__(self) -> str:
        return f"{self.selector} is {' or '.join(_SPOKEN.get(value, value) for value in sorted(self.values))}"

    def allows(self, texts: Iterable[str]) -> bool:
        """Whether what was found at the place is one of the values."""
        said = {text.strip() for text in texts} - {"", NULL}
        return (ANY in self.values or not self.values.isdisjoint(said)) if said else NONE in self.values


_SPOKEN = {ANY: "anything", NONE: "empty"}


def holds(condition: Condition, group: OrderGroup) -> bool:
    """Whether the condition is met anywhere in the order."""
    return condition.allows(source.text() for source in selectors.sources(condition.selector, group))


def admits(condition: Condition, source: Source) -> bool:
    """Whether the very segment that is read meets the condition; the very repetition, if it is of the field read."""
    selector = condition.selector
    repetition = source.repetition if selector.field == source.field else max(selector.repetition, 1)
    text = source.segment.value(selector.field, repetition, selector.component, selector.subcomponent)
    return condition.allows([text])


def own(conditions: Iterable[Condition], places: Iterable[Selector]) -> tuple[Condition, ...]:
    """The conditions on a segment the line reads: they choose among its occurrences and repetitions."""
    segments = {place.segment for place in places}
    return tuple(condition for condition in conditions if condition.selector.segment in segments)


def widened(condition: Condition, places: Iterable[Selector]) -> Condition:
    """The condition as it is asked of the whole order: of every occurrence that the line could choose."""
    same = [place for place in places if place.segment == condition.selector.segment]
    selector = condition.selector
    if any(place.occurrence == EVERY for place in same):
        selector = selector._replace(occurrence=EVERY)
    if any(place.field == selector.field and place.repetition == EVERY for place in same):
        selector = selector._replace(repetition=EVERY)
    return condition._replace(selector=selector)

"""Where each attribute of a worklist item came from, and why an empty one is empty (RAD-2, RAD-4 to RAD-5).

The explanation is made by the evaluation that makes the item: each line's function is replaced by one that also notes
what it read and what it made of it. Nothing here decides anything, so it cannot disagree.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from swf.dicom import encoding, listing
from swf.dicom.encoding import Value
from swf.errors import MappingError
from swf.hl7 import order_groups
from swf.hl7.message import NULL, Message
from swf.hl7.order_groups import OrderGroup
from swf.mapping import conditions, inbound, selectors
from swf.mapping.inbound import MappedStep
from swf.mapping.rules import STEP, Rule, SiteMapping
from swf.mapping.selectors import Selector, Source
from swf.sentence import all_of, say, together

DEFAULT, STATIONS, CATALOGUE = "default", "[stations]", "[catalogue]"
_LONGEST_SHOWN = 60


class _Reading(NamedTuple):
    """What a line's function was given, and what it made of it."""

    source: Source
    value: Value


class Finding(NamedTuple):
    """One attribute: its value, the place it came from, by which function and line; when it is empty, why."""

    attribute: str
    value: str
    origin: str
    function: str
    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One item: its findings in the order of the mapping, what was changed to make it fit, or why it was refused.

    `listed` is the whole item, path → value.
    """

    title: str
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str = ""
    listed: Mapping[str, str] = field(default_factory=dict)


class _Watched(NamedTuple):
    """A line, and what it read."""

    rule: Rule
    noted: list[_Reading]


class _Lines(NamedTuple):
    """The lines of an attribute, on either level of the item."""

    item: dict[str, list[_Watched]]
    step: dict[str, list[_Watched]]


def orders(mapping: SiteMapping, content: Message, *, changing: Callable[[OrderGroup], bool]) -> list[Explanation]:
    """An explanation for each step of each order of a message.

    `changing` tells whether a group changes an order, which leaves defaults out and requires nothing.
    """
    groups = order_groups.order_groups(content)
    found: list[Explanation] = []
    for number, group in enumerate(groups, start=1):
        found += _order(
            mapping,
            group,
            say("order %(order)s of %(orders)s", order=number, orders=len(groups)),
            changing=changing(group),
        )
    return found


def _order(mapping: SiteMapping, group: OrderGroup, title: str, *, changing: bool) -> Iterator[Explanation]:
    watched, lines = _watched(mapping)
    try:
        steps = inbound.steps(watched, group, changing=changing)
        stages = [inbound.steps(stage, group, changing=changing) for stage in _stages(mapping)]
    except MappingError as error:
        yield Explanation(title, refusal=_refusal(mapping, error))
        return
    for number, step in enumerate(steps):
        reached = [stage[min(number, len(stage) - 1)] for stage in stages]
        findings = _Explainer(mapping, step, reached, changing).findings(lines)
        yield _explanation(
            say("%(title)s, step %(step)s of %(steps)s", title=title, step=number + 1, steps=len(steps)), findings, step
        )


def _stages(mapping: SiteMapping) -> Iterator[SiteMapping]:
    """The mapping with its lines alone, then with the catalogue; the stations come last."""
    without_stations = replace(mapping, stations={}, station_rules=())
    yield replace(without_stations, catalogue=None)
    yield without_stations


def patient(mapping: SiteMapping, content: Message) -> Explanation:
    """An explanation of what an ADT message says of its patient."""
    watched, lines = _watched(mapping)
    segments = {segment.name: content.all(segment.name) for segment in content.segments}
    try:
        mapped = inbound.patient(watched, segments)
    except MappingError as error:
        return Explanation("patient", refusal=_refusal(mapping, error))
    mapped.source = OrderGroup(segments)
    own = dict.fromkeys(rule.keyword for rule in mapping.patient_lines.rules)
    explainer = _Explainer(mapping, mapped, [mapped, mapped], changing=True)
    findings = (explainer.finding("", keyword, lines.item[keyword]) for keyword in own)
    return _explanation("patient", findings, mapped)


def _explanation(title: str, findings: Iterable[Finding], mapped: MappedStep) -> Explanation:
    listed = listing.attributes(encoding.decode(encoding.encode(mapped.item)))
    return Explanation(title, tuple(findings), tuple(mapped.warnings), listed=listed)


def _watched(mapping: SiteMapping) -> tuple[SiteMapping, _Lines]:
    """The same mapping, whose functions note what they are given and what they give; and the notes."""
    lines = _Lines({}, {})
    return replace(
        mapping,
        rules=tuple(_noting(rule, lines.item) for rule in mapping.rules),
        step_rules=tuple(_noting(rule, lines.step) for rule in mapping.step_rules),
    ), lines


def _noting(rule: Rule, lines: dict[str, list[_Watched]]) -> Rule:
    noted: list[_Reading] = []

    def function(source: Source) -> Value:
        value = rule.function(source)
        noted.append(_Reading(source, value))
        return value

    lines.setdefault(rule.keyword, []).append(_Watched(rule, noted))
    return replace(rule, function=function, recurs=False)


@dataclass(frozen=True, slots=True)
class _Explainer:
    """One mapped step, and what it was before the catalogue and before the stations."""

    mapping: SiteMapping
    step: MappedStep
    stages: list[MappedStep]
    changing: bool

    def findings(self, lines: _Lines) -> Iterator[Finding]:
        """One for every attribute that has a line, and for every other one the item has."""
        for inside, known in (("", lines.item), (STEP, lines.step)):
            for keyword, watched in known.items():
                yield self.finding(inside, keyword, watched)
            for keyword in _values(self.step, inside).keys() - known.keys() - {STEP}:
                yield self.finding(inside, keyword, [])

    def finding(self, inside: str, keyword: str, watched: list[_Watched]) -> Finding:
        """What there is to say of one attribute."""
        attribute = f"{inside}/{keyword}" if inside else keyword
        value = _values(self.step, inside).get(keyword)
        if not value:
            lines = ", ".join(f"{line.rule.path}:{line.rule.line}" for line in watched[:1])
            functions = ", ".join(dict.fromkeys(line.rule.function_name for line in watched))
            return Finding(attribute, "", "", functions, lines, self._why_empty(keyword, value, watched))
        table = self._table(inside, keyword, value)
        if table:
            return Finding(attribute, shown(value), table[0], "", table[1], "")
        return self._from_line(attribute, value, watched)

    def _table(self, inside: str, keyword: str, value: Value) -> tuple[str, str] | None:
        """The section of the mapping that gave the value, with its file; None when a line did."""
        before, catalogued = (_values(stage, inside).get(keyword) for stage in self.stages)
        if value == before:
            return None
        if value == catalogued and self.mapping.catalogue:
            return CATALOGUE, str(self.mapping.catalogue.path)
        return STATIONS, str(self.mapping.path)

    def _from_line(self, attribute: str, value: Value, watched: list[_Watched]) -> Finding:
        """The line that was read last gave the value, since reading ends there; else it is the default of a line."""
        giving = [line for line in watched if any(reading.value for reading in self._own(line))]
        line = giving[-1] if giving else next(line for line in watched if line.rule.default == value)
        places = dict.fromkeys(_place(reading.source) for reading in self._own(line) if reading.value)
        origin = ", ".join(places) if giving else DEFAULT
        rule = line.rule
        return Finding(attribute, shown(value), origin, rule.function_name, f"{rule.path}:{rule.line}", "")

    def _own(self, line: _Watched) -> list[_Reading]:
        """What a line read for this step, and not from another step's own segment."""
        segments = [segment for same in self.step.source.segments.values() for segment in same]
        return [reading for reading in line.noted if any(segment is reading.source.segment for segment in segments)]

    def _why_empty(self, keyword: str, value: Value | None, watched: list[_Watched]) -> str:
        """Each place that was looked at and what was there; what was left out, with its reason."""
        looked = [text for line in watched for text in self._looked(line)]
        if value is not None:
            looked = [text for text in looked if text.endswith(_IS_NULL)]
        left_out = [text for text in self.step.warnings if text.endswith(f" was left out of {keyword}")]
        return together(dict.fromkeys([*left_out, *looked])) or say("the line names no place")

    def _looked(self, line: _Watched) -> Iterator[str]:
        group, rule = self.step.source, line.rule
        unmet = [condition for condition in rule.conditions if not conditions.holds(condition, group)]
        if unmet:
            yield say("the line counts only when %(conditions)s", conditions=all_of(map(str, unmet)))
            return
        for selector in rule.selectors if self.changing else rule.places:
            yield _found(rule, selector, group, self._own(line))


_IS_NULL = 'is "" (NULL), which clears what is stored'


def _values(step: MappedStep, inside: str) -> Mapping[str, Value]:
    if not inside:
        return step.item
    return step.step if STEP in step.item else {}


def _found(rule: Rule, selector: Selector, group: OrderGroup, noted: list[_Reading]) -> str:
    """What was at a place that gave no value."""
    if group.first(selector.segment) is None:
        return say("there is no %(segment)s", segment=selector.segment)
    sources = [source for source in selectors.sources(selector, group) if source.text().strip()]
    if not sources:
        return say("%(place)s is empty", place=str(selector))
    if any(source.text() == NULL for source in sources):
        return say('%(place)s is "" (NULL), which clears what is stored', place=str(selector))
    return _kept_nothing(rule, sources[0], next((reading for reading in noted if reading.source == sources[0]), None))


def _kept_nothing(rule: Rule, source: Source, reading: _Reading | None) -> str:
    """Why nothing came of what was there."""
    told: dict[str, str] = {"place": _place(source), "value": source.text()[:_LONGEST_SHOWN]}
    if reading is not None and reading.value:
        return say("%(place)s is %(value)s: nothing of it is kept", **told)
    if reading is not None:
        return say("%(place)s is %(value)s: %(function)s makes nothing of it", **told, function=rule.function_name)
    filters = all_of(map(str, rule.filters)) or say("it")
    return say("%(place)s is %(value)s: %(filters)s does not hold there", **told, filters=filters)


def _refusal(mapping: SiteMapping, error: MappingError) -> str:
    """The reason with its place in the message and, when a line is to blame, that line."""
    words = error.text.replace(";", " ").split()
    lines = [f"{rule.path}:{rule.line}" for rule in (*mapping.rules, *mapping.step_rules) if rule.keyword in words]
    return "; ".join(part for part in (f"{error.location}: {error.text}" if error.location else error.text, *lines[:1]))


def _place(source: Source) -> str:
    """The place as a selector would name it; counts are shown when they are not 1."""
    occurrence = f"[{source.segment.sequence}]" if source.segment.sequence > 1 else ""
    repetition = f"[{source.repetition}]" if source.repetition > 1 else ""
    parts = [f"{source.segment.name}{occurrence}-{source.field}{repetition}"]
    return ".".join([*parts, *(str(part) for part in (source.component, source.subcomponent) if part)])


def shown(value: Value) -> str:
    """A value on one line: several values by backslash, an item by its attributes."""
    if isinstance(value, str):
        return value.replace("\n", " / ")
    return "\\".join(part if isinstance(part, str) else _item(part) for part in value)


def _item(item: Mapping[str, Value]) -> str:
    return "{" + ", ".join(f"{keyword}={shown(value)}" for keyword, value in item.items()) + "}"

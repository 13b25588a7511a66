"""An HL7 order becomes worklist items, by the site's mapping (RAD-2, RAD-4 to RAD-5; RAD TF-2 Appendix B).

What the message does not say is left out of the item, what it says is empty (`""`) is in it with an empty value: the
one leaves a stored value alone, the other clears it. Identifiers that do not fit are refused, never cut; text for
people is cut with a warning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from swf.dicom import encoding
from swf.dicom.encoding import Item, Value
from swf.errors import MappingError
from swf.hl7.message import Segment, Shape
from swf.hl7.order_groups import OrderGroup
from swf.mapping import catalogue, conditions, rules, selectors
from swf.mapping.catalogue import Entry
from swf.mapping.rules import OWN_SEGMENT, STEP, Lines, Reading, Rule, RuleSet, SiteMapping
from swf.mapping.selectors import Selector, Source

_LINES = frozenset({"LT", "ST", "UT"})
_ANY_MODALITY = "*"
_STATION = "ScheduledStationAETitle"
_TOO_LONG = "is longer than"
_MOST_KNOWN, _LONGEST_KNOWN = 500, 500
_MISSING, _DATA_TYPE = 101, 102


@dataclass(slots=True)
class MappedStep:
    """One scheduled procedure step: its item so far, what had to be changed to make it fit, what it was read from."""

    item: dict[str, Value]
    warnings: list[str] = field(default_factory=list)
    source: OrderGroup = field(default_factory=lambda: OrderGroup({}))

    @property
    def step(self) -> dict[str, str]:
        """The one item of the Scheduled Procedure Step Sequence."""
        return self.item[STEP][0]  # type: ignore[return-value]  # built below, always one item of text


def steps(mapping: SiteMapping, group: OrderGroup, *, changing: bool) -> list[MappedStep]:
    """The steps of one order: one per IPC segment; else those of the catalogue, if the message names no step; else one.

    `changing` leaves defaults out and requires nothing, because what is missing stays as it is stored.
    Raises MappingError for a required value that is missing and for an identifier that does not fit.
    """
    common = _map(mapping.order_lines, group, changing=changing)
    procedures = [OrderGroup({**group.segments, OWN_SEGMENT: [segment]}) for segment in group.all(OWN_SEGMENT)]
    mapped = []
    for view in procedures or [group]:
        step = _joined(common, _map(mapping.procedure_lines, view, changing=changing))
        step.source = view
        mapped.append(step)
    mapped = _catalogued(mapping, mapped[0]) if not procedures else mapped
    for step in mapped:
        _assign_stations(mapping, step, changing)
    return mapped


def _catalogued(mapping: SiteMapping, mapped: MappedStep) -> list[MappedStep]:
    """The steps the catalogue makes of one; that one alone when it has no entry or the message names the step."""
    known, group = mapping.catalogue, mapped.source
    if known is None or any(
        source.text() for place in mapping.step_places for source in selectors.sources(place, group)
    ):
        return [mapped]
    codes = [source.text().strip() for source in selectors.sources(known.place, group)]
    entries = known.entries.get(codes[0], ()) if codes else ()
    minutes = [sum(entry.minutes for entry in entries[:number]) for number in range(len(entries))]
    return [_entered(mapped, entry, after) for entry, after in zip(entries, minutes, strict=True)] or [mapped]


def _entered(mapped: MappedStep, entry: Entry, after: int) -> MappedStep:
    """The step an entry describes, which begins when those before it have ended."""
    step: dict[str, Value] = {**mapped.step, **entry.step}
    if entry.stations and not step.get(_STATION):
        step[_STATION] = "\\".join(entry.stations)
    step |= catalogue.begun_after(step, after)
    step |= catalogue.ended_after(step, entry.minutes)
    return MappedStep({**mapped.item, **entry.item, STEP: [step]}, [*mapped.warnings], mapped.source)


def patient(mapping: SiteMapping, segments: Mapping[str, list[Segment]]) -> MappedStep:
    """What the patient and visit segments of an ADT message say, as attributes of groups 0010 and 0038.

    Raises MappingError when the patient is not identified.
    """
    mapped = MappedStep({})
    group = OrderGroup(dict(segments))
    mapped.item.update(_evaluate(mapping.patient_lines, group, mapped.warnings, changing=True))
    for rule in mapping.patient_lines.rules:
        if rule.keyword == "PatientID" and not mapped.item.get(rule.keyword):
            raise _missing(rule, group)
    return mapped


def person(mapping: SiteMapping, item: Mapping[str, Value]) -> dict[str, Value]:
    """The part of `item` that is the patient's own, whatever the order or visit: what PID and PD1 say."""
    keywords = mapping.keywords_of_person
    return {keyword: value for keyword, value in item.items() if keyword in keywords and rules.is_patients(keyword)}


def admission(mapping: SiteMapping, segments: Mapping[str, list[Segment]]) -> str:
    """The number of the visit an ADT message is about, as the orders of that visit carry it; empty without one."""
    said = _evaluate(mapping.admission_lines, OrderGroup(dict(segments)), [], changing=True)
    return str(said.get("AdmissionID", ""))


def order_numbers(mapping: SiteMapping, group: OrderGroup) -> dict[str, Value]:
    """The placer and filler order numbers with their authorities, and the accession number: all a cancel needs."""
    return _evaluate(mapping.number_lines, group, [], changing=True)


def stations(mapping: SiteMapping, modality: str, group: OrderGroup) -> tuple[str, ...]:
    """The stations of an order that names none: those of the first rule it meets, else those of its modality."""
    for rule in mapping.station_rules:
        if rule.modalities and modality not in rule.modalities:
            continue
        if all(conditions.holds(condition, group) for condition in rule.conditions):
            return rule.stations
    return mapping.stations.get(modality) or mapping.stations.get(_ANY_MODALITY, ())


def _map(lines: RuleSet, group: OrderGroup, *, changing: bool) -> MappedStep:
    warnings: list[str] = []
    shape = group.shape()
    item = _evaluate(lines.item, group, warnings, changing=changing, shape=shape)
    step = _evaluate(lines.step, group, warnings, changing=changing, shape=shape)
    return MappedStep({**item, STEP: [step]}, warnings)


def _joined(common: MappedStep, own: MappedStep) -> MappedStep:
    item = {**common.item, **own.item, STEP: [{**common.step, **own.step}]}
    return MappedStep(item, [*common.warnings, *own.warnings])


def _assign_stations(mapping: SiteMapping, mapped: MappedStep, changing: bool) -> None:
    """An order without a station goes to those the site lists for it."""
    if changing or mapped.step.get(_STATION):
        return
    titles = stations(mapping, mapped.step.get("Modality", ""), mapped.source)
    if titles:
        mapped.step[_STATION] = "\\".join(titles)


def _evaluate(
    lines: Lines, group: OrderGroup, warnings: list[str], *, changing: bool, shape: Shape | None = None
) -> dict[str, Value]:
    item: dict[str, Value] = {}
    for reading in lines.worth_reading(shape or group.shape(), changing=changing):
        rule = reading.rule
        if rule.conditions and not all(conditions.holds(condition, group) for condition in rule.conditions):
            continue
        if rule.keyword in item:  # an earlier line for the same attribute said something
            continue
        value = (_recurring if rule.recurs else _read)(reading, group, warnings) if reading.places else None
        if value or (value is not None and not rule.required):  # what is required cannot be cleared
            item[rule.keyword] = value
        elif not changing and rule.default:
            item[rule.keyword] = rule.default
        elif not changing and rule.required and rule.last:
            raise _missing(rule, group)
    return item


def _recurring(reading: Reading, group: OrderGroup, warnings: list[str]) -> Value | None:
    """`_read`, remembered for what comes again with other orders."""
    place, known = reading.places[0], reading.known
    segment = group.segments[place.segment][0]
    text = segment.raw(place.field)
    if known is None or not segment.plain(text):
        return _read(reading, group, warnings)
    value = known.get(text)
    if value is not None:
        return value
    changed = len(warnings)
    value = _value(reading.rule, reading.places[:1], group, warnings)
    if value and changed == len(warnings) and len(text) <= _LONGEST_KNOWN:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[text] = value if isinstance(value, str) else encoding.Recurring(value)  # type: ignore[arg-type]
    return value if value is not None else _value(reading.rule, reading.places[1:], group, warnings)


def _read(reading: Reading, group: OrderGroup, warnings: list[str]) -> Value | None:
    """`_value`, without ado when the first place is the only one to be asked, as it nearly always is."""
    rule, places, place, _ = reading
    if place is None:
        return _value(rule, places, group, warnings)
    source = Source(group.segments[place.segment][0], place.field, 1, place.component, place.subcomponent)
    if source.is_null() or (rule.remark and rule.remark(source)):
        return _value(rule, places, group, warnings)
    value = rule.function(source)
    if not value:
        return None if len(places) == 1 and not rule.required else _value(rule, places, group, warnings)
    if isinstance(value, str) and encoding.fits(rule.keyword)(value):
        return value
    return _fitted(rule, _Origin(place, group, warnings), value)


def _value(rule: Rule, places: Iterable[Selector], group: OrderGroup, warnings: list[str]) -> Value | None:
    """The first place that says something, or all of them; an empty value when the first that is there says NULL."""
    values: list[Value] = []
    single = not rule.every
    giving: Selector | None = None
    for selector in places:
        found = selectors.sources(selector, group)
        for source in found:
            if rule.filters and not _admitted(rule, selector, source):
                continue
            if source.is_null():
                return ""
            value = rule.function(source)
            if rule.remark and (said := rule.remark(source)):
                _warn(warnings, f"{selectors.placed(selector, group)} {said}")
            if value:
                if single and len(found) == 1:
                    return _fitted(rule, _Origin(selector, group, warnings), value)
                values.append(value)
            elif rule.required and not (rule.remark and rule.remark(source)) and source.text().strip():
                raise _unusable(rule, selectors.placed(selector, group))
        giving = giving or (selector if values else None)
        if values and single:
            break
    return _fitted(rule, _Origin(giving, group, warnings), _flat(rule, values)) if giving else None


def _warn(warnings: list[str], text: str) -> None:
    """Once, however many lines read the same place."""
    if text not in warnings:
        warnings.append(text)


def _admitted(rule: Rule, selector: Selector, source: Source) -> bool:
    asked = (condition for condition in rule.filters if condition.selector.segment == selector.segment)
    return all(conditions.admits(condition, source) for condition in asked)


def _flat(rule: Rule, values: list[Value]) -> Value:
    """Several repetitions as several values or items of one attribute, as the lines of one text, or as one text."""
    if rule.join is not None:
        return rule.join.join(dict.fromkeys(map(str, values)))
    if len(values) == 1:
        return values[0]
    if encoding.layout(rule.keyword).vr in _LINES:
        return "\n".join(map(str, values))
    return [part for value in values for part in ([value] if isinstance(value, str) else value)]  # type: ignore[return-value]


class _Origin(NamedTuple):
    """Where a value comes from, and who is told what had to be changed of it."""

    selector: Selector
    group: OrderGroup
    warnings: list[str]

    def placed(self) -> Selector:
        """The place as it is counted in the whole message."""
        return selectors.placed(self.selector, self.group)


def _fitted(rule: Rule, origin: _Origin, value: Value) -> Value | None:
    if isinstance(value, str):
        return _fitted_text(rule.keyword, origin, value) or None
    parts = [
        _fitted_text(rule.keyword, origin, part) if isinstance(part, str) else _fitted_item(part, origin)
        for part in value
    ]
    return [part for part in parts if part] or None  # type: ignore[return-value]


def _fitted_item(item: Item, origin: _Origin) -> Item:
    return {keyword: _fitted_part(keyword, value, origin) for keyword, value in item.items()}


def _fitted_part(keyword: str, value: Value, origin: _Origin) -> Value:
    """A text of an item, or the items within it."""
    if isinstance(value, str):
        return _fitted_text(keyword, origin, value)
    return [_fitted_item(part, origin) for part in value if not isinstance(part, str)]


def _fitted_text(keyword: str, origin: _Origin, value: str) -> str:
    """`value` as its VR can hold it; empty, with a warning, when nothing of it can be kept."""
    if encoding.fits(keyword)(value):
        return value
    value = encoding.clean(keyword, value)
    violations = encoding.violations(keyword, value)
    return _mended(keyword, origin, value, violations) if violations else value


def _mended(keyword: str, origin: _Origin, value: str, violations: list[str]) -> str:
    selector = origin.placed()
    if encoding.is_identifier(keyword):
        raise MappingError(
            f"{selector} {violations[0]}; it goes into {keyword} and an identifier is never cut",
            location=selectors.location(selector),
            code=_DATA_TYPE,
        )
    if any(violation.startswith(_TOO_LONG) for violation in violations):
        value = encoding.cut(keyword, value) if encoding.layout(keyword).vr not in ("CS", "DS", "DA", "TM") else value
        origin.warnings.append(f"{selector} {violations[0]} and was cut for {keyword}")
        violations = encoding.violations(keyword, value)
    if violations:
        origin.warnings.append(f"{selector} {violations[0]} and was left out of {keyword}")
        return ""
    return value


def _unusable(rule: Rule, selector: selectors.Selector) -> MappingError:
    """What is required must not be taken from the next best place because the first one cannot be read."""
    return MappingError(
        f"{selector} holds nothing that can be used for {rule.keyword}",
        location=selectors.location(selector),
        code=_DATA_TYPE,
    )


def _missing(rule: Rule, group: OrderGroup) -> MappingError:
    wanted = rule.places
    places = ", ".join(map(str, wanted))
    location = selectors.location(selectors.placed(wanted[0], group)) if wanted else ""
    return MappingError(f"{rule.keyword} is required and {places} is empty", location=location, code=_MISSING)


def authority(item: Mapping[str, Value], keyword: str) -> str:
    """The namespace, else the universal id, in an identifier sequence of `item`; empty when it names none."""
    sequence = item.get(keyword)
    if not sequence or isinstance(sequence, str) or isinstance(sequence[0], str):
        return ""
    first = sequence[0]
    return str(first.get("LocalNamespaceEntityID") or first.get("UniversalEntityID") or "")

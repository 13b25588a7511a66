"""A mapping ready for use: its lines, where orders go, what is sent (RAD-2, RAD-4 to RAD-5; RAD TF-2 Appendix B)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from swf.dicom import encoding
from swf.dicom.encoding import Value
from swf.hl7.message import Shape
from swf.mapping import document
from swf.mapping.accession import Accession
from swf.mapping.catalogue import Catalogue
from swf.mapping.conditions import Condition
from swf.mapping.functions import Function
from swf.mapping.selectors import Selector, Source
from swf.mapping.templates import Template

STEP = document.STEP
OWN_SEGMENT = "IPC"  # one for each scheduled procedure step (HL7 2.5.1 4.5.6)
PERSON_SEGMENTS = frozenset({"PID", "PD1"})
PLACER = "PlacerOrderNumberImagingServiceRequest"
FILLER = "FillerOrderNumberImagingServiceRequest"
PLACER_AUTHORITY = "OrderPlacerIdentifierSequence"
FILLER_AUTHORITY = "OrderFillerIdentifierSequence"
ORDER_NUMBERS = frozenset({PLACER, FILLER, PLACER_AUTHORITY, FILLER_AUTHORITY, "AccessionNumber"})
_NAMES_A_STEP = frozenset({"Modality", "ScheduledProcedureStepID"})
_PATIENT_SEGMENTS = PERSON_SEGMENTS | {"PV1", "PV2", "AL1", "OBX"}
_PATIENT_GROUPS = frozenset({0x0010, 0x0038})
# A visit's number stays with the order it came with
_NOT_THE_PATIENTS = frozenset({"AdmissionID", "IssuerOfAdmissionIDSequence"})
_MOST_SHAPES, _LARGEST_SHAPE = 200, 1000  # a hostile message has ten thousands of fields, and each time others


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: where an attribute comes from, tried in order, and what to do when nothing is there.

    `default_selectors` are read for new orders only, after the others. `conditions` decide whether the line counts for
    an order at all; `filters` choose among the occurrences of what it reads. Of several lines for one attribute, only
    the `last` refuses an order. A line that `recurs` reads what many orders share, such as codes, rooms and physicians.
    `remark` tells what the function had to leave out.
    """

    keyword: str
    selectors: tuple[Selector, ...]
    function: Function
    function_name: str
    default: str
    required: bool
    path: Path
    line: int
    default_selectors: tuple[Selector, ...] = ()
    conditions: tuple[Condition, ...] = ()
    filters: tuple[Condition, ...] = ()
    join: str | None = None
    every: bool = False
    last: bool = True
    remark: Callable[[Source], str] | None = None
    recurs: bool = False

    @property
    def places(self) -> tuple[Selector, ...]:
        """Every place it reads for a new order, in turn."""
        return self.selectors + self.default_selectors

    def reads(self, segment: str) -> bool:
        """Whether any of its places or conditions is in `segment`."""
        return segment in self._segments

    def reads_only(self, segments: frozenset[str]) -> bool:
        """Whether all of its places and conditions are in `segments`."""
        return segments.issuperset(self._segments)

    @property
    def _segments(self) -> set[str]:
        asked = (condition.selector for condition in self.conditions)
        return {place.segment for place in (*self.places, *asked)}


class Reading(NamedTuple):
    """A rule with its places that say anything in messages of one shape.

    `first` is the first of them when it is read at once, as nearly all are: no repetitions, nothing to choose from.
    `known` are the values a rule that recurs has made of what stood there so far.
    """

    rule: Rule
    places: tuple[Selector, ...]
    first: Selector | None
    known: dict[str, Value] | None


class Lines:
    """Rules in the order they are tried; remembers which of them find anything in messages of the same shape."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._found: dict[tuple[Shape, bool], tuple[Reading, ...]] = {}

    def worth_reading(self, shape: Shape, *, changing: bool) -> tuple[Reading, ...]:
        """The rules that may give a value or refuse the order, each with its places that say anything.

        `changing` leaves out what counts for new orders only.
        """
        key = (shape, changing)
        found = self._found.get(key)
        if found is None:
            found = tuple(self._look(shape, changing=changing))
            if sum(sum(fields) for _, *segments in shape for fields in segments) <= _LARGEST_SHAPE:
                if len(self._found) >= _MOST_SHAPES:
                    self._found.clear()
                self._found[key] = found
        return found

    def _look(self, shape: Shape, *, changing: bool) -> Iterator[Reading]:
        said = {
            (name, number)
            for name, *segments in shape
            for fields in segments
            for number, there in enumerate(fields)
            if there
        }
        for rule in self.rules:
            wanted = rule.selectors if changing else rule.places
            places = tuple(place for place in wanted if (place.segment, place.field) in said)
            if places or (not changing and (rule.default or rule.required)):
                at_once = bool(places) and not (rule.every or rule.filters or places[0].picks)
                yield Reading(rule, places, places[0] if at_once else None, {} if rule.recurs else None)


class RuleSet(NamedTuple):
    """Lines of the item itself, and of the one item of its Scheduled Procedure Step Sequence."""

    item: Lines
    step: Lines


class StationRule(NamedTuple):
    """The stations of orders that meet the conditions, of these modalities; no modality means any."""

    modalities: frozenset[str]
    conditions: tuple[Condition, ...]
    stations: tuple[str, ...]


@dataclass(frozen=True)
class SiteMapping:
    """A mapping ready for use: rules of the item and of its step, stations, catalogue, numbers, templates."""

    path: Path
    rules: tuple[Rule, ...]
    step_rules: tuple[Rule, ...]
    stations: Mapping[str, tuple[str, ...]]
    station_rules: tuple[StationRule, ...]
    catalogue: Catalogue | None
    accession: Accession
    messages: Mapping[str, Template]

    @cached_property
    def order_lines(self) -> RuleSet:
        """What all steps of an order have in common: the attributes that do not come from a step's own segment."""
        return self._which(lambda own: not own)

    @cached_property
    def procedure_lines(self) -> RuleSet:
        """What each step has for itself."""
        return self._which(lambda own: own)

    @cached_property
    def number_lines(self) -> Lines:
        """What names an order: all that a cancel needs."""
        return Lines(rule for rule in self.rules if rule.keyword in ORDER_NUMBERS)

    @cached_property
    def admission_lines(self) -> Lines:
        """What names a visit."""
        return Lines(rule for rule in self.rules if rule.keyword == "AdmissionID")

    @cached_property
    def patient_lines(self) -> Lines:
        """The lines an ADT message is read by: those of groups 0010 and 0038 that need no order."""
        return Lines(rule for rule in self.rules if rule.reads_only(_PATIENT_SEGMENTS) and is_patients(rule.keyword))

    @cached_property
    def keywords_of_person(self) -> frozenset[str]:
        """The attributes that are the patient's own, whatever the order or visit."""
        others = {rule.keyword for rule in self.rules if not rule.reads_only(PERSON_SEGMENTS)}
        return frozenset(rule.keyword for rule in self.rules) - others

    @cached_property
    def step_places(self) -> tuple[Selector, ...]:
        """Where a message names a step itself, so that the catalogue does not."""
        named = (rule.selectors for rule in self.step_rules if rule.keyword in _NAMES_A_STEP)
        return tuple(selector for places in named for selector in places)

    def _which(self, wanted: Callable[[bool], bool]) -> RuleSet:
        return RuleSet(_those(self.rules, wanted), _those(self.step_rules, wanted))


def is_patients(keyword: str) -> bool:
    """Whether an attribute is of the patient or of a visit, and not of an order."""
    return encoding.layout(keyword).tag >> 16 in _PATIENT_GROUPS and keyword not in _NOT_THE_PATIENTS


def _those(rules: Iterable[Rule], wanted: Callable[[bool], bool]) -> Lines:
    """The rules of attributes that have, or have not, a line that reads a step's own segment."""
    known = tuple(rules)
    own = {rule.keyword for rule in known if rule.reads(OWN_SEGMENT)}
    return Lines(rule for rule in known if wanted(rule.keyword in own))

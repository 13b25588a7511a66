"""Reads a site's mapping file, checks every line and reports all mistakes with file and line.

A mapping is data: `[attributes]` has one line per DICOM attribute, `[stations]` the stations of a modality,
`[messages]` the templates of what is sent. Everything a line names (keyword, place, function) is looked up here, once.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydicom.datadict import keyword_dict

from swf.dicom import encoding
from swf.errors import ConfigError
from swf.hl7 import dictionary
from swf.mapping import functions, selectors, templates
from swf.mapping.functions import Function
from swf.mapping.selectors import Selector
from swf.mapping.templates import Template

_LINE_KEYS = frozenset({"from", "as", "default", "required"})
_ABSENT = {"as": "text", "default": "", "required": False}
_SECTIONS = frozenset({"hl7_versions", "attributes", "stations", "messages"})
STEP = "ScheduledProcedureStepSequence"
OWN_SEGMENT = "IPC"  # one for each scheduled procedure step (HL7 2.5.1 4.5.6)
PERSON_SEGMENTS = frozenset({"PID", "PD1"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: where an attribute comes from, tried in order, and what to do when nothing is there."""

    keyword: str
    selectors: tuple[Selector, ...]
    function: Function
    default: str
    required: bool
    line: int

    def reads(self, segment: str) -> bool:
        """Whether any of its places is in `segment`."""
        return any(selector.segment == segment for selector in self.selectors)

    def reads_only(self, segments: frozenset[str]) -> bool:
        """Whether all of its places are in `segments`."""
        return all(selector.segment in segments for selector in self.selectors)


class RuleSet(NamedTuple):
    """Rules of the item itself, and of the one item of its Scheduled Procedure Step Sequence."""

    item: tuple[Rule, ...]
    step: tuple[Rule, ...]


@dataclass(frozen=True)
class SiteMapping:
    """A mapping ready for use: rules of the item and of its step, stations by modality, templates by message type."""

    path: Path
    rules: tuple[Rule, ...]
    step_rules: tuple[Rule, ...]
    stations: Mapping[str, tuple[str, ...]]
    messages: Mapping[str, Template]

    @cached_property
    def order_rules(self) -> RuleSet:
        """What all steps of an order have in common: the rules that do not read a step's own segment."""
        return self._which(lambda rule: not rule.reads(OWN_SEGMENT))

    @cached_property
    def procedure_rules(self) -> RuleSet:
        """What each step has for itself."""
        return self._which(lambda rule: rule.reads(OWN_SEGMENT))

    @cached_property
    def keywords_of_person(self) -> frozenset[str]:
        """The attributes that are the patient's own, whatever the order or visit."""
        return frozenset(rule.keyword for rule in self.rules if rule.reads_only(PERSON_SEGMENTS))

    def _which(self, condition: Callable[[Rule], bool]) -> RuleSet:
        return RuleSet(tuple(filter(condition, self.rules)), tuple(filter(condition, self.step_rules)))


def load(path: Path) -> SiteMapping:
    """The mapping in the file `path`; raises ConfigError with every mistake as `file:line: what`."""
    try:
        content = path.read_text(encoding="utf-8")
        table = tomllib.loads(content)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: {error}"]) from error
    reader = _Reader(path, content)
    mapping = reader.mapping(table)
    if reader.mistakes:
        raise ConfigError(reader.mistakes)
    return mapping


class _Reader:
    """Collects mistakes while it reads, so that one run tells all of them."""

    def __init__(self, path: Path, content: str) -> None:
        self.path = path
        self.mistakes: list[str] = []
        self._lines = content.splitlines()
        self._versions: tuple[str, ...] = ()

    def mapping(self, table: Mapping[str, Any]) -> SiteMapping:
        for name in table.keys() - _SECTIONS:
            self._mistake(name, f"there is no section {name}{_nearest(name, _SECTIONS)}")
        self._versions = self._texts("hl7_versions", table.get("hl7_versions", ["2.5.1"]), "a list of versions")
        lines = self._section(table, "attributes")
        steps = self._section(lines, STEP)
        lines.pop(STEP, None)
        if not steps:
            self._mistake("attributes", f"[attributes.{STEP}] is missing; without it no modality finds a step")
        stations = self._section(table, "stations")
        return SiteMapping(
            path=self.path,
            rules=self._rules(lines, inside=""),
            step_rules=self._rules(steps, inside=STEP),
            stations={modality: self._titles(modality, value) for modality, value in stations.items()},
            messages=self._templates(self._section(table, "messages")),
        )

    def _section(self, table: Mapping[str, Any], name: str) -> dict[str, Any]:
        found = table.get(name, {})
        if isinstance(found, dict):
            return dict(found)
        self._mistake(name, f"{name} must be a section of lines")
        return {}

    def _texts(self, key: str, value: Any, wanted: str, inside: str = "") -> tuple[str, ...]:
        """The texts of a list, or of one text; none, and a mistake, when it is anything else."""
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return tuple(texts)
        self._mistake(key, f"{key} must be {wanted}", inside)
        return ()

    def _rules(self, lines: Mapping[str, Any], inside: str) -> tuple[Rule, ...]:
        rules = (self._rule(keyword, line, inside) for keyword, line in lines.items())
        return tuple(rule for rule in rules if rule is not None)

    def _rule(self, keyword: str, line: Any, inside: str) -> Rule | None:
        if not isinstance(line, dict):
            self._mistake(keyword, f'{keyword} must be written like {{ from = "PID-3.1" }}', inside)
            return None
        for key in line.keys() - _LINE_KEYS:
            self._mistake(keyword, f"{keyword} has no setting {key}{_nearest(key, _LINE_KEYS)}", inside)
        function, default, required = (line.get(key, absent) for key, absent in _ABSENT.items())
        self._value(keyword, (function, default), inside)
        if not isinstance(required, bool):
            self._mistake(keyword, f"{keyword}: required must be true or false", inside)
        return Rule(
            keyword=keyword,
            selectors=self._selectors(keyword, line.get("from", []), inside),
            function=functions.FUNCTIONS.get(str(function), functions.text),
            default=str(default),
            required=bool(required),
            line=self._line(keyword, inside),
        )

    def _value(self, keyword: str, value: tuple[Any, Any], inside: str) -> None:
        """Whether the attribute exists, and can hold what the function and the default give it."""
        function, default = value
        if function not in functions.FUNCTIONS:
            self._mistake(keyword, f"there is no function {function}{_nearest(function, functions.FUNCTIONS)}", inside)
            return
        try:
            is_sequence = encoding.layout(keyword).vr == "SQ"
            violations = [] if is_sequence else encoding.violations(keyword, str(default))
        except ValueError as error:
            self._mistake(keyword, f"{error}{_nearest(keyword, keyword_dict.keys() - {keyword})}", inside)
            return
        if is_sequence is not (function in functions.OF_ITEMS) or (is_sequence and default):
            kind = f"a sequence; read it as {', '.join(sorted(functions.OF_ITEMS))}" if is_sequence else "no sequence"
            self._mistake(keyword, f"{keyword} is {kind}", inside)
        for violation in violations:
            self._mistake(keyword, f"{keyword}: the default {violation}", inside)

    def _selectors(self, keyword: str, places: Any, inside: str) -> tuple[Selector, ...]:
        found = []
        for place in self._texts(keyword, places, 'read from a place such as "PID-3.1", or from a list', inside):
            try:
                selector = selectors.parse(place)
            except ValueError as error:
                self._mistake(keyword, str(error), inside)
                continue
            problem = self._selector_problem(selector)
            if problem:
                self._mistake(keyword, problem, inside)
            found.append(selector)
        return tuple(found)

    def _selector_problem(self, selector: Selector) -> str | None:
        """A place is good when any of the site's HL7 versions has it."""
        problems = [
            dictionary.selector_problem(version, selector.segment, selector.field, selector.component)
            for version in self._versions
        ]
        return problems[-1] if problems and all(problems) else None

    def _titles(self, modality: str, value: Any) -> tuple[str, ...]:
        titles = self._texts(modality, value, "an AE title or a list of them", "stations")
        for title in titles:
            for violation in encoding.violations("ScheduledStationAETitle", title):
                self._mistake(modality, f"the station of {modality} {violation}", "stations")
        return titles

    def _templates(self, table: Mapping[str, Any]) -> dict[str, Template]:
        found = {}
        for kind, file in table.items():
            try:
                found[kind] = templates.load(self.path.parent / str(file))
            except ValueError as error:
                self._mistake(f'"{kind}"', str(error), "messages")
        return found

    def _mistake(self, key: str, text: str, inside: str = "") -> None:
        self.mistakes.append(f"{self.path}:{self._line(key, inside)}: {text}")

    def _line(self, key: str, inside: str) -> int:
        """The line a key stands on, searched from its section's headline; tomllib does not tell."""
        headline = f".{inside}]" if inside not in ("", "stations", "messages") else f"[{inside}]"
        begin = next((n for n, line in enumerate(self._lines) if inside and line.strip().endswith(headline)), 0)
        form = re.compile(rf"\s*\[?(?:[A-Za-z]+\.)?{re.escape(key)}\s*(?:=|\])")
        return next((n + 1 for n in range(begin, len(self._lines)) if form.match(self._lines[n])), begin + 1)


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""

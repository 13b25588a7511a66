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

from swf.dicom import encoding
from swf.errors import ConfigError
from swf.hl7 import dictionary
from swf.mapping import functions, selectors, templates
from swf.mapping.functions import Function
from swf.mapping.selectors import Selector
from swf.mapping.templates import Template

_LINE_KEYS = frozenset({"from", "as", "default", "required"})
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
    reader = _Reader(path, content, tuple(map(str, table.get("hl7_versions", ["2.5.1"]))))
    mapping = reader.mapping(table)
    if reader.mistakes:
        raise ConfigError(reader.mistakes)
    return mapping


class _Reader:
    """Collects mistakes while it reads, so that one run tells all of them."""

    def __init__(self, path: Path, content: str, versions: tuple[str, ...]) -> None:
        self.path = path
        self.mistakes: list[str] = []
        self._lines = content.splitlines()
        self._versions = versions

    def mapping(self, table: Mapping[str, Any]) -> SiteMapping:
        for name in table.keys() - _SECTIONS:
            self._mistake(name, f"there is no section {name}{_nearest(name, _SECTIONS)}")
        lines = dict(table.get("attributes", {}))
        steps = lines.pop(STEP, None)
        if not steps:
            self._mistake("attributes", f"[attributes.{STEP}] is missing; without it no modality finds a step")
        return SiteMapping(
            path=self.path,
            rules=self._rules(lines, inside=""),
            step_rules=self._rules(steps or {}, inside=STEP),
            stations={modality: self._titles(modality, value) for modality, value in table.get("stations", {}).items()},
            messages=self._templates(table.get("messages", {})),
        )

    def _rules(self, lines: Mapping[str, Any], inside: str) -> tuple[Rule, ...]:
        rules = (self._rule(keyword, line, inside) for keyword, line in lines.items())
        return tuple(rule for rule in rules if rule is not None)

    def _rule(self, keyword: str, line: Any, inside: str) -> Rule | None:
        if not isinstance(line, dict):
            self._mistake(keyword, f'{keyword} must be written like {{ from = "PID-3.1" }}', inside)
            return None
        for key in line.keys() - _LINE_KEYS:
            self._mistake(keyword, f"{keyword} has no setting {key}{_nearest(key, _LINE_KEYS)}", inside)
        self._keyword(keyword, inside)
        places = line.get("from", [])
        function = str(line.get("as", "text"))
        if function not in functions.FUNCTIONS:
            self._mistake(keyword, f"there is no function {function}{_nearest(function, functions.FUNCTIONS)}", inside)
        return Rule(
            keyword=keyword,
            selectors=self._selectors(keyword, [places] if isinstance(places, str) else places, inside),
            function=functions.FUNCTIONS.get(function, functions.text),
            default=str(line.get("default", "")),
            required=bool(line.get("required", False)),
            line=self._line(keyword, inside),
        )

    def _keyword(self, keyword: str, inside: str) -> None:
        try:
            encoding.layout(keyword)
        except ValueError as error:
            self._mistake(keyword, str(error), inside)

    def _selectors(self, keyword: str, places: Iterable[str], inside: str) -> tuple[Selector, ...]:
        found = []
        for place in places:
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
        titles = (value,) if isinstance(value, str) else tuple(map(str, value))
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
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""

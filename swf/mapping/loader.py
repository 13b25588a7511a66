"""Reads a site's mapping file, checks every line and reports all mistakes with file and line.

A mapping is data: `[attributes]` has one line per DICOM attribute, `[stations]` the stations of a modality,
`[messages]` the templates of what is sent. Everything a line names (keyword, place, function) is looked up here, once.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swf.dicom import encoding
from swf.errors import ConfigError
from swf.hl7 import dictionary
from swf.mapping import functions, selectors, templates
from swf.mapping.functions import Function
from swf.mapping.selectors import Selector
from swf.mapping.templates import Template

_LINE_KEYS = frozenset({"from", "as", "default", "required"})
_SECTIONS = frozenset({"hl7_versions", "attributes", "stations", "messages"})
_STEP = "ScheduledProcedureStepSequence"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: where an attribute comes from, tried in order, and what to do when nothing is there."""

    keyword: str
    selectors: tuple[Selector, ...]
    function: Function
    default: str
    required: bool
    line: int


@dataclass(frozen=True, slots=True)
class SiteMapping:
    """A mapping ready for use: rules of the item, rules inside its sequences, stations and templates."""

    path: Path
    rules: tuple[Rule, ...]
    sequences: Mapping[str, tuple[Rule, ...]]
    stations: Mapping[str, tuple[str, ...]]
    messages: Mapping[str, Template]


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
        attributes = table.get("attributes", {})
        sequences = {key: value for key, value in attributes.items() if isinstance(value, dict) and _is_table(value)}
        lines = {key: value for key, value in attributes.items() if key not in sequences}
        if _STEP not in sequences:
            self._mistake("attributes", f"[attributes.{_STEP}] is missing; without it no modality finds a step")
        return SiteMapping(
            path=self.path,
            rules=self._rules(lines, inside=""),
            sequences={key: self._rules(value, inside=key) for key, value in sequences.items() if self._sequence(key)},
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

    def _sequence(self, keyword: str) -> bool:
        try:
            is_sequence = encoding.layout(keyword).vr == "SQ"
        except ValueError:
            is_sequence = False
        if not is_sequence:
            self._mistake(keyword, f"[attributes.{keyword}] is no sequence of the DICOM dictionary")
        return is_sequence

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


def _is_table(value: Mapping[str, Any]) -> bool:
    """Whether this is a section of lines and not a line: its values are lines themselves."""
    return not value.keys() & _LINE_KEYS and all(isinstance(entry, dict) for entry in value.values())


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""

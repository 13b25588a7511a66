"""Mapping files as they extend each other: sections of lines, each line with the file and the number it stands on.

`extends = "default.toml"` (or a list) puts a file on top of others: a line replaces the line of that name below it,
`false` takes it away. Paths are relative to the file they stand in; `swf:default.toml` is the one that came with swf.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from swf import config
from swf.errors import ConfigError
from swf.mapping.files import Files

STEP = "ScheduledProcedureStepSequence"
TOP, ATTRIBUTES, STEPS, STATIONS, RULES = "", "attributes", f"attributes.{STEP}", "stations", "station_rules"
MESSAGES, CATALOGUE, IDENTIFIERS, SCHEMES = "messages", "catalogue", "identifiers", "coding_schemes"
_TABLES = (ATTRIBUTES, STATIONS, MESSAGES, CATALOGUE, IDENTIFIERS, SCHEMES)
_EXTENDS, _VERSIONS = "extends", "hl7_versions"
_KNOWN = (_EXTENDS, _VERSIONS, *_TABLES, RULES)
_DEFAULT_VERSIONS = ("2.5.1",)
SHIPPED = "swf:"


class Place(NamedTuple):
    """Where a line stands, which files are read from there, and which versions of HL7 its places must exist in."""

    path: Path
    line: int
    versions: tuple[str, ...] = _DEFAULT_VERSIONS

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Line(NamedTuple):
    """What a key was given, and where."""

    value: Any
    place: Place


@dataclass
class Findings:
    """Mistakes, collected while reading `files` so that one run tells all of them."""

    files: Files = field(default_factory=Files)
    found: list[tuple[Path, int, str]] = field(default_factory=list)

    def add(self, path: Path, line: int, text: str) -> None:
        """Remember one."""
        self.found.append((path, line, text))

    def raise_any(self) -> None:
        """Raise ConfigError with every mistake as `file:line: what`, in the order of the files; or do nothing."""
        order = {path: number for number, path in enumerate(self.files.seen)}
        ranked = sorted(self.found, key=lambda each: (order.get(each[0], len(order)), each[1]))
        if ranked:
            raise ConfigError(list(dict.fromkeys(f"{path}:{line}: {text}" for path, line, text in ranked)))


@dataclass
class Document:
    """The lines in force by section and key, the station rules in order, and the files they come from."""

    sections: dict[str, dict[str, Line]] = field(default_factory=dict)
    rules: list[Line] = field(default_factory=list)
    versions: tuple[str, ...] = _DEFAULT_VERSIONS
    headline: int = 1  # of [attributes] in the uppermost file
    replaced: set[tuple[str, str, Place]] = field(default_factory=set)

    def lines(self, section: str) -> Mapping[str, Line]:
        """The lines of a section; none when no file has it."""
        return self.sections.get(section, {})

    def cover(self, upper: "Document") -> None:
        """Lay another document on top of this one.

        A line that both took over from the same file does not undo what replaced it here.
        """
        for section, lines in upper.sections.items():
            below = self.sections.setdefault(section, {})
            for key, line in lines.items():
                if (section, key, line.place) in self.replaced:
                    continue
                if key in below and below[key].place != line.place:
                    self.replaced.add((section, key, below[key].place))
                below[key] = line
        self.replaced |= upper.replaced
        self.rules = [*upper.rules, *(rule for rule in self.rules if rule not in upper.rules)]
        self.versions, self.headline = upper.versions, upper.headline


def read(path: Path, findings: Findings) -> Document:
    """The document in the file and in those it extends; mistakes go to `findings`.

    Raises ConfigError when the file itself cannot be read.
    """
    document = _read(path, (), findings)
    for lines in document.sections.values():
        for key in [key for key, line in lines.items() if line.value is False]:
            del lines[key]
    return document


def _read(path: Path, around: tuple[Path, ...], findings: Findings) -> Document:
    content, table = _parsed(path, findings.files)
    source = _Source(path, content, findings)
    below = Document()
    for name in source.texts(table, _EXTENDS, "the name of a mapping file, or a list of them"):
        below.cover(_extended(source, name, (*around, path.resolve())))
    own = source.document(table, below.versions)
    source.refuse_idle_removals(own, below)
    below.cover(own)
    return below


def _extended(source: "_Source", name: str, around: tuple[Path, ...]) -> Document:
    path = beside(source.path, name)
    if path.resolve() in around:
        source.mistake(_EXTENDS, f"{name} extends this file in turn; a file cannot extend itself")
        return Document()
    try:
        return _read(path, around, source.findings)
    except ConfigError as error:
        source.mistake(_EXTENDS, "; ".join(error.mistakes))
        return Document()


def beside(path: Path, name: str) -> Path:
    """The file of that name, relative to the file `path` or, behind `swf:`, to the mappings that came with swf."""
    if name.startswith(SHIPPED):
        return config.shipped_mappings() / name.removeprefix(SHIPPED)
    return Path(os.path.normpath(path.parent / name))


def _parsed(path: Path, files: Files) -> tuple[str, dict[str, Any]]:
    try:
        content = files.text(path)
        return content, tomllib.loads(content)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: {error}"]) from error


class _Source:
    """One file: its lines by section, each with its number; tomllib does not tell them."""

    def __init__(self, path: Path, content: str, findings: Findings) -> None:
        self.path = path
        self.findings = findings
        self._lines = content.splitlines()

    def document(self, table: Mapping[str, Any], inherited: tuple[str, ...]) -> Document:
        for name in table.keys() - set(_KNOWN):
            self.mistake(name, f"there is no section {name}{nearest(name, _KNOWN)}")
        versions = self.texts(table, _VERSIONS, "a list of versions") or inherited
        tables = {name: self._table(table, name) for name in _TABLES}
        tables[STEPS] = self._table(tables[ATTRIBUTES], STEP, ATTRIBUTES)
        tables[ATTRIBUTES].pop(STEP, None)
        sections = {
            section: {key: Line(value, self._place(key, section, versions)) for key, value in lines.items()}
            for section, lines in tables.items()
            if lines
        }
        rules = self._rules(table.get(RULES, []), versions)
        return Document(sections, rules, versions, self._line(ATTRIBUTES, TOP))

    def texts(self, table: Mapping[str, Any], key: str, wanted: str) -> tuple[str, ...]:
        value = table.get(key, [])
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return tuple(texts)
        self.mistake(key, f"{key} must be {wanted}")
        return ()

    def refuse_idle_removals(self, own: Document, below: Document) -> None:
        """`false` for a line nobody wrote is a slip of the pen."""
        for section, lines in own.sections.items():
            for key, line in lines.items():
                if line.value is False and key not in below.lines(section):
                    text = f"there is no line {key} to take away{nearest(key, below.lines(section))}"
                    self.findings.add(line.place.path, line.place.line, text)

    def mistake(self, key: str, text: str, section: str = TOP) -> None:
        self.findings.add(self.path, self._line(key, section), text)

    def _table(self, table: Mapping[str, Any], name: str, section: str = TOP) -> dict[str, Any]:
        found = table.get(name, {})
        if isinstance(found, dict):
            return dict(found)
        self.mistake(name, f"{name} must be a section of lines", section)
        return {}

    def _rules(self, rules: Any, versions: tuple[str, ...]) -> list[Line]:
        if not isinstance(rules, list):
            self.mistake(RULES, f"{RULES} must be written as [[{RULES}]]")
            return []
        heads = [number + 1 for number, line in enumerate(self._lines) if line.strip().startswith(f"[[{RULES}]]")]
        single = self._line(RULES, TOP)
        numbers = [*heads, *[single] * len(rules)]
        return [Line(rule, Place(self.path, number, versions)) for rule, number in zip(rules, numbers, strict=False)]

    def _place(self, key: str, section: str, versions: tuple[str, ...]) -> Place:
        return Place(self.path, self._line(key, section), versions)

    def _line(self, key: str, section: str) -> int:
        """The line a key stands on, searched from its section's headline."""
        begin = self._headline(section)
        form = re.compile(rf'\s*\[?(?:[A-Za-z_]+\.)?"?{re.escape(key)}"?\s*(?:=|\])')
        return next((n + 1 for n in range(begin, len(self._lines)) if form.match(self._lines[n])), begin + 1)

    def _headline(self, section: str) -> int:
        if not section:
            return 0
        form = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]")
        return next((n for n, line in enumerate(self._lines) if form.match(line)), 0)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing when nothing is like it."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""

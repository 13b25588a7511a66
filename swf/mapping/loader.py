"""Reads a site's mapping, checks every line and reports all mistakes with file and line.

A mapping is data: `[attributes]` has one line (or a list of them) per DICOM attribute, `[stations]` and
`[[station_rules]]` say where orders go, `[catalogue]` what a procedure consists of, `[identifiers]` how numbers are
made, `[messages]` what is sent. Everything a line names is looked up here, once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.datadict import keyword_dict

from swf.dicom import encoding
from swf.dicom.encoding import Value
from swf.hl7 import dictionary
from swf.mapping import (
    accession,
    catalogue,
    check_digits,
    conditions,
    document,
    functions,
    selectors,
    tables,
    templates,
)
from swf.mapping.accession import Accession
from swf.mapping.catalogue import Catalogue
from swf.mapping.check_digits import Scheme
from swf.mapping.conditions import Condition
from swf.mapping.document import Document, Findings, Line, Place, nearest
from swf.mapping.files import OUTSIDE, Files
from swf.mapping.functions import Function
from swf.mapping.rules import Rule, SiteMapping, StationRule
from swf.mapping.selectors import Selector, Source
from swf.mapping.templates import Template

_ABSENT = {
    "from": [],
    "as": "text",
    "default": "",
    "default_from": [],
    "required": False,
    "when": {},
    "table": "",
    "column": tables.VALUE,
    "else": None,
    "join": None,
    "every": False,
}
_LINE_KEYS = _ABSENT.keys()
_STATION_KEYS = ("modality", "location", "code", "when", "stations")
_STATION_PLACES = {"location": "PV1-3.1", "code": "OBR-4.1"}
_CATALOGUE_KEYS = ("file", "by")
_IDENTIFIER_KEYS = ("accession", "check")
_UNIVERSAL_SERVICE_ID = "OBR-4.1"


def load(path: Path, files: Files | None = None) -> SiteMapping:
    """The mapping in the file `path` and those it extends, read from disk unless `files` say otherwise.

    Raises ConfigError with every mistake as `file:line: what`.
    """
    findings = Findings(files or Files())
    written = document.read(path, findings)
    mapping = _Reader(findings).mapping(path, written)
    findings.raise_any()
    return mapping


class _Reader:
    """Looks up what the lines name, and collects what is not there."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._schemes: dict[str, str] = {}

    def mapping(self, path: Path, written: Document) -> SiteMapping:
        steps = written.lines(document.STEPS)
        if not steps:
            text = f"[{document.STEPS}] is missing; without it no modality finds a step"
            self._findings.add(path, written.headline, text)
        stations = written.lines(document.STATIONS).items()
        self._schemes = self._coding_schemes(written.lines(document.SCHEMES))
        return SiteMapping(
            path=path,
            rules=tuple(self._rules(written.lines(document.ATTRIBUTES))),
            step_rules=tuple(self._rules(steps)),
            stations={name: self._titles(line.place, name, line.value) for name, line in stations},
            station_rules=tuple(map(self._station_rule, written.rules)),
            catalogue=self._catalogue(written.lines(document.CATALOGUE)),
            accession=self._accession(written.lines(document.IDENTIFIERS)),
            messages=self._templates(written.lines(document.MESSAGES)),
        )

    # ---- lines ----

    def _rules(self, lines: Mapping[str, Line]) -> Iterator[Rule]:
        for keyword, line in lines.items():
            given = line.value if isinstance(line.value, list) else [line.value]
            if not given or not all(isinstance(each, dict) for each in given):
                self._mistake(line.place, f'{keyword} must be written like {{ from = "PID-3.1" }}')
                continue
            required = any(each.get("required") is True for each in given)
            for number, each in enumerate(given, start=1):
                yield self._rule(keyword, each, line.place, required=required, last=number == len(given))

    def _rule(self, keyword: str, line: Mapping[str, Any], place: Place, *, required: bool, last: bool) -> Rule:
        self._unknown_keys(place, keyword, line, _LINE_KEYS)
        given = {**_ABSENT, **line}
        for key in ("required", "every"):
            if not isinstance(given[key], bool):
                self._mistake(place, f"{keyword}: {key} must be true or false")
        if given["join"] is not None and not isinstance(given["join"], str):
            self._mistake(place, f"{keyword}: join must be a text that is put between the values")
        function, name = self._function(keyword, given, place)
        places = self._selectors(keyword, given["from"], place)
        asked = self._conditions(keyword, given["when"], place)
        rule = Rule(
            keyword=keyword,
            selectors=places,
            function=function,
            function_name=name,
            default=str(given["default"]),
            required=required,
            path=place.path,
            line=place.line,
            default_selectors=self._selectors(keyword, given["default_from"], place),
            conditions=tuple(conditions.widened(each, places) for each in asked),
            filters=conditions.own(asked, places),
            join=given["join"],
            every=given["every"] is True or given["join"] is not None,
            last=last,
            remark=functions.REMARKS.get(name.partition(",")[0]),
        )
        return replace(rule, recurs=_recurs(rule))

    def _function(self, keyword: str, given: Mapping[str, Any], place: Place) -> tuple[Function, str]:
        """What makes the value: the functions of `as` one after the other, then the table."""
        names = self._texts(place, f"{keyword}: as", given["as"], "a function or a list of functions") or ("text",)
        vr = self._vr(keyword, names[0], given, place)
        later: list[Callable[[str], str]] = []
        for name in names[1:]:
            if name in functions.ON_TEXT:
                later.append(functions.ON_TEXT[name])
            else:
                known = ", ".join(functions.ON_TEXT)
                self._mistake(place, f"{name} cannot follow another function; these can: {known}")
        shown = list(names)
        if given["table"]:
            later.append(self._table(keyword, given, place, known=vr not in ("", "SQ")).value)
            shown.append(str(given["table"]))
        function = functions.FUNCTIONS.get(names[0], functions.text)
        if names[0] in functions.OF_ITEMS and self._schemes:
            function = functions.with_schemes(function, self._schemes)
        return _chained(function, later), ", ".join(shown)

    def _vr(self, keyword: str, function: str, given: Mapping[str, Any], place: Place) -> str:
        """The VR of the attribute, after a look whether the function and the default can fill it; "" for none."""
        if function not in functions.FUNCTIONS:
            self._mistake(place, f"there is no function {function}{nearest(function, functions.FUNCTIONS)}")
            return ""
        default = str(given["default"])
        try:
            vr = encoding.layout(keyword).vr
            violations = [] if vr == "SQ" else encoding.violations(keyword, default)
        except ValueError as error:
            self._mistake(place, f"{error}{nearest(keyword, keyword_dict.keys() - {keyword})}")
            return ""
        is_sequence = vr == "SQ"
        if is_sequence is not (function in functions.OF_ITEMS) or (is_sequence and (default or given["table"])):
            kind = f"a sequence; read it as {', '.join(sorted(functions.OF_ITEMS))}" if is_sequence else "no sequence"
            self._mistake(place, f"{keyword} is {kind}")
        elif function in functions.ONLY_FOR and vr not in functions.ONLY_FOR[function]:
            wanted = " or ".join(functions.ONLY_FOR[function])
            self._mistake(place, f"{keyword} has the VR {vr}; {function} makes values of {wanted}")
        elif vr in functions.ONLY_BY and given["from"] and function not in functions.ONLY_BY[vr]:
            wanted = " or ".join(functions.ONLY_BY[vr])
            self._mistake(place, f"{keyword} has the VR {vr}; read it as {wanted}")
        for violation in violations:
            self._mistake(place, f"{keyword}: the default {violation}")
        return vr

    def _table(self, keyword: str, given: Mapping[str, Any], place: Place, *, known: bool) -> tables.Table:
        path = document.beside(place.path, str(given["table"]))
        otherwise = given["else"] if given["else"] is None else str(given["else"])

        def check(value: str) -> list[str]:
            return encoding.violations(keyword, value) if known else []

        for fault in check(otherwise) if otherwise and otherwise != tables.EVERY else ():
            self._mistake(place, f"{keyword}: else {fault}")
        if not self._is_there(path, place):
            return tables.Table(path.name, {}, "")
        column = str(given["column"])
        return tables.table(path, column, otherwise, check, self._complain(path), read=self._findings.files.text)

    def _is_there(self, path: Path, place: Place) -> bool:
        problem = self._findings.files.problem(path)
        if problem:
            self._mistake(place, f"{path}: {problem}")
        return not problem

    def _complain(self, path: Path) -> tables.Complain:
        return lambda line, text: self._findings.add(path, line, text)

    # ---- places and conditions ----

    def _selectors(self, keyword: str, places: Any, place: Place) -> tuple[Selector, ...]:
        wanted = 'read from a place such as "PID-3.1", or from a list'
        texts = self._texts(place, keyword, places, wanted)
        return tuple(found for text in texts if (found := self._selector(text, place)) is not None)

    def _selector(self, text: str, place: Place) -> Selector | None:
        try:
            selector = selectors.parse(text)
        except ValueError as error:
            self._mistake(place, str(error))
            return None
        problem = _selector_problem(selector, place.versions)
        if problem:
            self._mistake(place, problem)
        return selector

    def _conditions(self, keyword: str, when: Any, place: Place) -> tuple[Condition, ...]:
        if not isinstance(when, dict):
            self._mistake(place, f'{keyword}: when must be written like {{ "PV1-2" = "E" }}')
            return ()
        found = (self._condition(keyword, text, values, place) for text, values in when.items())
        return tuple(condition for condition in found if condition is not None)

    def _condition(self, keyword: str, text: str, values: Any, place: Place) -> Condition | None:
        selector = self._selector(text, place)
        wanted = 'compared with a text, or a list of texts ("*" is any, "" is none)'
        texts = self._texts(place, f"{keyword}: {text}", values, wanted)
        return Condition(selector, frozenset(texts)) if selector and texts else None

    # ---- stations, catalogue, numbers, messages ----

    def _titles(self, place: Place, owner: str, value: Any) -> tuple[str, ...]:
        titles = self._texts(place, owner, value, "an AE title or a list of them")
        for title in titles:
            for violation in encoding.violations("ScheduledStationAETitle", title):
                self._mistake(place, f"the station of {owner} {violation}")
        return titles

    def _station_rule(self, line: Line) -> StationRule:
        given, place = line.value, line.place
        if not isinstance(given, dict):
            self._mistake(place, 'a station rule must be written like { modality = "CT", stations = "CT1" }')
            return StationRule(frozenset(), (), ())
        self._unknown_keys(place, "a station rule", given, _STATION_KEYS)
        if "stations" not in given:
            self._mistake(place, "a station rule must name stations")
        asked = {text: given[key] for key, text in _STATION_PLACES.items() if key in given}
        when = given.get("when", {})
        return StationRule(
            frozenset(self._texts(place, "modality", given.get("modality", []), "a modality or a list of them")),
            self._conditions("a station rule", {**asked, **when} if isinstance(when, dict) else when, place),
            self._titles(place, "a station rule", given.get("stations", [])),
        )

    def _catalogue(self, lines: Mapping[str, Line]) -> Catalogue | None:
        self._unknown_lines("catalogue", lines, _CATALOGUE_KEYS)
        if "file" not in lines:
            return None
        file = lines["file"]
        by = lines.get("by", Line(_UNIVERSAL_SERVICE_ID, file.place))
        selector = self._selector(str(by.value), by.place)
        path = document.beside(file.place.path, str(file.value))
        if selector is None or not self._is_there(path, file.place):
            return None
        return catalogue.load(path, selector, self._complain(path), self._findings.files.text)

    def _coding_schemes(self, lines: Mapping[str, Line]) -> dict[str, str]:
        for name, line in lines.items():
            faults = encoding.violations("CodingSchemeDesignator", str(line.value)) if line.value else ["is empty"]
            for fault in faults:
                self._mistake(line.place, f"the coding scheme of {name} {fault}")
        return {name: str(line.value) for name, line in lines.items()}

    def _accession(self, lines: Mapping[str, Line]) -> Accession:
        self._unknown_lines("identifiers", lines, _IDENTIFIER_KEYS)
        line = lines.get("accession")
        own = self._check_digit(lines.get("check"))
        try:
            return accession.parse(str(line.value) if line else accession.DEFAULT, own)
        except ValueError as error:
            if line:
                self._mistake(line.place, str(error))
            return accession.parse(accession.DEFAULT)

    def _check_digit(self, line: Line | None) -> Scheme | None:
        if line is None:
            return None
        try:
            return check_digits.parse(line.value if isinstance(line.value, dict) else str(line.value))
        except ValueError as error:
            self._mistake(line.place, str(error))
            return Scheme(check_digits.luhn, "0")  # so that nothing else is said of {check}

    def _templates(self, lines: Mapping[str, Line]) -> dict[str, Template]:
        found = {}
        for kind, line in lines.items():
            path = document.beside(line.place.path, str(line.value))
            if not self._findings.files.admits(path):
                self._mistake(line.place, f"{path}: {OUTSIDE}")
                continue
            try:
                found[kind] = templates.load(path)
            except ValueError as error:
                self._mistake(line.place, str(error))
        return found

    # ---- shared ----

    def _texts(self, place: Place, name: str, value: Any, wanted: str) -> tuple[str, ...]:
        """The texts of a list, or of one text; none, and a mistake, when it is anything else."""
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return tuple(texts)
        self._mistake(place, f"{name} must be {wanted}")
        return ()

    def _unknown_keys(self, place: Place, name: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in given.keys() - set(known):
            self._mistake(place, f"{name} has no setting {key}{nearest(key, known)}")

    def _unknown_lines(self, section: str, lines: Mapping[str, Line], known: Iterable[str]) -> None:
        for key, line in lines.items():
            if key not in known:
                self._mistake(line.place, f"[{section}] has no line {key}{nearest(key, known)}")

    def _mistake(self, place: Place, text: str) -> None:
        self._findings.add(place.path, place.line, text)


def _recurs(rule: Rule) -> bool:
    """Whether a value is made of one field alone, and of none that is a patient's or an order's own."""
    alone = rule.function_name.partition(",")[0] in functions.OF_THE_FIELD_ALONE and not rule.filters and not rule.every
    first = all(place.occurrence == place.repetition == 1 for place in rule.places)
    return alone and first and not rule.reads("PID") and not encoding.is_identifier(rule.keyword)


def _selector_problem(selector: Selector, versions: Iterable[str]) -> str | None:
    """A place is good when any of these HL7 versions has it."""
    segment = selectors.segment_name(selector)
    problems = [
        dictionary.selector_problem(version, segment, selector.field, selector.component) for version in versions
    ]
    return problems[-1] if problems and all(problems) else None


def _chained(first: Function, later: list[Callable[[str], str]]) -> Function:
    if not later:
        return first

    def function(source: Source) -> Value:
        value = first(source)
        for each in later:
            value = each(value) if isinstance(value, str) and value else value
        return value

    return function

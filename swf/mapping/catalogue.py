"""The procedure catalogue: what one universal service id means, as rows of a CSV file (RAD-4; ihe-swf 3.3).

Each row is a step to be scheduled. Several rows of one id are several steps, one after the other; rows with different
procedures are different requested procedures of the order.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from swf.dicom import encoding
from swf.dicom.encoding import Item, Value
from swf.mapping import functions, tables
from swf.mapping.selectors import Selector

_CODE, _MINUTES = "code", "minutes"
_STATIONS, _PROTOCOLS, _PROCEDURE = "stations", "protocols", "procedure_code"
_TEXTS = {"modality": "Modality", "step": "ScheduledProcedureStepDescription"}
_CODES = {"procedure_code": "CodeValue", "procedure": "CodeMeaning", "procedure_scheme": "CodingSchemeDesignator"}
_COLUMNS = (_CODE, *_CODES, *_TEXTS, _STATIONS, _PROTOCOLS, _MINUTES)
_NEEDED = (_CODE, "modality")
_DATE, _TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
_END_DATE, _END_TIME = "ScheduledProcedureStepEndDate", "ScheduledProcedureStepEndTime"
_LONGEST_DAY = 24 * 60


class Entry(NamedTuple):
    """One row: what it says of the requested procedure and of the step, its stations and its duration."""

    line: int
    item: Item
    step: Item
    stations: tuple[str, ...]
    minutes: int


class Catalogue(NamedTuple):
    """The entries of each universal service id, and the place in a message where the id stands."""

    path: Path
    place: Selector
    entries: Mapping[str, tuple[Entry, ...]]


def load(path: Path, place: Selector, complain: tables.Complain, read: tables.Read) -> Catalogue:
    """The catalogue in the file; every fault goes to `complain`."""
    entries: dict[str, tuple[Entry, ...]] = {}
    for row in tables.rows(path, _NEEDED, _COLUMNS, complain, read):
        code = row.cells[_CODE]
        if not code:
            complain(row.line, "has no code")
        entries[code] = (*entries.get(code, ()), _entry(row, complain))
    return Catalogue(path, place, entries)


def _entry(row: tables.Row, complain: tables.Complain) -> Entry:
    def checked(keyword: str, text: str) -> str:
        for violation in encoding.violations(keyword, text):
            complain(row.line, f"{keyword} {violation}")
        return text

    cells = {column: row.cells.get(column, "") for column in _COLUMNS}
    step: dict[str, Value] = {_TEXTS[name]: checked(_TEXTS[name], cells[name]) for name in _TEXTS if cells[name]}
    protocols = [_code(checked, *_parts(text)) for text in cells[_PROTOCOLS].split("~") if text]
    if protocols:
        step["ScheduledProtocolCodeSequence"] = protocols
    stations = tuple(checked("ScheduledStationAETitle", title) for title in cells[_STATIONS].split("~") if title)
    return Entry(row.line, _procedure(checked, cells), step, stations, _minutes(row.line, cells[_MINUTES], complain))


Checked = Callable[[str, str], str]


def _procedure(checked: Checked, cells: Mapping[str, str]) -> dict[str, Value]:
    item: dict[str, Value] = {}
    if cells["procedure"]:
        item["RequestedProcedureDescription"] = checked("RequestedProcedureDescription", cells["procedure"])
    if cells[_PROCEDURE]:
        item["RequestedProcedureCodeSequence"] = [_code(checked, *(cells[name] for name in _CODES))]
    return item


def _code(checked: Checked, value: str, meaning: str, scheme: str) -> Item:
    parts = {"CodeValue": value, "CodingSchemeDesignator": scheme or functions.LOCAL, "CodeMeaning": meaning or value}
    return {keyword: checked(keyword, text) for keyword, text in parts.items()}


def _parts(text: str) -> list[str]:
    """`value^meaning^scheme`, the last two left out where there is nothing to say."""
    return [*text.split("^"), "", ""][:3]


def _minutes(line: int, text: str, complain: tables.Complain) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _LONGEST_DAY):
        complain(line, "minutes must be a whole number from 1 to 1440")
        return 0
    return int(text)


def begun_after(step: Mapping[str, Value], minutes: int) -> dict[str, Value]:
    """The start of a step that begins so many minutes after the start in `step`; nothing when that says none."""
    start = _start(step)
    return _moment(start + timedelta(minutes=minutes), _DATE, _TIME) if start and minutes else {}


def ended_after(step: Mapping[str, Value], minutes: int) -> dict[str, Value]:
    """The end of the step in `step`, when it takes so many minutes; nothing when that is not known."""
    start = _start(step)
    return _moment(start + timedelta(minutes=minutes), _END_DATE, _END_TIME) if start and minutes else {}


def _start(step: Mapping[str, Value]) -> datetime | None:
    day, at = str(step.get(_DATE, "")), str(step.get(_TIME, ""))
    return datetime.strptime(day + at, "%Y%m%d%H%M%S") if day and at else None


def _moment(moment: datetime, day: str, at: str) -> dict[str, Value]:
    return {day: moment.strftime("%Y%m%d"), at: moment.strftime("%H%M%S")}

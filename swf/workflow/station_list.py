"""A worklist as a station would get it at this moment: every answer, what is kept back and why, by which filters (RAD-5).

What is answered is worked out by the very functions of the DICOM door; nobody is noted to have asked.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from swf import config
from swf.config import Settings
from swf.dicom import columns, datasets, flaws, matching, worklist
from swf.dicom.matching import Equal
from swf.dicom.terms import StepStatus
from swf.dicom.worklist import WorklistQuery
from swf.profiles import did_you_mean
from swf.sentence import say
from swf.store import queries
from swf.store import worklist as store
from swf.store.database import Record, Transaction
from swf.workflow import near, stations
from swf.workflow.stations import Clause, Rule, Station

MOST = 100


class Filter(NamedTuple):
    """A condition of the list: the rule, the setting or key it comes from, and what it lets through."""

    rule: str
    name: str
    condition: str


class Kept(NamedTuple):
    """A step that would be on the list and is kept from it: why, and whether from this station only."""

    row: Record
    reasons: list[str]
    from_everybody: bool


class Listed(NamedTuple):
    """A step of the list: its row with the numbers of its order, and the answer as it goes over the wire."""

    row: Record
    answer: bytes

    def dataset(self) -> Dataset:
        """The answer as the station reads it."""
        return datasets.decoded(self.answer, ImplicitVRLittleEndian)


@dataclass(frozen=True, slots=True)
class StationList:
    """What `station` would get. `turned_away` says why it would get nothing at all; `asked` are the keys of its last query.

    `matching` counts every step of the list; `listed` and `kept` are the first of them. `limit` is [dicom] max_answers, 0 for none.
    """

    station: Station
    turned_away: str
    asked: dict[str, str]
    asked_at: datetime | None
    filters: list[Filter]
    matching: int
    limit: int
    listed: list[Listed]
    kept: list[Kept]


@dataclass(frozen=True, slots=True)
class _Case:
    station: Station
    query: WorklistQuery
    clauses: list[Clause]


def of(
    connection: Transaction,
    settings: Settings,
    caller: tuple[str, str],
    now: datetime,
    identifier: Dataset | None = None,
    *,
    last: bool = True,
    most: int = MOST,
) -> StationList:
    """The list of `caller`, the AE title that calls and the one it calls ("" for ours), when it asks `identifier`.

    Without an identifier it asks what it asked `last`; else, or when it never asked, for all there is to know of every step.
    """
    station = stations.find(settings, *caller)
    query = queries.last(connection, titles(settings, station.ae_title)) if last and identifier is None else None
    asked = identifier if identifier is not None else asked_last(query)
    case = _case(station, asked, now)
    limit = settings.dicom.max_answers
    listed, kept = _parted(connection, case, min(most, limit or most))
    flawed = list(_flawed(connection, case, most))
    return StationList(
        station=station,
        turned_away=turned_away(settings, station),
        asked=stations.keys_of(asked) if asked else {},
        asked_at=query.last_at if query is not None else None,
        filters=filters(case.clauses),
        matching=_count(connection, case, flawed, most),
        limit=limit,
        listed=listed,
        kept=[*flawed, *kept],
    )


def one(
    connection: Transaction, settings: Settings, caller: tuple[str, str], step: int, now: datetime, *, last: bool = True
) -> tuple[Listed | None, list[str]]:
    """The answer of `of` that is about step row `step`, or None and then in one word each what hides it."""
    station = stations.find(settings, *caller)
    query = queries.last(connection, titles(settings, station.ae_title)) if last else None
    case = _case(station, asked_last(query), now)
    row = next(iter(store.with_numbers(connection, [step])), None)
    if row is None:
        return None, ["gone"]
    values = {**columns.columns(row.dataset), "status": row.status}
    hidden = [str(each.rule) for each in case.clauses if not matching.matches(each.predicate, values)]
    hidden += ["held"] if row.flaws & station.held_for else []
    hidden += ["needs"] if stations.lacks(station, row.dataset) else []
    return (None, hidden) if hidden else (_listed(case, row, row.dataset), [])


def titles(settings: Settings, ae_title: str) -> tuple[str, ...]:
    """Every AE title the device calls with that calls with this one."""
    device = stations.device_of(settings, ae_title)
    return (device.ae_title, *device.aliases) if device else (ae_title,)


def asked_last(query: Record | None) -> Dataset | None:
    """The identifier of a stored query; None when there is none or nobody can read it."""
    if query is not None and query.identifier:
        with suppress(Exception):  # pydicom raises what it likes for bytes that are no dataset
            return datasets.decoded(query.identifier, UID(query.syntax))
    return None


def turned_away(settings: Settings, station: Station) -> str:
    """Why an association of this station would be rejected whatever it asks; "" when it would not."""
    ours = config.called_titles(settings)
    if not station.known and settings.dicom.callers_are_checked:
        meant = did_you_mean(station.ae_title, (each.ae_title for each in settings.modality))
        return say("no [[modality]] calls with %(title)s%(meant)s", title=station.ae_title, meant=meant)
    if settings.dicom.called_is_checked and station.called not in ours:
        return say("%(called)s is no AE title of ours; ours are %(ours)s", called=station.called, ours=", ".join(ours))
    return ""


def filters(clauses: list[Clause]) -> list[Filter]:
    """The conditions as people read them."""
    return [Filter(str(each.rule), each.name, near.text(each.predicate)) for each in clauses]


def _case(station: Station, identifier: Dataset | None, now: datetime) -> _Case:
    query = stations.read_query(station, identifier or Dataset())
    if identifier is None:
        query = replace(query, requested=None)
    return _Case(station, query, stations.clauses(station, query, now))


def _parted(connection: Transaction, case: _Case, most: int) -> tuple[list[Listed], list[Kept]]:
    """The first `most` steps of the list: those that are answered, and those that lack what the station needs."""
    first = list(stations.rows(connection, case.station, case.clauses, most))
    named = {row.id: row for row in store.with_numbers(connection, [row.id for row in first])}
    listed: list[Listed] = []
    kept: list[Kept] = []
    for row in first:
        lacking = stations.lacks(case.station, row.dataset)
        if lacking:
            kept.append(Kept(named[row.id], [_needed(each) for each in lacking], from_everybody=False))
        else:
            listed.append(_listed(case, named[row.id], row.dataset))
    return listed, kept


def _needed(path: str) -> str:
    return say("%(name)s has no value, and it needs one", name=path.rpartition("/")[2])


def _listed(case: _Case, row: Record, stored: bytes) -> Listed:
    shown = stations.in_its_time(case.station, stored)
    return Listed(row, worklist.answer_bytes(shown, case.query, implicit=True))


def _flawed(connection: Transaction, case: _Case, most: int) -> Iterator[Kept]:
    """The steps that satisfy every condition and are kept from everybody for a flaw."""
    held_for = case.station.held_for
    for row in store.flawed(connection, _statuses(case.clauses), among=held_for, limit=most) if held_for else ():
        values = {**columns.columns(row.dataset), "status": row.status}
        if all(matching.matches(each.predicate, values) for each in case.clauses):
            found = (each for each in flaws.of(row.dataset) if flaws.mask([each.flaw]) & held_for)
            names = [(each.attribute.rpartition("/")[2], each.text) for each in found]
            reasons: list[str] = [say("%(name)s %(flaw)s", name=name, flaw=text) for name, text in names]
            yield Kept(row, reasons, from_everybody=True)


def _count(connection: Transaction, case: _Case, flawed: list[Kept], most: int) -> int:
    """How many steps are on the list. Flaws are in no index beside what is asked, so those that have some are taken off."""
    if len(flawed) < most:
        return stations.count(connection, case.clauses) - len(flawed)
    return stations.count(connection, case.clauses, case.station.held_for)


def _statuses(clauses: list[Clause]) -> tuple[str, ...]:
    """The statuses of the list, where its profile says them; else every one there is."""
    own = (each.predicate for each in clauses if each.rule is Rule.STATUS)
    return next((each.values for each in own if isinstance(each, Equal)), tuple(StepStatus))

"""A station's worklist: its profile, the AE title it calls and what it asks become one list of clauses (RAD-5, PS3.4 K.6).

The same clauses are the query of the DICOM door, the answer to `swf query` and the reasons `swf why` gives.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydicom.dataset import Dataset

from swf import clock, profiles
from swf.config import Modality, Settings
from swf.dicom import attributes, columns, encoding, flaws, listing, matching, tailoring, terms, worklist, zones
from swf.dicom.matching import AnyOf, DateTimeRange, Equal, Predicate, Range
from swf.dicom.tailoring import Tailoring
from swf.dicom.worklist import WorklistQuery
from swf.profiles import Answers
from swf.store import worklist as store
from swf.store.database import Record, Transaction
from swf.workflow import partitions

_LISTED = tuple(status for status in terms.StepStatus if status in terms.LISTED)
_DAY = "%Y%m%d"
_MOMENTS = tuple((f"ScheduledProcedureStep{end}Date", f"ScheduledProcedureStep{end}Time") for end in ("Start", "End"))
_STATION, _STATUS, _LOCATION, _LABEL = "station", "status", "location", "worklist_label"


class Rule(StrEnum):
    """Why a step can be missing from a list."""

    PARTITION = "partition"
    LABEL = "label"
    LOCATION = "location"
    STATUS = "status"
    STATION = "station"
    WINDOW = "window"
    KEY = "query key"


class Clause(NamedTuple):
    """One condition of a list. `name` is the setting or the DICOM keyword it comes from."""

    rule: Rule
    name: str
    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Station:
    """Who asks: the AE title it calls with and the one it calls, and by which rules it is answered.

    `titles` are the Scheduled Station AE Titles that are its own. `labels` are those of the partition it calls; none is
    the AE title of the whole site. Steps with a flaw among `held_for` (`swf.dicom.flaws`) are on nobody's list.
    """

    ae_title: str
    called: str
    known: bool
    answers: Answers
    titles: tuple[str, ...]
    labels: tuple[str, ...] = ()
    held_for: int = 0


def find(settings: Settings, ae_title: str, called: str) -> Station:
    """The station that calls `called` as `ae_title`, by its [[modality]] and profile; `called` "" is [dicom] ae_title."""
    device = device_of(settings, ae_title)
    name = (device.profile if device else "") or profiles.DEFAULT
    answers = profiles.resolved(device or Answers(), settings.profile, name)
    titles = answers.stations or ((device.ae_title if device else ae_title),)
    labels = partitions.labels(settings, called)
    held_for = flaws.mask(settings.worklist.hold_for)
    return Station(ae_title, called or settings.dicom.ae_title, device is not None, answers, titles, labels, held_for)


def device_of(settings: Settings, ae_title: str) -> Modality | None:
    """The [[modality]] that calls with this AE title or alias."""
    return next((each for each in settings.modality if ae_title in (each.ae_title, *each.aliases)), None)


def read_query(station: Station, identifier: Dataset) -> WorklistQuery:
    """The query an identifier means when this station sends it, with what its answers are cut to."""
    begin, zone = bool(station.answers.names_begin), zone_of(station.answers)
    query = worklist.read_query(identifier, names_begin=begin, local=clock.local, zone=zone)
    always = _paths(station.answers.return_always or ())
    requested = worklist.with_return_keys(query.requested, always) if always else query.requested
    return replace(query, requested=requested, tailoring=tailoring_of(station.answers))


def zone_of(answers: Answers) -> tzinfo | None:
    """The zone of the station's clock when it is not the site's."""
    return ZoneInfo(answers.time_zone) if answers.time_zone else None


@cache
def tailoring_of(answers: Answers) -> Tailoring:
    """What a profile says of the form of an answer."""
    outside: tailoring.Outside = "transliterate" if answers.character_set else "unicode"
    return Tailoring(
        character_sets=answers.character_set or (),
        outside=answers.letters_outside or outside,
        scheme=answers.transliteration or profiles.SCHEMES[0],
        name_length=answers.name_length or 0,
        name_components=answers.name_components or 0,
        name_groups=answers.name_groups or 0,
        never=frozenset(path[0] for path in _paths(answers.return_never or ())),
    )


def _paths(names: Iterable[str]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(encoding.layout(keyword).tag for keyword in name.split("/")) for name in names)


def keys_of(identifier: Dataset) -> dict[str, str]:
    """The keys of a query that ask for something, as path and value."""
    return {path: value for path, value in listing.attributes(identifier).items() if value.strip(" *")}


# ---- the clauses ----


def clauses(station: Station, query: WorklistQuery, now: datetime) -> list[Clause]:
    """Everything a step has to satisfy to be on this station's list: first what never depends on the query.

    What a profile says of status, days and (when implied) station holds where the query asks for none itself.
    """
    answers = station.answers
    found = [
        *_one_of(Rule.PARTITION, "labels", _LABEL, station.labels),
        *_one_of(Rule.LABEL, "labels", _LABEL, answers.labels or ()),
        *_one_of(Rule.LOCATION, "locations", _LOCATION, answers.locations or ()),
    ]
    if not query.statuses_asked:
        found.append(Clause(Rule.STATUS, "statuses", Equal(_STATUS, answers.statuses or _LISTED)))
    if not any(_asks_for_a_day(each) for each in query.predicates):
        found += _window(answers, now)
    return [*found, *_by_station(station, query.predicates), *_keys(query.predicates)]


def _one_of(rule: Rule, name: str, column: str, values: tuple[str, ...]) -> list[Clause]:
    return [Clause(rule, name, Equal(column, values))] if values else []


def _window(answers: Answers, now: datetime) -> list[Clause]:
    """The days around today, by the station's clock."""
    behind, ahead, zone = answers.days_behind, answers.days_ahead, zone_of(answers)
    if behind is None and ahead is None:
        return []
    today = (now.astimezone(zone) if zone else clock.local(now)).date()
    low = "" if behind is None else f"{today - timedelta(days=behind):{_DAY}}"
    high = "" if ahead is None else f"{today + timedelta(days=ahead):{_DAY}}"
    days: list[Predicate] = [Range(matching.START_DATE, low, high)]
    found = zones.in_site_time(days, zone, clock.local) if zone else days
    return [Clause(Rule.WINDOW, "days_behind, days_ahead", each) for each in found]


def _asks_for_a_day(predicate: Predicate) -> bool:
    return isinstance(predicate, DateTimeRange) or predicate.column == matching.START_DATE


def _by_station(station: Station, asked: Iterable[Predicate]) -> list[Clause]:
    """What becomes of the station key: taken as it is, widened to all of the station's own titles, set, or overruled."""
    keys = [each for each in asked if column(each) == _STATION]
    how = station.answers.station_filter or "asked"
    if how == "forced" or (how == "implied" and not keys):
        return [Clause(Rule.STATION, "station_filter", Equal(_STATION, station.titles))]
    own = {station.ae_title, *station.titles}
    return [Clause(Rule.STATION, keyword(_STATION), _widened(each, own, station.titles)) for each in keys]


def _widened(asked: Predicate, own: set[str], titles: tuple[str, ...]) -> Predicate:
    """A key that names the station itself finds the steps of all its titles."""
    choices = asked.choices if isinstance(asked, AnyOf) else (asked,)
    named = {value for choice in choices if isinstance(choice, Equal) for value in choice.values}
    if not own & named:
        return asked
    more = Equal(_STATION, titles)
    return (
        AnyOf(_STATION, (*asked.choices, more))
        if isinstance(asked, AnyOf)
        else Equal(_STATION, (*sorted(named), *titles))
    )


def _keys(asked: Iterable[Predicate]) -> list[Clause]:
    return [Clause(Rule.KEY, keyword(column(each)), each) for each in asked if column(each) != _STATION]


def column(predicate: Predicate) -> str:
    """The column a condition is about; that of the day for a range of moments."""
    return matching.START_DATE if isinstance(predicate, DateTimeRange) else predicate.column


@cache
def keyword(name: str) -> str:
    """The DICOM keyword that is matched by the column of this name."""
    return next(row.keyword for row in attributes.TABLE if row.column == name)


# ---- the list ----


class Item(NamedTuple):
    """A step of the list: its row and the item to be answered, in the station's time."""

    row: int
    stored: bytes


def items(
    connection: Transaction,
    station: Station,
    query: WorklistQuery,
    now: datetime,
    withhold: Callable[[int], object] = lambda _row: None,
) -> Iterator[Item]:
    """The steps on this station's list, in its order, read as they are asked for.

    `withhold` is told the row of each that is kept from it, because it lacks what the station needs.
    """
    zone = zone_of(station.answers)
    for row in rows(connection, station, clauses(station, query, now)):
        if lacks(station, row.dataset):
            withhold(row.id)
        else:
            yield Item(row.id, _in_zone(row.dataset, zone) if zone else row.dataset)


def in_its_time(station: Station, stored: bytes) -> bytes:
    """The item as `items` gives it: with the start and the end of its step by the station's clock."""
    zone = zone_of(station.answers)
    return _in_zone(stored, zone) if zone else stored


def _in_zone(stored: bytes, zone: tzinfo) -> bytes:
    """The item with the start and the end of its step as the station's clock shows them."""
    step = columns.step(stored)
    changes: dict[str, str] = {}
    for day, time in _MOMENTS:
        before = (encoding.text(step, day), encoding.text(step, time))
        changes |= dict(zip((day, time), zones.in_zone(*before, zone, clock.local), strict=True)) if all(before) else {}
    return columns.merge(stored, {attributes.SPS: [changes]}) if changes else stored


def rows(connection: Transaction, station: Station, asked: Iterable[Clause], limit: int = 0) -> Iterator[Record]:
    """The steps that satisfy every clause, in the station's order; with a `limit` the first of them."""
    predicates, statuses = parted(asked)
    order, held_for = station.answers.sort or (), station.held_for
    return store.query(connection, predicates, statuses, order, held_for=held_for, limit=limit)


def count(connection: Transaction, asked: Iterable[Clause], held_for: int = 0) -> int:
    """How many steps satisfy every clause, without a flaw among `held_for`."""
    return store.count(connection, *parted(asked), held_for=held_for)


def parted(asked: Iterable[Clause]) -> tuple[list[Predicate], tuple[str, ...]]:
    """The predicates, and the statuses by themselves, which the store serves by an index of their own."""
    statuses: tuple[str, ...] = ()
    predicates: list[Predicate] = []
    for clause in asked:
        if clause.rule is Rule.STATUS and isinstance(clause.predicate, Equal):
            statuses = clause.predicate.values
        else:
            predicates.append(clause.predicate)
    return predicates, statuses


def lacks(station: Station, stored: bytes) -> list[str]:
    """What an item has no value for and the station cannot do without."""
    needs = station.answers.needs or ()
    return [name for name, path in zip(needs, _paths(needs), strict=True) if not worklist.is_filled(stored, [path])]

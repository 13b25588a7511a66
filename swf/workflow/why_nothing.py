"""Why did this query get nothing (RAD-5)? What each condition leaves, the one that leaves nothing, and what came near it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from swf.config import Settings
from swf.dicom.matching import START_DATE
from swf.sentence import say, say_n
from swf.store import queries, worklist
from swf.store.database import Record, Transaction
from swf.workflow import near, station_list, stations, why
from swf.workflow.stations import Clause, Station
from swf.workflow.verdict import Stage

_NEAR = 8
_TELLS_NOTHING_OF_A_PATIENT = frozenset({"station", "modality", "status", START_DATE, "location", "worklist_label"})


class Nearby(NamedTuple):
    """A value that steps have where the condition looks: how many, and in what it differs when that is little."""

    value: str
    steps: int
    hint: str


@dataclass(frozen=True, slots=True)
class WhyNothing:
    """The answer for one query; `culprit` is the first condition that leaves nothing now, "" when none does."""

    query: Record
    keys: dict[str, str]
    sentence: str
    funnel: list[Stage]
    culprit: str
    action: str
    near: list[Nearby]

    def jsonable(self) -> dict[str, Any]:
        """The answer with a name for every value."""
        told = {
            name: getattr(self.query, name) for name in ("id", "ae_title", "called", "answers", "status", "last_at")
        }
        lists = {"funnel": [each._asdict() for each in self.funnel], "near": [each._asdict() for each in self.near]}
        said = {"sentence": self.sentence, "culprit": self.culprit, "action": self.action}
        return {**told, "keys": self.keys, **said, **lists}


def of(connection: Transaction, settings: Settings, number: int, now: datetime) -> WhyNothing | None:
    """The answer for the query in row `number`, as it would be answered now; None when there is no such query."""
    query = queries.one(connection, number)
    if query is None:
        return None
    station = stations.find(settings, query.ae_title, query.called)
    identifier = station_list.asked_last(query) or Dataset()
    asked = stations.clauses(station, stations.read_query(station, identifier), now)
    funnel = list(why.funnel(connection, station, asked))
    place = next((place for place, stage in enumerate(funnel) if stage.left == 0), None)
    culprit, action, near_it = _culprit(connection, asked, place)
    sentence = _sentence(station, funnel, place, culprit)
    return WhyNothing(query, stations.keys_of(identifier), sentence, funnel, culprit, action, near_it)


def _culprit(connection: Transaction, asked: Sequence[Clause], place: int | None) -> tuple[str, str, list[Nearby]]:
    """What leaves nothing, what mends that, and what came near; `place` is its stage in the funnel."""
    if place is None:
        return "", "", []
    if place == 0:
        return say("every step"), say("let the HIS send an order; there is none"), []
    if place > len(asked):
        return say("held"), say("let the HIS correct the orders"), []
    clause = asked[place - 1]
    return clause.name, why.action_for(clause), _near(connection, asked[: place - 1], clause)


def _near(connection: Transaction, before: Sequence[Clause], clause: Clause) -> list[Nearby]:
    column = stations.column(clause.predicate)
    if column not in _TELLS_NOTHING_OF_A_PATIENT:
        return []
    rows = worklist.values_of(connection, *stations.parted(before), column, limit=_NEAR)
    found = [Nearby(row.value, row.steps, near.difference(clause.predicate, row.value)) for row in rows if row.value]
    return sorted(found, key=lambda each: not each.hint)


def _sentence(station: Station, funnel: Sequence[Stage], place: int | None, culprit: str) -> str:
    """In one line; without the value that was asked for, which may be a patient's."""
    title = station.ae_title
    if place is None:
        left = funnel[-1].left
        return say_n("%(title)s would get %(n)s entry now", "%(title)s would get %(n)s entries now", left, title=title)
    if place == 0:
        return say("there is no step at all")
    left = funnel[place - 1].left
    return say("%(title)s gets nothing: %(rule)s leaves none of %(left)s", title=title, rule=culprit, left=left)

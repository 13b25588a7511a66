"""Devices, those of the settings and whoever else calls: what is in force for each, what it asked, got and reported, and who
was turned away (RAD-5 to RAD-7).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pydicom.uid import UID

from swf import profiles
from swf.config import Modality, Settings
from swf.dicom import datasets
from swf.profiles import Answers
from swf.sentence import Sentence, say, say_n
from swf.store import board, mpps, queries
from swf.store.database import Record, Transaction
from swf.workflow import rejections, stations
from swf.workflow.rejections import Rejection

_REPORTS_AMONG = 2000
_QUERIES_REMEMBERED = 1024
_ANSWERED = ("0000", "A700")
_OWN = ("ae_title", "aliases", "profile", "host", "port")


class Device(NamedTuple):
    """One line of the list: who it is, when it was last heard of, by what, and whether all is well with it.

    `query_status` is that of its last query, "" when it never asked.
    """

    ae_title: str
    aliases: tuple[str, ...]
    configured: bool
    profile: str
    host: str
    port: int
    well: bool
    last_at: datetime | None
    told: str
    query_status: str
    rejected: Rejection | None

    @property
    def titles(self) -> tuple[str, ...]:
        """Every AE title it calls with."""
        return (self.ae_title, *self.aliases)


class InForce(NamedTuple):
    """A setting that holds for a device, and the profile it comes from; "" is its own [[modality]]."""

    key: str
    value: Any
    profile: str


class Asked(NamedTuple):
    """A query, or a run of the same with the same outcome: its keys by path, and what it got."""

    row: Record
    keys: dict[str, str]
    readable: bool


class Latency(NamedTuple):
    """Half of the queries, and 95 of 100, were answered in so many milliseconds; of a run the slowest answer counts."""

    p50: int
    p95: int
    runs: int


@dataclass(frozen=True, slots=True)
class Account:
    """All there is to tell of one device."""

    device: Device
    in_force: list[InForce]
    asked: list[Asked]
    latency: Latency | None
    reports: Sequence[Record]
    rejections: list[Rejection]


def every(connection: Transaction, settings: Settings, now: datetime) -> list[Device]:
    """Every device of the settings in their order, then whoever else has asked, reported or been rejected."""
    asked = {row.ae_title: row for row in board.last_queries(connection)}
    reported = board.last_reports(connection)
    rejected = rejections.recent(connection, settings, now)
    found = [_device(settings, each.ae_title, asked, reported, rejected) for each in settings.modality]
    known = {title for each in found for title in each.titles}
    strangers = sorted({*asked, *reported, *(each.ae_title for each in rejected if each.ae_title)} - known)
    return [*found, *(_device(settings, title, asked, reported, rejected) for title in strangers)]


def of(connection: Transaction, settings: Settings, ae_title: str, now: datetime, most: int = 50) -> Account:
    """The account of whoever calls with this AE title or alias, the last `most` of each kind."""
    device = next((each for each in every(connection, settings, now) if ae_title in each.titles), None)
    if device is None:
        device = _device(settings, ae_title, {}, {}, ())
    rows = queries.of(connection, device.titles, limit=most)
    return Account(
        device=device,
        in_force=list(in_force(settings, ae_title)),
        asked=[_asked(row) for row in rows],
        latency=latency([row.milliseconds for row in rows]),
        reports=mpps.of_devices(connection, device.titles, among=_REPORTS_AMONG, limit=most),
        rejections=rejections.recent(connection, settings, now, device.titles),
    )


def in_force(settings: Settings, ae_title: str) -> Iterator[InForce]:
    """What holds for a device beyond the defaults."""
    device = stations.device_of(settings, ae_title)
    name = (device.profile if device else "") or profiles.DEFAULT
    own: Answers = device or Answers()
    values = profiles.resolved(own, settings.profile, name)
    for key, profile in profiles.origins(own, settings.profile, name).items():
        yield InForce(key, getattr(values, key), profile)
    for key, field in Modality.model_fields.items() if device else ():
        if key not in Answers.model_fields and key not in _OWN and getattr(device, key) != field.default:
            yield InForce(key, getattr(device, key), "")


def latency(milliseconds: Iterable[int]) -> Latency | None:
    """The percentiles of these, by the nearest rank; None of nothing."""
    ordered = sorted(milliseconds)
    if not ordered:
        return None
    p50, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return Latency(p50, p95, len(ordered))


def _asked(row: Record) -> Asked:
    keys = _keys(row.identifier, row.syntax)
    return Asked(row, dict(keys or {}), readable=keys is not None)


@lru_cache(maxsize=_QUERIES_REMEMBERED)
def _keys(identifier: bytes, syntax: str) -> dict[str, str] | None:
    """The keys of a query; None when nobody can read it."""
    with suppress(Exception):  # pydicom raises what it likes for bytes that are no dataset
        return stations.keys_of(datasets.decoded(identifier, UID(syntax))) if identifier else None
    return None


def _device(
    settings: Settings,
    ae_title: str,
    asked: dict[str, Record],
    reported: dict[str, datetime],
    rejected: Sequence[Rejection],
) -> Device:
    own = stations.device_of(settings, ae_title)
    titles = (own.ae_title, *own.aliases) if own else (ae_title,)
    query = max((asked[each] for each in titles if each in asked), key=lambda row: row.last_at, default=None)
    report = max((reported[each] for each in titles if each in reported), default=None)
    turned_away = next((each for each in rejected if each.ae_title in titles), None)
    well, at, told = _heard(query, report, turned_away)
    return Device(
        ae_title=titles[0],
        aliases=titles[1:],
        configured=own is not None,
        profile=own.profile if own else "",
        host=(own.host or "") if own else "",
        port=(own.port or 0) if own else 0,
        well=well,
        last_at=at,
        told=told,
        query_status=query.status if query is not None else "",
        rejected=turned_away,
    )


def _heard(
    query: Record | None, report: datetime | None, rejected: Rejection | None
) -> tuple[bool, datetime | None, str]:
    """Whether all is well by what was heard last, when that was, and what."""
    came: list[tuple[datetime, bool, Sentence]] = []
    if rejected is not None:
        came.append((rejected.last_at, False, say("was rejected: %(reason)s", reason=rejected.reason)))
    if query is not None:
        came.append((query.last_at, query.status in _ANSWERED, _answered(query)))
    if report is not None:
        came.append((report, True, say("reported a step (MPPS)")))
    if not came:
        return False, None, say("has not asked for a list yet")
    at, well, told = max(came, key=lambda each: each[0])
    return well, at, told


def _answered(query: Record) -> Sentence:
    return say_n(
        "asked for a list: %(n)s entry, status %(status)s",
        "asked for a list: %(n)s entries, status %(status)s",
        query.answers,
        status=query.status,
    )

"""What is not as it should be, found in the store and in the settings, each with its cause and what mends it.

A table of functions, each of which looks for one kind. Nothing is kept: a problem that is mended is not found any more.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from swf import clock
from swf.config import Line
from swf.dicom import flaws, terms
from swf.mapping import lint
from swf.model.journal import Event
from swf.sentence import say, say_n
from swf.store import board, condition, doors, worklist
from swf.store import problems as store
from swf.store.database import Record, Transaction
from swf.workflow import devices, failures, rejections
from swf.workflow.devices import Device
from swf.workflow.site import Site

DAYS = timedelta(days=7)
"""How far back is looked for messages without effect."""
_LATE = timedelta(minutes=5)
_DAY = timedelta(days=1)
_MOST_FLAWED = 300
_EMPTY_QUERIES = 10  # in a day; fewer may be a quiet day
_MEGABYTE = 2**20
_LEAST_FREE, _LITTLE_FREE = 1024 * _MEGABYTE, 0.1
_LONG_LOG = 512 * _MEGABYTE
_AHEAD_S, _SKEW_S = 60.0, 5.0
_ANSWERED = ("0000", "A700", "FE00", "gone")


class Kind(StrEnum):
    """The kinds of problems."""

    MESSAGES_REFUSED = "messages refused"
    ENTRIES_HELD = "entries held"
    EXAMS_WITHOUT_ORDER = "exams without order"
    EXAMS_OVERDUE = "exams overdue"
    DELIVERIES_PARKED = "deliveries parked"
    DESTINATION_SILENT = "destination silent"
    DEVICE_REJECTED = "device rejected"
    DEVICE_SILENT = "device silent"
    QUERIES_FAILED = "queries failed"
    LIST_ALWAYS_EMPTY = "list always empty"
    STEPS_LEFT_OVER = "steps left over"
    CONNECTIONS_LIMITED = "connections limited"
    DISK_FULL = "disk full"
    STORE_LOG_LONG = "store log long"
    CLOCK = "clock"
    MAPPING = "mapping"
    CERTIFICATE = "certificate"
    PART_AILING = "part ailing"


class Severity(StrEnum):
    """How much it matters: a trouble keeps something from being done, a note may do so soon."""

    TROUBLE = "trouble"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its `kind`, the `subject` it is known by, cause and remedy; `about` is the number or name to look up.

    `since` is None where nobody noted when it began; `times` is how often it was seen.
    """

    kind: Kind
    subject: str
    severity: Severity
    cause: str
    remedy: str
    about: str = ""
    since: datetime | None = None
    times: int = 1
    key: str = field(init=False)

    def __post_init__(self) -> None:
        """The key is the same for the same problem, today and tomorrow."""
        named = f"{self.kind}\0{self.subject}".encode()
        object.__setattr__(self, "key", hashlib.blake2s(named, digest_size=6).hexdigest())


@dataclass(frozen=True, slots=True)
class _Case:
    connection: Transaction
    site: Site
    now: datetime


def found(connection: Transaction, site: Site, now: datetime) -> list[Problem]:
    """Every problem, those that keep something from being done first."""
    case = _Case(connection, site, now)
    return ordered(problem for look in LOOKS for problem in look(case))


def ordered(every: Iterable[Problem]) -> list[Problem]:
    """Those that keep something from being done first."""
    return sorted(every, key=lambda each: each.severity is Severity.NOTE)


# ---- messages, entries, exams ----


def _refused(case: _Case) -> Iterator[Problem]:
    """Messages without effect, one problem for each cause that nobody has said to be dealt with."""
    for each in failures.found(case.connection):
        if each.settled is not None or each.newest.received_at < case.now - DAYS:
            continue
        values = {"kind": each.type or "?", "source": each.source or "?", "reason": each.reason}
        cause = say("%(kind)s of %(source)s: %(reason)s", **values)
        remedy = say("mend mapping or sender and take them again, or say that they are dealt with")
        since, times = each.oldest.received_at, len(each.rows)
        yield Problem(Kind.MESSAGES_REFUSED, each.key, Severity.TROUBLE, cause, remedy, each.key, since, times)


def _held(case: _Case) -> Iterator[Problem]:
    """Entries kept from every list, one problem for each attribute and flaw."""
    hold = flaws.mask(case.site.settings.worklist.hold_for)
    rows = worklist.flawed(case.connection, sorted(terms.LISTED), among=hold, limit=_MOST_FLAWED) if hold else ()
    kinds: dict[tuple[str, str], list[Record]] = {}
    for row in rows:
        for each in flaws.of(row.dataset):
            if flaws.mask([each.flaw]) & hold:
                kinds.setdefault((each.attribute.rpartition("/")[2], str(each.flaw)), []).append(row)
    for (name, flaw), flawed in kinds.items():
        cause = say_n(
            "%(n)s entry is kept from every list: %(name)s",
            "%(n)s entries are kept from every list: %(name)s",
            len(flawed),
            name=name,
        )
        remedy = say("let the HIS correct the orders, or the mapping fill %(name)s", name=name)
        since = min(row.updated_at for row in flawed)
        yield Problem(Kind.ENTRIES_HELD, f"{name} {flaw}", Severity.TROUBLE, cause, remedy, "", since, len(flawed))


def _unresolved(case: _Case) -> Iterator[Problem]:
    for row in store.unresolved(case.connection):
        cause = say_n(
            "%(n)s exam of %(title)s belongs to no order",
            "%(n)s exams of %(title)s belong to no order",
            row.times,
            title=row.ae_title,
        )
        remedy = say("link each to its order")
        yield Problem(
            Kind.EXAMS_WITHOUT_ORDER, row.ae_title, Severity.TROUBLE, cause, remedy, row.ae_title, row.since, row.times
        )


def _overdue(case: _Case) -> Iterator[Problem]:
    for row in store.overdue(case.connection):
        cause = say_n(
            "%(n)s exam of %(title)s has no end", "%(n)s exams of %(title)s have no end", row.times, title=row.ae_title
        )
        remedy = say("end them by hand, or set when_overdue of the device")
        yield Problem(
            Kind.EXAMS_OVERDUE, row.ae_title, Severity.TROUBLE, cause, remedy, row.ae_title, row.since, row.times
        )


def _left_over(case: _Case) -> Iterator[Problem]:
    today = f"{clock.local(case.now):%Y%m%d}"
    if count := board.left_over(case.connection, today):
        cause = say_n(
            "%(n)s step of an earlier day is still on the lists",
            "%(n)s steps of earlier days are still on the lists",
            count,
        )
        remedy = say("let the HIS cancel them, or give devices without MPPS completed_by")
        yield Problem(Kind.STEPS_LEFT_OVER, "", Severity.NOTE, cause, remedy, times=count)


# ---- destinations ----


def _parked(case: _Case) -> Iterator[Problem]:
    names = [each.name for each in _lines(case)]
    for row in store.parked(case.connection, names) if names else ():
        cause = say("%(name)s refused for good: %(error)s", name=row.destination, error=row.last_error)
        remedy = say("mend what it complains of, then put the deliveries back into the line")
        subject = f"{row.destination} {failures.template(row.last_error)}"
        yield Problem(
            Kind.DELIVERIES_PARKED, subject, Severity.TROUBLE, cause, remedy, row.destination, row.since, row.times
        )


def _late(case: _Case) -> Iterator[Problem]:
    for each in _lines(case):
        waiting, oldest, _parked, _taken, error = board.line(case.connection, each.name)
        if oldest is not None and case.now - oldest > _LATE:
            cause = say("%(name)s does not take what it is told: %(error)s", name=each.name, error=error or "-")
            remedy = say("test it, and look whether it runs and lets us in")
            yield Problem(
                Kind.DESTINATION_SILENT, each.name, Severity.TROUBLE, cause, remedy, each.name, oldest, waiting
            )


def _lines(case: _Case) -> Iterable[Line]:
    settings = case.site.settings
    return (*settings.destination, *settings.relay)


# ---- devices ----


def _rejected(case: _Case) -> Iterator[Problem]:
    """Who was turned away and has not been let in since."""
    asked = {row.ae_title: row.last_at for row in board.last_queries(case.connection)}
    for each in rejections.recent(case.connection, case.site.settings, case.now):
        if not each.ae_title or asked.get(each.ae_title, each.first_at) > each.last_at:
            continue
        cause = say("%(title)s is turned away: %(reason)s", title=each.ae_title, reason=each.reason)
        subject = f"{each.ae_title} {each.called} {each.address} {each.reason}"
        yield Problem(
            Kind.DEVICE_REJECTED,
            subject,
            Severity.TROUBLE,
            cause,
            each.remedy,
            each.ae_title,
            each.first_at,
            each.times,
        )


def _devices(case: _Case) -> Iterator[Problem]:
    for device in devices.every(case.connection, case.site.settings, case.now):
        if device.configured and device.last_at is None:
            cause = say("%(title)s is configured and has never called", title=device.ae_title)
            remedy = say("look at the worklist settings of the device: our address, port and AE title")
            yield Problem(Kind.DEVICE_SILENT, device.ae_title, Severity.NOTE, cause, remedy, device.ae_title)
        yield from _queries(case, device)


def _queries(case: _Case, device: Device) -> Iterator[Problem]:
    """Its queries fail, or get nothing each time while there is something to be done."""
    if device.query_status and device.query_status not in _ANSWERED:
        cause = say(
            "the last query of %(title)s failed with status %(status)s",
            title=device.ae_title,
            status=device.query_status,
        )
        remedy = say("look at what it asked, and at the log of the broker")
        yield Problem(
            Kind.QUERIES_FAILED, device.ae_title, Severity.TROUBLE, cause, remedy, device.ae_title, device.last_at
        )
    run = store.run(case.connection, device.titles, case.now - _DAY) if device.query_status else None
    if run is None or run.most_answers or run.times < _EMPTY_QUERIES or not _anything_to_do(case):
        return
    cause = say(
        "%(title)s asked %(times)s times and got an empty list each time", title=device.ae_title, times=run.times
    )
    remedy = say("see which of its keys or filters leaves nothing")
    yield Problem(
        Kind.LIST_ALWAYS_EMPTY, device.ae_title, Severity.NOTE, cause, remedy, device.ae_title, run.first_at, run.times
    )


def _anything_to_do(case: _Case) -> bool:
    today = clock.local(case.now)
    counts = board.counts(case.connection, f"{today:%Y%m%d}", f"{today + _DAY:%Y%m%d}")
    return any(row.status in terms.LISTED for row in counts)


def _crowded(case: _Case) -> Iterator[Problem]:
    """Limits of connections that somebody met since yesterday."""
    rows = doors.events(case.connection, Event.CONNECTIONS_LIMITED, limit=_MOST_FLAWED, since=case.now - _DAY)
    if rows:
        cause = say("connections met a limit at a door for HL7")
        remedy = say("see in the journal who opens so many; else raise max_connections in [hl7]")
        yield Problem(Kind.CONNECTIONS_LIMITED, "", Severity.NOTE, cause, remedy, "", rows[-1].at, len(rows))


# ---- the store, the clock, the mapping ----


def _store(case: _Case) -> Iterator[Problem]:
    state = condition.of(case.connection, case.site.settings.store.url)
    if 0 <= state.free < _LEAST_FREE:
        cause = say("the disk of the store has %(free)s MB left", free=state.free // _MEGABYTE)
        remedy = say("make room: a store that cannot be written refuses every message")
        yield Problem(Kind.DISK_FULL, "", Severity.TROUBLE, cause, remedy)
    elif 0 <= state.free < _LITTLE_FREE * state.total:
        cause = say("the disk of the store is %(percent)s %% full", percent=100 - 100 * state.free // state.total)
        yield Problem(Kind.DISK_FULL, "", Severity.NOTE, cause, say("make room before it is full"))
    if state.log > _LONG_LOG:
        cause = say("the log of the database has grown to %(size)s MB", size=state.log // _MEGABYTE)
        remedy = say("look for a program that holds the database open, such as a backup that hangs")
        yield Problem(Kind.STORE_LOG_LONG, "", Severity.NOTE, cause, remedy)
    yield from _clock(state)


def _clock(state: condition.Condition) -> Iterator[Problem]:
    remedy = say("let this machine keep its clock by NTP")
    if state.ahead_s > _AHEAD_S:
        cause = say("the journal is %(seconds)s s ahead of the clock: it was set back", seconds=round(state.ahead_s))
        yield Problem(Kind.CLOCK, "set back", Severity.TROUBLE, cause, remedy)
    if abs(state.skew_s) > _SKEW_S:
        cause = say("the clock of the database server differs by %(seconds)s s", seconds=round(state.skew_s))
        yield Problem(Kind.CLOCK, "database", Severity.NOTE, cause, remedy)


def _mapping(case: _Case) -> Iterator[Problem]:
    """What is allowed in a mapping and still looks like a mistake."""
    sent = {kind for destination in case.site.settings.destination for kind in destination.send}
    for mapping in case.site.mappings():
        for warning in lint.warnings(mapping, sent) if sent else ():
            remedy = say("correct the line, or leave it if it is meant; swf lint tells them all")
            yield Problem(Kind.MAPPING, warning, Severity.NOTE, warning, remedy)


LOOKS: tuple[Callable[[_Case], Iterator[Problem]], ...] = (
    _refused,
    _held,
    _unresolved,
    _overdue,
    _parked,
    _late,
    _rejected,
    _devices,
    _left_over,
    _crowded,
    _store,
    _mapping,
)
"""Every look there is."""

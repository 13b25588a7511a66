"""Would this station see this order now, and if not, which rule hides it (RAD-5)? For `swf why` and for whoever shows it.

The rules are data: each looks at one step and says what it finds, whether that hides the step, and what mends it. What
hides by the station's profile or query are the very clauses of `workflow.stations` by which the door answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from pydicom.dataset import Dataset
from pydicom.uid import UID

from swf import clock, config
from swf.config import Settings
from swf.dicom import columns, datasets, flaws, matching
from swf.dicom.matching import START_DATE
from swf.dicom.terms import StepStatus
from swf.dicom.worklist import WorklistQuery
from swf.model.message import Disposition
from swf.profiles import did_you_mean
from swf.store import inquiry, queries
from swf.store.database import Record, Transaction
from swf.workflow import near, stations
from swf.workflow.stations import Clause, Station
from swf.workflow.stations import Rule as Kind

_AMONG_MESSAGES, _MOST_MESSAGES = 20_000, 5
_CUT_OFF = "A700"


class Verdict(StrEnum):
    """What a rule means for the step."""

    HIDES = "hides"
    NOTE = "note"
    PASSES = "passes"


class Finding(NamedTuple):
    """What one rule found. `action` mends what hides; "" when there is nothing to mend."""

    rule: str
    verdict: Verdict
    facts: str
    action: str = ""


class Stage(NamedTuple):
    """How many steps were left after one more condition of the station's list."""

    rule: str
    condition: str
    left: int


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """The answer for one step of the order."""

    accession_number: str
    step_id: str
    seen: bool
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer. `steps` is empty when nothing is known of the number; then `near` says what comes near it."""

    number: str
    ae_title: str
    called: str
    sentence: str
    seen: bool
    steps: list[StepAnswer]
    funnel: list[Stage]
    near: list[Finding]

    def jsonable(self) -> dict[str, Any]:
        """The answer with a name for every value."""
        steps = [{**asdict(step), "findings": [found._asdict() for found in step.findings]} for step in self.steps]
        funnel = [stage._asdict() for stage in self.funnel]
        return {**asdict(self), "steps": steps, "funnel": funnel, "near": [found._asdict() for found in self.near]}


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at: one step, and the station with what it asks. `row` has the step's columns by name."""

    connection: Transaction
    settings: Settings
    station: Station
    order: Record
    step: Record
    row: Mapping[str, str]
    clauses: Sequence[Clause]
    last: Record | None

    @property
    def titles(self) -> tuple[str, ...]:
        """Every AE title the station calls with."""
        return _titles(self.settings, self.station)


Rule: TypeAlias = Callable[[Case], Iterator[Finding]]


def of(connection: Transaction, settings: Settings, number: str, caller: tuple[str, str], now: datetime) -> Why:
    """Why the order of this accession, placer or filler number is, or is not, on the list of `caller`.

    That is the AE title that calls and the one it calls, "" for ours. The station is taken to ask what it asked last; one that has never asked is taken to ask for everything.
    """
    station = stations.find(settings, *caller)
    last = queries.last(connection, _titles(settings, station))
    asked = stations.clauses(station, _query(station, last), now)
    orders = inquiry.orders(connection, number)
    answers = [
        _answer(Case(connection, settings, station, order, step, _row(step), asked, last))
        for order in orders
        for step in inquiry.steps(connection, order.id)
    ]
    seen = any(answer.seen for answer in answers)
    beside = list(_beside(connection, number, known=bool(orders), with_steps=bool(answers)))
    sentence = _sentence(station, number, answers, known=bool(orders))
    funnel = list(_funnel(connection, station, asked)) if answers else []
    return Why(number, station.ae_title, station.called, sentence, seen, answers, funnel, beside)


def _titles(settings: Settings, station: Station) -> tuple[str, ...]:
    device = stations.device_of(settings, station.ae_title)
    return (device.ae_title, *device.aliases) if device else (station.ae_title,)


def _query(station: Station, last: Record | None) -> WorklistQuery:
    """What the station asked last; for everything when it never asked, or nobody could read what."""
    if last is not None and last.identifier:
        with suppress(Exception):  # pydicom raises what it likes for bytes that are no dataset
            return stations.read_query(station, datasets.decoded(last.identifier, UID(last.syntax)))
    return stations.read_query(station, Dataset())


def _row(step: Record) -> dict[str, str]:
    return {**columns.columns(step.dataset), "status": step.status}


def _answer(case: Case) -> StepAnswer:
    findings = [finding for rule in RULES for finding in rule(case)]
    seen = not any(finding.verdict is Verdict.HIDES for finding in findings)
    return StepAnswer(case.order.accession_number, case.step.step_id, seen, findings)


def _sentence(station: Station, number: str, answers: Sequence[StepAnswer], *, known: bool) -> str:
    if not known:
        return f"nothing is known of {number}"
    if not answers:
        return f"order {number} has no step that could be on a list"
    hidden = [answer for answer in answers if not answer.seen]
    if not hidden:
        return f"{station.ae_title} sees {number}"
    rules = dict.fromkeys(
        finding.rule for answer in hidden for finding in answer.findings if finding.verdict is Verdict.HIDES
    )
    some = "" if len(hidden) == len(answers) else f"{len(hidden)} of {len(answers)} steps of "
    return f"{station.ae_title} does not see {some}{number}: {', '.join(rules)}"


# ---- the rules ----


def _passes(rule: str, facts: str) -> Finding:
    return Finding(rule, Verdict.PASSES, facts)


def _caller(case: Case) -> Iterator[Finding]:
    title = case.station.ae_title
    if case.station.known:
        yield _passes("caller", f"{title} is configured")
    elif case.settings.dicom.callers_are_checked:
        meant = did_you_mean(title, (each.ae_title for each in case.settings.modality))
        action = f'add a [[modality]] with ae_title = "{title}"{meant}'
        yield Finding("caller", Verdict.HIDES, f"no [[modality]] calls with {title}: it is rejected", action)
    else:
        yield _passes("caller", "everybody may call")


def _called(case: Case) -> Iterator[Finding]:
    called, ours = case.station.called, config.called_titles(case.settings)
    if case.settings.dicom.called_is_checked and called not in ours:
        action = f"let the device call {' or '.join(ours)}"
        yield Finding("called", Verdict.HIDES, f"{called} is no AE title of ours: it is rejected", action)


_STATUS_ACTIONS = {
    StepStatus.COMPLETED: "nothing, it is done; a further exam needs an order of its own",
    StepStatus.CANCELLED: "let the HIS send the order anew",
    StepStatus.DISCONTINUED: "let the HIS send the order anew, if it is still to be done",
    StepStatus.HELD: "let the HIS release the order (ORC-1 RL) or book its appointment",
    StepStatus.STARTED: "let its modality end it, or add STARTED to statuses",
}


def _status(case: Case) -> Iterator[Finding]:
    status = case.row["status"]
    change = inquiry.last_change(case.connection, case.step.order, case.step.step_id)
    since = f"{status} since {_time(change.at if change else case.step.created_at)}{_cause(change)}"
    for clause in (each for each in case.clauses if each.rule is Kind.STATUS or _asks_for_status(each)):
        if matching.matches(clause.predicate, case.row):
            yield _passes("status", since)
        else:
            listed = near.text(clause.predicate)
            action = _STATUS_ACTIONS.get(StepStatus(status), f"add {status} to statuses of the modality or its profile")
            yield Finding("status", Verdict.HIDES, f"{since}; listed are {listed}", action)


def _asks_for_status(clause: Clause) -> bool:
    return clause.rule is Kind.KEY and getattr(clause.predicate, "column", "") == "status"


def _cause(change: Record | None) -> str:
    return f" by message {change.message}" if change is not None and change.message else ""


def _time(moment: datetime) -> str:
    return f"{clock.local(moment):%Y-%m-%d %H:%M:%S}"


def _held(case: Case) -> Iterator[Finding]:
    if not case.step.flaws & case.station.held_for:
        return
    held = [found for found in flaws.of(case.step.dataset) if flaws.mask([found.flaw]) & case.station.held_for]
    facts = "; ".join(f"{found.attribute.rpartition('/')[2]} {found.text}" for found in held)
    yield Finding("held", Verdict.HIDES, f"kept from every list: {facts}", "let the HIS correct the order")


_OWN = {
    Kind.PARTITION: ("partition", "the item has to carry one of these labels: WorklistLabel in the mapping"),
    Kind.LABEL: ("label", "correct labels of the modality or its profile, or WorklistLabel in the mapping"),
    Kind.LOCATION: ("location", "correct locations of the modality or its profile, or the place in the order"),
    Kind.WINDOW: ("date window", "widen days_behind and days_ahead of the modality or its profile, or move the order"),
    Kind.STATION: (
        "station",
        "let the order name this station (IPC-9, or [stations] of the mapping), or add it to stations of the modality",
    ),
}


def _own(case: Case) -> Iterator[Finding]:
    """What the partition and the profile let the station see, and what it asks about the station itself."""
    for clause in case.clauses:
        if clause.rule in _OWN:
            rule, action = _OWN[clause.rule]
            yield _judged(case, clause, rule, action)


_KEY_ACTIONS = {
    START_DATE: "look at the dates the device asks for, or move the order",
    "modality": "look at the modality of the order (IPC-5, OBR-24), or at the device's filter",
    "patient_id": "search by the number the patient has now",
}


def _keys(case: Case) -> Iterator[Finding]:
    for clause in case.clauses:
        if clause.rule is Kind.KEY and not _asks_for_status(clause):
            action = _KEY_ACTIONS.get(
                stations.column(clause.predicate), "clear this key on the device, or correct the order"
            )
            yield _judged(case, clause, f"key {clause.name}", action)


def _judged(case: Case, clause: Clause, rule: str, action: str) -> Finding:
    value = near.value(clause.predicate, case.row)
    shown = value.replace("\\", " or ") or "nothing"
    wanted = near.text(clause.predicate)
    if matching.matches(clause.predicate, case.row):
        return _passes(rule, f"{shown} is among {wanted}")
    hint = near.difference(clause.predicate, value)
    return Finding(rule, Verdict.HIDES, f"{shown} is not among {wanted}{hint and f' ({hint})'}", action)


def _needs(case: Case) -> Iterator[Finding]:
    if lacking := stations.lacks(case.station, case.step.dataset):
        facts = f"{', '.join(name.rpartition('/')[2] for name in lacking)} has no value, and the station needs one"
        yield Finding("needs", Verdict.HIDES, facts, "correct the order, or needs of the modality or its profile")


def _patient(case: Case) -> Iterator[Finding]:
    if case.order.identity != case.order.patient:
        first = inquiry.identity(case.connection, case.order.identity)
        facts = f"came for {first.patient_id}, merged into {case.order.patient_id}: the old number finds nothing"
        yield Finding("patient merged", Verdict.NOTE, facts)


def _asked(case: Case) -> Iterator[Finding]:
    last, changed = case.last, case.step.updated_at
    if last is None:
        action = "look at the worklist settings of the device; swf journal shows associations that were refused"
        yield Finding("asked", Verdict.NOTE, f"{case.station.ae_title} has never asked for a list", action)
        return
    when = f"last asked at {_time(last.last_at)} and got {last.answers}"
    if last.last_at < changed:
        facts = f"{when}, before the step became what it is at {_time(changed)}"
        yield Finding("asked", Verdict.NOTE, facts, "refresh the list of the device")
    elif last.status == _CUT_OFF:
        action = "let the device ask more narrowly, give it a profile, or raise max_answers in [dicom]"
        yield Finding("asked", Verdict.NOTE, f"{when}, not the whole list", action)
    else:
        yield _passes("asked", when)


def _rejected(case: Case) -> Iterator[Finding]:
    """An association that was refused since the station last asked; it may be let in by now."""
    entry = inquiry.last_rejection(case.connection, case.titles)
    if entry is not None and (case.last is None or case.last.last_at < entry.at):
        facts = f"was refused an association at {_time(entry.at)}: {entry.detail['reason']}"
        yield Finding("rejected", Verdict.NOTE, facts, "correct the [[modality]] or the device, and let it ask again")


def _given(case: Case) -> Iterator[Finding]:
    if given := inquiry.given(case.connection, case.step.id, case.titles):
        facts = f"was given to {given.ae_title} {given.times} times, last at {_time(given.last_at)}"
        yield Finding("given", Verdict.NOTE, facts)


RULES: tuple[Rule, ...] = (_caller, _called, _status, _held, _own, _needs, _keys, _patient, _rejected, _asked, _given)
"""Every rule, in the order they are told."""


# ---- beside the order ----


def _funnel(connection: Transaction, station: Station, asked: Sequence[Clause]) -> Iterator[Stage]:
    """What each condition leaves, one after the other: where a list becomes empty is where to look."""
    yield Stage("every step", "", stations.count(connection, []))
    for length, clause in enumerate(asked, start=1):
        condition = f"{clause.name}: {near.text(clause.predicate)}"
        yield Stage(clause.rule, condition, stations.count(connection, asked[:length]))
    if station.held_for:
        yield Stage("held", "without a flaw", stations.count(connection, asked, station.held_for))


def _beside(connection: Transaction, number: str, *, known: bool, with_steps: bool) -> Iterator[Finding]:
    """Messages that hold the number and came to nothing; for a number nobody knows also what was perhaps meant."""
    found = inquiry.messages_with(connection, number, among=_AMONG_MESSAGES, limit=_MOST_MESSAGES)
    for message in found:
        told = f"message {message.id} ({message.type}, {_time(message.received_at)})"
        if message.disposition == Disposition.REFUSED:
            facts = f"{told} holds {number} and was refused: {message.reason}"
            action = f"swf messages show {message.id}; once it is mended, swf messages replay {message.id}"
            yield Finding("message refused", Verdict.NOTE if with_steps else Verdict.HIDES, facts, action)
        elif not known:
            facts = f"{told} holds {number}, but not where the mapping looks for an order's numbers"
            yield Finding("message", Verdict.HIDES, facts, f"swf explain --message {message.id}")
    if known:
        return
    for other in near.numbers(number, inquiry.numbers(connection, near.AMONG)):
        yield Finding("near miss", Verdict.NOTE, f"there is {other}", f"swf why {other}")
    if not found:
        action = "let the HIS look when, where to and with what answer it sent the order; swf messages lists what came"
        yield Finding("never arrived", Verdict.HIDES, f"no message with {number} has come", action)

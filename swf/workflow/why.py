"""Would this station see this order now, and if not, which rule hides it (RAD-5)? For `swf why` and for whoever shows it.

The rules are data: each looks at one step and says what it finds, whether that hides the step, and what mends it. What
hides by the station's profile or query are the very clauses of `workflow.stations` by which the door answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

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
from swf.sentence import alternatives, listed, say, say_n, together
from swf.store import inquiry, queries
from swf.store.database import Record, Transaction
from swf.workflow import near, stations
from swf.workflow.stations import Clause, Station
from swf.workflow.stations import Rule as Kind
from swf.workflow.verdict import Finding, Stage, StepAnswer, Verdict, Why

_AMONG_MESSAGES, _MOST_MESSAGES = 20_000, 5
_CUT_OFF = "A700"


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


def of(
    connection: Transaction,
    settings: Settings,
    number: str,
    caller: tuple[str, str],
    now: datetime,
    *,
    readable: Callable[[Record], bool] = lambda _message: True,
) -> Why:
    """Why the order of this accession, placer or filler number is, or is not, on the list of `caller`.

    That is the AE title that calls and the one it calls, "" for ours. The station is taken to ask what it asked last; one that has never asked is taken to ask for everything.
    Of messages that hold the number only those are told that are `readable` by who asks.
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
    known = bool(orders)
    found = inquiry.messages_with(connection, number, among=_AMONG_MESSAGES, limit=_MOST_MESSAGES, refused_only=known)
    told = [message for message in found if readable(message)]
    beside = list(_beside(connection, number, told, known=known, with_steps=bool(answers)))
    sentence = _sentence(station, number, answers, known=known)
    stages = list(funnel(connection, station, asked)) if answers else []
    return Why(number, station.ae_title, station.called, sentence, seen, answers, stages, beside)


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
        return say("nothing is known of %(number)s", number=number)
    if not answers:
        return say("order %(number)s has no step that could be on a list", number=number)
    hidden = [answer for answer in answers if not answer.seen]
    if not hidden:
        return say("%(device)s sees %(number)s", device=station.ae_title, number=number)
    rules = dict.fromkeys(
        finding.rule for answer in hidden for finding in answer.findings if finding.verdict is Verdict.HIDES
    )
    told: dict[str, Any] = {"device": station.ae_title, "number": number, "rules": listed(rules)}
    if len(hidden) == len(answers):
        return say("%(device)s does not see %(number)s: %(rules)s", **told)
    told |= {"hidden": len(hidden), "steps": len(answers)}
    return say("%(device)s does not see %(hidden)s of %(steps)s steps of %(number)s: %(rules)s", **told)


# ---- the rules ----


def _passes(rule: str, facts: str, attribute: str = "") -> Finding:
    return Finding(rule, Verdict.PASSES, facts, attribute=attribute)


def _caller(case: Case) -> Iterator[Finding]:
    title = case.station.ae_title
    if case.station.known:
        yield _passes(say("caller"), say("%(device)s is configured", device=title))
    elif case.settings.dicom.callers_are_checked:
        meant = did_you_mean(title, (each.ae_title for each in case.settings.modality))
        action = say('add a [[modality]] with ae_title = "%(device)s"%(meant)s', device=title, meant=meant)
        facts = say("no [[modality]] calls with %(device)s: it is rejected", device=title)
        yield Finding(say("caller"), Verdict.HIDES, facts, action)
    else:
        yield _passes(say("caller"), say("everybody may call"))


def _called(case: Case) -> Iterator[Finding]:
    called, ours = case.station.called, config.called_titles(case.settings)
    if case.settings.dicom.called_is_checked and called not in ours:
        action = say("let the device call %(titles)s", titles=alternatives(ours))
        facts = say("%(title)s is no AE title of ours: it is rejected", title=called)
        yield Finding(say("called"), Verdict.HIDES, facts, action)


_STATUS_ACTIONS = {
    StepStatus.COMPLETED: say("nothing, it is done; a further exam needs an order of its own"),
    StepStatus.CANCELLED: say("let the HIS send the order anew"),
    StepStatus.DISCONTINUED: say("let the HIS send the order anew, if it is still to be done"),
    StepStatus.HELD: say("let the HIS release the order (ORC-1 RL) or book its appointment"),
    StepStatus.STARTED: say("let its modality end it, or add STARTED to statuses"),
}


def _status(case: Case) -> Iterator[Finding]:
    status = case.row["status"]
    change = inquiry.last_change(case.connection, case.step.order, case.step.step_id)
    told = {"status": status, "time": _time(change.at if change else case.step.created_at)}
    if change is not None and change.message:
        since = say("%(status)s since %(time)s by message %(message)s", **told, message=change.message)
    else:
        since = say("%(status)s since %(time)s", **told)
    for clause in (each for each in case.clauses if each.rule is Kind.STATUS or _asks_for_status(each)):
        if matching.matches(clause.predicate, case.row):
            yield _passes(say("status"), since)
        else:
            facts = say("%(since)s; listed are %(statuses)s", since=since, statuses=near.text(clause.predicate))
            add = say("add %(status)s to statuses of the modality or its profile", status=status)
            yield Finding(say("status"), Verdict.HIDES, facts, _STATUS_ACTIONS.get(StepStatus(status), add))


def _asks_for_status(clause: Clause) -> bool:
    return clause.rule is Kind.KEY and getattr(clause.predicate, "column", "") == "status"


def _time(moment: datetime) -> str:
    return f"{clock.local(moment):%Y-%m-%d %H:%M:%S}"


def _held(case: Case) -> Iterator[Finding]:
    if not case.step.flaws & case.station.held_for:
        return
    held = [found for found in flaws.of(case.step.dataset) if flaws.mask([found.flaw]) & case.station.held_for]
    each = [say("%(attribute)s %(flaw)s", attribute=_last(found.attribute), flaw=found.text) for found in held]
    facts = say("kept from every list: %(flaws)s", flaws=together(each))
    yield Finding(say("held"), Verdict.HIDES, facts, say("let the HIS correct the order"))


def _last(attribute: str) -> str:
    return attribute.rpartition("/")[2]


_OWN = {
    Kind.PARTITION: (
        say("partition"),
        say("the item has to carry one of these labels: WorklistLabel in the mapping"),
    ),
    Kind.LABEL: (
        say("label"),
        say("correct labels of the modality or its profile, or WorklistLabel in the mapping"),
    ),
    Kind.LOCATION: (
        say("location"),
        say("correct locations of the modality or its profile, or the place in the order"),
    ),
    Kind.WINDOW: (
        say("date window"),
        say("widen days_behind and days_ahead of the modality or its profile, or move the order"),
    ),
    Kind.STATION: (
        say("station"),
        say(
            "let the order name this station (IPC-9, or [stations] of the mapping), "
            "or add it to stations of the modality"
        ),
    ),
}


def _own(case: Case) -> Iterator[Finding]:
    """What the partition and the profile let the station see, and what it asks about the station itself."""
    for clause in case.clauses:
        if clause.rule in _OWN:
            rule, action = _OWN[clause.rule]
            yield _judged(case, clause, rule, action)


_KEY_ACTIONS = {
    START_DATE: say("look at the dates the device asks for, or move the order"),
    "modality": say("look at the modality of the order (IPC-5, OBR-24), or at the device's filter"),
    "patient_id": say("search by the number the patient has now"),
}


def _keys(case: Case) -> Iterator[Finding]:
    for clause in case.clauses:
        if clause.rule is Kind.KEY and not _asks_for_status(clause):
            yield _judged(case, clause, say("key %(name)s", name=clause.name), action_for(clause))


def action_for(clause: Clause) -> str:
    """What mends that a condition of a list leaves out what is wanted."""
    if clause.rule in _OWN:
        return _OWN[clause.rule][1]
    if clause.rule is Kind.STATUS:
        return say(
            "nothing for what is done; else let the HIS send the order anew, "
            "or add the status to statuses of the modality or its profile"
        )
    other = say("clear this key on the device, or correct the order")
    return _KEY_ACTIONS.get(stations.column(clause.predicate), other)


def _judged(case: Case, clause: Clause, rule: str, action: str) -> Finding:
    value = near.value(clause.predicate, case.row)
    told = {"value": alternatives(value.split("\\")) or say("nothing"), "wanted": near.text(clause.predicate)}
    if matching.matches(clause.predicate, case.row):
        return _passes(rule, say("%(value)s is among %(wanted)s", **told), clause.name)
    facts = say("%(value)s is not among %(wanted)s", **told)
    if hint := near.difference(clause.predicate, value):
        facts = say("%(facts)s (%(hint)s)", facts=facts, hint=hint)
    return Finding(rule, Verdict.HIDES, facts, action, clause.name)


def _needs(case: Case) -> Iterator[Finding]:
    if lacking := stations.lacks(case.station, case.step.dataset):
        names = listed(map(_last, lacking))
        facts = say("%(attributes)s has no value, and the station needs one", attributes=names)
        action = say("correct the order, or needs of the modality or its profile")
        yield Finding(say("needs"), Verdict.HIDES, facts, action)


def _patient(case: Case) -> Iterator[Finding]:
    if case.order.identity != case.order.patient:
        first = inquiry.identity(case.connection, case.order.identity)
        facts = say(
            "came for %(old)s, merged into %(new)s: the old number finds nothing",
            old=first.patient_id,
            new=case.order.patient_id,
        )
        yield Finding(say("patient merged"), Verdict.NOTE, facts, attribute="PatientID")


def _asked(case: Case) -> Iterator[Finding]:
    last, changed = case.last, case.step.updated_at
    if last is None:
        facts = say("%(device)s has never asked for a list", device=case.station.ae_title)
        action = say("look at the worklist settings of the device; swf journal shows associations that were refused")
        yield Finding(say("asked"), Verdict.NOTE, facts, action)
        return
    when = say("last asked at %(time)s and got %(answers)s", time=_time(last.last_at), answers=last.answers)
    if last.last_at < changed:
        facts = say("%(when)s, before the step became what it is at %(time)s", when=when, time=_time(changed))
        yield Finding(say("asked"), Verdict.NOTE, facts, say("refresh the list of the device"))
    elif last.status == _CUT_OFF:
        action = say("let the device ask more narrowly, give it a profile, or raise max_answers in [dicom]")
        yield Finding(say("asked"), Verdict.NOTE, say("%(when)s, not the whole list", when=when), action)
    else:
        yield _passes(say("asked"), when)


def _rejected(case: Case) -> Iterator[Finding]:
    """An association that was refused since the station last asked; it may be let in by now."""
    entry = inquiry.last_rejection(case.connection, case.titles)
    if entry is not None and (case.last is None or case.last.last_at < entry.at):
        told = {"time": _time(entry.at), "reason": entry.detail["reason"]}
        facts = say("was refused an association at %(time)s: %(reason)s", **told)
        action = say("correct the [[modality]] or the device, and let it ask again")
        yield Finding(say("rejected"), Verdict.NOTE, facts, action)


def _given(case: Case) -> Iterator[Finding]:
    if given := inquiry.given(case.connection, case.step.id, case.titles):
        facts = say_n(
            "was given to %(device)s %(n)s time, last at %(time)s",
            "was given to %(device)s %(n)s times, last at %(time)s",
            given.times,
            device=given.ae_title,
            time=_time(given.last_at),
        )
        yield Finding(say("given"), Verdict.NOTE, facts)


RULES: tuple[Rule, ...] = (_caller, _called, _status, _held, _own, _needs, _keys, _patient, _rejected, _asked, _given)
"""Every rule, in the order they are told."""


# ---- beside the order ----


def funnel(connection: Transaction, station: Station, asked: Sequence[Clause]) -> Iterator[Stage]:
    """What each condition leaves, one after the other: where a list becomes empty is where to look."""
    yield Stage(say("every step"), "", stations.count(connection, []))
    for length, clause in enumerate(asked, start=1):
        condition = say("%(name)s: %(wanted)s", name=clause.name, wanted=near.text(clause.predicate))
        yield Stage(clause.rule, condition, stations.count(connection, asked[:length]), clause.name)
    if station.held_for:
        yield Stage(say("held"), say("without a flaw"), stations.count(connection, asked, station.held_for))


def _beside(
    connection: Transaction, number: str, found: Sequence[Record], *, known: bool, with_steps: bool
) -> Iterator[Finding]:
    """Messages that hold the number and came to nothing; for a number nobody knows also what was perhaps meant."""
    for message in found:
        told = {"message": message.id, "type": message.type, "time": _time(message.received_at), "number": number}
        if message.disposition == Disposition.REFUSED:
            facts = say(
                "message %(message)s (%(type)s, %(time)s) holds %(number)s and was refused: %(reason)s",
                **told,
                reason=message.reason,
            )
            action = say(
                "swf messages show %(message)s; once it is mended, swf messages replay %(message)s", message=message.id
            )
            yield Finding(say("message refused"), Verdict.NOTE if with_steps else Verdict.HIDES, facts, action)
        elif not known:
            facts = say(
                "message %(message)s (%(type)s, %(time)s) holds %(number)s, "
                "but not where the mapping looks for an order's numbers",
                **told,
            )
            yield Finding(say("message"), Verdict.HIDES, facts, f"swf explain --message {message.id}")
    if known:
        return
    for other in near.numbers(number, inquiry.numbers(connection, near.AMONG)):
        yield Finding(say("near miss"), Verdict.NOTE, say("there is %(other)s", other=other), f"swf why {other}")
    if not found:
        facts = say("no message with %(number)s has come", number=number)
        action = say(
            "let the HIS look when, where to and with what answer it sent the order; swf messages lists what came"
        )
        yield Finding(say("never arrived"), Verdict.HIDES, facts, action)

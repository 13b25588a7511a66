"""Orders by hand: made, changed and cancelled by an operator, for sites and moments without HL7 (RAD-2, RAD-3, RAD-13).

What an operator says becomes a message of our own, which is kept, carried out and shown in traces as any other: so the
catalogue, the stations, the numbers and the law are the same, and it can be explained and replayed. It comes by a door no
peer can knock at, so that nobody else speaks as an operator (`swf.model.message.BY_HAND`).
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pydicom.dataset import Dataset

from swf import clock
from swf.dicom import encoding, mpps
from swf.dicom.terms import StepStatus
from swf.errors import IllegalTransition, MessageError, Misfilled, Unresolvable
from swf.model.journal import Event
from swf.sentence import listed, say, together
from swf.store import inquiry, journal, orders, patients
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import by_hand_message, intake, notices, states, wanted
from swf.workflow.notices import Change
from swf.workflow.site import Site
from swf.workflow.states import StepEvent
from swf.workflow.wanted import Asked, NewOrder, OrderChange

_PLACES = {
    ("PID", "3"): "patient_id",
    ("PID", "5"): "name",
    ("PID", "7"): "birth_date",
    ("OBR", "4"): "procedure",
    ("OBR", "18"): "accession",
    ("OBR", "24"): "modality",
    ("OBR", "31"): "reason",
    ("ORC", "18"): "station",
    ("TQ1", "7"): "start",
}
_STOPPED = {
    StepStatus.STARTED: say("it has begun"),
    StepStatus.COMPLETED: say("it is done"),
    StepStatus.DISCONTINUED: say("it was broken off"),
    StepStatus.CANCELLED: say("it was cancelled"),
}
# What may still be cancelled may be planned anew
_MOVABLE = frozenset(states.TRANSITIONS[StepEvent.CANCEL]) - {StepStatus.CANCELLED}
_CHILDREN = say("the order has children, which are changed one by one")


class Person(NamedTuple):
    """A patient who is known: what is known of him or her, and what an operator gives back who has seen it."""

    patient: int
    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str
    seen: str


class Lawful(NamedTuple):
    """Why an order cannot be cancelled, why not changed, and why not some of its steps; empty where it can."""

    cancel: str
    change: str
    steps: Mapping[str, str]


def new_key() -> str:
    """A key for one form."""
    return secrets.token_hex(12)


def known_person(transaction: Transaction, site: Site, patient_id: str, issuer: str) -> Person | None:
    """The patient of that identifier, a merged one's survivor; without an issuer the site's own counts."""
    row = patients.find(transaction, patient_id.strip(), issuer.strip() or site.settings.site.issuer)
    if row is None:
        return None
    name, born, sex = (encoding.text(row.dataset, each) for each in ("PatientName", "PatientBirthDate", "PatientSex"))
    seen = hashlib.sha256(f"{row.id} {name} {born}".encode()).hexdigest()[:16]
    return Person(row.id, row.patient_id, row.issuer, name, born, sex, seen)


def looked_up(transaction: Transaction, at: datetime, by: str, patient: int) -> None:
    """Note that `by` was shown whose a number is."""
    journal.add(transaction, at, [Entry(Event.PATIENT_REVEALED, detail={"by": by, "patient": patient})])


def named(transaction: Transaction, number: str, row: int = 0) -> Record:
    """The order of that accession, placer or filler number, with its patient's; of several that of row number `row`.

    Raises Unresolvable when there is none, or when it is not clear which.
    """
    found = [each for each in inquiry.orders(transaction, number) if row in (0, each.id)]
    if not found:
        raise Unresolvable(say("nothing is known of order %(number)s", number=number))
    if len(found) > 1:
        raise Unresolvable(
            say(
                "%(n)s orders have the number %(number)s; name one by its placer or filler number",
                n=len(found),
                number=number,
            )
        )
    return found[0]


def only_step(transaction: Transaction, row: Record) -> str:
    """The id of the one step of an order; Misfilled when it has several."""
    found = orders.steps(transaction, row.id)
    if len(found) != 1:
        raise Misfilled({"step": say("is missing; the order has %(n)s steps", n=len(found))})
    return str(found[0].step_id)


def order(transaction: Transaction, site: Site, said: NewOrder, asked: Asked, *, confirmed: str = "") -> Record:
    """Make an order; its row, that of the first time when its key came before.

    `confirmed` is the `seen` of a known patient whose name or birth date is not what the order says: without it such an
    order is refused. Raises Misfilled with a sentence for each field at fault.
    """
    own, said = site.of_operator(), wanted.tidy(said)
    filler = (by_hand_message.number_of(asked.key), site.settings.site.name)
    mistakes = wanted.mistakes(said, own.mapping.catalogue)
    if said.accession and not orders.find(transaction, placer=("", ""), filler=filler):
        taken = orders.of_accession(transaction, said.accession)
        mistakes |= {"accession": say("is that of another order")} if taken else {}
    if mistakes:
        raise Misfilled(mistakes)
    _refuse_another_person(known_person(transaction, site, said.patient_id, said.issuer), said, confirmed)
    first = _take(transaction, own, by_hand_message.new(own, said, asked), asked)
    row = orders.find(transaction, placer=("", ""), filler=filler)
    if row is None:
        raise Unresolvable(say("the order was made before, and has another filler order number by now"))
    if first:
        _note(transaction, site, row, asked, "ordered by hand")
    return row


def change(transaction: Transaction, site: Site, row: Record, said: OrderChange, asked: Asked) -> None:
    """Change the order of `row` (`named`): when, where, how urgent, what and why.

    Raises Misfilled, also when a step is another than the operator saw; IllegalTransition when it is too late.
    """
    own, said = site.of_operator(), wanted.tidy(said)
    said = replace(said, steps={name: wanted.tidy(each) for name, each in said.steps.items()})
    steps = orders.steps(transaction, row.id)
    mistakes = wanted.mistakes_of_change(said, own.mapping.catalogue)
    known = {step.step_id for step in steps}
    mistakes |= {f"{name}.start": say("is of no step of this order") for name in said.steps if name not in known}
    several = len(steps) > 1 or len(by_hand_message.entries_of(own.mapping, said.procedure)) > 1
    if said.procedure and several:
        mistakes["procedure"] = say("stays where there are several steps; cancel the order and make a new one")
    if mistakes:
        raise Misfilled(mistakes)
    whole = bool(said.priority or said.procedure or said.reason)
    chosen = [step for step in steps if whole or step.step_id in said.steps]
    raw = by_hand_message.changed(own, row, chosen, said, asked)
    if not chosen or intake.came_before(transaction, own, raw, asked.by):
        return
    _refuse_change(row, steps, chosen, said)
    _take(transaction, own, raw, asked)
    _note(transaction, site, row, asked, "changed by hand")


def cancel(transaction: Transaction, site: Site, row: Record, reason: str, asked: Asked) -> None:
    """Cancel the order of `row` (`named`) for a reason; Misfilled without one, IllegalTransition when it is too late."""
    own, reason = site.of_operator(), reason.strip()
    unfit = encoding.violations("ReasonForTheRequestedProcedure", reason) if reason else [say("is missing")]
    if unfit:
        raise Misfilled({"reason": unfit[0]})
    raw = by_hand_message.cancelled(own, row, reason, asked)
    if intake.came_before(transaction, own, raw, asked.by):
        return
    refusal = lawful(transaction, row).cancel
    if refusal:
        raise IllegalTransition(refusal)
    _take(transaction, own, raw, asked)
    _note(transaction, site, row, asked, "cancelled by hand", why=reason)


def lawful(transaction: Transaction, row: Record) -> Lawful:
    """What may still be done with an order, and in words why not."""
    steps = orders.family_steps(transaction, row)
    stopped = {each.step_id: _STOPPED[StepStatus(each.status)] for each in steps if each.status not in _MOVABLE}
    refusals = together(say("step %(step)s: %(why)s", step=name, why=why) for name, why in stopped.items())
    cancelled = all(each.status == StepStatus.CANCELLED for each in steps)
    late = say("it is too late to cancel the order; %(why)s", why=refusals) if refusals else ""
    fixed = (
        say("nothing of the order can be changed any more; %(why)s", why=refusals) if len(stopped) == len(steps) else ""
    )
    return Lawful(
        say("the order was cancelled before") if cancelled else late, _CHILDREN if row.is_parent else fixed, stopped
    )


def _refuse_another_person(known: Person | None, said: NewOrder, confirmed: str) -> None:
    """A number that is somebody's, with another name or birth date: perhaps the wrong patient's order."""
    if known is None or confirmed == known.seen:
        return
    born = wanted.day(said.birth_date)
    found = {
        say("another name"): bool(known.name) and _spelt(known.name) != _spelt(said.name),
        say("another birth date"): "" not in (born, known.birth_date) and born != known.birth_date,
    }
    others = listed(text for text, differs in found.items() if differs)
    if others:
        raise Misfilled({"patient_id": say("is known with %(others)s", others=others)}, person=known._asdict())


def _spelt(name: str) -> str:
    """The first group as it is compared."""
    return "^".join(part.strip() for part in name.partition("=")[0].split("^")).rstrip("^").casefold()


def _refuse_change(row: Record, steps: Iterable[Record], chosen: Iterable[Record], said: OrderChange) -> None:
    versions = {step.step_id: step.version for step in steps}
    stale = [name for name, each in said.steps.items() if each.version not in (0, versions[name])]
    if stale:
        raise Misfilled({f"{name}.start": say("was changed meanwhile; look again") for name in stale})
    if row.is_parent:
        raise IllegalTransition(_CHILDREN)
    for step in chosen:
        if step.status not in _MOVABLE:
            raise IllegalTransition(
                say(
                    "step %(step)s cannot be changed: %(why)s", step=step.step_id, why=_STOPPED[StepStatus(step.status)]
                )
            )


def _take(transaction: Transaction, site: Site, raw: bytes, asked: Asked) -> bool:
    """Carry the message out; False when it came before. A refusal that is of a field says so."""
    try:
        return intake.take(transaction, site, raw, asked.by)
    except MessageError as error:
        segment, _, place = error.location.partition("^")
        field = _PLACES.get((segment, place.rpartition("^")[2]))
        if field is None:
            raise
        raise Misfilled({field: error.text}) from error


def _note(transaction: Transaction, site: Site, row: Record, asked: Asked, did: str, **why: str) -> None:
    """Who did it, in the journal of the order; and the destinations are told how it stands, if that is wanted."""
    at = clock.now()
    entries = [Entry(Event.OPERATOR_ACTED, row.id, detail={"by": asked.by, "did": did, **why})]
    if asked.tell:
        every = orders.family_steps(transaction, row)
        entries += notices.status(transaction, site, Change(row.id, every, every, mpps.summary(Dataset()), at))
    journal.add(transaction, at, entries)

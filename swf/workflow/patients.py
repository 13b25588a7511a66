"""Patients and what happens to them: known by an order, updated, merged (RAD-2, RAD-12).

A merged identity keeps leading to its survivor, so an order that still comes under the old number reaches the right
patient. What a message leaves empty stays; what it sends as `""` is cleared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from swf.dicom import columns, encoding
from swf.dicom.encoding import Value
from swf.errors import IdentifierConflict, IllegalTransition, MappingError
from swf.hl7.message import Message, Segment, by_name
from swf.mapping import inbound
from swf.mapping.inbound import MappedStep
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders, patients
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import lateness, states, steps
from swf.workflow.lateness import Said
from swf.workflow.site import Site

_SEGMENT_SEQUENCE, _REQUIRED_FIELD = 100, 101
_OTHERS = "OtherPatientIDsSequence"
_IDENTIFIER = ("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence")
_VISIT_GROUP = 0x0038
_MOST_IDENTIFIERS = 50  # each costs two statements; nobody has so many, but a message can


@dataclass(frozen=True, slots=True)
class Known:
    """A patient of the store: the row, the attributes that are his or her own, encoded, and the identity that was named.

    The identity is another row than the patient's when it was merged, or is a second identifier of the same patient.
    `was` holds the attributes of before when they have just changed.
    """

    number: int
    person: bytes
    identity: int
    warnings: tuple[str, ...] = ()
    was: bytes = b""


def identify(transaction: Transaction, site: Site, item: dict[str, Value], at: datetime) -> Known:
    """The patient `item` is about, kept or brought up to date; of a merged identity the survivor, untouched.

    Every further identifier that names its authority leads to the same patient from now on.
    """
    identifier, issuer = _identity(site, item)
    person = {**inbound.person(site.mapping, item), "IssuerOfPatientID": issuer}  # one without the other names nobody
    told = encoding.encode(person)
    named = patients.ensure(transaction, identifier, issuer, told, at)
    known = patients.survivor(transaction, named) or named
    warnings = _add_aliases(transaction, item, known.id, at)
    if known.id != named.id:
        return Known(known.id, known.dataset, named.id, warnings)
    dataset = told if told == known.dataset else encoding.merge(known.dataset, person)
    changed = dataset != known.dataset
    if changed:
        patients.set_dataset(transaction, known.id, dataset, at)
    return Known(known.id, dataset, known.id, warnings, known.dataset if changed else b"")


def _add_aliases(transaction: Transaction, item: dict[str, Value], number: int, at: datetime) -> tuple[str, ...]:
    """Let the other identifiers lead to patient row `number`; a sentence for each that is somebody else's."""
    conflicts = []
    others = _others(item)
    if len(others) > _MOST_IDENTIFIERS:
        conflicts.append(
            f"the patient comes with {len(others)} identifiers; only {_MOST_IDENTIFIERS} lead to him or her"
        )
    for identifier, issuer in others[:_MOST_IDENTIFIERS]:
        known = patients.find(transaction, identifier, issuer) if issuer else None
        if issuer and known is None:
            patients.add_alias(transaction, identifier, issuer, number, at)
        elif known is not None and known.id != number:
            conflicts.append(f"another patient has the identifier of authority {issuer}; nothing was merged")
    return tuple(conflicts)


def prefer_own_identifier(site: Site, item: dict[str, Value]) -> None:
    """Of several identifiers let the one of `site.issuer` be the Patient ID, and the others the other ones."""
    others = [each for each in item.get(_OTHERS) or () if not isinstance(each, str)]
    own = site.settings.site.issuer
    chosen = next((each for each in others if own and each.get("IssuerOfPatientID") == own), None)
    if chosen is None or item.get("IssuerOfPatientID") == own:
        return
    first = {keyword: item[keyword] for keyword in _IDENTIFIER if item.get(keyword)}
    item.update({keyword: chosen.get(keyword, "") for keyword in _IDENTIFIER if keyword in {*first, *chosen}})
    item[_OTHERS] = [{"TypeOfPatientID": "TEXT", **first} if each is chosen else each for each in others]


def _others(item: dict[str, Value]) -> list[tuple[str, str]]:
    """The further identifiers of an item, each with its authority."""
    sequence = item.get(_OTHERS) or ()
    items = [each for each in sequence if not isinstance(each, str)]
    return [(str(each.get("PatientID", "")), str(each.get("IssuerOfPatientID", ""))) for each in items]


def find(transaction: Transaction, site: Site, item: dict[str, Value]) -> Record | None:
    """The patient row `item` is about, if there is one."""
    return patients.find(transaction, *_identity(site, item))


def update(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """What is known of a patient changes, here and in every open step; what is said of a visit only in the steps of it.

    Somebody nobody has seen is made known (RAD-1: A01, A04, A05, A28; RAD-12: A02, A08, A12, A13, A31).
    Raises MappingError when the patient is not identified.
    """
    segments = by_name(message.segments)
    mapped = described(site, segments)
    known = identify(transaction, site, mapped.item, at)
    entries = [Entry(Event.WARNING, detail={"text": text}) for text in (*mapped.warnings, *known.warnings)]
    entries += _placed_in_time(transaction, site, message, known)
    entries.append(Entry(Event.PATIENT_CHANGED, detail={"patient": known.number}))
    own = inbound.person(site.mapping, mapped.item)  # comes with `known`, and of a merged identity not at all
    told = {keyword: value for keyword, value in mapped.item.items() if keyword not in own}
    elsewhere = {keyword: value for keyword, value in told.items() if not _is_of_visit(keyword)}
    visit = inbound.admission(site.mapping, segments)
    for step in open_steps(transaction, [known.number]):
        changes = told if is_of_visit(step, visit) else elsewhere
        stored = encoding.overlay(columns.merge(step.dataset, changes), known.person)
        entries += rewritten(transaction, step, stored, at, Event.PATIENT_CHANGED)
    return entries


def _placed_in_time(transaction: Transaction, site: Site, message: Message, known: Known) -> list[Entry]:
    """Keep when the newest message about a patient was said; what there is to journal of one that comes after it.

    Warned of are the orders, whose story an operator reads.
    """
    said = lateness.said(site, message, message.value("EVN", 2, component=1))
    last = lateness.known(patients.one(transaction, known.number))
    if not lateness.is_late(said, last):
        if said != last:
            patients.change(transaction, known.number, **said.columns)
        return []
    concerned = dict.fromkeys(step.order for step in open_steps(transaction, [known.number]))
    return [lateness.warning(site, said, last, order, "EVN^1^2") for order in concerned or [None]]


def doubts(transaction: Transaction, known: Known, said: Said) -> Iterator[str]:
    """A sentence for each reason to ask whether an order has described its patient rightly.

    Its patient may be older news than the last ADT message of its sender, or somebody else under the same number.
    """
    if not known.was:
        return
    last = lateness.known(patients.one(transaction, known.number))
    sent = said._replace(said_at=None)  # when an order was placed says nothing of when its patient was looked up
    if lateness.is_late(sent, last):
        yield f"{lateness.sentence(sent, last)}; the patient is now as the older one says, look whether this is right"
    if all(_is_another(known, keyword) for keyword in ("PatientName", "PatientBirthDate")):
        yield "name and birth date of the patient are both others than before; look whether the number is somebody else's"


def _is_another(known: Known, keyword: str) -> bool:
    before, now = encoding.text(known.was, keyword), encoding.text(known.person, keyword)
    return "" not in (before, now) and before.casefold() != now.casefold()


def described(site: Site, segments: dict[str, list[Segment]]) -> MappedStep:
    """What the segments say of a patient and a visit; raises MappingError when the patient is not identified."""
    mapped = inbound.patient(site.mapping, segments)
    prefer_own_identifier(site, mapped.item)
    return mapped


def is_of_visit(step: Record, visit: str) -> bool:
    """Whether a step may belong to that visit: it does unless both have a number and the numbers differ."""
    return not visit or step.admission_id in ("", visit)


def _is_of_visit(keyword: str) -> bool:
    return encoding.layout(keyword).tag >> 16 == _VISIT_GROUP


def merge(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A34, A39, A40: each MRG identity becomes the one of the PID before it, with all its orders (RAD-12).

    An identity nobody has seen is kept as merged too, so that what comes under it later goes to the survivor.
    Raises MappingError without MRG-1 or PID-3, IdentifierConflict for a merge into itself.
    """
    entries: list[Entry] = []
    for pid, mrg in _merges(message.segments):
        mapped = described(site, {"PID": [pid]})
        _promote(transaction, site, mapped.item, mrg, at)
        survivor = identify(transaction, site, mapped.item, at)
        for repetition in range(1, mrg.repetitions(1) + 1):
            entries += _merge_one(transaction, site, (mrg, repetition), survivor, at)
        for step in open_steps(transaction, [survivor.number]):
            stored = encoding.overlay(step.dataset, survivor.person)
            entries += rewritten(transaction, step, stored, at, Event.PATIENT_MERGED)
    return entries


def change_identifier(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A47: the identifier in MRG-1 becomes the one in PID-3, with all that is known and ordered (ITI-30).

    The old identifier leads to the new one. Raises IdentifierConflict when the new one is another patient's already.
    """
    entries: list[Entry] = []
    for pid, mrg in _merges(message.segments):
        mapped = described(site, {"PID": [pid]})
        promoted = _promote(transaction, site, mapped.item, mrg, at)
        old = patients.find(transaction, *_prior(site, mrg, 1))
        new = patients.find(transaction, *_identity(site, mapped.item))
        if old is not None and new is not None and new.id != old.id and not promoted:
            raise IdentifierConflict(say("another patient has that identifier; merge them (A40)"), location="PID^1^3")
        if old is not None and new is None:
            patients.save(transaction, *_identity(site, mapped.item), old.dataset, at)
        survivor = identify(transaction, site, mapped.item, at)
        entries += _merge_one(transaction, site, (mrg, 1), survivor, at)
        entries += follow(transaction, survivor, at)
    return entries


def split(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A37: a merge of the two patients is taken back; each has the orders again that came under its identifier.

    Raises IllegalTransition when the two are not merged.
    """
    pids = message.all("PID")
    if len(pids) < 2:  # noqa: PLR2004  the two that are parted
        raise MappingError(say("the message names no two patients"), location="PID^2", code=_SEGMENT_SEQUENCE)
    items = [described(site, {"PID": [pid]}).item for pid in pids[:2]]
    pair = [patients.identity(transaction, *_identity(site, item)) for item in items]
    loser = _loser(transaction, pair)
    if loser is None:
        raise IllegalTransition(say("the two patients are not merged"), location="PID^2^3")
    left = loser.merged_into
    patients.split(transaction, loser.id, at)
    entries = [Entry(Event.PATIENT_SPLIT, detail={"patient": loser.id, "from": left})]
    for item in items:
        known = identify(transaction, site, item, at)
        entries += follow(transaction, known, at, tags_of_person(site))
    return entries


def _loser(transaction: Transaction, pair: list[Record | None]) -> Record | None:
    """Of two identities of one patient the one that was merged into the other, or else the last that was merged."""
    first, second = pair
    if first is None or second is None:
        return None
    one, other = patients.survivor(transaction, first), patients.survivor(transaction, second)
    if one is None or other is None or one.id != other.id:
        return None
    return first if first.merged_into == second.id or second.merged_into is None else second


def tags_of_person(site: Site) -> list[int]:
    """The tags of what is the patient's own, whatever the order or visit."""
    return [encoding.layout(keyword).tag for keyword in site.mapping.keywords_of_person]


def follow(transaction: Transaction, known: Known, at: datetime, forgotten: Iterable[int] = ()) -> list[Entry]:
    """Let every open step of a patient show who it is for now; `forgotten` tags are those of whom it was for before."""
    entries: list[Entry] = []
    for step in open_steps(transaction, [known.number]):
        stored = encoding.overlay(encoding.without(step.dataset, forgotten), known.person)
        entries += rewritten(transaction, step, stored, at, Event.PATIENT_CHANGED)
    return entries


def _promote(transaction: Transaction, site: Site, item: dict[str, Value], mrg: Segment, at: datetime) -> bool:
    """Let an identifier that so far was a further one of the patient in MRG become the one that stays; whether it was."""
    named = patients.identity(transaction, *_identity(site, item))
    if named is None or named.merged_into is None or named.dataset:
        return False
    prior = (_prior(site, mrg, repetition) for repetition in range(1, mrg.repetitions(1) + 1))
    rows = (patients.identity(transaction, *each) for each in prior)
    further = any(row is not None and row.id == named.merged_into for row in rows)
    if further:
        patients.promote(transaction, named, at)
    return further


def _merge_one(
    transaction: Transaction, site: Site, prior: tuple[Segment, int], survivor: Known, at: datetime
) -> list[Entry]:
    identifier, issuer = _prior(site, *prior)
    known = patients.find(transaction, identifier, issuer)
    loser = known.id if known else patients.save(transaction, identifier, issuer, b"", at)
    if loser == survivor.number:
        if known and (known.patient_id, known.issuer) != (identifier, issuer):
            return []  # merged before; sent again
        raise IdentifierConflict(say("the patient would be merged into itself"), location="MRG^1^1")
    patients.merge(transaction, loser, survivor.number, at)
    return [Entry(Event.PATIENT_MERGED, detail={"loser": loser, "survivor": survivor.number})]


def _prior(site: Site, segment: Segment, repetition: int) -> tuple[str, str]:
    """The identifier in MRG-1 and its authority."""
    identifier = segment.value(1, repetition, 1)
    if not identifier:
        raise MappingError(say("MRG-1 names no prior patient identifier"), location="MRG^1^1", code=_REQUIRED_FIELD)
    return identifier, segment.value(1, repetition, 4) or site.settings.site.issuer


def _merges(segments: Iterable[Segment]) -> Iterator[tuple[Segment, Segment]]:
    pid, found = None, False
    for segment in segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            if pid is None:
                raise MappingError(say("MRG comes without a PID before it"), location="MRG^1", code=_SEGMENT_SEQUENCE)
            found = True
            yield pid, segment
    if not found:
        raise MappingError(say("the message has no MRG segment"), location="MRG^1", code=_SEGMENT_SEQUENCE)


def open_steps(transaction: Transaction, numbers: list[int]) -> Iterator[Record]:
    """The steps of these patient rows that have not come to an end."""
    found = orders.steps_of_patients(transaction, numbers)
    return (step for step in found if not states.is_closed(step.status))


def rewritten(transaction: Transaction, step: Record, stored: bytes, at: datetime, event: Event) -> list[Entry]:
    """Let `stored` be what a step holds; what there is to journal, nothing when it holds that already."""
    written = steps.rewrite(transaction, step, stored, at, own_identifiers=step.own_identifiers)
    told = Entry(event, step.order, detail={"step_id": step.step_id})
    return [told, *steps.judged(step, stored)] if written else []


def _identity(site: Site, item: dict[str, Value]) -> tuple[str, str]:
    return str(item["PatientID"]), str(item.get("IssuerOfPatientID") or site.settings.site.issuer)

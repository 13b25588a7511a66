"""Patients and what happens to them: known by an order, updated, merged (RAD-2, RAD-12).

A merged identity keeps leading to its survivor, so an order that still comes under the old number reaches the right
patient. What a message leaves empty stays; what it sends as `""` is cleared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from swf.dicom import columns, encoding
from swf.dicom.encoding import Value
from swf.errors import IdentifierConflict, MappingError
from swf.hl7.message import Message, Segment
from swf.mapping import inbound
from swf.model.journal import Event
from swf.store import orders, patients
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import states, steps
from swf.workflow.site import Site

_SEGMENT_SEQUENCE, _REQUIRED_FIELD = 100, 101


@dataclass(frozen=True, slots=True)
class Known:
    """A patient of the store: the row, and the attributes that are his or her own, encoded."""

    number: int
    person: bytes


def identify(transaction: Transaction, site: Site, item: dict[str, Value], at: datetime) -> Known:
    """The patient `item` is about, kept or brought up to date; of a merged identity the survivor, untouched."""
    identifier, issuer = _identity(site, item)
    person = {**inbound.person(site.mapping, item), "IssuerOfPatientID": issuer}  # one without the other names nobody
    known = patients.find(transaction, identifier, issuer)
    if known is None:
        dataset = encoding.encode(person)
        return Known(patients.save(transaction, identifier, issuer, dataset, at), dataset)
    if (known.patient_id, known.issuer) != (identifier, issuer):
        return Known(known.id, known.dataset)
    dataset = encoding.merge(known.dataset, person)
    if dataset != known.dataset:
        patients.set_dataset(transaction, known.id, dataset, at)
    return Known(known.id, dataset)


def find(transaction: Transaction, site: Site, item: dict[str, Value]) -> Record | None:
    """The patient row `item` is about, if there is one."""
    return patients.find(transaction, *_identity(site, item))


def update(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A08: the patient's attributes change, here and in every open step (RAD-12).

    Raises MappingError when the patient is not identified.
    """
    mapped = inbound.patient(site.mapping, _by_name(message.segments))
    known = identify(transaction, site, mapped.item, at)
    entries = [Entry(Event.WARNING, detail={"text": text}) for text in mapped.warnings]
    entries.append(Entry(Event.PATIENT_CHANGED, detail={"patient": known.number}))
    own = inbound.person(site.mapping, mapped.item)  # comes with `known`, and of a merged identity not at all
    changes = {keyword: value for keyword, value in mapped.item.items() if keyword not in own}
    for step in _open_steps(transaction, [known.number]):
        stored = encoding.overlay(columns.merge(step.dataset, changes), known.person)
        entries += _rewritten(transaction, step, stored, at, Event.PATIENT_CHANGED)
    return entries


def merge(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ADT^A40: each MRG identity becomes the one of the PID before it, with all its orders (RAD-12).

    An identity nobody has seen is kept as merged too, so that what comes under it later goes to the survivor.
    Raises MappingError without MRG-1 or PID-3, IdentifierConflict for a merge into itself.
    """
    entries: list[Entry] = []
    for pid, mrg in _merges(message.segments):
        mapped = inbound.patient(site.mapping, {"PID": [pid]})
        survivor = identify(transaction, site, mapped.item, at)
        for repetition in range(1, mrg.repetitions(1) + 1):
            entries += _merge_one(transaction, site, (mrg, repetition), survivor, at)
        for step in _open_steps(transaction, [survivor.number]):
            stored = encoding.overlay(step.dataset, survivor.person)
            entries += _rewritten(transaction, step, stored, at, Event.PATIENT_MERGED)
    return entries


def _merge_one(
    transaction: Transaction, site: Site, prior: tuple[Segment, int], survivor: Known, at: datetime
) -> list[Entry]:
    segment, repetition = prior
    identifier = segment.value(1, repetition, 1)
    issuer = segment.value(1, repetition, 4) or site.settings.site.issuer
    if not identifier:
        raise MappingError("MRG-1 names no prior patient identifier", location="MRG^1^1", code=_REQUIRED_FIELD)
    known = patients.find(transaction, identifier, issuer)
    loser = known.id if known else patients.save(transaction, identifier, issuer, b"", at)
    if loser == survivor.number:
        if known and (known.patient_id, known.issuer) != (identifier, issuer):
            return []  # merged before; sent again
        raise IdentifierConflict("the patient would be merged into itself", location="MRG^1^1")
    patients.merge(transaction, loser, survivor.number, at)
    return [Entry(Event.PATIENT_MERGED, detail={"loser": loser, "survivor": survivor.number})]


def _merges(segments: Iterable[Segment]) -> Iterator[tuple[Segment, Segment]]:
    pid, found = None, False
    for segment in segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            if pid is None:
                raise MappingError("MRG comes without a PID before it", location="MRG^1", code=_SEGMENT_SEQUENCE)
            found = True
            yield pid, segment
    if not found:
        raise MappingError("the message has no MRG segment", location="MRG^1", code=_SEGMENT_SEQUENCE)


def _open_steps(transaction: Transaction, numbers: list[int]) -> Iterator[Record]:
    found = orders.steps_of_patients(transaction, numbers)
    return (step for step in found if not states.is_closed(step.status))


def _rewritten(transaction: Transaction, step: Record, stored: bytes, at: datetime, event: Event) -> list[Entry]:
    written = steps.rewrite(transaction, step, stored, at, own_identifiers=step.own_identifiers)
    return [Entry(event, step.order, detail={"step_id": step.step_id})] if written else []


def _identity(site: Site, item: dict[str, Value]) -> tuple[str, str]:
    return str(item["PatientID"]), str(item.get("IssuerOfPatientID") or site.settings.site.issuer)


def _by_name(segments: Iterable[Segment]) -> dict[str, list[Segment]]:
    found: dict[str, list[Segment]] = {}
    for segment in segments:
        found.setdefault(segment.name, []).append(segment)
    return found

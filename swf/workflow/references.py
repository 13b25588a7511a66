"""Which scheduled steps a modality has performed: those it names, else what its lesser identifiers lead to (RAD-6).

Whatever is found by less than study and step belongs to the patient the report names, under whatever number he or she
has had; a report that names nothing can mean the one open step of that patient, modality and day.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset

from swf.dicom import matching, reading
from swf.dicom import mpps as rules
from swf.dicom.mpps import Reference, Summary
from swf.dicom.terms import StepStatus
from swf.model.mpps import Matching
from swf.store import orders, patients
from swf.store.database import Record, Transaction
from swf.workflow import partitions, states
from swf.workflow.site import Site

_OPEN = (StepStatus.SCHEDULED, StepStatus.ARRIVED, StepStatus.READY)
_NAMED = frozenset({"study_instance_uid", "step_id"})


@dataclass(frozen=True, slots=True)
class Found:
    """The scheduled steps a report means, each once, and how they were found.

    `anothers` are those it names although it is plainly about somebody else: an operator decides.
    """

    steps: list[Record] = field(default_factory=list)
    matching: Matching = Matching.UNMATCHED
    anothers: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Person:
    """Who a report is about: the patient rows its identifier leads to, and those they go by now.

    `namesakes` are all who have that identifier, whoever issued it. Name and birth date are those of the report.
    """

    patient_id: str
    rows: frozenset[int] = frozenset()
    identifiers: tuple[str, ...] = ()
    namesakes: frozenset[int] = frozenset()
    name: str = ""
    birth_date: str = ""

    def is_plainly_not(self, step: Record) -> bool:
        """Whether a step of another identifier is for another person by name or birth date too.

        Who only has another number may be the same: consoles cut and complete numbers, and a merge may not be known yet.
        A name in other letters, as a device without the patient's own has it, says nothing.
        """
        told, known = _person_name(self.name), _person_name(step.patient_name)
        dates = self.birth_date and step.patient_birth_date and self.birth_date != step.patient_birth_date
        comparable = told and known and told.isascii() == known.isascii()
        agree = told.startswith(known) or known.startswith(told)  # a console may have cut it
        return bool(dates or (comparable and not agree))


def find(transaction: Transaction, site: Site, dataset: Dataset, titles: tuple[str, str]) -> Found:
    """The scheduled steps a report means, by the calling and the called AE title: of a partition only its own."""
    calling, called = titles
    own = partitions.labels(site.settings, called)
    performed = rules.summary(dataset)
    person = named_person(transaction, performed)
    references = rules.references(dataset)
    by_reference = [_of_reference(transaction, reference, person, own) for reference in references]
    if any(by_reference):
        birth_date = matching.normal("DA", reading.text(dataset, "PatientBirthDate"))
        return _named(by_reference, references, replace(person, name=performed.patient_name, birth_date=birth_date))
    if not site.device(calling).link_unscheduled:
        return Found()
    of_the_day_here = partitions.within(own, of_the_day(transaction, person, performed))
    only = the_one_open(of_the_day_here, (performed.performed_station, calling))
    return Found([only], Matching.FOUND) if only else Found()


def named_person(transaction: Transaction, performed: Summary) -> Person:
    """Whose identifier the report names, after every merge; the issuer counts when both sides name one."""
    if not performed.patient_id:
        return Person("")
    issuer = performed.issuer_of_patient_id
    rows = patients.of_identifier(transaction, performed.patient_id)
    survivors = {row.id: patients.survivor(transaction, row) or row for row in rows}
    same = [survivors[row.id] for row in rows if not (issuer and row.issuer) or row.issuer == issuer]
    identifiers = dict.fromkeys((performed.patient_id, *(row.patient_id for row in same)))
    return Person(
        patient_id=performed.patient_id,
        rows=frozenset(row.id for row in same),
        identifiers=tuple(identifiers),
        namesakes=frozenset(row.id for row in survivors.values()),
    )


def of_the_day(transaction: Transaction, person: Person, performed: Summary) -> list[Record]:
    """The steps of that patient and modality that were scheduled for the day the exam began."""
    if not (performed.modality and performed.started):
        return []
    wanted = {"modality": performed.modality, "start_date": performed.started.strftime("%Y%m%d")}
    found = (
        row
        for identifier in person.identifiers
        for row in orders.find_steps(transaction, {"patient_id": identifier, **wanted})
        if row.patient in person.rows
    )
    return list({row.id: row for row in found}.values())


def the_one_open(steps: Sequence[Record], stations: Sequence[str]) -> Record | None:
    """The only step that is still to be done; of several the only one for one of `stations`."""
    still_open = [row for row in steps if row.status in _OPEN]
    here = [row for row in still_open if row.station in stations]
    return next((rows[0] for rows in (still_open, here) if len(rows) == 1), None)


def _named(by_reference: list[Sequence[Record]], references: list[Reference], person: Person) -> Found:
    found = list({row.id: row for rows in by_reference for row in rows}.values())
    of_others = [row for row in found if person.patient_id and row.patient not in person.namesakes]
    anothers = [row for row in of_others if person.is_plainly_not(row)]
    found = [row for row in found if row not in anothers]
    exactly = {(row.study_instance_uid, row.step_id) for row in found}
    how = Matching.FOUND
    if not found:
        how = Matching.UNMATCHED
    elif of_others:
        how = Matching.OTHER_PATIENT
    elif not all(by_reference):
        how = Matching.PARTLY
    elif all((each.study_instance_uid, each.step_id) in exactly for each in references):
        how = Matching.NAMED
    return Found(found, how, anothers)


def _person_name(name: str) -> str:
    """Family and given name of the first form of a name, as they are compared."""
    return "^".join(matching.fold(name).partition("\\")[0].split("^")[:2])


def _of_reference(
    transaction: Transaction, reference: Reference, person: Person, own: Collection[str]
) -> Sequence[Record]:
    """By study and step id; else, for the same patient only, by the strictest set of identifiers that finds something.

    A modality that names a study or an accession but no step has performed what was still to be done of it; one that
    names a step nobody knows can only have meant the one there is.
    """
    for columns in _keys(reference, person):
        found = partitions.within(own, orders.find_steps(transaction, columns))
        if columns.keys() >= _NAMED and found:
            return found
        same_patient = [row for row in found if not person.patient_id or row.patient in person.rows]
        candidates = [row for row in same_patient if not states.is_closed(row.status)] or same_patient
        if candidates and (len(candidates) == 1 or not reference.step_id or "step_id" in columns):
            return candidates
    return []


def _keys(reference: Reference, person: Person) -> Iterator[dict[str, str]]:
    """Which columns to look for, the strictest first; a set with an empty value finds nothing and is left out.

    Numbers that others may have given to others too count only together with the patient.
    """
    study, accession = reference.study_instance_uid, reference.accession_number
    procedure, step = reference.requested_procedure_id, reference.step_id
    told = [
        {"study_instance_uid": study, "step_id": step},
        {"accession_number": accession, "requested_procedure_id": procedure, "step_id": step},
        {"accession_number": accession, "step_id": step},
        {"study_instance_uid": study},
        {"accession_number": accession},
    ]
    for identifier in person.identifiers:
        told += [
            {"patient_id": identifier, "requested_procedure_id": procedure, "step_id": step},
            {"patient_id": identifier, "requested_procedure_id": procedure},
            {"patient_id": identifier, "placer_order_number": reference.placer_order_number},
            {"patient_id": identifier, "filler_order_number": reference.filler_order_number},
        ]
    return (columns for columns in told if all(columns.values()))

"""An archive says which images it holds: kept, in the trace of the orders, and enough for a device that sends no MPPS (RAD-49).

Nobody says when such a notice comes, nor that one notice holds all of a study: what is known of a study is the sum of
its notices, the latest about each instance counts, and it is whole when none came for a while. A notice about what nobody knows is kept too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from swf.dicom import availability as rules
from swf.dicom import mpps as reports
from swf.dicom import reading, uid
from swf.dicom.availability import Instance
from swf.errors import DuplicateStep, InvalidInstance, ProcedureStepError
from swf.model.journal import Event
from swf.store import availability, journal, mpps, orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import completion, partitions, performed
from swf.workflow.site import Site


@dataclass(frozen=True, slots=True)
class Notification:
    """What an archive sends: its AE title, the SOP Instance UID, and the attributes of N-CREATE."""

    calling_ae_title: str
    sop_instance_uid: str
    dataset: Dataset
    called: str = ""


def receive(transaction: Transaction, site: Site, notification: Notification, at: datetime) -> None:
    """Keep a notice and do what follows from it. Raises a ProcedureStepError with the DIMSE status of what is wrong."""
    name, dataset = notification.sop_instance_uid, notification.dataset
    if not uid.valid(name):
        raise InvalidInstance("the SOP Instance UID is malformed")
    warnings = rules.check(dataset)
    if availability.find(transaction, name) is not None:
        raise DuplicateStep("a notice of that SOP Instance UID exists")
    study = reading.text(dataset, "StudyInstanceUID")
    reported = [row for step in rules.performed_steps(dataset) if (row := mpps.find(transaction, step)) is not None]
    own = partitions.labels(site.settings, notification.called)
    scheduled = partitions.within(own, _scheduled(transaction, study, reported))
    wait = completion.settling_minutes(site, scheduled)
    if wait:
        availability.unsettle(transaction, study)
    availability.add(
        transaction,
        sop_instance_uid=name,
        calling_ae_title=notification.calling_ae_title,
        called_ae_title=notification.called,
        study_instance_uid=study,
        dataset=reports.encode(dataset),
        received_at=at,
        settles_at=at + timedelta(minutes=wait) if wait else None,
    )
    known = _known(transaction, study)
    detail = _detail(notification, study, known, _expected(reported))
    entries = [Entry(Event.IMAGES_AVAILABLE, order, detail=detail) for order in performed.orders_or_none(scheduled)]
    if not wait and _whole(known):
        entries += completion.by(transaction, site, "availability", scheduled, at)
    entries += [
        Entry(Event.WARNING, order, detail={"notice": name, "text": text})
        for order in performed.orders_or_none(scheduled)
        for text in warnings
    ]
    journal.add(transaction, at, entries)


def settled(transaction: Transaction, site: Site, at: datetime) -> int:
    """Complete what the images of a study show to be done once no further notice has come; how many orders were told."""
    entries: list[Entry] = []
    for notice in availability.settling(transaction, at):
        study = notice.study_instance_uid
        availability.unsettle(transaction, study)
        if _whole(_known(transaction, study)):
            own = partitions.labels(site.settings, notice.called_ae_title)
            scheduled = partitions.within(own, orders.find_steps(transaction, {"study_instance_uid": study}))
            entries += completion.by(transaction, site, "availability", scheduled, at)
    journal.add(transaction, at, entries)
    return len({entry.order for entry in entries})


def refused(transaction: Transaction, notification: Notification, error: ProcedureStepError, at: datetime) -> None:
    """Write down that a notice was refused and why."""
    detail = {
        "notice": notification.sop_instance_uid,
        "ae_title": notification.calling_ae_title,
        "status": f"0x{error.dimse_status:04X}",
        "text": error.text,
    }
    journal.add(transaction, at, [Entry(Event.NOTICE_REFUSED, detail=detail)])


def _whole(known: Sequence[Instance]) -> bool:
    return bool(known) and all(each.can_be_had for each in known)


def _known(transaction: Transaction, study: str) -> list[Instance]:
    """Every instance of a study that any notice named, as the latest one has it."""
    notices = availability.of_study(transaction, study)
    told = (each for notice in notices for each in rules.instances(reports.decode(notice.dataset)))
    return list({each.sop_instance_uid: each for each in told}.values())


def _scheduled(transaction: Transaction, study: str, reported: Iterable[Record]) -> Sequence[Record]:
    """The steps a notice is about: those its performed steps were for, else those of the study."""
    linked = [step for row in reported for step in mpps.scheduled_for(transaction, row.id)]
    return list({step.id: step for step in linked}.values()) or orders.find_steps(
        transaction, {"study_instance_uid": study}
    )


def _expected(reported: Iterable[Record]) -> set[str]:
    """What the modality said it made."""
    return {each for row in reported for each in reports.instances(reports.decode(row.dataset))}


def _detail(notification: Notification, study: str, known: Sequence[Instance], expected: set[str]) -> dict[str, object]:
    at_hand = [each for each in known if each.can_be_had]
    missing = expected - {each.sop_instance_uid for each in at_hand}
    holders = dict.fromkeys(each.retrieve_ae_title for each in at_hand if each.retrieve_ae_title)
    return {
        "notice": notification.sop_instance_uid,
        "ae_title": notification.calling_ae_title,
        "study": study,
        "available": len(at_hand),
        "unavailable": len(known) - len(at_hand),
        **({"missing": len(missing)} if expected else {}),
        **({"retrieve_from": ", ".join(holders)} if holders else {}),
    }

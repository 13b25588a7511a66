"""Exams nobody reports the end of: noted, and by the site's rule or an operator presumed to have ended (RAD-7; PS3.4 F.7.2.2.2).

The performed step itself stays as it was reported, so that whatever the device sends later is taken and counts.
"""

from datetime import datetime, timedelta

from swf.config import Modality
from swf.dicom.terms import FINAL, PerformedStatus
from swf.errors import Unresolvable
from swf.model.journal import Event
from swf.sentence import say
from swf.store import journal, mpps
from swf.store.database import Transaction
from swf.store.journal import Entry
from swf.workflow import performed
from swf.workflow.site import Site

_PRESUMED = {"complete": PerformedStatus.COMPLETED, "discontinue": PerformedStatus.DISCONTINUED}


def is_overdue(device: Modality, heard: datetime, at: datetime) -> bool:
    """Whether a device has been silent about an exam in progress for longer than it may be."""
    return device.overdue_hours > 0 and at - heard > timedelta(hours=device.overdue_hours)


def note(transaction: Transaction, site: Site, uid: str, at: datetime) -> bool:
    """Note that an exam is overdue, and do what the site's rule says; False when it has been reported since."""
    row = mpps.find(transaction, uid)
    if row is None or row.status in FINAL or row.overdue_at is not None:
        return False
    device = site.device(row.calling_ae_title)
    if not is_overdue(device, row.updated_at, at):
        return False
    mpps.change(transaction, row.id, overdue_at=at)
    detail = {"mpps": uid, "ae_title": row.calling_ae_title, "last_heard": row.updated_at.isoformat()}
    linked = mpps.scheduled_for(transaction, row.id)
    entries = [Entry(Event.MPPS_OVERDUE, order, detail=detail) for order in performed.orders_or_none(linked)]
    status = _PRESUMED.get(device.when_overdue)
    if status and not row.presumed:
        entries += performed.presume(transaction, site, row, status, at, why="nothing was heard of it any more")
    journal.add(transaction, at, entries)
    return True


def end(transaction: Transaction, site: Site, uid: str, status: PerformedStatus, at: datetime) -> None:
    """An operator says how an exam ended that its device left open. Raises Unresolvable when it is not open."""
    row = mpps.find(transaction, uid)
    if row is None or row.status in FINAL:
        raise Unresolvable(say("no performed step of that SOP Instance UID is in progress"))
    journal.add(transaction, at, performed.presume(transaction, site, row, status, at, why="an operator said so"))

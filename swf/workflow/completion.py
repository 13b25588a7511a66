"""Devices that send no MPPS: their steps are done when something else says so, by the site's rule and only then.

Something else is a final report (ORU^R01), a notice that the images are there (RAD-49), or time (`completed_by` of the
device whose station the step is scheduled for). Off by default: a patient who did not come has been examined by nobody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from pydicom.dataset import Dataset

from swf import clock
from swf.dicom import mpps as rules
from swf.dicom.terms import StepStatus
from swf.model.journal import Event
from swf.store import journal, mpps, orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import notices, states, steps
from swf.workflow.notices import Change
from swf.workflow.order_request import settle
from swf.workflow.site import Site
from swf.workflow.states import StepEvent

Witness: TypeAlias = Literal["report", "availability", "time"]

OPEN = (StepStatus.SCHEDULED, StepStatus.ARRIVED, StepStatus.READY)
_WHY = {
    "report": "a final report came, and the device sends no MPPS",
    "availability": "its images are in the archive, and the device sends no MPPS",
    "time": "its time is over, and the device sends no MPPS",
}


def by(
    transaction: Transaction, site: Site, witness: Witness, scheduled: Sequence[Record], at: datetime
) -> list[Entry]:
    """Complete what of these steps is open and its device's rule lets this witness complete; what there is to journal."""
    done = [step for step in scheduled if step.status in OPEN and _counts(site, witness, step)]
    done = [step for step in done if not mpps.statuses_for(transaction, step.id)]
    entries: list[Entry] = []
    for order in dict.fromkeys(step.order for step in done):
        mine = [step for step in done if step.order == order]
        for step in mine:
            detail = {"step_id": step.step_id, "status": StepStatus.COMPLETED, "text": _WHY[witness]}
            entries.append(Entry(Event.END_PRESUMED, order, detail=detail))
            after = states.after(StepStatus(step.status), StepEvent.COMPLETE)
            entries += steps.set_status(transaction, step, after, at)
        settle(transaction, order, at, entries)
        every = orders.steps(transaction, order)
        changed = [row for row in every if row.id in {step.id for step in mine}]
        entries += notices.tell(transaction, site, Change(order, changed, every, rules.summary(Dataset()), at))
    return entries


def of_time(transaction: Transaction, site: Site, at: datetime) -> int:
    """Complete the steps whose time is over by the rule of their device; how many orders were told."""
    entries: list[Entry] = []
    for device in site.settings.modality:
        if "time" in device.completed_by:
            over = clock.local(at - timedelta(hours=device.completed_after_hours)).strftime("%Y%m%d%H%M%S")
            passed = orders.steps_before(transaction, (device.ae_title, *device.aliases), OPEN, over)
            entries += by(transaction, site, "time", passed, at)
    journal.add(transaction, at, entries)
    return len({entry.order for entry in entries})


def settling_minutes(site: Site, scheduled: Sequence[Record]) -> float:
    """How long to wait for further images before these steps are completed by availability; 0 for none that would be."""
    waiting = [step for step in scheduled if step.status in OPEN and _counts(site, "availability", step)]
    return max((site.device(step.station).images_settle_minutes for step in waiting), default=0.0)


def _counts(site: Site, witness: Witness, step: Record) -> bool:
    return witness in site.device(step.station).completed_by

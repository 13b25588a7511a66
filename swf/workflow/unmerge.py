"""A merge that an operator takes back, without an A37: what the merge moved goes home, as far as nobody touched it since
(RAD-12, ITI-30).
"""

from datetime import datetime
from typing import NamedTuple

from swf.errors import IllegalTransition, UnknownOrder
from swf.model.journal import Event
from swf.sentence import say
from swf.store import journal, orders
from swf.store import patients as patient_store
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import patients
from swf.workflow.patients import Known
from swf.workflow.site import Site

_TOUCHED = (
    Event.ORDER_CHANGED,
    Event.ORDER_LINKED,
    Event.ORDER_STATUS,
    Event.STEP_SCHEDULED,
    Event.STEP_STATUS,
    Event.NUMBER_ASSIGNED,
    Event.REPORT_RECEIVED,
    Event.APPOINTMENT_BOOKED,
    Event.APPOINTMENT_CANCELLED,
    Event.MPPS_IN_PROGRESS,
    Event.MPPS_CHANGED,
    Event.MPPS_COMPLETED,
    Event.MPPS_DISCONTINUED,
)
"""After one of these an order belongs to whom it was worked on for: images may carry that name."""


class Unmerged(NamedTuple):
    """The accession numbers of the orders that went home, and of those that stay with whom they were merged into."""

    moved: tuple[str, ...]
    left: tuple[str, ...]


def unmerge(
    transaction: Transaction, site: Site, identity: tuple[str, str], at: datetime, *, everything: bool = False
) -> Unmerged:
    """Take the merge of that (identifier, authority) back; with `everything` also what was touched since.

    Raises UnknownOrder for an identity nobody knows, IllegalTransition for one that was not merged, or of which nothing
    but its number is known while orders would come home to it.
    """
    row = patient_store.identity(transaction, *identity)
    if row is None:
        raise UnknownOrder(say("no patient of that identifier is known"))
    if row.merged_at is None:
        raise IllegalTransition(say("the identifier was not merged into another patient's"))
    survivor = patient_store.survivor(transaction, row)
    mine = orders.of_identities(transaction, patient_store.leading_to(transaction, row.id))
    moved = [order for order in mine if everything or not _is_touched(transaction, order, row.merged_at)]
    if moved and not row.dataset:
        raise IllegalTransition(
            "nothing is known of the patient but the identifier; announce the patient by A37 or A08"
        )
    patient_store.part(transaction, row.id, at)
    for order in moved:
        orders.change(transaction, order.id, patient=row.id, updated_at=at)
    tags = patients.tags_of_person(site)
    entries = [Entry(Event.PATIENT_SPLIT, detail={"patient": row.id, "from": survivor.id if survivor else None})]
    entries += [Entry(Event.PATIENT_SPLIT, order.id, detail={"patient": row.id}) for order in moved]
    entries += patients.follow(transaction, Known(row.id, row.dataset, row.id), at, tags)
    journal.add(transaction, at, entries)
    left = [order.accession_number for order in mine if order not in moved]
    return Unmerged(tuple(order.accession_number for order in moved), tuple(left))


def _is_touched(transaction: Transaction, order: Record, merged_at: datetime) -> bool:
    """Whether somebody worked on an order since the merge, or since it came, if that was later."""
    return journal.happened_since(transaction, order.id, max(merged_at, order.created_at), _TOUCHED)

"""Who is told what: a status change becomes deliveries, in the transaction of the change (RAD-3)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from swf.config import Destination
from swf.dicom.mpps import Summary
from swf.errors import MappingError
from swf.mapping import outbound
from swf.mapping.outbound import Envelope, Notice
from swf.model.journal import Event
from swf.store import deliveries
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import states
from swf.workflow.site import Site

_ORDER_MESSAGE = "ORM^O01"
_LONGEST_CONTROL_ID = 20  # MSH-10 up to HL7 2.5


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one order: the steps that were performed, and all it has, whose statuses decide ORC-5."""

    order: int
    performed_steps: Sequence[Record]
    every_step: Sequence[Record]
    performed: Summary
    at: datetime


def tell(transaction: Transaction, site: Site, change: Change) -> list[Entry]:
    """Queue what every destination is told about `change`; what there is to journal of it."""
    notice = _notice(change)
    return [
        _queue(transaction, site, change.order, (destination, kind), notice)
        for destination in site.settings.destination
        for kind in destination.send
    ]


def status(transaction: Transaction, site: Site, change: Change) -> list[Entry]:
    """Queue the present status of an order for every destination that takes order messages; what there is to journal."""
    notice = _notice(change)
    return [
        _queue(transaction, site, change.order, (destination, _ORDER_MESSAGE), notice)
        for destination in site.settings.destination
        if _ORDER_MESSAGE in destination.send
    ]


def _notice(change: Change) -> Notice:
    statuses = [step.status for step in change.every_step]
    order_status = states.order_status(statuses)
    return Notice(
        steps=[step.dataset for step in change.performed_steps],
        status=order_status,
        result_status=states.result_status(order_status, statuses),
        performed=change.performed,
        at=change.at,
    )


def _queue(transaction: Transaction, site: Site, order: int, wanted: tuple[Destination, str], notice: Notice) -> Entry:
    destination, kind = wanted
    control_id = uuid.uuid4().hex[:_LONGEST_CONTROL_ID].upper()
    detail = {"destination": destination.name, "type": kind, "control_id": control_id, "status": notice.status}
    try:
        payload = _message(site, destination, kind, notice, control_id)
    except (MappingError, LookupError) as error:
        # The exam has happened; that one destination cannot be told must be seen, and must not undo it.
        return Entry(Event.WARNING, order, detail={**detail, "text": f"not queued: {error}"})
    deliveries.add(
        transaction,
        destination=destination.name,
        order=order,
        type=kind,
        control_id=control_id,
        payload=payload,
        created_at=notice.at,
    )
    return Entry(Event.DELIVERY_QUEUED, order, detail=detail)


def _message(site: Site, destination: Destination, kind: str, notice: Notice, control_id: str) -> bytes:
    template = site.mapping.messages.get(kind)
    if template is None:
        raise LookupError(f"{site.mapping.path} has no template for {kind}")
    own = site.settings.site
    envelope = Envelope(
        sender=(own.name, own.facility),
        receiver=(destination.application, destination.facility),
        control_id=control_id,
        charset=destination.charset,
    )
    return outbound.message(template, notice, envelope)

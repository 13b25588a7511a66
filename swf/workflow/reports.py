"""Reports of results: a report has come, and how final it is (ORU^R01).

A report ends no step by itself: what was performed is said by the modality, and a report on the first of two exams must
not take the second off the worklist. Only for a device that sends no MPPS a site may let a final report stand for it.
"""

from datetime import datetime

from swf.errors import MappingError, UnknownOrder
from swf.hl7 import terms
from swf.hl7.message import Message
from swf.hl7.order_groups import OrderGroup, order_groups
from swf.mapping import inbound
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import completion, identifiers
from swf.workflow.site import Site

_SEGMENT_SEQUENCE, _REQUIRED_FIELD, _TABLE_VALUE = 100, 101, 103
_FINAL = frozenset({"F", "C"})


def receive(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """Keep OBR-25 of every report with its order; a preliminary one that comes late does not undo a final one.

    Raises UnknownOrder for a report on an order nobody knows, MappingError without a result status.
    """
    entries: list[Entry] = []
    groups = order_groups(message)
    if not groups:
        raise MappingError(say("the message holds no report (OBR)"), location="OBR^1", code=_SEGMENT_SEQUENCE)
    for group in groups:
        order = _order(transaction, site, message, group)
        told = _status(group)
        kept = order.result_status if order.result_status in _FINAL and told not in _FINAL else told
        if kept != order.result_status:
            orders.change(transaction, order.id, result_status=kept, updated_at=at)
        entries.append(Entry(Event.REPORT_RECEIVED, order.id, detail={"told": told, "result_status": kept}))
        if told in _FINAL:
            entries += completion.by(transaction, site, "report", orders.steps(transaction, order.id), at)
    return entries


def _order(transaction: Transaction, site: Site, message: Message, group: OrderGroup) -> Record:
    """The order of a report: by the placer's number, the filler's, else by an accession number only one order has."""
    told = inbound.order_numbers(site.mapping, group)
    placer, filler = identifiers.order_numbers(told, message.header)
    ours = (filler[0], site.settings.site.name)
    found = orders.find(transaction, placer=placer, filler=filler) or orders.find(
        transaction, placer=("", ""), filler=ours
    )
    same = [] if found else orders.of_accession(transaction, str(told.get("AccessionNumber", "")))
    if found is None and len(same) != 1:
        raise UnknownOrder(say("no order of that number is known"), location=f"OBR^{_sequence(group)}^2")
    return found or same[0]


def _status(group: OrderGroup) -> str:
    """OBR-25, else OBX-11 of the first result, a value of HL7 table 0123."""
    places = ((name, field, group.first(name)) for name, field in (("OBR", 25), ("OBX", 11)))
    told = next((text for _, field, segment in places if segment and (text := segment.value(field).strip())), "")
    location = f"OBR^{_sequence(group)}^25"
    if not told:
        raise MappingError(say("OBR-25 (result status) is empty"), location=location, code=_REQUIRED_FIELD)
    if told not in terms.RESULT_STATUS:
        known = ", ".join(terms.RESULT_STATUS)
        raise MappingError(f"result status {told} is none of {known}", location=location, code=_TABLE_VALUE)
    return told


def _sequence(group: OrderGroup) -> int:
    segment = group.first("OBR")
    return segment.sequence if segment else 1

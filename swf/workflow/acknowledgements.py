"""Application acknowledgements that travel as messages of their own, either way (HL7 2.5.1 2.9.3.2; hl7v2.md §5)."""

from datetime import datetime

from swf.errors import MessageError
from swf.hl7 import ack
from swf.hl7.header import read_header
from swf.hl7.message import Message
from swf.model.journal import Event
from swf.store import deliveries
from swf.store.database import Transaction
from swf.store.journal import Entry
from swf.workflow.site import Site

OWN_CONDITIONS = ("AL", "NE")
"""MSH-15 and MSH-16 of what is sent: its receiver accepts it, and nothing further follows."""

_REQUIRED_SEGMENT = 100


def queue(transaction: Transaction, destination: str, payload: bytes, at: datetime) -> Entry:
    """Put an application acknowledgement into the line of `destination`; what there is to journal of it."""
    header = read_header(payload)
    deliveries.add(
        transaction,
        destination=destination,
        order=None,
        type=header.type,
        control_id=header.control_id,
        payload=payload,
        created_at=at,
    )
    code = ack.read_acknowledgement(payload).code
    detail = {"destination": destination, "type": header.type, "control_id": header.control_id, "answer": code}
    return Entry(Event.DELIVERY_QUEUED, detail=detail)


def take(transaction: Transaction, _site: Site, message: Message, _at: datetime) -> list[Entry]:
    """ACK, MCF: what a destination's application says, later, of a message that it had accepted.

    It stands in the journal of the order that message was about; a refusal warns there. The delivery stays as it is.
    Raises MessageError when there is no MSA.
    """
    msa = message.first("MSA")
    if msa is None:
        raise MessageError("an acknowledgement without MSA", location="MSA^1", code=_REQUIRED_SEGMENT)
    code, number, text = msa.value(1).strip().upper(), msa.value(2).strip(), msa.value(3) or message.value("ERR", 8)
    delivery = deliveries.of_control_id(transaction, number)
    detail = {"answer": code, "control_id": number, "text": text}
    if delivery is None:
        return [Entry(Event.ACKNOWLEDGEMENT_RECEIVED, detail={**detail, "warning": "nothing of that number was sent"})]
    told = {"destination": delivery.destination, "type": delivery.type, **detail}
    entries = [Entry(Event.ACKNOWLEDGEMENT_RECEIVED, delivery.order, detail=told)]
    if code not in ack.ACCEPTED:
        warning = f"{delivery.destination} took {delivery.type} {number} and could not use it: {code} {text}".rstrip()
        entries.append(Entry(Event.WARNING, delivery.order, detail={"text": warning}))
    return entries

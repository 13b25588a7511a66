"""MSH-9 to use case: one table (RAD-1, RAD-2, RAD-3, RAD-4, RAD-12, RAD-13, RAD-48; ITI-30, ITI-31)."""

from collections.abc import Callable
from datetime import datetime

from swf.errors import UnsupportedMessage
from swf.hl7 import ack
from swf.hl7.header import Header
from swf.hl7.message import Message
from swf.store.database import Transaction
from swf.store.journal import Entry
from swf.workflow import acknowledgements, appointments, orders, patients, reports, unscheduled, visits
from swf.workflow.site import Site

UseCase = Callable[[Transaction, Site, Message, datetime], list[Entry]]

USE_CASES: dict[str, UseCase] = {
    "ACK": acknowledgements.take,
    "MCF": acknowledgements.take,
    "ORM^O01": orders.apply,
    "OMG^O19": orders.apply,
    "OMI^O23": orders.apply,
    "ORR^O02": orders.take_reply,
    "ORG^O20": orders.take_reply,
    "ORU^R01": reports.receive,
    "SIU^S12": appointments.book,
    "SIU^S13": appointments.book,
    "SIU^S14": appointments.book,
    "SIU^S15": appointments.cancel,
    "SIU^S17": appointments.cancel,
    "SIU^S26": appointments.miss,
    "ADT^A01": visits.change,
    "ADT^A02": visits.change,
    "ADT^A03": visits.discharge,
    "ADT^A04": visits.change,
    "ADT^A05": visits.change,
    "ADT^A06": visits.change_class,
    "ADT^A07": visits.change_class,
    "ADT^A08": visits.change,
    "ADT^A10": visits.arrive,
    "ADT^A11": visits.cancel,
    "ADT^A12": visits.stay,
    "ADT^A13": visits.resume,
    "ADT^A27": visits.cancel,
    "ADT^A28": patients.update,
    "ADT^A31": patients.update,
    "ADT^A32": visits.leave,
    "ADT^A34": unscheduled.merge,
    "ADT^A37": patients.split,
    "ADT^A38": visits.cancel,
    "ADT^A39": unscheduled.merge,
    "ADT^A40": unscheduled.merge,
    "ADT^A47": patients.change_identifier,
}
# Senders of HL7 up to 2.3 may leave the trigger event out where a type has only one
_ONLY_EVENT = {"ORM": "ORM^O01", "OMG": "OMG^O19", "OMI": "OMI^O23", "ORR": "ORR^O02", "ORU": "ORU^R01"}
_UNSUPPORTED_TYPE, _UNSUPPORTED_EVENT, _UNSUPPORTED_PROCESSING_ID = 200, 201, 202


def use_case(header: Header, site: Site) -> UseCase:
    """What to do with a message; raises UnsupportedMessage, which names what would be taken."""
    taken = site.settings.hl7.processing_ids
    if header.processing_id and header.processing_id not in taken:
        raise UnsupportedMessage(
            f"messages of processing id {header.processing_id} are not taken here; taken are {taken}",
            location="MSH^1^11",
            code=_UNSUPPORTED_PROCESSING_ID,
        )
    kind = _ONLY_EVENT.get(header.type, header.type)
    if header.message_code in ack.ACKNOWLEDGEMENTS:
        kind = header.message_code  # its event is that of the message it answers
    if kind in USE_CASES:
        return USE_CASES[kind]
    known_type = any(header.message_code == name.partition("^")[0] for name in USE_CASES)
    raise UnsupportedMessage(
        f"messages {header.type or 'without a type'} are not taken here; taken are {', '.join(USE_CASES)}",
        location="MSH^1^9^2" if known_type else "MSH^1^9^1",
        code=_UNSUPPORTED_EVENT if known_type else _UNSUPPORTED_TYPE,
    )

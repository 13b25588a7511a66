"""MSH-9 to use case: one table (RAD-2, RAD-3, RAD-4, RAD-12, RAD-13)."""

from collections.abc import Callable
from datetime import datetime

from swf.errors import UnsupportedMessage
from swf.hl7.message import Header, Message
from swf.store.database import Transaction
from swf.store.journal import Entry
from swf.workflow import orders, patients
from swf.workflow.site import Site

UseCase = Callable[[Transaction, Site, Message, datetime], list[Entry]]

USE_CASES: dict[str, UseCase] = {
    "ORM^O01": orders.apply,
    "OMG^O19": orders.apply,
    "OMI^O23": orders.apply,
    "ADT^A08": patients.update,
    "ADT^A40": patients.merge,
}
# Senders of HL7 up to 2.3 may leave the trigger event out where a type has only one
_ONLY_EVENT = {"ORM": "ORM^O01", "OMG": "OMG^O19", "OMI": "OMI^O23"}
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
    if kind in USE_CASES:
        return USE_CASES[kind]
    known_type = any(header.message_code == name.partition("^")[0] for name in USE_CASES)
    raise UnsupportedMessage(
        f"messages {header.type or 'without a type'} are not taken here; taken are {', '.join(USE_CASES)}",
        location="MSH^1^9^2" if known_type else "MSH^1^9^1",
        code=_UNSUPPORTED_EVENT if known_type else _UNSUPPORTED_TYPE,
    )

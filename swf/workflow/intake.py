"""A message arrives: record it and do what it asks, in one transaction, then acknowledge; never the other way round.

Serves RAD-2, RAD-3, RAD-4, RAD-12 and RAD-13. Whatever the bytes are, they are kept and answered; only when the store
itself fails nothing is kept, and the sender is told to try again (AR 207).
"""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from swf import clock, log
from swf.errors import MessageError, StoreError
from swf.hl7 import ack, charset, message
from swf.hl7.message import Header
from swf.model.journal import Event
from swf.model.message import Disposition
from swf.store import journal, messages
from swf.store.database import Database, Transaction
from swf.store.journal import Entry
from swf.workflow import routing
from swf.workflow.site import Site

_LONGEST_CONTROL_ID = 20
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message as it came, before anything is known of its content."""

    raw: bytes
    peer: str
    header: Header
    at: datetime

    @property
    def source(self) -> str:
        """Who sent it: MSH-3 and MSH-4."""
        return f"{self.header.sending_application}|{self.header.sending_facility}"[:_LONGEST_SHOWN]

    @property
    def control_id(self) -> str:
        """MSH-10, no longer than anybody needs to tell messages apart."""
        return self.header.control_id[:_LONGEST_SHOWN]

    @property
    def content_hash(self) -> str:
        """A digest of everything but the time of sending (MSH-7), which a repeat may have anew."""
        first, *rest = self.raw.split(b"\r", 1)
        fields = first.split(self.header.delimiters.field.encode("latin-1"))
        if len(fields) > 6:  # noqa: PLR2004  MSH-7, since MSH-1 is the separator itself
            fields[6] = b""
        return hashlib.sha256(b"|".join(fields) + b"\r" + b"".join(rest)).hexdigest()


def receive(database: Database, site: Site, raw: bytes, peer: str) -> bytes:
    """Take the message `raw` from the address `peer`; the acknowledgement to send back. Never raises an SwfError."""
    arrival = _Arrival(raw, peer, message.read_header(raw), clock.now())
    try:
        return _take(database, site, arrival)
    except StoreError as error:
        log.error("message not kept", control_id=arrival.control_id, source=arrival.source, error=str(error))
        return _answer(arrival, [error])


def _take(database: Database, site: Site, arrival: _Arrival) -> bytes:
    try:
        return database.run(lambda transaction: _apply(transaction, site, arrival))
    except MessageError as error:
        refusal = error  # its effect is undone; what is left to do is to keep the message and the reason
        log.warning(
            "message refused",
            control_id=arrival.control_id,
            source=arrival.source,
            message_type=arrival.header.type,
            code=error.code,
            reason=type(error).__name__,
        )
        return database.run(lambda transaction: _refuse(transaction, arrival, refusal))


def _apply(transaction: Transaction, site: Site, arrival: _Arrival) -> bytes:
    """Do what the message asks and keep it; the acknowledgement, which is part of what is kept."""
    text, codec = charset.decode(arrival.raw, arrival.header, default=site.settings.hl7.default_charset)
    content = message.parse(text, arrival.header, codec)
    use_case = routing.use_case(arrival.header, site)
    earlier = _applied_before(transaction, arrival)
    if earlier is not None:
        return earlier
    entries = use_case(transaction, site, content, arrival.at)
    answer = _answer(arrival, [], codec)
    _keep(transaction, arrival, answer, codec=codec, entries=[Entry(Event.MESSAGE_APPLIED), *entries])
    return answer


def _applied_before(transaction: Transaction, arrival: _Arrival) -> bytes | None:
    """The acknowledgement the very same message got, when it is a repeat."""
    if not arrival.control_id:
        return None
    earlier = messages.applied_before(
        transaction,
        source=arrival.source,
        control_id=arrival.control_id,
        content_hash=arrival.content_hash,
    )
    if earlier is None:
        return None
    orders = dict.fromkeys(row.order for row in journal.of_message(transaction, earlier.id) if row.order)
    repeats = [Entry(Event.MESSAGE_REPEATED, order) for order in orders] or [Entry(Event.MESSAGE_REPEATED)]
    journal.add(transaction, arrival.at, repeats, message=earlier.id)
    return bytes(earlier.acknowledgement)


def _refuse(transaction: Transaction, arrival: _Arrival, error: MessageError) -> bytes:
    answer = _answer(arrival, [error])
    reason = f"{error.location}: {error.text}" if error.location else error.text
    entries = [Entry(Event.MESSAGE_REFUSED, detail={"reason": reason, "code": error.code})]
    _keep(transaction, arrival, answer, ack_code=error.ack_code, reason=reason, entries=entries)
    return answer


def _keep(
    transaction: Transaction,
    arrival: _Arrival,
    answer: bytes,
    *,
    entries: Iterable[Entry],
    ack_code: str = "AA",
    codec: str = "",
    reason: str = "",
) -> None:
    number = messages.add(
        transaction,
        received_at=arrival.at,
        peer=arrival.peer,
        source=arrival.source,
        type=arrival.header.type[:_LONGEST_SHOWN],
        control_id=arrival.control_id,
        version=arrival.header.version[:_LONGEST_SHOWN],
        charset=codec,
        content_hash=arrival.content_hash,
        raw=arrival.raw,
        disposition=Disposition.REFUSED if reason else Disposition.APPLIED,
        ack_code=ack_code,
        reason=reason,
        acknowledgement=answer,
    )
    journal.add(transaction, arrival.at, entries, message=number)


def _answer(arrival: _Arrival, errors: list[MessageError] | list[StoreError], codec: str | None = None) -> bytes:
    control_id = uuid.uuid4().hex[:_LONGEST_CONTROL_ID].upper()
    return ack.acknowledge(
        arrival.header, control_id=control_id, at=clock.local(clock.now()), errors=errors, codec=codec
    )

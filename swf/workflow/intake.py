"""A message arrives: record it and do what it asks, in one transaction, then acknowledge; never the other way round.

Serves RAD-2, RAD-3, RAD-4, RAD-12 and RAD-13. Whatever the bytes are, they are kept and answered; only when the store
itself fails nothing is kept, and the sender is told to try again (AR 207).
"""

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from swf import clock, log
from swf.errors import (
    BrokenFrame,
    IdentifierConflict,
    MessageError,
    ProcessingFailure,
    StoreError,
    UnknownSender,
    UnreadableMessage,
)
from swf.hl7 import ack, charset, message, replies
from swf.hl7.ack import Reply
from swf.hl7.header import Header, read_header
from swf.hl7.message import Message
from swf.hl7.replies import Numbers
from swf.model.journal import Event
from swf.model.message import Disposition
from swf.sentence import say
from swf.store import journal, messages, orders
from swf.store.database import Database, Record, Transaction
from swf.store.journal import Entry
from swf.workflow import acknowledgements, routing
from swf.workflow.site import Site

_LONGEST_CONTROL_ID = 20
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message as it came, before anything is known of its content; `site` is how its sender finds us."""

    site: Site
    raw: bytes
    peer: str
    header: Header
    at: datetime

    @property
    def source(self) -> str:
        """Who sent it: MSH-3 and MSH-4."""
        return _column(f"{self.header.sending_application}|{self.header.sending_facility}")

    @property
    def control_id(self) -> str:
        """MSH-10, no longer than anybody needs to tell messages apart."""
        return _column(self.header.control_id)

    @property
    def content_hash(self) -> str:
        """A digest of everything but the time of sending (MSH-7), which a repeat may have anew; made without a copy."""
        begin, content = max(0, self.raw.find(b"MSH")), memoryview(self.raw)
        time = self._time_of_sending(begin)
        digest = hashlib.sha256(content[begin : time.start])
        digest.update(content[time.stop :])
        return digest.hexdigest()

    def _time_of_sending(self, begin: int) -> slice:
        """Where MSH-7 stands; nowhere when the header ends before it."""
        separator, end = self.header.delimiters.field.encode("latin-1"), self.raw.find(b"\r", begin)
        end = len(self.raw) if end < 0 else end
        start = begin
        for _ in range(6):  # MSH-1 is the separator itself
            start = self.raw.find(separator, start, end) + 1
            if not start:
                return slice(end, end)
        stop = self.raw.find(separator, start, end)
        return slice(start, end if stop < 0 else stop)


def _column(text: str) -> str:
    """`text` as a column of either database holds it: short enough to be shown, and without NUL, which one refuses."""
    return text.replace("\0", "")[:_LONGEST_SHOWN]


def receive(database: Database, site: Site, raw: bytes, peer: str) -> bytes:
    """Take the message `raw` from the address `peer`; the acknowledgement to send back. Never raises an SwfError."""
    return receive_all(database, site, [(raw, peer)])[0]


def receive_all(database: Database, site: Site, came: Iterable[tuple[bytes, str]]) -> list[bytes]:
    """`receive` several messages, each with its peer, as if each came alone; for all of them one commit may do.

    The next one is asked for once those before it are carried out, so that what comes meanwhile shares their commit.
    """
    arrivals: list[_Arrival] = []

    def works() -> Iterator[Callable[[Transaction], bytes]]:
        for raw, peer in came:
            arrivals.append(_arrival(site, raw, peer))
            yield partial(_apply, arrival=arrivals[-1])

    outcomes = database.run_all(works())
    return [_settled(database, arrival, outcome) for arrival, outcome in zip(arrivals, outcomes, strict=True)]


def _arrival(site: Site, raw: bytes, peer: str) -> _Arrival:
    header = read_header(raw)
    return _Arrival(site.for_source(header, peer), raw, peer, header, clock.now())


def _settled(database: Database, arrival: _Arrival, outcome: bytes | BaseException) -> bytes:
    """The answer to what was done, or to what could not be done: that is kept too, unless the store itself fails."""
    try:
        if isinstance(outcome, StoreError):
            raise outcome
        return _refused(database, arrival, outcome) if isinstance(outcome, BaseException) else outcome
    except StoreError as error:
        log.error("message not kept", control_id=arrival.control_id, source=arrival.source, error=str(error))
        return b"".join(_acknowledgements(arrival, [error]))


def receive_broken(database: Database, site: Site, raw: bytes, peer: str, why: str, *, answered: bool) -> bytes:
    """Keep what came of a message whose frame was broken; the negative acknowledgement, when one can be sent.

    Nothing is done of what it asks, whatever can be read of it. Never raises an SwfError.
    """
    arrival = _arrival(site, raw, peer)
    error = BrokenFrame(why)
    answer = b"".join(_acknowledgements(arrival, [error])) if answered else b""
    try:
        database.run(
            lambda transaction: _keep_refused(transaction, arrival, answer, error, disposition=Disposition.BROKEN)
        )
    except StoreError as failure:
        log.error("message not kept", control_id=arrival.control_id, source=arrival.source, error=str(failure))
    return answer


def _refused(database: Database, arrival: _Arrival, error: BaseException) -> bytes:
    """Its effect is undone; what is left to do is to keep the message and the reason."""
    if isinstance(error, MessageError):
        refusal = error
        _log_refusal(arrival, error)
    elif isinstance(error, Exception):  # what nobody had thought of must not lose the message
        refusal = ProcessingFailure(f"processing failure ({type(error).__name__})")
        log.error("message failed", control_id=arrival.control_id, source=arrival.source, traceback=log.frames(error))
    else:
        raise error
    return database.run(lambda transaction: _refuse(transaction, arrival, refusal))


def _log_refusal(arrival: _Arrival, error: MessageError) -> None:
    log.warning(
        "security alert: sender not admitted" if isinstance(error, UnknownSender) else "message refused",
        address=arrival.peer,
        control_id=arrival.control_id,
        source=arrival.source,
        message_type=arrival.header.type,
        code=error.code,
        reason=type(error).__name__,
    )


def _apply(transaction: Transaction, arrival: _Arrival) -> bytes:
    """Do what the message asks and keep it; the acknowledgement, which is part of what is kept."""
    site = arrival.site
    site.admit(arrival.peer)
    content, codec = read(site, arrival.raw, arrival.header)
    use_case = routing.use_case(arrival.header, site)
    earlier = _earlier(transaction, arrival)
    if earlier is not None and earlier.content_hash == arrival.content_hash:
        return _repeat(transaction, arrival, earlier)
    entries = use_case(transaction, site, content, arrival.at)
    warnings = _warnings(arrival, content, entries, reused=earlier is not None)
    answer, queued = _answer(transaction, arrival, [], codec, _reply(transaction, arrival, content, entries))
    told = [Entry(Event.MESSAGE_APPLIED), *entries, *warnings, *queued]
    _keep(transaction, arrival, answer, codec=codec, entries=told)
    return answer


def take(transaction: Transaction, site: Site, raw: bytes, who: str) -> bool:
    """Do what a message of our own asks, made of what `who` said, and keep it; False when the very same came before.

    Raises MessageError, IdentifierConflict when its number was used for something else.
    """
    if came_before(transaction, site, raw, who):
        return False
    _apply(transaction, _arrival(site, raw, who))
    return True


def came_before(transaction: Transaction, site: Site, raw: bytes, who: str) -> bool:
    """Whether the very same message came before; raises IdentifierConflict when its number was used for something else."""
    arrival = _arrival(site, raw, who)
    earlier = _earlier(transaction, arrival)
    if earlier is not None and earlier.content_hash != arrival.content_hash:
        raise IdentifierConflict(say("something else was done under this key before; begin anew"))
    return earlier is not None


def read(site: Site, raw: bytes, header: Header) -> tuple[Message, str]:
    """The message in `raw` and the codec it was read with; raises UnreadableMessage."""
    override = site.source.charset_override or None
    text, codec = charset.decode(raw, header, default=site.default_charset, override=override)
    return message.parse(text, header, codec, site.source.time_zone), codec


def reason(error: MessageError) -> str:
    """Why a message was refused, as operators read it: the place and the sentence."""
    return f"{error.location}: {error.text}" if error.location else error.text


def _earlier(transaction: Transaction, arrival: _Arrival) -> Record | None:
    """A message of the same sender and number: the very same one if it came before, else one with other content."""
    if not arrival.control_id:
        return None
    return messages.applied_before(
        transaction,
        source=arrival.source,
        control_id=arrival.control_id,
        content_hash=arrival.content_hash,
    )


def _repeat(transaction: Transaction, arrival: _Arrival, earlier: Record) -> bytes:
    """The acknowledgement the very same message got."""
    orders = dict.fromkeys(row.order for row in journal.of_message(transaction, earlier.id) if row.order)
    repeats = [Entry(Event.MESSAGE_REPEATED, order) for order in orders] or [Entry(Event.MESSAGE_REPEATED)]
    journal.add(transaction, arrival.at, repeats, message=earlier.id)
    return bytes(earlier.acknowledgement)


def _warnings(arrival: _Arrival, content: Message, entries: Iterable[Entry], *, reused: bool) -> list[Entry]:
    """What an operator should know of the message itself: a number used again, for which the sender may have lost its
    count, and lines that were no segments.
    """
    texts = [f"the message number {arrival.control_id} was used before for another message"] if reused else []
    if content.joined:
        texts.append(
            f"{content.joined} lines of the message are no segments; each was read as part of the one before it"
        )
    if not texts:
        return []
    orders = dict.fromkeys(entry.order for entry in entries if entry.order)
    return [Entry(Event.WARNING, order, detail={"text": text}) for order in orders or [None] for text in texts]


def _reply(
    transaction: Transaction,
    arrival: _Arrival,
    content: Message | None,
    entries: Iterable[Entry] = (),
    *,
    done: bool = True,
) -> Reply | None:
    """What a sender that asked for application replies is told of each order; None for all others."""
    if arrival.site.source.reply != "application":
        return None
    known: dict[str, Numbers] = {}
    for order in dict.fromkeys(entry.order for entry in entries if entry.order):
        row = orders.one(transaction, order)
        placer, filler = (row.placer_order_number, row.placer_issuer), (row.filler_order_number, row.filler_issuer)
        numbers = Numbers(placer, filler, row.status)
        known |= dict.fromkeys(filter(None, (row.placer_order_number, row.filler_order_number)), numbers)
    return replies.reply(arrival.header, content, done=done, known=known)


def _refusal(transaction: Transaction, arrival: _Arrival) -> Reply | None:
    """What is told of the orders of a refused message, as far as it can be read."""
    if arrival.site.source.reply != "application":
        return None  # not read a second time for nothing
    content = None
    with contextlib.suppress(MessageError):
        content, _ = read(arrival.site, arrival.raw, arrival.header)
    return _reply(transaction, arrival, content, done=False)


def _refuse(transaction: Transaction, arrival: _Arrival, error: MessageError) -> bytes:
    answer, queued = _answer(transaction, arrival, [error], reply=_refusal(transaction, arrival))
    _keep_refused(transaction, arrival, answer, error, disposition=Disposition.REFUSED, queued=queued)
    return answer


def _keep_refused(
    transaction: Transaction,
    arrival: _Arrival,
    answer: bytes,
    error: MessageError,
    *,
    disposition: Disposition,
    queued: Sequence[Entry] = (),
) -> None:
    why = reason(error).replace("\0", "")
    entries = [Entry(Event.MESSAGE_REFUSED, detail={"reason": why, "code": error.code}), *queued]
    code = error.ack_code if answer or queued else ""
    _keep(transaction, arrival, answer, disposition=disposition, ack_code=code, reason=why, entries=entries)


def _keep(
    transaction: Transaction,
    arrival: _Arrival,
    answer: bytes,
    *,
    entries: Iterable[Entry],
    disposition: Disposition = Disposition.APPLIED,
    ack_code: str = "AA",
    codec: str = "",
    reason: str = "",
) -> None:
    number = messages.add(
        transaction,
        received_at=arrival.at,
        peer=arrival.peer,
        door=arrival.site.door,
        source=arrival.source,
        type=_column(arrival.header.type),
        control_id=arrival.control_id,
        version=_column(arrival.header.version),
        charset=codec,
        content_hash=arrival.content_hash,
        raw=arrival.raw,
        disposition=disposition,
        ack_code=ack_code,
        reason=reason,
        acknowledgement=answer,
    )
    journal.add(transaction, arrival.at, entries, message=number)


def _answer(
    transaction: Transaction,
    arrival: _Arrival,
    errors: Sequence[MessageError],
    codec: str | None = None,
    reply: Reply | None = None,
) -> tuple[bytes, list[Entry]]:
    """What goes back on the connection, the accept acknowledgement first, and what is queued for elsewhere."""
    source = arrival.site.source
    elsewhere = source.application_ack_to if source.ack_mode == "enhanced" and ack.asks(arrival.header) else ""
    accept, application = _acknowledgements(arrival, errors, codec, reply, elsewhere=bool(elsewhere))
    if not (elsewhere and application):
        return accept + application, []
    return accept, [acknowledgements.queue(transaction, elsewhere, application, arrival.at)]


def _acknowledgements(
    arrival: _Arrival,
    errors: Sequence[MessageError | StoreError],
    codec: str | None = None,
    reply: Reply | None = None,
    *,
    elsewhere: bool = False,
) -> tuple[bytes, bytes]:
    """The accept and the application acknowledgement, each empty when it is not due."""
    kept = all(error.ack_code == "AE" and not isinstance(error, UnreadableMessage) for error in errors)
    due = ack.due(arrival.header, enhanced=arrival.site.source.ack_mode == "enhanced", failed=bool(errors), kept=kept)

    def written(errors: Sequence[MessageError | StoreError], **options: Any) -> bytes:
        control_id = uuid.uuid4().hex[:_LONGEST_CONTROL_ID].upper()
        at = clock.local(clock.now())
        return ack.acknowledge(arrival.header, control_id=control_id, at=at, errors=errors, codec=codec, **options)

    conditions = acknowledgements.OWN_CONDITIONS if elsewhere else ("", "")
    accept = written([] if due.accepted else errors, accept=True) if due.accept else b""
    return accept, written(errors, reply=reply, conditions=conditions) if due.application else b""

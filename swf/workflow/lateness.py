"""Messages that come after newer ones of the same sender: never a silent step back (RAD-2, RAD-4, RAD-12, RAD-13).

When a message was said is told by its transaction (ORC-9, EVN-2), else by its sending (MSH-7). Only times of one sender
are compared, by one of the two fields at a time: clocks of two systems differ, and a field nobody fills says nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from swf.errors import IllegalTransition
from swf.hl7.message import Message
from swf.mapping import times
from swf.model.journal import Event
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow.site import Site

_LONGEST_SENDER = 200


class Said(NamedTuple):
    """Who said something and when; the names are those of the columns of orders and patients."""

    said_by: str | None
    said_at: datetime | None
    sent_at: datetime | None

    @property
    def columns(self) -> dict[str, Any]:
        """As columns of what was said."""
        return self._asdict()


def said(site: Site, message: Message, transaction_time: str = "") -> Said:
    """Who sent `message` and when; `transaction_time` is its ORC-9 or EVN-2."""
    header, zone = message.header, site.source.time_zone
    sender = f"{header.sending_application}|{header.sending_facility}".replace("\0", "")[:_LONGEST_SENDER]
    told = times.instant(transaction_time, zone) if transaction_time else None
    return Said(sender, told, times.instant(header.at, zone))


def known(row: Record) -> Said:
    """Who spoke last of an order or a patient, and when."""
    return Said(row.said_by, row.said_at, row.sent_at)


def is_late(new: Said, last: Said) -> bool:
    """Whether `new` was said before what its sender said `last`."""
    if new.said_by != last.said_by:
        return False
    if new.said_at and last.said_at and new.said_at != last.said_at:
        return new.said_at < last.said_at
    return bool(new.sent_at and last.sent_at and new.sent_at < last.sent_at)


def of_orders(
    transaction: Transaction, site: Site, new: Said, numbers: Iterable[int], location: str
) -> Iterator[Entry]:
    """Keep with these order rows when the newest message about them was said; what there is to journal of an older one.

    Raises IllegalTransition where its source wants it refused.
    """
    for number in numbers:
        last = known(orders.one(transaction, number))
        if is_late(new, last):
            yield warning(site, new, last, number, location)
        elif new != last:
            orders.change(transaction, number, **new.columns)


def warning(site: Site, new: Said, last: Said, order: int | None, location: str) -> Entry:
    """What there is to journal of a late message; raises IllegalTransition where its source wants it refused."""
    came = sentence(new, last)
    if site.source.late_messages == "refuse":
        raise IllegalTransition(f"{came}; what that one said stays", location=location)
    return Entry(Event.WARNING, order, detail={"text": f"{came}; it counts all the same, look whether it should"})


def sentence(new: Said, last: Said) -> str:
    """How a late message came, for people."""
    by_transaction = new.said_at and last.said_at and new.said_at != last.said_at
    mine, newer = (new.said_at, last.said_at) if by_transaction else (new.sent_at, last.sent_at)
    return f"the message is of {mine:%Y-%m-%d %H:%M:%S} UTC, and one of {newer:%Y-%m-%d %H:%M:%S} UTC came before it"

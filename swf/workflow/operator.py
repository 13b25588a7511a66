"""What an operator does by hand, and that it is known who did it: nothing here happens without a line in the journal."""

from datetime import datetime

from swf.errors import Unresolvable
from swf.model.journal import Event
from swf.sentence import say
from swf.store import deliveries, journal
from swf.store.database import Transaction
from swf.store.journal import Entry


def revealed(transaction: Transaction, at: datetime, by: str, *, orders: list[int], message: int | None = None) -> None:
    """Note that `by` looked at what says who a patient is, of these order rows or of a message row."""
    numbers: list[int | None] = [*orders] or [None]
    entries = [Entry(Event.PATIENT_REVEALED, order, message, {"by": by}) for order in numbers]
    journal.add(transaction, at, entries)


def acted(transaction: Transaction, at: datetime, by: str, did: str, *, message: int | None = None) -> None:
    """Note that `by` did something, beside what the doing itself leaves in the journal."""
    journal.add(transaction, at, [Entry(Event.OPERATOR_ACTED, None, message, {"by": by, "did": did})])


def retry(transaction: Transaction, at: datetime, by: str, delivery: int) -> None:
    """Put a parked delivery back into its line; raises Unresolvable when it is not parked."""
    if not deliveries.release(transaction, delivery, at):
        raise Unresolvable(say("delivery %(number)s is not parked", number=delivery))
    row = deliveries.one(transaction, delivery)
    order = row.order if row else None
    detail = {"by": by, "did": "retry", "delivery": delivery}
    journal.add(transaction, at, [Entry(Event.OPERATOR_ACTED, order, detail=detail)])

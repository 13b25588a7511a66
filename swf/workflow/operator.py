"""What an operator does by hand, and that it is known who did it: nothing here happens without a line in the journal."""

from datetime import datetime
from typing import Any

from swf.config import Settings
from swf.errors import Overtaken
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
    """Put a parked delivery back into its line; raises Overtaken when it is not parked or there is none."""
    _one(transaction, delivery)
    if not deliveries.release(transaction, delivery, at):
        raise Overtaken(say("delivery %(number)s is not parked", number=delivery))
    _note(transaction, at, delivery, {"by": by, "did": "retry", "delivery": delivery})


def skip(transaction: Transaction, at: datetime, by: str, delivery: int, reason: str) -> None:
    """Give a delivery up, for a reason; what waits behind it goes on. Raises Overtaken when it is not open."""
    _need(reason)
    _one(transaction, delivery)
    if not deliveries.skip(transaction, delivery, say("skipped: %(reason)s", reason=reason.strip())):
        raise Overtaken(say("delivery %(number)s neither waits nor is parked", number=delivery))
    _note(transaction, at, delivery, {"by": by, "did": "skip", "delivery": delivery, "reason": reason.strip()})


def _one(transaction: Transaction, delivery: int) -> None:
    if deliveries.one(transaction, delivery) is None:
        raise Overtaken(say("there is no delivery %(number)s", number=delivery))


def _note(transaction: Transaction, at: datetime, delivery: int, detail: dict[str, Any]) -> None:
    row = deliveries.one(transaction, delivery)
    journal.add(transaction, at, [Entry(Event.OPERATOR_ACTED, row.order if row else None, detail=detail)])


def hold(transaction: Transaction, settings: Settings, at: datetime, by: str, asked: tuple[str, str]) -> None:
    """Tell a destination nothing until it is released: its name, and why. Raises Overtaken when there is none of that name."""
    name, reason = asked
    _need(reason)
    if name not in {each.name for each in (*settings.destination, *settings.relay)}:
        raise Overtaken(say("there is no destination %(name)s", name=name))
    deliveries.hold(transaction, name, reason.strip(), by, at)
    acted(transaction, at, by, f"hold {name}: {reason.strip()}")


def let_go(transaction: Transaction, at: datetime, by: str, name: str) -> None:
    """Tell a held destination what has waited for it; raises Overtaken when it is not held."""
    if not deliveries.let_go(transaction, name):
        raise Overtaken(say("%(name)s is not held", name=name))
    acted(transaction, at, by, f"release {name}")


def _need(reason: str) -> None:
    if not reason.strip():
        raise Overtaken(say("say why"))

"""A write that proves the store takes writes."""

from datetime import datetime

from swf.model.pulse import PULSE
from swf.store import dialect
from swf.store.database import Transaction

_ROW = 1


def write(transaction: Transaction, at: datetime) -> None:
    """Write the one row there is."""
    new = dialect.new_row(transaction.dialect.name, PULSE)
    statement = new.on_conflict_do_update(index_elements=["id"], set_={"at": new.excluded.at})
    transaction.execute(statement, {"id": _ROW, "at": at})

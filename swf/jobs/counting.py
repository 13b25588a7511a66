"""Counts what the journal says, a little at a time, so that statistics are there when somebody asks for them."""

from swf import clock, log
from swf.errors import StoreError
from swf.store.database import Database
from swf.workflow import statistics

_MOST_TURNS = 2000


def watch(database: Database) -> None:
    """Count until nothing is left; each part in a transaction of its own, between which others write."""
    try:
        for _ in range(_MOST_TURNS):
            if not database.run(lambda transaction: statistics.count(transaction, clock.now())):
                break
    except StoreError as error:
        log.error("statistics not counted", error=str(error))

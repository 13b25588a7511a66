"""Counts what the journal says, a little at a time, so that statistics are there when somebody asks for them."""

import threading

from swf import clock, log
from swf.errors import StoreError
from swf.store.database import Database
from swf.workflow import statistics

_MOST_TURNS = 1000
_PAUSE_S = 0.02  # while much is left, so that nobody who writes waits for long


def watch(database: Database) -> None:
    """Count until nothing is left; each part in a transaction of its own, between which others write."""
    pause = threading.Event()
    try:
        for _ in range(_MOST_TURNS):
            if not database.run(lambda transaction: statistics.count(transaction, clock.now())):
                break
            pause.wait(_PAUSE_S)
    except StoreError as error:
        log.error("statistics not counted", error=str(error))

"""Looks for exams nobody reports the end of, and for steps of devices that report nothing (RAD-7)."""

from collections.abc import Callable
from functools import partial

from swf import clock, log
from swf.errors import StoreError
from swf.store import mpps
from swf.store.database import Database
from swf.workflow import availability, completion, overdue
from swf.workflow.site import Site


def watch(database: Database, site: Callable[[], Site]) -> None:
    """Note every exam that has become overdue, each in a transaction of its own, and complete what the rules complete."""
    try:
        _note_overdue(database, site())
        if any("time" in device.completed_by for device in site().settings.modality):
            told = database.run(lambda transaction: completion.of_time(transaction, site(), clock.now()))
            if told:
                log.info("orders completed by time", count=told)
        if any("availability" in device.completed_by for device in site().settings.modality):
            told = database.run(lambda transaction: availability.settled(transaction, site(), clock.now()))
            if told:
                log.info("orders completed by their images", count=told)
    except StoreError as error:
        log.error("exams not watched", error=str(error))


def _note_overdue(database: Database, site: Site) -> None:
    at = clock.now()
    with database.reading() as connection:
        silent = mpps.unfinished(connection)
    for row in silent:
        if not overdue.is_overdue(site.device(row.calling_ae_title), row.updated_at, at):
            continue
        if database.run(partial(overdue.note, site=site, uid=row.sop_instance_uid, at=at)):
            log.warning("exam overdue", ae_title=row.calling_ae_title, mpps=row.sop_instance_uid)

"""Timed work: looks after the store, the other services and deliveries that wait too long (APScheduler, in memory)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from swf import clock, log
from swf.config import Line
from swf.errors import StoreError
from swf.model.journal import Event
from swf.net.mllp_listener import Crowding
from swf.store import deliveries, journal, queries
from swf.store.database import Database
from swf.store.journal import Entry

QUERIES_KEPT = timedelta(days=30)
_LATE = timedelta(minutes=5)
_WATCH_MINUTES = 1
_NIGHT_HOUR = 3


class Housekeeping:
    """The clock of the house. Its jobs are coarse and may be missed; nothing that must happen hangs on them."""

    name = "housekeeping"

    def __init__(
        self,
        database: Database,
        destinations: Sequence[Line],
        ailing: Callable[[], Sequence[str]],
        crowding: Callable[[], Sequence[Crowding]],
        watches: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`ailing` tells the names of the services that do not do their work, `crowding` which limits a door met.

        `watches` are looked after every minute too.
        """
        self._database = database
        self._destinations = destinations
        self._ailing = ailing
        self._crowding = crowding
        self._watches = watches
        self._ill: set[str] = set()
        self._late: set[str] = set()
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Begin to watch the clock."""
        scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
        )
        scheduler.add_job(self.watch_deliveries, "interval", minutes=_WATCH_MINUTES)
        scheduler.add_job(self.watch_services, "interval", minutes=_WATCH_MINUTES)
        for watch in self._watches:
            scheduler.add_job(watch, "interval", minutes=_WATCH_MINUTES)
        scheduler.add_job(self.watch_doors, "interval", minutes=_WATCH_MINUTES)
        scheduler.add_job(self.tidy, "cron", hour=_NIGHT_HOUR)
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Finish the job that has begun and end."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None

    def healthy(self) -> bool:
        """True while the clock is watched."""
        return self._scheduler is not None and bool(self._scheduler.running)

    def watch_deliveries(self) -> None:
        """Say once that a destination's first message has waited for minutes, and once that it no longer does."""
        try:
            with self._database.reading() as connection:
                heads = [deliveries.head(connection, destination.name) for destination in self._destinations]
        except StoreError as error:
            log.error("deliveries not watched", error=str(error))
            return
        late = {head.destination: head.attempts for head in heads if head and clock.now() - head.created_at > _LATE}
        for name in late.keys() - self._late:
            log.warning("deliveries are late", destination=name, attempt=late[name])
        for name in self._late - late.keys():
            log.info("deliveries are no longer late", destination=name)
        self._late = set(late)

    def watch_services(self) -> None:
        """Say once that a service no longer does its work, and once that it does again."""
        ill = set(self._ailing())
        for name in ill - self._ill:
            log.error("service does not do its work", service=name)
        for name in self._ill - ill:
            log.info("service does its work again", service=name)
        self._ill = ill

    def watch_doors(self) -> None:
        """Put into the journal who met a limit of connections, so that it can be found later; the log has each case."""
        entries = [Entry(Event.CONNECTIONS_LIMITED, detail=asdict(met)) for met in self._crowding()]
        if not entries:
            return
        try:
            self._database.run(lambda transaction: journal.add(transaction, clock.now(), entries))
        except StoreError as error:
            log.error("connection limits not noted", count=len(entries), error=str(error))

    def tidy(self) -> None:
        """Forget what modalities asked long ago; let the database gather statistics and give back its log's space."""
        try:
            with self._database.transaction() as transaction:
                queries.forget(transaction, clock.now() - QUERIES_KEPT)
            self._database.tidy()
        except StoreError as error:
            log.error("store not tidied", error=str(error))

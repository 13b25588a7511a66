"""The composition root: builds every service from the settings, starts them, stops them in reverse."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from swf import config, log
from swf.config import ROLES, Role, Settings
from swf.dicom import negotiation
from swf.dicom.dimse import Command
from swf.errors import SwfError
from swf.extensions.web.window import Window
from swf.jobs import counting, exams, relay
from swf.jobs.answer_recorder import AnswerRecorder
from swf.jobs.delivery_worker import DeliveryWorker
from swf.jobs.housekeeping import Housekeeping
from swf.jobs.refusal_recorder import RefusalRecorder
from swf.net import ian_scp, mpps_scp, mwl_scp, probes, tls
from swf.net.dicom_server import DicomServer
from swf.net.mllp_listener import Broken, MllpListener
from swf.net.mllp_listener import Peer as Sender
from swf.net.probes import Peer, Probed
from swf.net.tls import Secured
from swf.service import Service
from swf.store.database import Database
from swf.workflow import intake, invented, site

if TYPE_CHECKING:
    from swf.extensions.simulator.playground import Playground

RELOADABLE = ("mapping", "source", "modality", "profile", "partition")
"""The settings a running broker takes over; for the others it has to be started anew."""


class Broker:
    """What runs in this process for one site, all of it or the roles of `[node]`. The doors open last and close first."""

    def __init__(self, settings: Settings) -> None:
        """Read certificates and mappings and open the store; raises ConfigError with every mistake."""
        self._secured = {name: Secured(context) for name, context in tls.contexts(settings).items()}
        self.settings = settings
        self._reloading = threading.Lock()  # by a signal, and by a click
        self.site = site.load(settings)
        self.database = Database(settings.store.url, shared=settings.node.shares_the_store)
        recorder, turned_away = AnswerRecorder(self.database), RefusalRecorder(self.database)
        self.dicom = DicomServer(
            settings.dicom,
            settings.modality,
            config.called_titles(settings),
            {
                negotiation.WORKLIST: {
                    Command.C_FIND: mwl_scp.on_find(self.database, recorder.record, lambda: self.settings)
                },
                negotiation.PERFORMED_STEP: {
                    Command.N_CREATE: mpps_scp.on_create(self.database, lambda: self.site),
                    Command.N_SET: mpps_scp.on_set(self.database, lambda: self.site),
                    Command.N_GET: mpps_scp.on_get(self.database, lambda: self.site),
                },
                negotiation.PERFORMED_STEP_RETRIEVE: {Command.N_GET: mpps_scp.on_get(self.database, lambda: self.site)},
                negotiation.AVAILABILITY: {Command.N_CREATE: ian_scp.on_create(self.database, lambda: self.site)},
            },
            secured=self._secured.get("dicom"),
            refusals=turned_away.refusals,
        )
        self.hl7 = self._listener(settings.hl7.port, door=0)
        self.own_doors = {port: self._listener(port, door=port) for port in _own_ports(settings)}
        keeping = Housekeeping(
            self.database,
            (*settings.destination, *settings.relay),
            self.ailing,
            lambda: [met for listener in (self.hl7, *self.own_doors.values()) for met in listener.crowding()],
            [partial(exams.watch, self.database, lambda: self.site), partial(counting.watch, self.database)],
        )
        workers: dict[Role, list[Service]] = {
            "dicom": [recorder, turned_away],
            "housekeeping": [keeping],
            "delivery": [*self._deliveries(settings), *self._relays(settings)],
        }
        self.simulator = self._playground() if settings.simulator.enabled else None
        self.web = Window(
            settings.web,
            self.database,
            lambda: self.site,
            self.ailing,
            probe=self._probe,
            reload=lambda: self.reload(self.settings),
            secured=self._secured.get("web"),
            simulator=self.simulator,
        )
        doors: dict[Role, list[Service]] = {
            "dicom": [self.dicom],
            "hl7": [self.hl7, *self.own_doors.values()],
            "web": [self.web] if settings.web.enabled else [],
        }
        self._workers = [service for role in ROLES if role in settings.node.roles for service in workers.get(role, [])]
        self._doors = [service for role in ROLES if role in settings.node.roles for service in doors.get(role, [])]

    def _listener(self, port: int, *, door: int) -> MllpListener:
        """A door for HL7: the common one, or that of sources which have a port of their own."""
        hl7 = self.settings.hl7
        return MllpListener(
            hl7.host,
            port,
            partial(self._receive_all, door=door),
            broken=partial(self._receive_broken, door=door),
            limit=hl7.max_frame_bytes,
            frame_deadline_s=hl7.frame_deadline_seconds,
            max_connections=hl7.max_connections,
            max_connections_per_peer=hl7.max_connections_per_peer,
            secure=self._secured.get("hl7"),
            name=f"hl7 listener {door}" if door else "hl7 listener",
        )

    def _playground(self) -> "Playground":
        from swf.extensions.simulator.playground import Playground  # noqa: PLC0415  half a second nobody else waits for

        mis = ("127.0.0.1", self.settings.simulator.mis_port)
        led = [each.refusals_before_parking for each in self.settings.destination if (each.host, each.port) == mis]
        return Playground(
            lambda: self.hl7.address,
            lambda: self.dicom.address,
            self.settings.dicom.ae_title,
            mis=mis,
            refusals=max(led, default=1),
            objection=self._why_nothing_is_simulated,
        )

    def _why_nothing_is_simulated(self) -> str:
        from swf.extensions.simulator.people import AUTHORITY  # noqa: PLC0415  as above

        with self.database.reading() as connection:
            return invented.objection(connection, self.settings, AUTHORITY)

    def _deliveries(self, settings: Settings) -> Iterator[Service]:
        for each in settings.destination:
            yield DeliveryWorker(self.database, each, self._secured.get(f"destination {each.name}"))

    def _relays(self, settings: Settings) -> Iterator[Service]:
        for each in settings.relay:
            yield relay.worker(self.database, each, settings.dicom.ae_title, self._secured.get(f"relay {each.name}"))

    def start(self) -> None:
        """Open the store and every door; raises ConfigError, and then nothing is left running."""
        self.database.migrate()
        with contextlib.ExitStack() as undo:
            undo.callback(self.database.close)
            if "delivery" in self.settings.node.roles:
                self.database.claim("delivery")  # two would send everything twice, and out of order
            self.database.listen()
            if self.web in self._doors:
                self.web.check()
            for service in (*self._workers, *self._doors):
                undo.callback(service.stop)
                service.start()
            undo.pop_all()

    def stop(self) -> None:
        """Close the doors, finish what was begun, close the store; within ten seconds, however many there are."""
        if self.simulator is not None:
            self.simulator.stop()  # or it would find that the doors close
        for services in (self._doors, self._workers):
            with ThreadPoolExecutor(max_workers=len(services) or 1, thread_name_prefix="stopping") as together:
                list(together.map(_stop, services))
        self.database.close()

    def reload(self, settings: Settings) -> None:
        """Take over what of `settings` is `RELOADABLE`, the content of the mappings included, between two messages.

        Certificates, keys and authorities are read anew; connections that stand keep theirs, new ones get the new. Raises ConfigError with every mistake, and then nothing has changed. What differs in the rest is logged.
        """
        with self._reloading:
            self._take_over(settings)

    def _take_over(self, settings: Settings) -> None:
        renewed = tls.with_certificates_of(settings, self.settings)
        fresh = renewed.model_copy(update={name: getattr(settings, name) for name in RELOADABLE})
        ready, contexts = site.load(fresh), tls.contexts(fresh)
        for name, secured in self._secured.items():
            secured.renew(contexts[name])
        self.dicom.admit(fresh.modality, config.called_titles(fresh))
        self.settings, self.site = fresh, ready
        log.info("reloaded")
        waiting = [name for name in Settings.model_fields if getattr(settings, name) != getattr(fresh, name)]
        if set(_own_ports(fresh)) != self.own_doors.keys():
            waiting.append("source.port")
        if waiting:
            log.warning("changed settings need a restart", reason=", ".join(waiting))

    def ailing(self) -> list[str]:
        """The names of the services that do not do their work."""
        return [service.name for service in (*self._workers, *self._doors) if not service.healthy()]

    def _probe(self, peer: Peer) -> Probed:
        """Ask a peer whether it answers, with the certificates in force."""
        secured = self._secured.get(peer.secured)
        return probes.probe(peer, self.settings.dicom.ae_title, secured.context() if secured else None)

    def _receive_all(self, came: Iterable[tuple[bytes, Sender]], *, door: int) -> list[bytes]:
        return intake.receive_all(self.database, self.site.at_door(door), ((raw, peer.address) for raw, peer in came))

    def _receive_broken(self, broken: Broken, peer: Sender, *, door: int) -> bytes:
        return intake.receive_broken(
            self.database, self.site.at_door(door), broken.raw, peer.address, broken.reason, answered=broken.answered
        )


def _own_ports(settings: Settings) -> list[int]:
    return list(dict.fromkeys(source.port for source in settings.source if source.port))


def _stop(service: Service) -> None:
    try:
        service.stop()
    except (SwfError, OSError) as error:
        log.error("service did not stop cleanly", service=service.name, error=type(error).__name__)

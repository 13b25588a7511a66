"""Reports of performed steps reach another system in order, each until it is taken, and never twice (RAD-6, RAD-7)."""

import contextlib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import dsutils
from sqlalchemy import select

from swf import clock
from swf.config import Relay
from swf.dicom import mpps_envelope
from swf.jobs import relay as relays
from swf.jobs.delivery_worker import DeliveryWorker
from swf.model.delivery import DELIVERY
from swf.net import tls
from swf.net.tls import Secured
from swf.store import deliveries
from swf.store.database import Database, Record
from tests import rows
from tests.mpps_receiver import MppsReceiver, Told

Until = Callable[[Callable[[], bool]], None]
Start = Callable[..., DeliveryWorker]
BEGIN, END = "N-CREATE", "N-SET"


@pytest.fixture
def pacs() -> Iterator[MppsReceiver]:
    """An archive that takes every report."""
    running = MppsReceiver().start()
    yield running
    running.stop()


@pytest.fixture
def start(archive: Database) -> Iterator[Start]:
    """Starts the line to an archive and stops it in the end."""
    with contextlib.ExitStack() as stack:

        def begin(pacs: MppsReceiver, **changes: Any) -> DeliveryWorker:
            host, port = pacs.address
            quick = {"retry_first_seconds": 0.02, "retry_last_seconds": 0.1, "refusals_before_parking": 2}
            settings = {"name": "pacs", "ae_title": "PACS", "ack_timeout_seconds": 5, **quick, **changes}
            relay = Relay(host=host, port=port, **settings)
            context = tls.of_destination(relay)
            worker = relays.worker(archive, relay, "SWF", Secured(context) if context else None)
            stack.callback(worker.stop)
            worker.start()
            return worker

        yield begin


def report(syntax: Any = ImplicitVRLittleEndian) -> bytes:
    """What a modality sent, in its own character set."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PerformedProcedureStepStatus = "IN PROGRESS"
    dataset.PerformedProcedureStepDescription = "Sch\u00e4del"
    raw = dsutils.encode(dataset, syntax.is_implicit_VR, True)
    assert raw
    return raw


def queue(database: Database, *reports: tuple[str, str]) -> list[int]:
    """Queue reports, each a kind and the step it is about; their rows."""
    with database.transaction() as transaction:
        return [
            rows.delivery(
                transaction,
                destination="pacs",
                type=kind,
                subject=uid,
                payload=mpps_envelope.seal(uid, ImplicitVRLittleEndian, report()),
                created_at=clock.now(),
            )
            for kind, uid in reports
        ]


def queued(database: Database) -> list[Record]:
    """Every delivery in the order it was queued."""
    with database.reading() as connection:
        return list(connection.execute(select(DELIVERY).order_by(DELIVERY.c.id)))


def statuses(database: Database) -> Counter[str]:
    """How many deliveries stand how."""
    return Counter(row.status for row in queued(database))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=["implicit", "explicit"])
def test_a_report_arrives_as_it_came(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until, syntax: Any
) -> None:
    """The archive reads what the modality wrote, under the modality's number and in its character set, and from us."""
    with archive.transaction() as transaction:
        payload = mpps_envelope.seal("1.2.1", syntax, report(syntax=syntax))
        rows.delivery(transaction, destination="pacs", type=BEGIN, subject="1.2.1", payload=payload)
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 1})
    (told,) = pacs.told
    assert (told.kind, told.uid, told.caller) == (BEGIN, "1.2.1", "SWF")
    assert (told.dataset.SpecificCharacterSet, told.dataset.PerformedProcedureStepDescription) == (
        "ISO_IR 100",
        "Sch\u00e4del",
    )
    assert queued(archive)[0].acknowledgement == "0x0000"


def test_an_archive_that_was_down_gets_everything_in_order(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """Switched off during the exams, the archive is told of each when it is back: begin before end, and once."""
    pacs.stop()
    queue(archive, (BEGIN, "1.2.1"), (BEGIN, "1.2.2"), (END, "1.2.1"), (END, "1.2.2"))
    start(pacs)
    until(lambda: queued(archive)[0].attempts >= 2)
    pacs.start()
    until(lambda: statuses(archive) == {"DELIVERED": 4})
    assert pacs.kinds() == [(BEGIN, "1.2.1"), (BEGIN, "1.2.2"), (END, "1.2.1"), (END, "1.2.2")]


@pytest.mark.parametrize("warning", [0x0001, 0x0107, 0x0116])
def test_a_warning_means_taken(archive: Database, pacs: MppsReceiver, start: Start, until: Until, warning: int) -> None:
    """An archive that leaves something out has taken the report all the same."""
    pacs.personality = lambda _told: warning
    queue(archive, (BEGIN, "1.2.1"))
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 1})


def test_what_the_archive_has_already_is_delivered(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """A begin whose answer was lost is there already (0x0111): the end follows."""
    pacs.personality = lambda told: 0x0111 if told.kind == BEGIN else 0
    queue(archive, (BEGIN, "1.2.1"), (END, "1.2.1"))
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 2})
    assert "already" in queued(archive)[0].acknowledgement


def test_what_the_archive_has_lost_is_begun_again(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """An archive that was set up anew does not know the step (0x0112): it is told the begin once more, then the end."""
    known: set[str] = set()

    def forgetful(told: Told) -> int:
        if told.kind == BEGIN and len(pacs.told) > 0:
            known.add(told.uid)
        return 0 if told.kind == BEGIN or told.uid in known else 0x0112

    pacs.personality = forgetful
    queue(archive, (BEGIN, "1.2.1"), (END, "1.2.1"))
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 2})
    assert [kind for kind, _ in pacs.kinds()] == [BEGIN, END, BEGIN, END]


def test_what_the_archive_calls_ended_waits_for_an_operator_at_once(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """A step somebody else has ended there (0x0110 with A710) can never be told again; others go on."""
    pacs.personality = lambda told: (0x0110, 0xA710) if told.uid == "1.2.1" and told.kind == END else 0
    queue(archive, (BEGIN, "1.2.1"), (END, "1.2.1"), (BEGIN, "1.2.2"), (END, "1.2.2"))
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 3, "PARKED": 1})
    parked = queued(archive)[1]
    assert (parked.attempts, parked.last_error) == (1, "answered with status 0x0110 A710")


def test_an_end_that_was_taken_without_an_answer_is_not_an_error(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """The archive took the end and the connection broke: told once more it says that the step has ended, which is so."""

    def breaks_off(told: Told) -> int | tuple[int, int] | None:
        if told.kind == BEGIN:
            return 0
        return None if len(pacs.told) == 1 else (0x0110, 0xA710)

    pacs.personality = breaks_off
    queue(archive, (BEGIN, "1.2.1"), (END, "1.2.1"))
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 2})


def test_a_refused_begin_holds_up_its_own_end_and_nothing_else(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """A report the archive dislikes is parked; its end waits with it, other exams pass, and a retry lets both go."""
    pacs.personality = lambda told: 0x0106 if told.uid == "1.2.1" else 0
    refused, _, _, _ = queue(archive, (BEGIN, "1.2.1"), (END, "1.2.1"), (BEGIN, "1.2.2"), (END, "1.2.2"))
    start(pacs)
    until(lambda: statuses(archive) == {"PARKED": 1, "WAITING": 1, "DELIVERED": 2})
    assert pacs.kinds().count((END, "1.2.1")) == 0
    assert queued(archive)[0].attempts == 2
    pacs.personality = lambda _told: 0
    with archive.transaction() as transaction:
        assert deliveries.release(transaction, refused, clock.now())
    until(lambda: statuses(archive) == {"DELIVERED": 4})
    assert pacs.kinds()[-2:] == [(BEGIN, "1.2.1"), (END, "1.2.1")]


def test_an_archive_without_room_is_asked_until_it_has(
    archive: Database, pacs: MppsReceiver, start: Start, until: Until
) -> None:
    """Want of resources (0x0213) is not the report's fault, so it is never parked for it."""
    pacs.personality = lambda _told: 0x0213 if len(pacs.told) < 5 else 0
    queue(archive, (BEGIN, "1.2.1"))
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 1})
    assert (len(pacs.told), queued(archive)[0].refusals) == (6, 0)


def test_a_restart_loses_nothing(archive: Database, pacs: MppsReceiver, start: Start, until: Until) -> None:
    """Stopped while it tries, the line goes on where it was."""
    pacs.personality = lambda _told: None
    queue(archive, (BEGIN, "1.2.1"), (END, "1.2.1"))
    first = start(pacs)
    until(lambda: len(pacs.told) >= 1)
    first.stop()
    pacs.personality = lambda _told: 0
    start(pacs)
    until(lambda: statuses(archive) == {"DELIVERED": 2})


def test_a_shutdown_does_not_wait_for_a_silent_archive(archive: Database, pacs: MppsReceiver, start: Start) -> None:
    """An archive that takes a report and never answers holds up a shutdown for a moment only; the report stays in line."""
    asked, end = threading.Event(), threading.Event()

    def thinks(_told: Told) -> int:
        asked.set()
        end.wait(20)
        return 0

    pacs.personality = thinks
    queue(archive, (BEGIN, "1.2.1"))
    worker = start(pacs, ack_timeout_seconds=60)
    assert asked.wait(10)
    began = time.monotonic()
    worker.stop()
    end.set()
    assert time.monotonic() - began < 6
    assert not worker.healthy()
    assert statuses(archive) == {"WAITING": 1}


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
def test_an_archive_behind_tls(archive: Database, start: Start, until: Until, tmp_path: Path, name: str) -> None:
    """Over TLS the archive must show a certificate in its own name, or it is told nothing."""
    authority = trustme.CA()
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(secure)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    pacs = MppsReceiver().start(secure)
    queue(archive, (BEGIN, "1.2.1"))
    worker = start(pacs, tls=True, tls_ca=str(tmp_path / "ca.pem"))
    until(lambda: queued(archive)[0].attempts >= 1)
    assert statuses(archive) == {"DELIVERED" if name == "127.0.0.1" else "WAITING": 1}
    worker.stop()
    pacs.stop()

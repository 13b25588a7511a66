"""The door for modalities: who may come in, how fast it answers, what it tells the log, how it closes."""

import contextlib
import io
import logging
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import ModalityPerformedProcedureStep, Verification

from swf import log
from swf.broker import Broker
from swf.config import Dicom, Modality
from swf.dicom import negotiation
from swf.dicom.dimse import Command
from swf.errors import ConfigError
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality as Scanner
from swf.extensions.simulator.modality import in_progress
from swf.net import mllp_client
from swf.net.dicom_request import Request, Services
from swf.net.dicom_server import DicomServer
from tests.conftest import MakeBroker
from tests.net import dicom_peer

LOOPBACK = "127.0.0.1"
SUCCESS = 0x0000
CANARIES = ("ZZCANARYFAMILY", "ZZCANARYGIVEN", "ZZCANARYID", "19330303", "ZZCANARYSTREET")

Open = Callable[..., DicomServer]


def _nothing(_request: Request) -> Iterator[tuple[int, None]]:
    yield from ()


def _taken(_request: Request) -> tuple[int, None]:
    return SUCCESS, None


def _services(change: Any = _taken, find: Any = _nothing) -> Services:
    return {
        negotiation.WORKLIST: {Command.C_FIND: find},
        negotiation.PERFORMED_STEP: {Command.N_CREATE: _taken, Command.N_SET: change},
    }


@pytest.fixture
def open_door() -> Iterator[Open]:
    """Opens doors on free ports that find nothing and take everything, and closes them in the end."""
    doors: list[DicomServer] = []

    def start(*modalities: Modality, change: Any = _taken, **settings: Any) -> DicomServer:
        door = DicomServer(Dicom(port=0, **settings), modalities, ("SWF",), _services(change))
        door.start()
        doors.append(door)
        return door

    yield start
    for door in doors:
        door.stop()


def _reach(door: DicomServer) -> tuple[str, int]:
    return LOOPBACK, door.address[1]


# ---- who may come in ----


def test_a_modality_can_verify_the_connection(open_door: Open) -> None:
    """The engineer who presses "verify" at the scanner sees that it works."""
    assert Scanner(*open_door().address, "CT1").echo() > 0


@pytest.mark.parametrize(
    ("modality", "settings", "established"),
    [
        (Modality(ae_title="CT1"), {"host": "0.0.0.0", "accept_unknown_callers": True}, True),
        (Modality(ae_title="CT1"), {}, True),
        (Modality(ae_title="MR1", host=LOOPBACK), {"host": "0.0.0.0"}, True),
        (Modality(ae_title="MR1", host="localhost"), {"host": "0.0.0.0"}, True),
        (Modality(ae_title="MR1", host="192.0.2.1"), {"host": "0.0.0.0"}, False),
        (Modality(ae_title="MR1", host="192.0.2.1"), {"host": "0.0.0.0", "accept_unknown_callers": True}, False),
        (Modality(ae_title="MR1", host="192.0.2.1"), {}, False),
        (Modality(ae_title="MR1", host="no-such-host.invalid"), {}, False),
    ],
    ids=["open", "loopback", "right host", "right name", "wrong host", "wrong host, open", "loopback too", "no host"],
)
def test_a_modality_comes_from_where_it_is(
    open_door: Open, modality: Modality, settings: dict[str, Any], *, established: bool
) -> None:
    """Who borrows a scanner's title from another address does not get its worklist."""
    with dicom_peer.association(_reach(open_door(modality, **settings)), "MR1") as peer:
        assert peer.is_established is established


def test_a_service_nobody_offers_is_declined(open_door: Open) -> None:
    """A modality that also wants to store images hears no to that, and yes to the rest."""
    entity = AE(ae_title="CT1")
    for service in (Verification, "1.2.840.10008.5.1.4.1.1.2"):
        entity.add_requested_context(service)
    peer = entity.associate(*open_door().address)
    assert [str(context.abstract_syntax) for context in peer.accepted_contexts] == [str(Verification)]
    peer.release()


def test_both_transfer_syntaxes_are_spoken(broker: Broker) -> None:
    """Old devices write implicit VR, new ones explicit VR; both are understood for every service."""
    for syntax in dicom_peer.SYNTAXES:
        with dicom_peer.association(broker.dicom.address, syntaxes=[syntax]) as peer:
            accepted = [(context.abstract_syntax, context.transfer_syntax[0]) for context in peer.accepted_contexts]
            assert accepted == [(service, syntax) for service in dicom_peer.SERVICES]
            assert peer.send_c_echo().Status == SUCCESS


def test_a_port_that_is_taken_is_said_so(open_door: Open) -> None:
    """The administrator who starts a second broker reads which address is taken."""
    port = open_door().address[1]
    second = DicomServer(Dicom(port=port), (), ("SWF",), _services())
    with pytest.raises(ConfigError, match=f"dicom: cannot listen on 127.0.0.1:{port}"):
        second.start()
    assert not second.healthy()
    second.stop()


# ---- how fast ----


def test_answers_are_not_held_back(open_door: Open) -> None:
    """A scanner does not wait 40 ms for each message because two ends of a connection wait for each other."""
    identifier = dicom_peer.dataset(PatientName="", PatientID="", ScheduledProcedureStepSequence=[])
    took = []
    with dicom_peer.association(open_door().address) as peer:
        for _ in range(21):
            began = time.perf_counter()
            dicom_peer.ask(peer, identifier)
            took.append((time.perf_counter() - began) * 1000)
    print(f"C-FIND on one association: median {statistics.median(took):.1f} ms, slowest {max(took):.1f} ms")
    assert statistics.median(took) < 40


def test_small_packets_leave_at_once(open_door: Open) -> None:
    """The setting that prevents the delay is really made on the broker's side of a connection."""
    door = open_door()
    with dicom_peer.association(door.address):
        (served,) = door._open.values()
        assert served.wire._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# ---- what the log is told ----


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All that any logger says, at every level, the libraries' own included."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(name) for name in (None, "swf", *_loggers())]
    before = [(logger, logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    log.configure("DEBUG", stream)
    for logger in loggers:
        # At DEBUG, SQLAlchemy prints rows; that is asked for by a programmer and never by a site.
        logger.setLevel(logging.INFO if logger.name.startswith("sqlalchemy") else logging.DEBUG)
        logger.propagate = logger.name != "swf"
    loggers[0].addHandler(handler)
    yield stream
    for logger, level, propagate, handlers in before:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


def _loggers() -> list[str]:
    return [
        name for name in logging.root.manager.loggerDict if name.startswith(("pynetdicom", "pydicom", "sqlalchemy"))
    ]


def test_no_patient_in_the_log(make_broker: MakeBroker, everything_logged: io.StringIO) -> None:
    """Whoever reads the log, even of a broker told to log everything, learns no patient's name, number or birth date."""
    family, given, number, birth_date, street = CANARIES
    broker = make_broker()
    order = his.Order(name=f"{family}^{given}", patient_id=number, birth_date=birth_date)
    raw = his.order_orm(order)
    refused = raw.replace(b"ORC|NW", b"ORC|QQ")
    broken = raw.replace(b"|||^^^20", b"|||^^^99xx")
    for message in (raw, refused, broken, raw.replace(b"|19330303|", f"|{birth_date}|F||{street}|".encode())):
        mllp_client.exchange(*broker.hl7.address, message, 10)
    scanner = Scanner(*broker.dicom.address, "CT1")
    (item,) = scanner.query(PatientName=f"{family}*", PatientBirthDate=birth_date)
    _report_rightly_and_wrongly(broker.dicom.address, scanner, item)
    logged = everything_logged.getvalue()
    for sign_of_life in ("message refused", "mpps refused", "Association Accepted", "INSERT INTO"):
        assert sign_of_life in logged
    assert [canary for canary in CANARIES if canary in logged] == []


def _report_rightly_and_wrongly(address: tuple[str, int], scanner: Scanner, item: Dataset) -> None:
    scanner.complete(scanner.begin(item))
    report = in_progress((item,), "CT1")
    report.PerformedProcedureStepStatus = "COMPLETED"
    with dicom_peer.association(address) as peer:
        status, _ = peer.send_n_create(report, ModalityPerformedProcedureStep, "1.2.3")
        assert status.Status == 0x0106
        status, _ = peer.send_n_set(item, ModalityPerformedProcedureStep, "1.2.4")
        assert status.Status == 0x0112


# ---- how it closes ----


def test_what_was_begun_is_answered_before_the_door_closes(open_door: Open) -> None:
    """A report the broker was writing down when it was stopped is still answered, every time."""
    for _ in range(6):
        begun, go_on = threading.Event(), threading.Event()
        door = open_door(change=partial(_change_when_told, begun, go_on))
        answers: list[int | None] = []
        modality = threading.Thread(target=_report, args=(door.address, answers))
        closing = threading.Thread(target=door.stop)
        assert door._lobby
        (listening,) = door._lobby._doors
        modality.start()
        assert begun.wait(dicom_peer.TIMEOUT_S)
        closing.start()
        assert _wait_until(lambda listening=listening: listening.fileno() < 0)
        go_on.set()
        closing.join(dicom_peer.TIMEOUT_S)
        modality.join(dicom_peer.TIMEOUT_S)
        assert (closing.is_alive(), door.healthy(), answers) == (False, False, [SUCCESS])


def _change_when_told(begun: threading.Event, go_on: threading.Event, _request: Request) -> tuple[int, None]:
    begun.set()
    assert go_on.wait(dicom_peer.TIMEOUT_S)
    return SUCCESS, None


def _wait_until(reached: Callable[[], bool]) -> bool:
    pause = threading.Event()
    until = time.monotonic() + dicom_peer.TIMEOUT_S
    while not reached() and time.monotonic() < until:
        pause.wait(0.02)
    return reached()


def _report(address: tuple[str, int], answers: list[int | None]) -> None:
    with dicom_peer.association(address) as peer:
        changes = dicom_peer.dataset(PerformedProcedureStepDescription="more")
        status, _ = peer.send_n_set(changes, ModalityPerformedProcedureStep, "1.2.3")
        answers.append(status.get("Status"))
        peer.abort()  # the other side is about to


def test_nobody_comes_in_once_it_is_closed(open_door: Open) -> None:
    """A broker that is stopped frees its port and ends the connections that only wait."""
    door = open_door()
    where = door.address
    with dicom_peer.association(where) as peer:
        door.stop()
        assert _wait_until(lambda: not peer.is_established)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)
    door.start()
    assert Scanner(*door.address, "CT1").echo() > 0


def test_stopping_a_door_that_never_opened_is_harmless() -> None:
    """A start that fails halfway can be undone without a second failure."""
    door = DicomServer(Dicom(port=0), (), ("SWF",), _services())
    door.stop()
    assert not door.healthy()


def test_a_device_that_connects_and_says_nothing_delays_nobody(open_door: Open) -> None:
    """A port scanner, or a scanner switched off in the middle, neither blocks its neighbours nor the stopping broker."""
    door = open_door()
    with socket.create_connection(door.address) as silent:
        silent.sendall(b"\x01\x00\x00")
        with dicom_peer.association(door.address) as peer:
            peer.abort()
        identifier = dicom_peer.dataset(PatientName="")
        assert [status for status, _ in dicom_peer.find(door.address, identifier)] == [SUCCESS]
        began = time.monotonic()
        door.stop()
        assert time.monotonic() - began < 2
        assert silent.recv(100) == b""


def test_a_full_house_is_closed_in_time(open_door: Open) -> None:
    """A broker with many modalities connected stops as quickly as one with a single one."""
    door = open_door()
    with contextlib.ExitStack() as house:
        peers = [house.enter_context(dicom_peer.association(door.address)) for _ in range(20)]
        began = time.monotonic()
        door.stop()
        assert time.monotonic() - began < 2
        assert _wait_until(lambda: not any(peer.is_established for peer in peers))

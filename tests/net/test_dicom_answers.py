"""The course of a long answer: it streams, it is cancelled, it is limited, and a slow reader costs no memory (PS3.4 K.4)."""

import contextlib
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian
from pynetdicom import AE, dsutils
from pynetdicom.sop_class import ModalityWorklistInformationFind

from swf.broker import Broker
from swf.config import Dicom
from swf.dicom import negotiation
from swf.dicom.dimse import Command
from swf.net import mllp_client
from swf.net.dicom_request import Request
from swf.net.dicom_server import DicomServer
from swf.net.tls import Secured, of_dicom
from tests.conftest import MakeBroker, settings_for
from tests.net import dicom_peer, raw_peer
from tests.net.raw_peer import ABORTED, RELEASED, RawPeer, Unit

PENDING, SUCCESS, CANCELLED, OUT_OF_RESOURCES, UNABLE, NO_OPERATION = 0xFF00, 0x0000, 0xFE00, 0xA700, 0xC000, 0x0211
STEPS = 400
ITEM = dicom_peer.dataset(PatientName="DOE^JANE", PatientComments="x" * 900)
Open = Callable[..., DicomServer]
Find = Callable[[Request], Iterator[tuple[int, Any]]]


@pytest.fixture
def open_door() -> Iterator[Open]:
    """Opens doors on free ports with a worklist of the test's own, and closes them in the end."""
    with contextlib.ExitStack() as doors:

        def start(find: Find, secured: Secured | None = None, **settings: Any) -> DicomServer:
            services = {negotiation.WORKLIST: {Command.C_FIND: find}}
            door = DicomServer(Dicom(port=0, tls_port=0, **settings), (), ("SWF",), services, secured=secured)
            door.start()
            doors.callback(door.stop)
            return door

        yield start


def _endless(given: list[int], size: int = 1000) -> Find:
    """A worklist without end that counts what it gives."""
    item = dsutils.encode(dicom_peer.dataset(PatientComments="x" * size), True, True)

    def find(request: Request) -> Iterator[tuple[int, Any]]:
        while not request.cancelled:
            given[0] += 1
            yield PENDING, item
        yield CANCELLED, None

    return find


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with four hundred steps."""
    folder: Path = tmp_path_factory.mktemp("answers")
    broker = Broker(settings_for(folder))
    broker.start()
    _fill(broker)
    yield broker
    broker.stop()


def _fill(broker: Broker) -> None:
    for number in range(STEPS // 50):
        lines = [
            f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|M{number}|P|2.5.1||||||UNICODE UTF-8",
            f"PID|||P{number}^^^HOSP^MR||DOE^JANE||19800229|F",
            f"ORC|NW|{number}^HIS",
            "TQ1|1||||||202611220900|||R",
            f"OBR|1|{number}^HIS||C1^Examination^99SIM",
            *(f"IPC|A{number}|RP{number}|1.2.3.{number}|S{step}|CT|P1^Protocol^99SIM|||CT1" for step in range(50)),
            "",
        ]
        assert b"MSA|AA" in mllp_client.exchange(*broker.hl7.address, "\r".join(lines).encode(), 30)


def _identifier() -> Dataset:
    step = dicom_peer.dataset(ScheduledProcedureStepID="", Modality="", ScheduledStationAETitle="CT1")
    return dicom_peer.dataset(
        PatientName="", PatientID="", AccessionNumber="", StudyInstanceUID="", ScheduledProcedureStepSequence=[step]
    )


# ---- streaming ----


def test_the_first_item_leaves_before_the_last_is_read(open_door: Open) -> None:
    """A modality shows the first patients of a long list while the rest is still being read."""
    seen = threading.Event()

    def find(_request: Request) -> Iterator[tuple[int, Dataset]]:
        yield PENDING, ITEM
        assert seen.wait(raw_peer.TIMEOUT_S)
        yield PENDING, ITEM

    with RawPeer(open_door(find).address) as peer:
        peer.associate()
        peer.send(raw_peer.find_request(Dataset()))
        responses = peer.responses()
        assert next(responses).command.Status == PENDING
        seen.set()
        assert [response.command.Status for response in responses] == [PENDING, SUCCESS]


@pytest.mark.parametrize("largest", [128, 200, 1024, 16382, 0])
@pytest.mark.parametrize("syntax", ["implicit", "explicit"])
def test_an_answer_fits_what_the_modality_takes(site: Broker, largest: int, syntax: str) -> None:
    """However little a modality takes at once, and in either transfer syntax, it gets every item whole."""
    with RawPeer(site.dicom.address) as peer:
        peer.associate(largest=largest, syntax=syntax)
        *items, final = peer.query(_identifier(), syntax=syntax)
    assert (len(items), final.command.Status) == (STEPS, SUCCESS)
    found = {_read(item.identifier, syntax) for item in items}
    assert found == {(f"A{number}", f"S{step}") for number in range(STEPS // 50) for step in range(50)}


def _read(raw: bytes, syntax: str) -> tuple[str, str]:
    dataset = dsutils.decode(io.BytesIO(raw), syntax == "implicit", True)
    return str(dataset.AccessionNumber), str(dataset.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID)


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian], ids=["big", "deflated"])
def test_retired_transfer_syntaxes_are_spoken(site: Broker, syntax: str) -> None:
    """A very old modality, and one that saves every byte, get the same list as the others."""
    *items, final = dicom_peer.find(site.dicom.address, _identifier(), syntaxes=[syntax])
    assert (len(items), final) == (STEPS, (SUCCESS, None))
    assert {str(item.PatientName) for _, item in items if item} == {"DOE^JANE"}


# ---- C-CANCEL ----


def _ask_and_cancel(broker: Broker, after: int) -> tuple[int, int]:
    """How many items came, and the final status, of a query that is cancelled after so many items."""
    entity = AE("CT1")
    entity.add_requested_context(ModalityWorklistInformationFind)
    peer = entity.associate(*broker.dicom.address, ae_title="SWF")
    count, final = 0, -1
    for status, _ in peer.send_c_find(_identifier(), ModalityWorklistInformationFind, msg_id=7):
        final = int(status.Status)
        count += final == PENDING
        if final == PENDING and count == after:
            peer.send_c_cancel(7, None, ModalityWorklistInformationFind)
    peer.release()
    return count, final


@pytest.mark.parametrize("round_", range(5))
def test_an_answer_can_be_cancelled(site: Broker, round_: int) -> None:
    """A technologist who has seen enough stops the list in the middle, every time."""
    count, final = _ask_and_cancel(site, 5)
    assert final == CANCELLED
    assert 5 <= count < STEPS


@pytest.mark.soak
def test_an_answer_can_be_cancelled_every_time(site: Broker) -> None:
    """The same, fifty times over."""
    outcomes = [_ask_and_cancel(site, 5) for _ in range(50)]
    assert {final for _, final in outcomes} == {CANCELLED}
    assert max(count for count, _ in outcomes) < STEPS


def test_a_cancelled_association_goes_on(site: Broker) -> None:
    """After a cancelled query the next one on the same association is answered in full."""
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        peer.send(raw_peer.find_request(_identifier(), number=1) + raw_peer.cancel_request(1))
        assert list(peer.responses())[-1].command.Status == CANCELLED
        *items, final = peer.query(_identifier(), number=2)
        assert (len(items), final.command.Status) == (STEPS, SUCCESS)


def test_a_late_or_foreign_cancel_is_no_error(site: Broker) -> None:
    """A cancel that crosses the last item, or names another request, changes nothing."""
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        peer.send(raw_peer.cancel_request(1), raw_peer.find_request(_identifier(), number=2))
        peer.send(raw_peer.cancel_request(1))
        *items, final = peer.responses()
        assert (len(items), final.command.Status) == (STEPS, SUCCESS)
        peer.send(raw_peer.cancel_request(2))
        assert peer.echo() == SUCCESS


def test_a_cancel_is_heard_while_the_modality_does_not_read(open_door: Open) -> None:
    """A modality that is busy may cancel first and read later; nothing more is prepared for it meanwhile."""
    given = [0]
    door = open_door(_endless(given))
    with RawPeer(door.address) as peer:
        peer.associate()
        peer.send(raw_peer.find_request(Dataset()))
        _until_steady(given)
        peer.send(raw_peer.cancel_request())
        stopped = given[0]
        *items, final = peer.responses()
        assert final.command.Status == CANCELLED
        assert len(items) == given[0] <= stopped + 20


def test_the_same_over_tls(open_door: Open, tmp_path: Path) -> None:
    """Over TLS too, a long answer waits for its reader, a cancel is heard meanwhile, and every byte arrives."""
    authority = trustme.CA()
    both = tmp_path / "both.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(both))
    settings = Dicom(tls_certificate=str(both), tls_key=str(both))
    context, secure = of_dicom(settings), ssl.create_default_context()
    authority.configure_trust(secure)
    assert context
    given = [0]
    door = open_door(_endless(given, size=5000), secured=Secured(context))
    assert door.tls_address
    with RawPeer(door.tls_address, secure=secure) as peer:
        peer.associate()
        peer.send(raw_peer.find_request(Dataset()))
        _until_steady(given)
        peer.send(raw_peer.cancel_request())
        *items, final = peer.responses()
        assert final.command.Status == CANCELLED
        assert len(items) == given[0]
        assert {len(item.identifier) for item in items} == {5008}
        assert peer.echo() == SUCCESS


def _until_steady(given: list[int]) -> None:
    """Wait until the server has filled every buffer and waits for its reader."""
    seen = -1
    while seen != given[0] or not seen:
        seen = given[0]
        threading.Event().wait(0.2)


def test_a_release_in_the_middle_is_granted(open_door: Open) -> None:
    """A modality that leaves in the middle of a list is let go politely, and nothing more is read for it."""
    given = [0]
    with RawPeer(open_door(_endless(given)).address) as peer:
        peer.associate()
        peer.send(raw_peer.find_request(Dataset()))
        next(peer.responses())
        peer.send(raw_peer.RELEASE)
        while (unit := peer.unit()) and unit.kind == raw_peer.DATA:
            continue
        assert unit == Unit(RELEASED, bytes(4))


# ---- a slow reader ----


def test_a_modality_that_does_not_read_costs_no_memory(open_door: Open) -> None:
    """A modality that hangs with a list of any length open holds a few kilobytes, and its place only for a while."""
    given = [0]
    door = open_door(_endless(given, size=10_000), request_seconds=1.0)
    process = psutil.Process()
    with RawPeer(door.address) as peer:
        peer.associate()
        before = process.memory_info().rss
        peer.send(raw_peer.find_request(Dataset()))
        _until_steady(given)
        assert process.memory_info().rss - before < 4 * 2**20
        assert given[0] < 200
        until = time.monotonic() + raw_peer.TIMEOUT_S
        while door.associations() and time.monotonic() < until:
            threading.Event().wait(0.02)
        assert door.associations() == 0


def test_a_modality_that_vanishes_ends_its_query(open_door: Open) -> None:
    """A modality that is switched off in the middle of a list leaves nothing behind."""
    given = [0]
    door = open_door(_endless(given))
    with RawPeer(door.address) as peer:
        peer.associate()
        peer.send(raw_peer.find_request(Dataset()))
        next(peer.responses())
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    until = time.monotonic() + raw_peer.TIMEOUT_S
    while door.associations() and time.monotonic() < until:
        threading.Event().wait(0.02)
    assert door.associations() == 0


# ---- limits and oddities ----


@pytest.mark.parametrize(("most", "count", "status"), [(399, 399, OUT_OF_RESOURCES), (400, 400, SUCCESS)])
def test_a_limited_answer_says_that_it_is_not_whole(
    make_broker: MakeBroker, most: int, count: int, status: int
) -> None:
    """Where more match than may be answered, the modality is told so; a list that is whole is never called anything else."""
    broker = make_broker(dicom={"max_answers": most})
    _fill(broker)
    with RawPeer(broker.dicom.address) as peer:
        peer.associate()
        *items, final = peer.query(_identifier())
    assert (len(items), final.command.Status) == (count, status)
    assert final.command.get("ErrorComment") == (f"more match; these are the first {most}" if status else None)


def test_a_service_that_fails_is_no_empty_list(open_door: Open) -> None:
    """A fault of ours in the middle of a list ends it with a failure, and the association goes on."""

    def find(_request: Request) -> Iterator[tuple[int, Dataset]]:
        yield PENDING, ITEM
        raise RuntimeError("DOE^JANE")

    with RawPeer(open_door(find).address) as peer:
        peer.associate()
        statuses = [response.command.Status for response in peer.query(Dataset())]
        assert statuses == [PENDING, UNABLE]
        assert peer.echo() == SUCCESS


def test_what_a_service_does_not_do_is_said(site: Broker) -> None:
    """A C-STORE to the worklist is answered that there is no such operation; one for another class as well."""
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        fields = {"AffectedSOPClassUID": ModalityWorklistInformationFind, "MessageID": 1, "CommandDataSetType": 0x0101}
        peer.send(raw_peer.data(3, raw_peer.command(CommandField=0x0001, **fields), is_command=True))
        assert next(peer.responses()).command.Status == NO_OPERATION
        fields["AffectedSOPClassUID"] = "1.2.3"
        peer.send(raw_peer.data(3, raw_peer.command(CommandField=0x0020, **fields), is_command=True))
        assert next(peer.responses()).command.Status == 0x0122


def test_a_context_that_was_not_agreed_ends_the_association(site: Broker) -> None:
    """A message in a presentation context nobody agreed on is a breach of the protocol (PS3.8 9.2)."""
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        peer.send(raw_peer.echo_request().replace(b"\x01\x03", b"\x09\x03", 1))
        unit = peer.unit()
        assert unit
        assert unit.kind == ABORTED


def test_several_requests_at_once_are_answered_in_order(site: Broker) -> None:
    """A modality that does not wait for its answers gets them one after the other all the same."""
    with RawPeer(site.dicom.address) as peer:
        peer.associate()
        peer.send(raw_peer.echo_request(1) + raw_peer.find_request(_identifier(), 2) + raw_peer.echo_request(3))
        numbers = [next(peer.responses()).command.MessageIDBeingRespondedTo]
        numbers += [list(peer.responses())[-1].command.MessageIDBeingRespondedTo]
        numbers += [next(peer.responses()).command.MessageIDBeingRespondedTo]
        assert numbers == [1, 2, 3]

"""The broker is killed, stopped in the middle of the work and starved of disk; what it acknowledged, it has."""

import contextlib
import random
import resource
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from swf.errors import PeerError
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis, Received
from swf.extensions.simulator.modality import Modality
from swf.hl7 import message
from swf.hl7.header import read_header
from tests.chaos.conftest import Ward
from tests.processes import Address, MllpClient, Serve, Served

KILLS, KILLS_OF_A_SOAK = 8, 100
SENDERS = 2
STOPS_WITHIN_S = 10.0
ONE_PAGE = 4096


def _worklist(served: Served) -> Counter[str]:
    """How often each accession number is listed."""
    return Counter(str(item.AccessionNumber) for item in Modality(*served.dicom, "CT1").query())


@contextlib.contextmanager
def _load(ward: Ward, address: Address) -> Iterator[None]:
    """Senders at work; they end when the broker does."""
    senders = [threading.Thread(target=ward.order, args=(address,)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    yield
    for sender in senders:
        sender.join()


def _everything_accepted_is_listed_once(ward: Ward, served: Served) -> None:
    listed = _worklist(served)
    assert ward.accepted <= listed.keys() <= ward.sent
    assert set(listed.values()) <= {1}


# ---- killed ----


def test_an_order_outlives_a_power_cut(serve: Serve, tmp_path: Path) -> None:
    """The broker dies in the very moment after an acknowledgement: that order is listed, and the others can be sent again."""
    first, *others = [his.Order() for _ in range(20)]
    raw = [his.order_orm(order) for order in others]
    served = serve(tmp_path)
    with MllpClient(served.hl7) as client, socket.create_connection(served.hl7) as hasty:
        hasty.sendall(b"".join(b"\x0b" + each + b"\x1c\r" for each in raw))
        assert client.send(his.order_orm(first)) == "AA"
        served.kill()
    again = serve(tmp_path)
    assert first.accession in _worklist(again)
    with MllpClient(again.hl7) as client:
        assert {client.send(each) for each in raw} == {"AA"}
    assert _worklist(again) == dict.fromkeys((order.accession for order in (first, *others)), 1)


def test_no_kill_loses_what_was_acknowledged(
    serve: Serve, tmp_path: Path, ward: Ward, request: pytest.FixtureRequest
) -> None:
    """Killed again and again at any moment under load: every acknowledged order is on the worklist, none twice."""
    chance = random.Random(20261122)  # noqa: S311  the same moments in every run
    kills = KILLS_OF_A_SOAK if request.config.getoption("--soak") else KILLS
    for _ in range(kills):
        served = serve(tmp_path)
        with _load(ward, served.hl7):
            assert ward.wait_for(ward.count("AA") + chance.randrange(1, 40))
            threading.Event().wait(chance.random() / 100)
            served.kill()
    print(f"{len(ward.accepted)} of {len(ward.sent)} orders were acknowledged over {kills} kills")
    assert len(ward.accepted) >= kills
    _everything_accepted_is_listed_once(ward, serve(tmp_path))


# ---- what the MIS is told ----


def _destination(mis: Mis) -> list[dict[str, object]]:
    host, port = mis.address
    retries = {"retry_first_seconds": 0.05, "retry_last_seconds": 0.2}
    return [{"name": "mis", "host": host, "port": port, **retries}]


def _told(received: list[Received]) -> list[tuple[str, str, str]]:
    """Type, order number and status of what was told, repeats left out, in the order of first arrival."""
    first = {each.control_id: each for each in reversed(received)}
    texts = [each for each in received if first[each.control_id] is each]
    parsed = [message.parse(each.text, read_header(each.text.encode())) for each in texts]
    return [(each.header.type, each.value("OBR", 2, component=1), each.value("OBR", 25)) for each in parsed]


def test_a_kill_between_report_and_delivery(serve: Serve, tmp_path: Path, mis: Mis) -> None:
    """The broker dies after each report of the scanner, the MIS being down: up again, it is told all, in order."""
    order = his.Order()
    destination = _destination(mis)
    mis.stop()
    served = serve(tmp_path, destination=destination)
    with MllpClient(served.hl7) as client:
        assert client.send(his.order_orm(order)) == "AA"
    scanner = Modality(*served.dicom, "CT1")
    begun = scanner.begin(*scanner.query())
    served.kill()

    served = serve(tmp_path, destination=destination)
    Modality(*served.dicom, "CT1").complete(begun)
    served.kill()

    serve(tmp_path, destination=destination)
    mis.start()
    assert mis.wait_for(4)
    number = order.placer_number
    expected = [(kind, number, status) for status in ("I", "R") for kind in ("ORM^O01", "ORU^R01")]
    assert _told(mis.received) == expected


def test_a_kill_between_delivery_and_its_answer(serve: Serve, tmp_path: Path, mis: Mis) -> None:
    """The broker dies while the MIS is writing its answer: it tells the same once more under the same number, then goes on."""
    order = his.Order()
    served = serve(tmp_path, destination=_destination(mis))
    with MllpClient(served.hl7) as client:
        assert client.send(his.order_orm(order)) == "AA"
    answers = iter([served.kill])
    mis.personality = lambda _received: next(answers, lambda: None)() or "AA"
    scanner = Modality(*served.dicom, "CT1")
    (item,) = scanner.query()
    with contextlib.suppress(PeerError):  # the delivery may be faster than the answer to the scanner
        scanner.begin(item)
    assert mis.wait_for(1)
    served.process.wait(STOPS_WITHIN_S)

    serve(tmp_path, destination=_destination(mis))
    assert mis.wait_for(3)
    first, second, third = mis.received[:3]
    assert (first.text, first.control_id) == (second.text, second.control_id)
    assert (second.type, third.type) == ("ORM^O01", "ORU^R01")


# ---- stopped ----


def test_a_stop_under_load_loses_nothing(serve: Serve, tmp_path: Path, ward: Ward) -> None:
    """Stopped in the middle of the morning, however impatiently, it answers what it has begun and ends well."""
    served = serve(tmp_path, web_enabled="true")
    with _load(ward, served.hl7):
        assert ward.wait_for(50)
        code, printed, seconds = served.terminate(times=3)
    assert (code, printed) == (0, "swf stopped\n")
    assert seconds < STOPS_WITHIN_S
    again = serve(tmp_path)
    assert ward.answered.keys() == ward.accepted
    _everything_accepted_is_listed_once(ward, again)
    # Nothing was done that was not answered, and nobody spoke of a failure.
    assert _worklist(again).keys() == ward.accepted
    assert "Traceback" not in served.log.read_text()


def test_a_stop_waits_for_nobody(serve: Serve, tmp_path: Path) -> None:
    """Devices that stay connected, in either door and in the middle of a word, do not keep the broker from ending."""
    served = serve(tmp_path, web_enabled="true")
    with contextlib.ExitStack() as idle:
        for address, opening in ((served.hl7, b""), (served.hl7, b"\x0bMSH|^~"), (served.dicom, b"\x01\x00")):
            idle.enter_context(socket.create_connection(address)).sendall(opening)
        assert Modality(*served.dicom, "CT1").echo() > 0
        code, printed, seconds = served.terminate()
    assert (code, printed) == (0, "swf stopped\n")
    assert seconds < STOPS_WITHIN_S
    assert "Traceback" not in served.log.read_text()


# ---- starved ----


def test_a_full_disk(serve: Serve, tmp_path: Path, ward: Ward) -> None:
    """While the disk is full, orders are refused so that the HIS sends them again, and the worklist is still served."""
    served = serve(tmp_path)
    process = psutil.Process(served.process.pid)
    unlimited = process.rlimit(psutil.RLIMIT_FSIZE)
    with MllpClient(served.hl7) as client:
        before, during, after = his.Order(), his.Order(), his.Order()
        assert client.send(his.order_orm(before)) == "AA"
        assert _worklist(served) == {before.accession: 1}
        process.rlimit(psutil.RLIMIT_FSIZE, (ONE_PAGE, resource.RLIM_INFINITY))
        assert [client.send(his.order_orm(during)) for _ in range(3)] == ["AR"] * 3
        assert _worklist(served) == {before.accession: 1}
        process.rlimit(psutil.RLIMIT_FSIZE, unlimited)
        assert [client.send(his.order_orm(order)) for order in (during, after)] == ["AA", "AA"]
    expected = dict.fromkeys((order.accession for order in (before, during, after)), 1)
    assert _worklist(served) == expected
    served.kill()
    assert _worklist(serve(tmp_path)) == expected

"""The MIS at work: it takes what its faults let through, and tells what came again without need."""

import threading

import pytest

from swf import errors
from swf.extensions.simulator import faults, his, ordering, telling
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.ordering import Habits
from swf.extensions.simulator.pace import pace
from swf.extensions.simulator.scanning import Scanning
from swf.hl7.header import read_header
from swf.net import mllp_client
from tests.conftest import MakeBroker


def _send(address: tuple[str, int], raw: bytes) -> str:
    client = mllp_client.MllpClient(*address, ack_timeout_s=0.2)
    try:
        return client.send(raw, read_header(raw).control_id).code
    finally:
        client.close()


@pytest.mark.parametrize(
    ("fault", "refused"),
    [
        ("no-ack", errors.PeerSilent),
        ("close", errors.PeerSilent),
        ("garbage", errors.PeerSilent),
        ("ae", errors.PeerRefused),
        ("ar", errors.PeerRefused),
    ],
)
def test_each_fault(fault: str, refused: type[Exception]) -> None:
    """What is not answered or refused is not taken, and waits to come again."""
    playing = telling.Telling(faults=faults.faults("mis", [fault]))
    with telling.listening("127.0.0.1", 0, playing) as mis, pytest.raises(refused):
        _send(mis.address, his.order_orm(his.Order()))
    assert playing.tally.of("accepted") == 0
    assert len(playing.waiting()) == 1


def test_taken_twice() -> None:
    """A message that was acknowledged and comes again is told, but not when the acknowledgement was slow."""
    raw = his.order_orm(his.Order())
    for wrong, told in ((), 1), (("slow",), 0):
        playing = telling.Telling(faults=faults.faults("mis", wrong), slow_s=0.0)
        with telling.listening("127.0.0.1", 0, playing) as mis:
            assert [_send(mis.address, raw) for _ in range(2)] == ["AA", "AA"]
        assert len(playing.tally.state()["findings"]) == told


def test_news_arrive_in_the_end(make_broker: MakeBroker) -> None:
    """An MIS that often refuses or hangs up has been told everything in the end, each once."""
    playing = telling.Telling("seven", faults.faults("mis", ["ae=0.3", "close=0.3"]))
    with telling.listening("127.0.0.1", 0, playing) as mis:
        broker = make_broker(mis)
        His(broker.hl7.address, Habits("seven", stations=(("CT", "CT1"),)), pace("max")).run(threading.Event(), 3)
        scanner = Scanning(broker.dicom.address, "CT1", pace("max"), seed="seven")
        scanner.run(threading.Event(), 4)
        ended = [ordering.order(Habits("seven"), number).placer_number for number in range(3)]
        assert mis.wait_for(
            lambda _: all("CM" in playing.statuses[placer] for placer in ended) and not playing.waiting()
        )
    assert playing.tally.state()["findings"] == []

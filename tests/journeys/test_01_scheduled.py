"""The normal case: ordered, listed, performed, reported back (RAD-4, RAD-5, RAD-6, RAD-7, RAD-3), on both databases."""

from swf.extensions.simulator import scenario
from swf.extensions.simulator.mis import Mis
from swf.store import journal
from tests.conftest import MakeBroker

KNOWN_OF_EVERY_ORDER = {
    "order created",
    "step scheduled",
    "worklist answered",
    "mpps in progress",
    "mpps completed",
    "delivery acknowledged",
}


def test_an_order_goes_all_the_way(make_broker: MakeBroker, mis: Mis, store_url: str) -> None:
    """Two orders reach their scanners, are performed, the hospital hears of every step, and all of it can be traced."""
    broker = make_broker(mis, store={"url": store_url})
    events: list[scenario.Event] = []
    assert scenario.play(broker.hl7.address, broker.dicom.address, mis, "SWF", events.append) == []
    assert {event.who for event in events} == {"HIS", "CT1", "MR1", "SWF"}
    accession = next(line.split("|")[18] for line in _results(mis) if "|CT|" in line)
    broker.stop()  # what scanners were given is noted behind the answer; stopping writes it down
    with broker.database.reading() as connection:
        trace = journal.trace(connection, accession)
    broker.database.close()
    assert {moment.event for moment in trace} >= KNOWN_OF_EVERY_ORDER
    assert [moment.event for moment in trace].count("delivery acknowledged") == 4
    assert [moment.at for moment in trace] == sorted(moment.at for moment in trace)


def _results(mis: Mis) -> list[str]:
    return [line for received in mis.received for line in received.text.split("\r") if line.startswith("OBR")]

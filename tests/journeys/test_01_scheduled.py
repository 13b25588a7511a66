"""Journey 1, the simple case: ordered, found on the worklist, performed, reported (RAD-2/4, 5, 6, 7, 3)."""

import pytest

from swf.extensions.simulator import scenario
from swf.extensions.simulator.mis import Mis
from swf.store import journal
from tests.conftest import MakeBroker


def test_an_order_goes_all_the_way(make_broker: MakeBroker, mis: Mis, store_url: str) -> None:
    """Two orders reach their scanners, are performed, and the hospital hears of every step."""
    broker = make_broker(mis, store={"url": store_url})
    events: list[scenario.Event] = []
    assert scenario.play(broker.hl7.address, broker.dicom.address, mis, "SWF", events.append) == []
    assert {event.who for event in events} >= {"HIS", "CT1", "MR1", "SWF"}


@pytest.mark.parametrize("who", ["HIS", "CT1"])
def test_everything_an_order_went_through_can_be_looked_up(
    make_broker: MakeBroker, mis: Mis, store_url: str, who: str
) -> None:
    """The trace of an order names the message that brought it, the scanner that saw it, and every delivery."""
    broker = make_broker(mis, store={"url": store_url})
    assert scenario.play(broker.hl7.address, broker.dicom.address, mis, "SWF", lambda _event: None) == []
    broker.stop()
    broker.database.migrate()
    with broker.database.reading() as connection:
        accession = next(text.split("|")[18] for text in _results(mis) if "|CT|" in text)
        trace = journal.trace(connection, accession)
    told = [moment.event for moment in trace]
    for event in ("order created", "worklist answered", "mpps in progress", "mpps completed", "delivery acknowledged"):
        assert event in told
    assert told.count("delivery acknowledged") == 4
    broker.database.close()


def _results(mis: Mis) -> list[str]:
    return [line for received in mis.received for line in received.text.split("\r") if line.startswith("OBR")]

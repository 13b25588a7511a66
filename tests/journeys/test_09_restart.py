"""The broker is restarted in the middle of the day; nothing that was acknowledged is forgotten."""

from collections.abc import Callable

from swf.broker import Broker
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from tests.conftest import MakeBroker
from tests.journeys.conftest import PATIENCE_S, Hospital, steps

Connected = Callable[[Broker], Hospital]


def test_a_restart_between_every_two_acts(make_broker: MakeBroker, mis: Mis, connected: Connected) -> None:
    """Ordered before one restart, begun before the next, completed after it: the exam is told as if nothing had been."""
    order = his.Order()
    broker = make_broker(mis)
    assert connected(broker).send(his.order_orm(order)).code == "AA"
    broker.stop()

    broker = make_broker(mis)
    scanner = Modality(*broker.dicom.address, "CT1")
    (item,) = scanner.query()
    assert steps([item]) == list(order.step_ids)
    begun = scanner.begin(item)
    broker.stop()

    broker = make_broker(mis)
    Modality(*broker.dicom.address, "CT1").complete(begun)
    assert connected(broker).told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert len({received.control_id for received in mis.received}) == 4


def test_news_that_waited_over_the_restart(make_broker: MakeBroker, mis: Mis, connected: Connected) -> None:
    """What could not be told before the restart is told after it, in order; an order sent again is still a repeat."""
    order = his.Order()
    raw = his.order_orm(order)
    broker = make_broker(mis)
    first = connected(broker).answer(raw)
    mis.stop()
    scanner = Modality(*broker.dicom.address, "CT1")
    scanner.complete(scanner.begin(*scanner.query()))
    broker.stop()
    mis.start()

    broker = make_broker(mis)
    assert mis.wait_for(4, PATIENCE_S)
    assert connected(broker).told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert connected(broker).answer(raw) == first
    assert Modality(*broker.dicom.address, "CT1").query() == []

"""Destinations that are told nothing for a while, and deliveries that are given up."""

from collections.abc import Callable
from typing import Any

from swf.extensions.simulator.mis import Mis, agreeable
from swf.extensions.simulator.modality import Modality
from tests.conftest import MakeBroker
from tests.extensions.web.conftest import Operator


def line(mis: Mis, **more: Any) -> list[dict[str, Any]]:
    """One destination for the settings."""
    host, port = mis.address
    return [{"name": "mis", "host": host, "port": port, "refusals_before_parking": 1, "send": ["ORM^O01"]} | more]


def exam(operator: Operator) -> str:
    """An order whose exam begins, of which destinations are told; its accession number."""
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    order = operator.order()
    scanner.begin(*scanner.query(AccessionNumber=order.accession))
    return order.accession


def state(operator: Operator) -> dict[str, Any]:
    """What the API says of the one destination."""
    (found,) = operator.json("/api/v1/destinations")
    assert isinstance(found, dict)
    return found


def test_a_held_destination_is_told_nothing_until_it_is_released(
    open_window: Callable[..., Operator], make_broker: MakeBroker
) -> None:
    """The MIS moves house: it is held, with who and why on the board, over a restart; released, it is told what waited."""
    with Mis() as mis:
        operator = open_window(destination=line(mis))
        assert operator.http.post("/destinations/mis/hold", data={"reason": ""}).status_code == 409
        assert operator.http.post("/destinations/nobody/hold", data={"reason": "x"}).status_code == 409
        assert operator.http.post("/destinations/mis/hold", data={"reason": "moves house"}).status_code == 303
        exam(operator)
        assert (state(operator)["held"], state(operator)["waiting"]) == (True, 1)
        assert "held by 127.0.0.1, without login: moves house" in operator.text("/")
        assert "moves house" in operator.text("/deliveries")
        operator.broker.stop()
        again = open_window(destination=line(mis))
        exam(again)
        assert (state(again)["waiting"], state(again)["held_by"]) == (2, "127.0.0.1, without login")
        assert mis.received == []
        assert again.http.post("/destinations/mis/release").status_code == 303
        assert any(state(again)["waiting"] == 0 for _ in range(400))
        assert len(mis.received) == 2
        assert again.http.post("/api/v1/destinations/mis/release").status_code == 409
        assert "held by" not in again.text("/")


def test_a_parked_delivery_is_given_up(open_window: Callable[..., Operator]) -> None:
    """What a destination will never take is skipped for a reason, which the order's trace keeps with who gave it up."""
    with Mis(personality=lambda _: "AE") as mis:
        operator = open_window(destination=line(mis))
        accession = exam(operator)
        assert any("parked" in operator.text("/deliveries/1") for _ in range(400))
        mis.personality = agreeable
        assert operator.http.post("/deliveries/1/skip", data={"reason": " "}).status_code == 409
        assert operator.http.post("/deliveries/1/skip", data={"reason": "a test"}).status_code == 303
        page = operator.text("/deliveries/1")
        assert "skipped" in page
        assert "Give it up" not in page
        assert operator.http.post("/api/v1/deliveries/1/skip", json={"reason": "again"}).status_code == 409
        assert operator.http.post("/deliveries/1/retry").status_code == 409
        (acted,) = [
            each for each in operator.json(f"/api/v1/orders/{accession}/trace") if each["event"] == "operator acted"
        ]
    assert (acted["did"], acted["reason"], acted["by"]) == ("skip", "a test", "127.0.0.1, without login")

"""The patient does not come: the order is cancelled before anything was done (RAD-13, CA)."""

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital, steps


def test_a_cancelled_order_disappears(hospital: Hospital, modality: Scanner) -> None:
    """A cancelled order is gone with the next look at the worklist, the order beside it stays, and it cannot come back."""
    order, other = his.Order(), his.Order(patient_id="SIM4712", name="ROE^RICHARD")
    scanner = modality("CT1")
    assert {hospital.send(his.order_orm(each)).code for each in (order, other)} == {"AA"}
    assert sorted(steps(scanner.query(Modality="CT"))) == sorted(order.step_ids + other.step_ids)
    assert hospital.send(his.cancel(order)).code == "AA"
    assert steps(scanner.query(Modality="CT")) == list(other.step_ids)
    again = hospital.send(his.order_orm(order))
    assert (again.code, again.error_code) == ("AE", "206")
    assert steps(scanner.query()) == list(other.step_ids)


def test_a_cancel_that_comes_too_late(hospital: Hospital, modality: Scanner) -> None:
    """Once the scanner has begun, the cancel is refused and the exam goes on to its end."""
    order = his.Order()
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    begun = scanner.begin(*scanner.query())
    late = hospital.send(his.cancel(order))
    assert (late.code, late.error_code) == ("AE", "206")
    scanner.complete(begun)
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]


def test_a_scanner_that_had_not_looked_again(hospital: Hospital, modality: Scanner) -> None:
    """An exam done from an old list in spite of the cancel is taken, and the hospital is told that it was done."""
    order = his.Order()
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    old_list = scanner.query()
    hospital.send(his.cancel(order))
    scanner.complete(scanner.begin(*old_list))
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert scanner.query() == []

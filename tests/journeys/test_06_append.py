"""Something was forgotten: a second acquisition is added to an exam that is done (append case)."""

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital


def test_one_more_series(hospital: Hospital, modality: Scanner) -> None:
    """The added acquisition belongs to the same order, which was completed and stays so."""
    order = his.Order()
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    items = scanner.query()
    scanner.complete(scanner.begin(*items))
    scanner.complete(scanner.begin(*items), images=1)
    told = hospital.told(order.placer_number, 4)
    assert told[:2] == ["IP/I", "CM/R"]
    assert set(told[2:]) == {"CM/R"}
    assert scanner.query() == []


def test_a_step_at_a_time(hospital: Hospital, modality: Scanner) -> None:
    """Between the two steps of an order the hospital hears that some results are there, after the last that all are."""
    order = his.Order(step_ids=("S1", "S2"))
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    first, second = scanner.query()
    scanner.complete(scanner.begin(first))
    assert [item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID for item in scanner.query()] == ["S2"]
    scanner.complete(scanner.begin(second))
    assert hospital.told(order.placer_number, 4) == ["IP/I", "IP/A", "IP/A", "CM/R"]

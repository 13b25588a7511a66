"""One acquisition for several orders (group case, PGP)."""

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital


def test_chest_and_abdomen_in_one_go(hospital: Hospital, modality: Scanner) -> None:
    """Two orders done in one acquisition leave the list together, and the hospital is told of each by its own number."""
    chest, abdomen = his.Order(code="CTCHEST^CT chest^99SIM"), his.Order()
    scanner = modality("CT1")
    for order in (chest, abdomen):
        hospital.send(his.order_orm(order))
    both = scanner.query(PatientID=chest.patient_id)
    assert {str(item.AccessionNumber) for item in both} == {chest.accession, abdomen.accession}
    scanner.complete(scanner.begin(*both))
    for order in (chest, abdomen):
        assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
        texts = [received.text for received in hospital.received if order.placer_number in received.text]
        assert all(f"|{order.accession}|{order.procedure_id}|" in text for text in texts)
    assert scanner.query() == []


def test_two_steps_of_one_order(hospital: Hospital, modality: Scanner) -> None:
    """Two steps of one order done in one acquisition are one piece of news, which names both."""
    order = his.Order(step_ids=("S1", "S2"))
    scanner = modality("CT1")
    hospital.send(his.order_omi(order))
    scanner.complete(scanner.begin(*scanner.query()))
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert all("|S1 S2|" in received.text for received in hospital.received)

"""An exam that is broken off: the patient refuses, or the wrong line was picked from the list (RAD-7, DISCONTINUED)."""

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital, steps


def test_a_patient_who_refuses(hospital: Hospital, modality: Scanner) -> None:
    """A broken-off exam leaves the worklist, and the hospital hears that it was discontinued and why."""
    order = his.Order()
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    scanner.discontinue(scanner.begin(*scanner.query()), "110505")
    assert hospital.told(order.placer_number, 2) == ["IP/I", "DC/X"]
    assert "|110505^Patient refused to continue procedure^DCM|" in hospital.received[-1].text
    assert scanner.query() == []


def test_the_wrong_line(hospital: Hospital, modality: Scanner) -> None:
    """When the wrong patient's line was picked, both patients are on the list again, and the right one is examined."""
    wrong, right = his.Order(), his.Order(patient_id="SIM4712", name="ROE^RICHARD")
    scanner = modality("CT1")
    for order in (wrong, right):
        hospital.send(his.order_orm(order))
    scanner.discontinue(scanner.begin(*scanner.query(AccessionNumber=wrong.accession)), "110514")
    assert sorted(steps(scanner.query())) == sorted(wrong.step_ids + right.step_ids)
    scanner.complete(scanner.begin(*scanner.query(AccessionNumber=right.accession)))
    assert hospital.told(right.placer_number, 2) == ["IP/I", "CM/R"]
    assert hospital.told(wrong.placer_number, 2) == ["IP/I", "SC/S"]
    (waiting,) = scanner.query()
    assert waiting.PatientID == wrong.patient_id
    assert waiting.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus == "SCHEDULED"

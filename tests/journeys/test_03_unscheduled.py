"""An emergency: the scanner works without an order (RAD-6, RAD-7; unscheduled case)."""

from pydicom.dataset import Dataset

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital, steps


def emergency() -> Dataset:
    """What a scanner fills in by hand when there is nothing on its list: a patient, and a study of its own."""
    item = Dataset()
    item.PatientID, item.PatientName = "TRAUMA1", "UNKNOWN^ONE"
    item.StudyInstanceUID = "1.2.840.99.77"
    item.ScheduledProcedureStepSequence = [Dataset()]
    item.ScheduledProcedureStepSequence[0].Modality = "CT"
    return item


def test_an_exam_without_an_order(hospital: Hospital, modality: Scanner) -> None:
    """An exam nobody ordered is never refused, is nobody's exam, and the orders that wait go on as before."""
    order = his.Order()
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    scanner.complete(scanner.begin(emergency()))
    assert steps(scanner.query()) == list(order.step_ids)
    scanner.complete(scanner.begin(*scanner.query()))
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]  # told in turn: of the emergency there was nothing
    assert len(hospital.received) == 4


def test_an_order_after_the_exam(hospital: Hospital, modality: Scanner) -> None:
    """The order that is written afterwards with the scanner's own study is scheduled, and can be reported as done."""
    scanner = modality("CT1")
    scanner.complete(scanner.begin(emergency()))
    order = his.Order(patient_id="TRAUMA1", name="UNKNOWN^ONE", study_uid="1.2.840.99.77")
    assert hospital.send(his.order_orm(order)).code == "AA"
    assert [item.StudyInstanceUID for item in scanner.query()] == ["1.2.840.99.77"]
    done = his.change(order).replace(b"||SC||", b"||CM||")
    assert hospital.send(done).code == "AA"
    assert scanner.query() == []

"""An emergency: the scanner works without an order (RAD-6, RAD-7; unscheduled case)."""

from pydicom.dataset import Dataset

from swf.extensions.simulator import his
from swf.extensions.simulator.modality import in_progress
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital, adt, steps


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
    """The order that is written afterwards with the scanner's own study is done at once, and the hospital hears so."""
    scanner = modality("CT1")
    scanner.complete(scanner.begin(emergency()))
    order = his.Order(patient_id="TRAUMA1", name="UNKNOWN^ONE", study_uid="1.2.840.99.77")
    assert hospital.send(his.order_orm(order)).code == "AA"
    assert hospital.told(order.placer_number, 1) == ["CM/R"]
    assert scanner.query() == []


def test_an_order_during_the_exam(hospital: Hospital, modality: Scanner) -> None:
    """The order that comes while the emergency is examined is in progress, and completed when the exam is."""
    scanner = modality("CT1")
    begun = scanner.begin(emergency())
    order = his.Order(patient_id="TRAUMA1", name="UNKNOWN^ONE", study_uid="1.2.840.99.77")
    hospital.send(his.order_orm(order))
    scanner.complete(begun)
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]


def test_the_emergency_gets_a_name(hospital: Hospital, modality: Scanner) -> None:
    """Nobody knew who it was: the registration merges the emergency number first, then the order comes, and is done."""
    scanner = modality("CT1")
    scanner.complete(scanner.begin(emergency()))
    merge = adt("A40", "PID|||SIM4711^^^HOSP||DOE^JANE||19800229|F", "MRG|TRAUMA1^^^HOSP")
    assert hospital.send(merge).code == "AA"
    order = his.Order(study_uid="1.2.840.99.77")
    hospital.send(his.order_orm(order))
    assert hospital.told(order.placer_number, 1) == ["CM/R"]
    assert "|SIM4711^^^HOSP||DOE^JANE|" in hospital.received[-1].text


def test_a_scanner_without_a_worklist(hospital: Hospital, modality: Scanner) -> None:
    """A technician who types the patient by hand does the one exam that is ordered for today; the order follows."""
    order = his.Order()
    hospital.send(his.order_orm(order))
    scanner = modality("CT1")
    (item,) = scanner.query()
    typed = emergency()
    typed.PatientID, typed.PatientName = order.patient_id, order.name
    scheduled = item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate
    report = in_progress((typed,), "CT1")
    report.PerformedProcedureStepStartDate = scheduled
    assert scanner.create("1.2.840.99.78", report)[0] == 0
    scanner.complete("1.2.840.99.78")
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert scanner.query() == []

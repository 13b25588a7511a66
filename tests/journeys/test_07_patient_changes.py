"""The patient gets a name, or turns out to be somebody known, before the exam (RAD-12; PIR)."""

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital, adt


def test_the_unknown_patient_gets_a_name(hospital: Hospital, modality: Scanner) -> None:
    """After the update the scanner sees the right name, reports under it, and the hospital reads it in the status."""
    order = his.Order(name="UNKNOWN^ONE")
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    assert hospital.send(adt("A08", "PID|||SIM4711^^^HOSP||DOE^JANE||19800229|F")).code == "AA"
    (item,) = scanner.query(PatientName="DOE*")
    assert scanner.query(PatientName="UNKNOWN*") == []
    scanner.complete(scanner.begin(item))
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert all("||DOE^JANE||" in received.text for received in hospital.received)


def test_the_temporary_number_is_merged(hospital: Hospital, modality: Scanner) -> None:
    """After the merge the exam is found under the patient's own number only, even when the order is sent once more."""
    order = his.Order(patient_id="TEMP9", name="UNKNOWN^ONE")
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    merge = adt("A40", "PID|||SIM4711^^^HOSP||DOE^JANE||19800229|F", "MRG|TEMP9^^^HOSP")
    for message in (merge, merge, his.order_orm(order), his.change(order)):
        assert hospital.send(message).code == "AA"
    assert scanner.query(PatientID="TEMP9") == []
    (item,) = scanner.query(PatientID="SIM4711")
    assert (item.PatientName, item.AccessionNumber) == ("DOE^JANE", order.accession)
    scanner.complete(scanner.begin(item))
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert all("|SIM4711^^^HOSP||DOE^JANE|" in received.text for received in hospital.received)


def test_a_merge_during_the_exam(hospital: Hospital, modality: Scanner) -> None:
    """An exam that runs while its patient is merged is completed for the right patient."""
    order = his.Order(patient_id="TEMP9", name="UNKNOWN^ONE")
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    begun = scanner.begin(*scanner.query())
    assert hospital.told(order.placer_number, 1) == ["IP/I"]
    hospital.send(adt("A40", "PID|||SIM4711^^^HOSP||DOE^JANE||19800229|F", "MRG|TEMP9^^^HOSP"))
    assert [str(item.PatientID) for item in scanner.query()] == ["SIM4711"]
    scanner.complete(begun)
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert ["TEMP9" in received.text for received in hospital.received] == [True, True, False, False]

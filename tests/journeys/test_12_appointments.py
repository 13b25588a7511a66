"""The exam is booked, called off, booked again, held and released, and the patient arrives (RAD-48, RAD-2, RAD-12)."""

from swf.extensions.simulator import his
from tests.conftest import Scanner
from tests.journeys.conftest import Hospital
from tests.journeys.test_07_patient_changes import adt


def siu(event: str, placer: str, start: str) -> bytes:
    """A message of the scheduling desk about the order with that number."""
    header = f"MSH|^~\\&|DESK|HOSP|SWF|RAD|20260315120000||SIU^{event}|{his.number('B')}|P|2.4"
    return "\r".join([header, "SCH" + "|" * 26 + f"{placer}^HIS", "RGS|1", f"AIS|1|A||{start}", ""]).encode()


def control(code: str, placer: str) -> bytes:
    """An order message that is nothing but an order control."""
    header = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315120000||ORM^O01|{his.number('O')}|P|2.3.1"
    return f"{header}\rORC|{code}|{placer}^HIS\r".encode()


def test_the_worklist_follows_the_appointment(hospital: Hospital, modality: Scanner) -> None:
    """The scanner sees the exam on the day it is booked for, not at all while it is not, and performs it in the end."""
    order = his.Order()
    scanner = modality("CT1")
    hospital.send(his.order_orm(order))
    assert hospital.send(siu("S12", order.placer_number, "20300501140000")).code == "AA"
    (item,) = scanner.query(ScheduledProcedureStepStartDate="20300501")
    assert hospital.send(siu("S15", order.placer_number, "")).code == "AA"
    assert scanner.query() == []
    assert hospital.send(siu("S12", order.placer_number, "20300502080000")).code == "AA"
    for code, listed in (("HD", 0), ("RL", 1)):
        assert hospital.send(control(code, order.placer_number)).code == "AA"
        assert len(scanner.query()) == listed
    (item,) = scanner.query()
    assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "20300502"
    scanner.complete(scanner.begin(item))
    assert hospital.told(order.placer_number, 2) == ["IP/I", "CM/R"]
    assert hospital.send(control("HD", order.placer_number)).code == "AE"


def test_the_patient_arrives(hospital: Hospital, modality: Scanner) -> None:
    """The scanner is shown who has come; the exam of another day stays planned."""
    today = his.Order()
    hospital.send(his.order_orm(today))
    (item,) = modality("CT1").query(ScheduledProcedureStepStartDate="")
    day = item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate
    later = his.Order()
    hospital.send(his.order_orm(later))
    hospital.send(siu("S13", later.placer_number, "20300501140000"))
    arrival = adt("A10", f"PID|||{today.patient_id}^^^HOSP||{today.name}").replace(
        b"EVN||20260315", f"EVN||{day}".encode()
    )
    assert hospital.send(arrival).code == "AA"
    shown = modality("CT1").query(ScheduledProcedureStepStatus="")
    assert sorted(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus for item in shown) == [
        "ARRIVED",
        "SCHEDULED",
    ]

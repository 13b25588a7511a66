"""The hospital's system is down, or says no, while patients are examined (RAD-3)."""

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis, Received
from swf.hl7 import message
from swf.hl7.header import read_header
from tests.conftest import Scanner
from tests.journeys.conftest import PATIENCE_S, Hospital


def told(received: list[Received]) -> list[tuple[str, str]]:
    """Order number and status of everything that was told, in the order of arrival."""
    parsed = [message.parse(each.text, read_header(each.text.encode())) for each in received]
    return [(each.value("OBR", 2, component=1), each.value("OBR", 25)) for each in parsed]


def test_everything_is_told_once_it_is_up_again(hospital: Hospital, modality: Scanner, mis: Mis) -> None:
    """The exams go on while the MIS is down; once it is up it hears every status, once and in order."""
    orders = [his.Order(patient_id=f"SIM{number}") for number in range(3)]
    scanner = modality("CT1")
    mis.stop()
    for order in orders:
        hospital.send(his.order_orm(order))
        scanner.complete(scanner.begin(*scanner.query(AccessionNumber=order.accession)))
    assert mis.received == []
    mis.start()
    assert mis.wait_for(12, PATIENCE_S)
    expected = [(order.placer_number, status) for order in orders for status in ("I", "I", "R", "R")]
    assert told(mis.received) == expected


def test_a_lost_answer_is_no_lost_message(hospital: Hospital, modality: Scanner, mis: Mis) -> None:
    """When the MIS hangs up without an answer it is told the same message again, recognisable by its number."""
    answers = iter(["close", "close"])
    mis.personality = lambda _received: next(answers, "AA")  # type: ignore[arg-type, return-value]
    order = his.Order()
    hospital.send(his.order_orm(order))
    scanner = modality("CT1")
    scanner.begin(*scanner.query())
    assert mis.wait_for(4, PATIENCE_S)
    first, *_, last = mis.received
    assert [received.text for received in mis.received[:3]] == [first.text] * 3
    assert last.control_id != first.control_id

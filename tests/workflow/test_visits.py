"""Patients arrive, move, leave; visits are called off (RAD-1, RAD-12)."""

import pytest

from swf.dicom.terms import StepStatus
from tests.workflow.conftest import Department, request

PID = "PID|||4711^^^HOSP||DOE^JANE||19720411|F"
TODAY, TOMORROW = "^^^20260315093000", "^^^20260316093000"


def visit(number: str, location: str = "") -> str:
    """A PV1 of that visit."""
    return "|".join(["PV1", "", "O", location, *[""] * 15, f"{number}^^^HOSP" if number else ""])


def locations(department: Department) -> list[str]:
    """Where each item of the worklist says the patient is."""
    return [str(item.get("CurrentPatientLocation", "")) for item in department.worklist()]


def statuses(department: Department) -> list[str]:
    """The status of every step."""
    return [status for _, status in department.steps()]


@pytest.fixture
def three_orders(department: Department) -> Department:
    """Two orders for today, of two visits, and one for tomorrow."""
    for number, (of_visit, when) in enumerate((("V1", TODAY), ("V2", TODAY), ("V1", TOMORROW)), start=1):
        assert department.order(visit(of_visit), *request(f"{number}^HIS", orc_7=when)).code == "AA"
    return department


@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A08", "A28", "A31"])
def test_a_patient_is_registered(department: Department, event: str) -> None:
    """Whatever registers a patient makes the patient known before the first order comes."""
    assert department.adt(event, f"{PID}|||STREET 1^^TOWN").code == "AA"
    department.order(*request())
    assert [item.PatientAddress for item in department.worklist()] == ["STREET 1 TOWN"]


@pytest.mark.parametrize("event", ["A01", "A02", "A04", "A06", "A07", "A08", "A12", "A13"])
def test_a_visit_changes_its_own_orders_only(three_orders: Department, event: str) -> None:
    """A patient who moves is fetched from the new ward for what was ordered in that visit, not for another one."""
    assert three_orders.adt(event, PID, visit("V1", "WARD2^7^1")).code == "AA"
    assert [bool(place) for place in locations(three_orders)] == [True, False, True]


@pytest.mark.parametrize("event", ["A06", "A07"])
@pytest.mark.parametrize(
    "prior", ["MRG|4711^^^HOSP||||V1^^^HOSP", "MRG|4711^^^HOSP||V1^^^HOSP"], ids=["MRG-5", "MRG-3"]
)
def test_an_outpatient_is_admitted(three_orders: Department, event: str, prior: str) -> None:
    """What was ordered for an outpatient goes on under the number of the stay, and the ward is that of the stay."""
    assert three_orders.adt(event, PID, prior, visit("V9", "WARD2^7^1")).code == "AA"
    assert [item.AdmissionID for item in three_orders.worklist()] == ["V9", "V2", "V9"]
    assert [bool(place) for place in locations(three_orders)] == [True, False, True]


def test_a_move_without_a_visit_number(three_orders: Department) -> None:
    """A transfer that names no visit can only mean the patient, so every open item follows."""
    assert three_orders.adt("A02", PID, visit("", "WARD2^7^1")).code == "AA"
    assert all(locations(three_orders))


@pytest.mark.parametrize(
    ("number", "expected"),
    [("V1", ["ARRIVED", "SCHEDULED", "SCHEDULED"]), ("", ["ARRIVED", "ARRIVED", "SCHEDULED"])],
    ids=["of one visit", "of no visit"],
)
def test_a_patient_arrives(three_orders: Department, number: str, expected: list[str]) -> None:
    """Only what is planned that day, and in that visit, is shown as arrived; it stays on the worklist."""
    for _ in range(2):
        assert three_orders.adt("A10", PID, visit(number)).code == "AA"
    assert statuses(three_orders) == expected
    assert len(three_orders.worklist()) == 3
    assert three_orders.events("patient arrived")[0][1]["day"] == "20260315"


def test_an_arrival_is_taken_back(three_orders: Department) -> None:
    """An arrival entered by mistake is undone for what has not begun."""
    three_orders.adt("A10", PID, visit(""))
    three_orders.begin(three_orders.worklist()[0])
    assert three_orders.adt("A32", PID, visit("")).code == "AA"
    assert statuses(three_orders) == ["STARTED", "SCHEDULED", "SCHEDULED"]


def test_an_arrival_does_not_touch_what_has_ended(three_orders: Department) -> None:
    """A patient who comes back the same day does not bring back an exam that is done or an order that was cancelled."""
    three_orders.end(three_orders.begin(three_orders.worklist()[0]))
    three_orders.order("ORC|CA|2^HIS")
    three_orders.adt("A10", PID, visit(""))
    assert statuses(three_orders) == ["COMPLETED", "CANCELLED", "SCHEDULED"]


@pytest.mark.parametrize("event", ["A11", "A38"])
def test_a_visit_is_called_off(three_orders: Department, event: str) -> None:
    """A visit that will not be takes its ward and its arrival back; the orders are still to be performed."""
    three_orders.adt("A02", PID, visit("V1", "WARD2^7^1"))
    three_orders.adt("A10", PID, visit("V1"))
    assert three_orders.adt(event, PID, visit("V1")).code == "AA"
    assert locations(three_orders) == ["", "", ""]
    assert statuses(three_orders) == [StepStatus.SCHEDULED] * 3


def test_a_discharge_cancels_nothing(three_orders: Department) -> None:
    """A patient who goes home may still come for what was ordered; the trace shows the discharge."""
    before = three_orders.rows("step")
    assert three_orders.adt("A03", PID, visit("V1")).code == "AA"
    assert three_orders.rows("step") == before
    assert [row.order for row in three_orders.rows("journal") if row.event == "visit changed"] == [1, 3]


@pytest.mark.parametrize("event", ["A03", "A10", "A11", "A32"])
def test_a_visit_of_nobody(department: Department, event: str) -> None:
    """A message about a visit that names no patient is refused at PID-3; of somebody unknown it is only recorded."""
    answer = department.adt(event, "PID|||^^^HOSP")
    assert (answer.code, answer.error_code) == ("AE", "101")
    assert department.adt(event, "PID|||9999^^^HOSP||ROE^JOHN").code == "AA"
    assert not department.rows("step")

"""Patients arrive, move, leave; visits are called off (RAD-1, RAD-12)."""

import pytest
from sqlalchemy import func, select

from swf.dicom import encoding
from swf.dicom.terms import StepStatus
from swf.model.visit import VISIT_CHANGE
from swf.store import orders as order_store
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


# ---- taken back ----

WARD1, WARD2, WARD3 = "WARD1^1^1", "WARD2^2^2", "WARD3^3^3"


def at(department: Department, location: str = "") -> Department:
    """An exam of visit V1, ordered when the patient was there."""
    assert department.order(visit("V1", location), *request()).code == "AA"
    return department


def say(department: Department, *events: tuple[str, str]) -> list[str]:
    """Hand in ADT messages of visit V1, each with a location; where the patient is after each."""
    found = []
    for event, location in events:
        assert department.adt(event, PID, visit("V1", location)).code == "AA"
        found.append(locations(department)[0])
    return found


@pytest.mark.parametrize(
    ("begin", "cancel"), [("A01", "A11"), ("A04", "A11"), ("A05", "A38"), ("A05", "A27")], ids=lambda event: event
)
@pytest.mark.parametrize("repeated", ["", WARD1, WARD2], ids=["no location", "the old one", "the cancelled one"])
def test_a_cancelled_visit_leaves_what_was_before(
    department: Department, begin: str, cancel: str, repeated: str
) -> None:
    """A patient who was admitted by mistake is where the order said, whatever the cancel repeats of the admission."""
    at(department, WARD1)
    assert say(department, (begin, WARD2), (cancel, repeated)) == ["WARD2 2 2", "WARD1 1 1"]


def test_a_cancelled_admission_takes_its_transfers_with_it(department: Department) -> None:
    """What happened in a stay that never was did not happen either."""
    at(department, WARD1)
    said = say(department, ("A01", WARD2), ("A08", WARD3), ("A02", WARD2), ("A11", ""))
    assert said == ["WARD2 2 2", "WARD3 3 3", "WARD2 2 2", "WARD1 1 1"]


@pytest.mark.parametrize("repeated", ["", WARD2, WARD3], ids=["no location", "the old one", "the cancelled one"])
def test_a_cancelled_transfer(department: Department, repeated: str) -> None:
    """A patient who was not moved after all is still on the ward of before, one step back at a time."""
    at(department)
    assert say(department, ("A01", WARD1), ("A02", WARD2), ("A02", WARD3), ("A12", repeated))[-1] == "WARD2 2 2"
    assert say(department, ("A12", "")) == ["WARD1 1 1"]
    assert say(department, ("A12", "")) == ["WARD1 1 1"]


def test_a_cancelled_transfer_that_names_a_third_ward(department: Department) -> None:
    """When the message knows better where the patient is, the message counts."""
    at(department)
    assert say(department, ("A02", WARD1), ("A02", WARD2), ("A12", WARD3))[-1] == "WARD3 3 3"


def test_a_cancelled_transfer_takes_nothing_else_back(department: Department) -> None:
    """With the ward only the ward comes back; what was said meanwhile of the admission stays."""
    at(department)
    say(department, ("A01", WARD1), ("A02", WARD2))
    assert department.adt("A08", PID, f"{visit('V1', WARD2)}{'|' * 25}202603140800").code == "AA"
    assert say(department, ("A12", "")) == ["WARD1 1 1"]
    assert [str(item.AdmittingDate) for item in department.worklist()] == ["20260314"]


def test_a_discharge_is_taken_back(department: Department) -> None:
    """A patient who stays after all is where the patient was, and the trace shows both."""
    at(department)
    assert say(department, ("A01", WARD1), ("A03", ""), ("A13", ""))[-1] == "WARD1 1 1"
    assert say(department, ("A03", WARD1), ("A13", WARD2))[-1] == "WARD2 2 2"
    assert {"text": "the discharge is taken back"} in [detail for _, detail in department.events("visit changed")]


def test_each_order_gets_back_what_it_had(department: Department) -> None:
    """Two orders of different wards go back to their own, and one that came later to where the patient was."""
    for number, location in (("1", WARD1), ("2", WARD2)):
        department.order(visit("V1", location), *request(number))
    say(department, ("A02", WARD3))
    department.order(visit("V1", WARD3), *request("3"))
    say(department, ("A12", ""))
    assert locations(department) == ["WARD1 1 1", "WARD2 2 2", "WARD1 1 1"]


def test_what_was_said_since_stays(department: Department) -> None:
    """An order that was changed to another ward after the transfer is not moved back with the transfer."""
    at(department, WARD1)
    say(department, ("A02", WARD2))
    department.order(visit("V1", WARD3), *request(orc_1="XO"))
    assert say(department, ("A12", "")) == ["WARD3 3 3"]


def test_what_is_done_stays_as_it_was(department: Department) -> None:
    """An exam that was performed on the way keeps the ward it was performed for."""
    at(department, WARD1)
    say(department, ("A02", WARD2))
    department.end(department.begin(department.worklist()[0]))
    assert department.adt("A12", PID, visit("V1")).code == "AA"
    with department.database.reading() as connection:
        stored = order_store.steps(connection, 1)[0].dataset
    assert encoding.text(stored, "CurrentPatientLocation") == "WARD2 2 2"


def test_another_visit_is_not_touched(three_orders: Department) -> None:
    """Only the visit that is called off goes back."""
    for number in ("V1", "V2"):
        three_orders.adt("A01", PID, visit(number, WARD1))
    assert three_orders.adt("A11", PID, visit("V2")).code == "AA"
    assert locations(three_orders) == ["WARD1 1 1", "", "WARD1 1 1"]


def test_a_merged_patient_goes_back_too(department: Department) -> None:
    """What the visit was is known still when the patient got another number meanwhile."""
    at(department, WARD1)
    say(department, ("A01", WARD2))
    department.adt("A40", PID.replace("4711", "4799"), "MRG|4711^^^HOSP")
    department.order(visit("V1", WARD2), *request("9"), patient="4799^^^HOSP")
    assert department.adt("A11", PID.replace("4711", "4799"), visit("V1")).code == "AA"
    assert locations(department) == ["WARD1 1 1", "WARD1 1 1"]


def test_a_visit_begins_twice(department: Department) -> None:
    """Admitted, called off and admitted again: the second stay counts, and can be called off too."""
    at(department, WARD1)
    said = say(department, ("A01", WARD2), ("A11", ""), ("A01", WARD3), ("A01", WARD3), ("A11", ""))
    assert said == ["WARD2 2 2", "WARD1 1 1", "WARD3 3 3", "WARD3 3 3", "WARD1 1 1"]


def test_old_changes_are_forgotten(department: Department) -> None:
    """However often a patient moves, only the last moves are kept."""
    at(department)
    for number in range(30):
        say(department, ("A02", f"WARD{number}"))
    with department.database.reading() as connection:
        kept = connection.execute(select(func.count(VISIT_CHANGE.c.at.distinct()))).scalar_one()
    assert kept == 20
    assert say(department, ("A12", "")) == ["WARD28"]


@pytest.mark.parametrize("event", ["A03", "A10", "A11", "A12", "A13", "A27", "A32", "A38"])
def test_a_visit_of_nobody(department: Department, event: str) -> None:
    """A message about a visit that names no patient is refused at PID-3; of somebody unknown it is only recorded."""
    answer = department.adt(event, "PID|||^^^HOSP")
    assert (answer.code, answer.error_code) == ("AE", "101")
    assert department.adt(event, "PID|||9999^^^HOSP||ROE^JOHN").code == "AA"
    assert not department.rows("step")

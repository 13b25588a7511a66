"""Appointments are made, moved, called off and missed (RAD-48)."""

import pytest

from tests.workflow.conftest import Department, order_message, request


def sch(placer: str = "8100^HIS", filler: str = "", start: str = "", **numbers: str) -> str:
    """A SCH with the order's numbers in SCH-26 and SCH-27 and a time in SCH-11."""
    fields = {1: numbers.get("first", ""), 2: numbers.get("second", "APT1^RIS"), 26: placer, 27: filler}
    fields[11] = f"^^^{start}" if start else ""
    return "|".join(["SCH", *(fields.get(number, "") for number in range(1, 28))])


def ais(start: str = "20260401140000", code: str = "CTABD", action: str = "A") -> str:
    """A service of an appointment."""
    return f"AIS|1|{action}|{code}^Exam^99HIS|{start}"


def siu(department: Department, event: str, *segments: str, pid: bool = False) -> tuple[str, str]:
    """Hand in a SIU; the answer and its code."""
    raw = order_message(f"S{len(department.rows('message'))}", *segments).replace("ORM^O01", f"SIU^{event}")
    if not pid:
        raw = "\r".join(line for line in raw.split("\r") if not line.startswith("PID"))
    answer = department.receive(raw)
    return answer.code, answer.error_code


def times(department: Department) -> list[str]:
    """The start of every step."""
    return [row.start for row in department.rows("step")]


@pytest.mark.parametrize("event", ["S12", "S13", "S14"])
def test_an_appointment_moves_the_exam(department: Department, event: str) -> None:
    """The exam is on the worklist of the day it was booked for, at its time; said twice it is there once."""
    department.order(*request())
    for _ in range(2):
        assert siu(department, event, sch(), "RGS|1", ais()) == ("AA", "")
    assert times(department) == ["20260401140000"]
    assert department.steps() == [("S1.1", "SCHEDULED")]


@pytest.mark.parametrize(
    "schedule",
    [sch("8100^HIS"), sch("", "F5500^RIS"), sch("", "", first="8100^HIS"), sch("", "", second="F5500^RIS")],
    ids=["SCH-26", "SCH-27", "SCH-1", "SCH-2"],
)
def test_the_order_of_an_appointment(department: Department, schedule: str) -> None:
    """The appointment finds its order by either order number, and before HL7 2.4 by its own."""
    department.order(*request(orc_3="F5500^RIS"))
    assert siu(department, "S12", schedule, "RGS|1", ais()) == ("AA", "")
    assert times(department) == ["20260401140000"]


def test_the_time_of_the_whole_appointment(department: Department) -> None:
    """Without a time of its own the service begins when the appointment does."""
    department.order(*request())
    assert siu(department, "S12", sch(start="20260401150000"), "RGS|1", ais(start="")) == ("AA", "")
    assert times(department) == ["20260401150000"]
    assert siu(department, "S13", sch(start="20260402150000")) == ("AA", "")
    assert times(department) == ["20260402150000"]


def test_the_room_of_an_appointment(department: Department) -> None:
    """A device and a room that are booked stand in the item, and what the item cannot hold is left out."""
    department.order(*request())
    room = ["AIG|1|A|CT ROOM ONE^CT^99HIS", "AIL|1|A|BASEMENT^2"]
    assert siu(department, "S12", sch(), "RGS|1", ais(), *room) == ("AA", "")
    step = department.worklist()[0].ScheduledProcedureStepSequence[0]
    assert (step.ScheduledStationName, step.ScheduledProcedureStepLocation) == ("CT ROOM ONE", "BASEMENT")
    assert siu(department, "S13", sch(), "RGS|1", ais(), f"AIL|1|U|{'LONG ' * 9}") == ("AA", "")
    assert department.worklist()[0].ScheduledProcedureStepSequence[0].ScheduledProcedureStepLocation == "BASEMENT"


def test_a_device_of_the_site(found: object) -> None:
    """A booked device that the site knows as a modality becomes the station of the item."""
    department = found(modality=[{"ae_title": "CT7"}])  # type: ignore[operator]
    department.order(*request())
    assert siu(department, "S12", sch(), "RGS|1", ais(), "AIG|1|A|CT7") == ("AA", "")
    assert [row.station for row in department.rows("step")] == ["CT7"]


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([ais("20260401140000", "CTHEAD"), ais("20260401150000", "CTABD")], ["20260401150000", "20260401140000"]),
        ([ais("20260401140000", "X"), ais("20260401150000", "Y")], ["20260401140000", "20260401150000"]),
        ([ais("20260401140000", "Z")], ["20260401140000"] * 2),
        ([ais("20260401140000", "CTHEAD")], ["20260316093000", "20260401140000"]),
        ([ais("20260401140000", "CTABD", "D"), ais("20260401150000", "CTHEAD")], ["20260316093000", "20260401150000"]),
    ],
    ids=["by code", "by position", "one for all", "one by code", "one deleted"],
)
def test_which_service_is_which_exam(department: Department, services: list[str], expected: list[str]) -> None:
    """Of two exams of an order each gets the time of its own service."""
    orc, first = request(obr_4="CTABD^CT abdomen^99HIS")
    department.order(orc, first, request(obr_4="CTHEAD^CT head^99HIS")[1])
    assert siu(department, "S12", sch(), "RGS|1", *services) == ("AA", "")
    assert times(department) == expected


@pytest.mark.parametrize("event", ["S15", "S17"])
def test_an_appointment_is_called_off_and_made_again(department: Department, event: str) -> None:
    """Without an appointment nobody waits for the patient, and the next one brings the exam back on the worklist."""
    department.order(*request())
    for _ in range(2):
        assert siu(department, event, sch(), "RGS|1", ais()) == ("AA", "")
    assert (department.worklist(), department.steps()) == ([], [("S1.1", "HELD")])
    assert [row.status for row in department.rows("order")] == ["HD"]
    assert siu(department, "S12", sch(), "RGS|1", ais("")) == ("AE", "101")
    answer = department.order("ORC|RL|8100^HIS", patient="", name="")
    assert (answer.code, answer.error_code) == ("AE", "206")
    assert siu(department, "S12", sch(), "RGS|1", ais()) == ("AA", "")
    assert len(department.worklist()) == 1
    assert [row.status for row in department.rows("order")] == ["SC"]


def test_an_order_with_a_new_time_brings_it_back_too(department: Department) -> None:
    """A HIS that books by changing the order is understood as well."""
    department.order(*request())
    siu(department, "S15", sch(), "RGS|1", ais())
    assert department.order(*request(orc_1="XO", orc_7="^^^20260402080000")).code == "AA"
    assert (times(department), len(department.worklist())) == (["20260402080000"], 1)


def test_an_order_on_hold_stays_on_hold_when_it_is_moved(department: Department) -> None:
    """An order that a doctor holds does not come back because its appointment moves."""
    department.order(*request())
    department.order("ORC|HD|8100^HIS", patient="", name="")
    assert siu(department, "S13", sch(), "RGS|1", ais()) == ("AA", "")
    assert (times(department), department.steps()) == (["20260401140000"], [("S1.1", "HELD")])


def test_an_appointment_is_missed(department: Department) -> None:
    """A patient who did not come may still come: the exam stays, and the trace tells."""
    department.order(*request())
    before = department.rows("step")
    assert siu(department, "S26", sch(), "RGS|1", ais()) == ("AA", "")
    assert department.rows("step") == before
    assert department.events("appointment missed") == [("appointment missed", {"filler": "APT1"})]


@pytest.mark.parametrize("event", ["S12", "S13", "S15", "S26"])
def test_an_appointment_for_nothing(department: Department, event: str) -> None:
    """An appointment for an order nobody announced, or without SCH, is refused."""
    department.order(*request())
    assert siu(department, event, sch("9999^HIS"), "RGS|1", ais()) == ("AE", "204")
    assert siu(department, event, "RGS|1", ais()) == ("AE", "100")


def test_an_appointment_without_services_left(department: Department) -> None:
    """An appointment all of whose services are deleted says so by its own event, not by a change."""
    department.order(*request())
    assert siu(department, "S14", sch(), "RGS|1", ais(action="D")) == ("AE", "101")


def test_an_appointment_of_another_patient(department: Department) -> None:
    """An appointment that names another patient than the order does moves nothing."""
    department.order(*request(), patient="1^^^HOSP", name="ROE^JOHN")
    assert siu(department, "S12", sch(), "RGS|1", ais(), pid=True) == ("AE", "205")
    assert times(department) == ["20260316093000"]


@pytest.mark.parametrize("event", ["S12", "S15"])
def test_a_late_appointment(department: Department, event: str) -> None:
    """An appointment that comes after the exam was done is refused; the exam keeps its time."""
    department.order(*request())
    department.end(department.begin(department.worklist()[0]))
    assert siu(department, event, sch(), "RGS|1", ais()) == ("AE", "206")
    assert times(department) == ["20260316093000"]

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
        ([ais("20260401140000", "CTABD", "D"), ais("20260401150000", "CTHEAD")], ["", "20260401150000"]),
        ([ais("20260401140000", "Z"), ais("20260401150000", "CTABD")], ["20260401150000", "20260401140000"]),
    ],
    ids=["by code", "by position", "one for all", "one by code", "one deleted", "one by code, one left"],
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


@pytest.mark.parametrize("services", [["RGS|1", "AIS|1|D|CTABD|20260401140000"], ["RGS|1|D", ais()]])
def test_an_appointment_without_services_left(department: Department, services: list[str]) -> None:
    """An appointment that is changed until nothing is left of it is called off."""
    department.order(*request())
    assert siu(department, "S14", sch(), *services) == ("AA", "")
    assert (times(department), department.steps()) == ([""], [("S1.1", "HELD")])


# ---- several orders, several services ----


@pytest.fixture
def two_orders(department: Department) -> Department:
    """An abdomen and a head, ordered apart."""
    department.order(*request("8100^HIS"), *request("8200^HIS", obr_4="CTHEAD^CT head^99HIS"))
    return department


BOTH = [sch("8100^HIS~8200^HIS")]
EACH = [sch(""), "ORC|XO|8100^HIS", "ORC|XO|8200^HIS"]
HEAD, ABDOMEN = ais("20260401150000", "CTHEAD"), ais("20260401140000", "CTABD")


@pytest.mark.parametrize(
    "segments",
    [
        [*BOTH, "RGS|1", HEAD, ABDOMEN],
        [*BOTH, "RGS|1", HEAD, "RGS|2", ABDOMEN],
        [*EACH, "RGS|1", HEAD, "RGS|2", ABDOMEN],
        [*BOTH, "RGS|1", ais("20260401140000", "X"), "RGS|2", ais("20260401150000", "Y")],
        [sch(""), "ORC|XO|8200^HIS", "RGS|1", ais("20260401150000", "X"), "ORC|XO|8100^HIS", "RGS|2", ABDOMEN],
    ],
    ids=["SCH-26 twice", "two RGS", "ORC before all", "by position", "ORC before its services"],
)
def test_an_appointment_for_two_orders(two_orders: Department, segments: list[str]) -> None:
    """One visit for two orders moves each of them to its own time."""
    assert siu(two_orders, "S13", *segments) == ("AA", "")
    assert times(two_orders) == ["20260401140000", "20260401150000"]
    assert [row.order for row in two_orders.rows("journal") if row.event == "appointment booked"] in ([1, 2], [2, 1])


def test_one_of_two_is_deleted(two_orders: Department) -> None:
    """Of two services one is called off and the other moved."""
    deleted = ais("20260401140000", "CTABD", "D")
    assert siu(two_orders, "S13", *BOTH, "RGS|1", deleted, HEAD) == ("AA", "")
    assert times(two_orders) == ["", "20260401150000"]
    assert [row.status for row in two_orders.rows("order")] == ["HD", "SC"]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([*BOTH], ["HELD", "HELD"]),
        ([*BOTH, "RGS|1", HEAD], ["SCHEDULED", "HELD"]),
        ([*EACH, "RGS|1", ABDOMEN, HEAD], ["HELD", "HELD"]),
        ([*BOTH, "RGS|1", ais("", "X")], ["HELD", "HELD"]),
    ],
    ids=["no service", "one service", "all services", "a service nobody knows"],
)
def test_one_appointment_of_two_orders_is_called_off(
    two_orders: Department, segments: list[str], expected: list[str]
) -> None:
    """What is called off is what the appointment was for: the services it names, or all."""
    assert siu(two_orders, "S15", *segments) == ("AA", "")
    assert [status for _, status in two_orders.steps()] == expected


@pytest.mark.parametrize("event", ["S13", "S15", "S26"])
@pytest.mark.parametrize(
    "segments", [[sch("8100^HIS~9999^HIS")], [sch(""), "ORC|XO|8100^HIS", "ORC|XO|9999^HIS"]], ids=["SCH", "ORC"]
)
def test_all_orders_of_an_appointment_or_none(two_orders: Department, event: str, segments: list[str]) -> None:
    """When one order of an appointment is not known, none is moved."""
    before = two_orders.rows("step")
    assert siu(two_orders, event, *segments, "RGS|1", HEAD) == ("AE", "204")
    assert two_orders.rows("step") == before


def test_an_appointment_for_a_done_and_an_open_order(two_orders: Department) -> None:
    """What is done keeps its time, what is still to be performed is moved, and an operator is told."""
    two_orders.end(two_orders.begin(two_orders.worklist()[0]))
    assert siu(two_orders, "S13", *BOTH, "RGS|1", HEAD) == ("AA", "")
    assert times(two_orders) == ["20260316093000", "20260401150000"]
    assert [status for _, status in two_orders.steps()] == ["COMPLETED", "SCHEDULED"]
    assert len(two_orders.warnings()) == 1


def test_a_service_of_no_exam(department: Department) -> None:
    """A service that no exam was ordered for moves nothing, and an operator reads which."""
    department.order(*request())
    assert siu(department, "S12", sch(), "RGS|1", ABDOMEN, ais("20260401130000", "PREP")) == ("AA", "")
    assert times(department) == ["20260401140000"]
    assert department.warnings() == ["service PREP of the appointment is of no open step"]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["RGS|1", ABDOMEN, HEAD, "AIL|1|A|ROOM1"], ["ROOM1", "ROOM1"]),
        (["RGS|1", "AIL|1|A|ROOM1", ABDOMEN, HEAD], ["ROOM1", "ROOM1"]),
        (["RGS|1", ABDOMEN, "AIL|1|A|ROOM1", HEAD, "AIL|1|A|ROOM2"], ["ROOM1", "ROOM2"]),
        (["RGS|1", ABDOMEN, "AIL|1|A|ROOM1", "RGS|2", HEAD], ["ROOM1", ""]),
        (["RGS|1", ABDOMEN, HEAD, "AIL|1|A|ROOM1", "AIL|2|D|ROOM2"], ["ROOM1", "ROOM1"]),
    ],
    ids=["behind all", "before all", "between", "another group", "one deleted"],
)
def test_whose_room_it_is(two_orders: Department, segments: list[str], expected: list[str]) -> None:
    """A room is for every service of its group, unless it stands between them; a room that is given up is for none."""
    assert siu(two_orders, "S12", *BOTH, *segments) == ("AA", "")
    inner = [item.ScheduledProcedureStepSequence[0] for item in two_orders.worklist()]
    assert [str(step.get("ScheduledProcedureStepLocation", "")) for step in inner] == expected


def test_who_performs_it(department: Department) -> None:
    """The person an appointment books is the one the modality shows."""
    department.order(*request())
    assert siu(department, "S12", sch(), "RGS|1", ais(), "AIP|1|A|7001^WEBER^KARL^^^DR|RAD") == ("AA", "")
    step = department.worklist()[0].ScheduledProcedureStepSequence[0]
    assert step.ScheduledPerformingPhysicianName == "WEBER^KARL^^DR"


@pytest.mark.parametrize(
    "segments",
    [
        ["TQ1|1||||||20260401140000", "RGS|1", ais("")],
        ["RGS|1", ais(""), "AIL|1|A|ROOM1|||20260401140000"],
        ["RGS|1", "AIG|1|A|CT9|||||20260401140000"],
        ["TQ1|1||||||20260401130000", "RGS|1", "AIS|1|A|CTABD||1|h"],
        ["TQ1|1||||||20260401133000", "RGS|1", "AIS|1|A|CTABD||30|min"],
    ],
    ids=["TQ1", "the room's", "no service", "an hour later", "half an hour later"],
)
def test_where_the_time_stands(department: Department, segments: list[str]) -> None:
    """The time of an appointment is understood wherever HL7 lets a sender put it."""
    department.order(*request())
    assert siu(department, "S12", sch(), *segments) == ("AA", "")
    assert times(department) == ["20260401140000"]


@pytest.mark.parametrize(
    ("order", "service", "end"),
    [
        ("^^^20260316093000^20260316100000", ais(), "20260401143000"),
        ("^^^20260316093000", "AIS|1|A|CTABD|20260401140000|||45|min", "20260401144500"),
        ("^^^20260316093000^20260316100000", "AIS|1|A|CTABD|20260401233000|||1|h", "20260402003000"),
        ("^^^20260316093000", ais(), ""),
    ],
    ids=["as long as before", "told", "told anew", "not known"],
)
def test_an_exam_that_is_moved_does_not_end_before_it_begins(
    department: Department, order: str, service: str, end: str
) -> None:
    """With its beginning the end of an exam moves too."""
    department.order(*request(orc_7=order))
    assert siu(department, "S13", sch(), "RGS|1", service) == ("AA", "")
    step = department.worklist()[0].ScheduledProcedureStepSequence[0]
    told = (step.get(f"ScheduledProcedureStepEnd{part}") or "" for part in ("Date", "Time"))
    assert "".join(map(str, told)) == end


# ---- on hold ----


def say(department: Department, control: str) -> tuple[str, str]:
    """Send ORC alone for the order 8100; the answer and its code."""
    answer = department.order(f"ORC|{control}|8100^HIS", patient="", name="")
    return answer.code, answer.error_code


BOOKED, CALLED_OFF = "S12", "S15"


@pytest.mark.parametrize(
    ("said", "listed"),
    [
        (["HD", CALLED_OFF, BOOKED], False),
        (["HD", CALLED_OFF, BOOKED, "RL"], True),
        (["HD", CALLED_OFF, "RL"], False),
        (["HD", CALLED_OFF, "RL", BOOKED], True),
        ([CALLED_OFF, "HD", BOOKED], False),
        ([CALLED_OFF, "HD", BOOKED, "RL"], True),
        ([CALLED_OFF, "HD", "RL"], False),
        (["HD", "RL", CALLED_OFF, BOOKED], True),
        (["HD", CALLED_OFF, "XO"], False),
        (["HD", CALLED_OFF, "XO", "RL"], True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_hold_and_an_appointment_do_not_end_each_other(department: Department, said: list[str], listed: bool) -> None:
    """An order a doctor holds is listed when it was released and has an appointment, in whatever sequence that comes."""
    department.order(*request())
    for event in said:
        if event == "XO":
            assert department.order(*request(orc_1="XO", orc_7="^^^20260402080000")).code == "AA"
        elif event in (BOOKED, CALLED_OFF):
            assert siu(department, event, sch(), "RGS|1", ais()) == ("AA", "")
        else:
            assert say(department, event) == ("AA", "")
    assert bool(department.worklist()) is listed
    assert department.steps() == [("S1.1", "SCHEDULED" if listed else "HELD")]


def test_the_appointments_of_a_family(department: Department) -> None:
    """An appointment of a parent order is for its children."""
    department.order(*request("8300^HIS", orc_1="PA"), *request("8301^HIS", orc_1="CH", orc_8="8300&HIS"))
    assert siu(department, "S13", sch("8300^HIS"), "RGS|1", ais()) == ("AA", "")
    assert times(department) == ["20260401140000"]


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

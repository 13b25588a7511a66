"""What a sender asks of an order with ORC-1 and ORC-5: hold, release, replace, number, status (RAD-2, RAD-3, RAD-13)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swf.hl7 import terms
from swf.workflow import order_control
from swf.workflow.order_control import Action
from tests.workflow.conftest import Department, Found, order_message, request

NUMBERS = ["ORC|NA|8150^HIS|F5501^SWF", "OBR||8150^HIS|F5501^SWF|CTHEAD^CT head^99HIS"]


def order_status(department: Department) -> list[str]:
    """The status of every order, table 0038."""
    return [row.status for row in department.rows("order")]


def only(department: Department, control: str, status: str = "") -> tuple[str, str]:
    """Send ORC alone for the order 8100; the answer and its code."""
    answer = department.order(f"ORC|{control}|8100^HIS|||{status}", patient="", name="")
    return answer.code, answer.error_code


def reply(department: Department, code: str, *segments: str, kind: str = "ORR^O02") -> tuple[str, str]:
    """Hand in the placer's answer to an order of the filler."""
    number = len(department.rows("message"))
    header = f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315||{kind}|R{number}|P|2.3.1"
    answer = department.receive("\r".join([header, f"MSA|{code}|SWF1", *segments, ""]))
    return answer.code, answer.error_code


# ---- the table ----


def test_every_pair_is_of_the_standard() -> None:
    """Whoever reads a refusal finds every code in the tables of HL7."""
    for control, status in order_control.TABLE:
        assert control in terms.ORDER_CONTROL
        assert status in {"", order_control.ANY, *terms.ORDER_STATUS}


@pytest.mark.parametrize("control", ["NW", "SN", "PA", "CH", "RO"])
@pytest.mark.parametrize("status", ["", "SC", "IP", "whatever"])
def test_a_new_order_by_any_name(department: Department, control: str, status: str) -> None:
    """An order is scheduled whatever status its sender puts beside it, and twice it is still one."""
    for _ in range(2):
        assert department.order(*request(orc_1=control, orc_5=status)).code == "AA"
    assert department.steps() == [("S1.1", "SCHEDULED")]


@pytest.mark.parametrize(
    ("control", "status", "step", "order"),
    [
        ("SC", "IP", "STARTED", "IP"),
        ("SC", "CM", "COMPLETED", "CM"),
        ("SC", "A", "COMPLETED", "CM"),
        ("SC", "DC", "DISCONTINUED", "DC"),
        ("SC", "CA", "CANCELLED", "CA"),
        ("SC", "RP", "CANCELLED", "CA"),
        ("SC", "HD", "HELD", "HD"),
        ("SC", "SC", "SCHEDULED", "SC"),
        ("SC", "", "SCHEDULED", "SC"),
        ("SR", "CM", "COMPLETED", "CM"),
        ("OD", "", "DISCONTINUED", "DC"),
        ("XO", "CA", "CANCELLED", "CA"),
        ("XX", "CM", "COMPLETED", "CM"),
    ],
)
def test_a_status_moves_the_order(department: Department, control: str, status: str, step: str, order: str) -> None:
    """A status the sender tells is the status of the order from then on, also when it is told twice."""
    department.order(*request())
    for _ in range(2):
        assert department.order(*request(orc_1=control, orc_5=status)).code == "AA"
    assert department.steps() == [("S1.1", step)]
    assert order_status(department) == [order]


@pytest.mark.parametrize("status", ["SC", "IP", "CM", "DC", "CA"])
def test_the_status_of_an_unknown_order(department: Department, status: str) -> None:
    """The status of an order nobody announced makes no order of it."""
    assert only(department, "SC", status) == ("AE", "204")
    assert not department.rows("order")


@pytest.mark.parametrize(("control", "status"), [("SC", "IP"), ("SC", "CA"), ("SC", "HD"), ("CA", ""), ("HD", "")])
def test_a_late_status_does_not_reopen(department: Department, control: str, status: str) -> None:
    """A message that comes after the exam was completed is refused and leaves it completed."""
    department.order(*request())
    department.end(department.begin(department.worklist()[0]))
    assert only(department, control, status) == ("AE", "206")
    assert department.steps() == [("S1.1", "COMPLETED")]


def ended(department: Department, status: str) -> Department:
    """An order whose exam has come to that end."""
    department.order(*request())
    if status == "CANCELLED":
        only(department, "CA")
    else:
        department.end(department.begin(department.worklist()[0]), status)
    assert department.steps() == [("S1.1", status)]
    return department


SIU = ("SCH|" + "|" * 24 + "|8100^HIS", "RGS|1", "AIS|1|A|CTABD|20260401140000")


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED", "CANCELLED"])
def test_nothing_that_comes_late_brings_an_exam_back(department: Department, status: str) -> None:
    """Whatever is sent of an exam that has ended, and whatever it is answered, the exam is not on a worklist again."""
    ended(department, status)
    for control, told in order_control.TABLE:
        department.order(*request(orc_1=control, orc_5="" if told == order_control.ANY else told))
    for event in ("S12", "S13", "S14", "S15", "S17", "S26"):
        department.receive(order_message(event, *SIU).replace("ORM^O01", f"SIU^{event}"))
    for event in ("A01", "A02", "A08", "A10", "A11", "A12", "A13", "A32", "A38"):
        department.adt(event, "PID|||4711^^^HOSP||DOE^JANE", "PV1||O|WARD")
    assert department.steps() == [("S1.1", status)]
    assert department.worklist() == []


def test_a_wrong_entry_does_not_bring_a_discontinued_exam_back(department: Department) -> None:
    """When the ward discontinues an exam in progress, and the modality then gives it back, it stays discontinued."""
    department.order(*request())
    uid = department.begin(department.worklist()[0])
    assert only(department, "DC") == ("AA", "")
    department.end(uid, "DISCONTINUED", "110514")
    assert department.steps() == [("S1.1", "DISCONTINUED")]


def test_a_late_begin_is_not_the_next_exams(department: Department) -> None:
    """That an order is in progress, said late, does not begin its second exam when the first is done."""
    orc, first = request(obr_20="A1")
    department.order(orc, first, request(obr_20="A2", obr_4="CTHEAD^CT head^99HIS")[1])
    department.end(department.begin(department.worklist()[0]))
    assert only(department, "SC", "IP") == ("AA", "")
    assert department.steps() == [("A1", "COMPLETED"), ("A2", "SCHEDULED")]
    assert department.order(*request(orc_1="SC", orc_5="IP", obr_20="A2")).code == "AA"
    assert department.steps() == [("A1", "COMPLETED"), ("A2", "STARTED")]


@pytest.mark.parametrize("control", ["NW", "SN"])
def test_an_order_that_is_new_and_on_hold(department: Department, control: str) -> None:
    """An order that is on hold from its beginning is not listed before it is released."""
    for _ in range(2):
        assert department.order(*request(orc_1=control, orc_5="HD")).code == "AA"
    assert (department.worklist(), order_status(department)) == ([], ["HD"])
    assert only(department, "RL") == ("AA", "")
    assert len(department.worklist()) == 1


def test_an_order_that_was_not_found_elsewhere(department: Department) -> None:
    """That somebody else does not know the order stands in its trace and changes nothing."""
    department.order(*request())
    assert only(department, "SC", "ER") == ("AA", "")
    assert department.events("status received") == [("status received", {"control": "SC", "status": "ER"})]


def test_some_results_of_two_exams(department: Department) -> None:
    """Some results are there: of two exams only the one that is named is done, the other stays on the worklist."""
    first, second = (request(obr_19="RP1", obr_20=name) for name in ("A", "B"))
    department.order(*first, *second)
    assert only(department, "SC", "A") == ("AA", "")
    assert department.steps() == [("A", "SCHEDULED"), ("B", "SCHEDULED")]
    assert department.order(*request(orc_1="SC", orc_5="A", obr_19="RP1", obr_20="A")).code == "AA"
    assert department.steps() == [("A", "COMPLETED"), ("B", "SCHEDULED")]


def test_a_status_without_effect_is_kept(department: Department) -> None:
    """What a sender says of an order without changing it can be read in its trace."""
    department.order(*request())
    only(department, "SC", "SC")
    assert department.events("status received") == [("status received", {"control": "SC", "status": "SC"})]


# ---- held and released ----


@pytest.mark.parametrize(("hold", "release"), [("HD", "RL"), ("OH", "OE")])
def test_an_order_on_hold_is_not_listed(department: Department, hold: str, release: str) -> None:
    """An order on hold leaves the worklist and comes back when it is released; each may be said twice."""
    department.order(*request())
    for _ in range(2):
        assert only(department, hold) == ("AA", "")
    assert (department.worklist(), order_status(department)) == ([], ["HD"])
    for _ in range(2):
        assert only(department, release) == ("AA", "")
    assert (len(department.worklist()), order_status(department)) == (1, ["SC"])


def test_what_is_added_to_an_order_on_hold_waits_too(department: Department) -> None:
    """A change of an order on hold does not bring it back, and a step it adds is on hold as well."""
    department.order(*request(obr_19="RP1", obr_20="A"))
    only(department, "HD")
    assert department.order(*request(orc_1="XO", obr_19="RP1", obr_20="B", obr_24="MR")).code == "AA"
    assert department.steps() == [("A", "HELD"), ("B", "HELD")]
    assert order_status(department) == ["HD"]


def test_an_order_on_hold_can_be_cancelled(department: Department) -> None:
    """An order that waits can be cancelled like any other."""
    department.order(*request())
    only(department, "HD")
    assert only(department, "CA") == ("AA", "")
    assert department.steps() == [("S1.1", "CANCELLED")]


def test_an_exam_that_has_begun_is_not_held(department: Department) -> None:
    """Nobody can put an exam on hold that a modality is performing."""
    department.order(*request())
    department.begin(department.worklist()[0])
    assert only(department, "HD") == ("AE", "206")


def test_a_wrong_entry_leaves_an_order_on_hold(department: Department) -> None:
    """A modality that picked an order on hold by mistake and gives it back does not take it off hold."""
    department.order(*request())
    item = department.worklist()[0]
    only(department, "HD")
    department.end(department.begin(item), "DISCONTINUED", "110514")
    assert department.steps() == [("S1.1", "HELD")]


# ---- replaced ----


def test_an_order_is_replaced_by_another(department: Department) -> None:
    """The order named as parent leaves the worklist and the new one stands on it; sent again nothing changes."""
    department.order(*request())
    for _ in range(2):
        answer = department.order(*request("8200^HIS", orc_1="RP", orc_8="8100&HIS^F1&RIS", obr_24="MR"))
        assert answer.code == "AA"
    assert [(row.placer_order_number, row.status) for row in department.rows("order")] == [
        ("8100", "CA"),
        ("8200", "SC"),
    ]
    assert department.events("order changed")[0][1] == {"replaced_by": "8200"}


@pytest.mark.parametrize("control", ["RP", "RU", "RQ"])
def test_the_old_order_and_the_new_one_in_one_message(department: Department, control: str) -> None:
    """The old order under RP and its replacement under RO are one exchange: both happen."""
    department.order(*request())
    assert department.order(*request(orc_1=control), *request("8200^HIS", orc_1="RO")).code == "AA"
    assert [(row.placer_order_number, row.status) for row in department.rows("order")] == [
        ("8100", "CA"),
        ("8200", "SC"),
    ]


def test_replaced_under_its_own_number(department: Department) -> None:
    """A replacement that keeps the number is the same order with new content."""
    department.order(*request())
    assert department.order(*request(orc_1="RP", obr_24="MR")).code == "AA"
    assert [row.modality for row in department.rows("step")] == ["MR"]
    assert order_status(department) == ["SC"]


def test_a_begun_exam_is_not_replaced(department: Department) -> None:
    """An order whose exam has begun is not replaced, and the new one is not scheduled beside it."""
    department.order(*request())
    department.begin(department.worklist()[0])
    answer = department.order(*request("8200^HIS", orc_1="RP", orc_8="8100^HIS"))
    assert (answer.code, answer.error_code) == ("AE", "206")
    assert len(department.rows("order")) == 1


def test_a_replacement_of_an_unknown_order(department: Department) -> None:
    """The new order counts even when nobody knows the one it replaces, and an operator is told."""
    assert department.order(*request("8200^HIS", orc_1="RO", orc_8="1^HIS")).code == "AA"
    assert len(department.worklist()) == 1
    assert department.warnings() == ["the order that is replaced (ORC-8) is not known"]


def test_the_order_of_another_patient_is_not_replaced(department: Department) -> None:
    """A replacement cannot take an order off the worklist that is another patient's."""
    department.order(*request())
    answer = department.order(*request("8200^HIS", orc_1="RP", orc_8="8100^HIS"), patient="1^^^HOSP", name="ROE^JOHN")
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert order_status(department) == ["SC"]


# ---- numbers ----


@pytest.mark.parametrize("kind", ["ORR^O02", "ORG^O20"])
def test_the_placer_gives_its_number(department: Department, kind: str) -> None:
    """An order made in the department gets the ward's number when the ward answers, and is found by it from then on."""
    department.order(*request("", orc_1="SN", orc_3="F5501^SWF", obr_2=""))
    for _ in range(2):
        assert reply(department, "AA", *NUMBERS, kind=kind) == ("AA", "")
    (item,) = department.worklist()
    assert item.PlacerOrderNumberImagingServiceRequest == "8150"
    assert item.OrderPlacerIdentifierSequence[0].LocalNamespaceEntityID == "HIS"
    department.order("ORC|CA|8150^HIS", patient="", name="")
    assert order_status(department) == ["CA"]


def test_the_number_comes_in_an_order_message(department: Department) -> None:
    """Senders that know no ORR put the number into an ORM."""
    department.order(*request("", orc_1="SN", orc_3="F5501^SWF", obr_2=""))
    assert department.order(*NUMBERS).code == "AA"
    assert [row.placer_order_number for row in department.rows("order")] == ["8150"]


@pytest.mark.parametrize(
    ("segments", "error"),
    [
        (["ORC|NA|8150^HIS|F9999^SWF"], "204"),
        (["ORC|NA||F5501^SWF"], "101"),
        (["ORC|NA|8100^HIS|F5501^SWF"], "205"),
    ],
    ids=["unknown order", "no number", "number of another order"],
)
def test_numbers_that_cannot_be_assigned(department: Department, segments: list[str], error: str) -> None:
    """A number for nothing, no number, and a number that another order has are refused."""
    department.order(*request("", orc_1="SN", orc_3="F5501^SWF", obr_2=""))
    department.order(*request())
    assert reply(department, "AA", *segments) == ("AE", error)


def test_a_number_is_not_changed(department: Department) -> None:
    """An order that has its placer's number does not get another one."""
    department.order(*request(orc_3="F5501^SWF"))
    assert reply(department, "AA", *NUMBERS) == ("AE", "205")


def test_the_placer_declines(department: Department) -> None:
    """When the ward refuses the department's order, no number is taken, and the trace of the order shows it."""
    department.order(*request("", orc_1="SN", orc_3="F5501^SWF", obr_2=""))
    assert reply(department, "AE", *NUMBERS) == ("AA", "")
    ((_, detail),) = department.events("status received")
    assert (detail["acknowledgement"], detail["control"]) == ("AE", "NA")
    assert [row.placer_order_number for row in department.rows("order")] == [""]


# ---- status asked for ----


@pytest.mark.parametrize("control", ["SS", "SR"])
def test_a_status_is_asked_for(department: Department, control: str) -> None:
    """Who asks for the status of an order is told it the way every change is told."""
    department.order(*request())
    assert only(department, control) == ("AA", "")
    assert department.told() == [["ORM^O01", "8100", "SC", "S"]]
    assert department.steps() == [("S1.1", "SCHEDULED")]


def test_a_status_nobody_can_be_told(found: Found) -> None:
    """Without a destination the question is refused, not answered as if the status had been told."""
    department = found(destination=[])
    department.order(*request())
    answer = department.order("ORC|SS|8100^HIS", patient="", name="")
    assert (answer.code, answer.error_code) == ("AE", "207")


@pytest.mark.parametrize("control", ["SS", "SR"])
def test_a_status_in_the_answer_itself(found: Found, control: str) -> None:
    """A sender that gets application replies reads the status of its order there, destinations or not."""
    department = found(destination=[], source=[{"name": "his", "application": "HIS", "reply": "application"}])
    department.order(*request())
    answer = department.receive_raw(order_message("Q1", f"ORC|{control}|8100^HIS", patient="", name=""))
    (orc,) = [line for line in answer.decode().split("\r") if line.startswith("ORC")]
    assert orc == "ORC|SR|8100^HIS|SWF00000001^SWF||SC"


# ---- reports ----


def report(department: Department, *segments: str) -> tuple[str, str]:
    """Hand in an ORU^R01."""
    raw = order_message(f"U{len(department.rows('message'))}", *segments).replace("ORM^O01", "ORU^R01")
    answer = department.receive(raw)
    return answer.code, answer.error_code


def result(status: str, number: str = "8100^HIS") -> str:
    """The OBR of a report."""
    return "OBR|1|" + number + "||CTABD^CT abdomen^99HIS" + "|" * 21 + status


def test_a_report_is_kept_with_its_order(department: Department) -> None:
    """How final the report is stands with the order; a late preliminary one does not undo it, and no step is ended."""
    department.order(*request())
    for status, kept in (("P", "P"), ("F", "F"), ("P", "F"), ("C", "C")):
        assert report(department, result(status), "OBX|1|TX|R^Report||No finding||||||F") == ("AA", "")
        assert [row.result_status for row in department.rows("order")] == [kept]
    assert department.steps() == [("S1.1", "SCHEDULED")]


def test_the_status_of_the_result_itself(department: Department) -> None:
    """A report that leaves OBR-25 empty is as final as its first result says."""
    department.order(*request())
    assert report(department, result(""), "OBX|1|TX|R^Report||No finding||||||F") == ("AA", "")
    assert [row.result_status for row in department.rows("order")] == ["F"]


@pytest.mark.parametrize(
    ("segment", "error"),
    [(result("F", "1^HIS"), "204"), (result(""), "101"), (result("?"), "103"), ("NTE|1||no report", "100")],
)
def test_refused_reports(department: Department, segment: str, error: str) -> None:
    """A report on an unknown order, or without a status, is refused."""
    department.order(*request())
    assert report(department, segment) == ("AE", error)


def test_every_action_is_done(department: Department) -> None:
    """There is no row of the table that the broker could not carry out."""
    for control, status in order_control.TABLE:
        department.order(*request(orc_1=control, orc_5="" if status == order_control.ANY else status))
    assert {row.ack_code for row in department.rows("message")} <= {"AA", "AE"}
    assert not [row for row in department.rows("message") if "internal" in row.reason]
    assert set(order_control.TABLE.values()) == set(Action)


CLOSED = {"COMPLETED", "CANCELLED", "DISCONTINUED"}
PAIRS = sorted(order_control.TABLE)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=8), number=st.integers(1, 10**9))
def test_messages_in_any_order(department: Department, asked: list[tuple[str, str]], number: int) -> None:
    """Whatever is asked of an order in whatever sequence is answered, and nothing that has ended comes back."""
    placer = f"{number}-{len(department.rows('message'))}^HIS"
    before = "SCHEDULED"
    department.order(*request(placer, orc_3=placer))
    for control, status in asked:
        answer = department.order(*request(placer, orc_1=control, orc_3=placer, orc_5=status.strip("*")))
        assert (answer.code, answer.error_code) in {("AA", ""), ("AE", "206")}
        after = department.steps()[-1][1]
        assert before == after or before not in CLOSED
        before = after

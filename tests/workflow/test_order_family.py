"""Parent and child orders: the patient comes for the children (RAD-2; ORC-1 PA and CH)."""

import pytest

from tests.workflow.conftest import Department, request

PA = request("8300^HIS", orc_1="PA", obr_4="STAGING^Staging CT^99HIS")
PA_TWO = request("8400^HIS", orc_1="PA")


def child(number: str = "8301", parent: str = "8300&HIS", **fields: str) -> list[str]:
    """A child order, by default of the order 8300."""
    return request(f"{number}^HIS", **{"orc_1": "CH", "orc_8": parent, "obr_4": "CTCHEST^CT chest^99HIS", **fields})


def listed(department: Department) -> list[str]:
    """The placer order number of every item of the worklist."""
    return [str(item.PlacerOrderNumberImagingServiceRequest) for item in department.worklist()]


def statuses(department: Department) -> dict[str, str]:
    """The status of every order by its placer order number."""
    return {row.placer_order_number: row.status for row in department.rows("order")}


def only(department: Department, control: str, placer: str = "8300^HIS", status: str = "") -> tuple[str, str]:
    """Send ORC alone; the answer and its code."""
    answer = department.order(f"ORC|{control}|{placer}|||{status}", patient="", name="")
    return answer.code, answer.error_code


@pytest.fixture
def family(department: Department) -> Department:
    """A parent order with two children, all in one message."""
    assert department.order(*PA, *child("8301"), *child("8302")).code == "AA"
    return department


def test_the_children_are_scheduled_and_not_the_parent(family: Department) -> None:
    """A parent that comes with its children is known by its number; the patient is expected for the children alone."""
    assert listed(family) == ["8301", "8302"]
    assert statuses(family) == {"8300": "SC", "8301": "SC", "8302": "SC"}
    assert [row.parent for row in family.rows("order")] == [None, 1, 1]
    assert {"child": "8301"} in [detail for _, detail in family.events("order linked")]


def test_each_child_has_numbers_of_its_own(family: Department) -> None:
    """Two children are two exams: nothing a modality or an archive goes by is shared."""
    items = family.worklist()
    for keyword in ("AccessionNumber", "StudyInstanceUID", "RequestedProcedureID"):
        assert len({str(item[keyword].value) for item in items}) == 2


def test_a_family_sent_again_changes_nothing(family: Department) -> None:
    """A HIS that repeats the whole family under a new message number makes no second exam."""
    before = family.rows("step"), statuses(family)
    assert family.order(*PA, *child("8301"), *child("8302")).code == "AA"
    assert (family.rows("step"), statuses(family)) == before


def test_a_parent_alone_is_scheduled(department: Department) -> None:
    """A parent without children is an exam like any other: nobody's order may be lost."""
    assert department.order(*PA).code == "AA"
    assert listed(department) == ["8300"]


@pytest.mark.parametrize("control", ["NW", "PA"])
def test_children_that_come_later_take_the_parents_place(department: Department, control: str) -> None:
    """When the children of a scheduled order come, the patient is expected for them and no longer for it."""
    department.order(*request("8300^HIS", orc_1=control))
    assert department.order(*child()).code == "AA"
    assert listed(department) == ["8301"]
    assert statuses(department) == {"8300": "SC", "8301": "SC"}
    assert department.steps() == [("S1.1", "CANCELLED"), ("S2.1", "SCHEDULED")]


@pytest.mark.parametrize(
    "fields",
    [
        {"parent": "8300&HIS"},
        {"parent": "8300&HIS^F5&RIS"},
        {"parent": "8300^HIS"},
        {"parent": "&^F5&RIS"},
        {"parent": "", "obr_29": "8300&HIS"},
    ],
    ids=["placer", "both", "one number", "filler", "OBR-29"],
)
def test_how_the_parent_is_named(department: Department, fields: dict[str, str]) -> None:
    """The parent is found by either of its numbers, in ORC-8 or in OBR-29."""
    department.order(*request("8300^HIS", orc_1="PA", orc_3="F5^RIS"))
    assert department.order(*child(**fields)).code == "AA"
    assert (listed(department), department.rows("order")[1].parent) == (["8301"], 1)


def test_the_parent_before_it_in_the_message(department: Department) -> None:
    """A child that names no parent is of the parent before it, as HL7 has them follow each other."""
    assert department.order(*PA, *child("8301", ""), *PA_TWO, *child("8401", "")).code == "AA"
    assert [row.parent for row in department.rows("order")] == [None, 1, None, 3]


def test_a_child_without_a_parent_is_scheduled(department: Department) -> None:
    """A child that names nobody is still an exam, and an operator is told."""
    assert department.order(*child("8301", "")).code == "AA"
    assert listed(department) == ["8301"]
    assert department.warnings() == [
        "a child order whose parent (ORC-8, OBR-29) is not named; it is scheduled by itself"
    ]


@pytest.mark.parametrize("late", [PA, request("8300^HIS")], ids=["PA", "NW"])
def test_a_child_that_comes_first(department: Department, late: list[str]) -> None:
    """When messages overtake each other the parent that comes last is not scheduled beside its child."""
    assert department.order(*child()).code == "AA"
    assert listed(department) == ["8301"]
    assert department.order(*late).code == "AA"
    assert listed(department) == ["8301"]
    assert statuses(department) == {"8301": "SC", "8300": "SC"}


def test_a_parent_that_cannot_be_known_yet(department: Department) -> None:
    """A number of which nobody can tell whose it is makes no order; the child is scheduled all the same."""
    assert department.order(*child("8301", "8300^HIS")).code == "AA"
    assert list(statuses(department)) == ["8301"]
    assert len(department.warnings()) == 1


@pytest.mark.parametrize(
    ("control", "status", "expected"),
    [
        ("CA", "", "CA"),
        ("OC", "", "CA"),
        ("DC", "", "DC"),
        ("HD", "", "HD"),
        ("SC", "CM", "CM"),
        ("SC", "IP", "IP"),
    ],
)
def test_what_happens_to_the_parent_happens_to_its_children(
    family: Department, control: str, status: str, expected: str
) -> None:
    """A doctor who cancels, holds or ends the order means the exams it consists of."""
    assert only(family, control, status=status) == ("AA", "")
    assert statuses(family) == dict.fromkeys(("8300", "8301", "8302"), expected)


def test_a_family_on_hold_is_released(family: Department) -> None:
    """Released by the parent, every child is back; a child that comes meanwhile waits too."""
    only(family, "HD")
    assert family.order(*child("8303")).code == "AA"
    assert listed(family) == []
    assert only(family, "RL") == ("AA", "")
    assert listed(family) == ["8301", "8302", "8303"]


def test_the_parents_status_is_that_of_its_children(family: Department) -> None:
    """The parent is in progress with the first exam and completed with the last, whoever performs them."""
    family.end(family.begin(family.worklist()[0], uid="1.1"))
    assert statuses(family)["8300"] == "IP"
    family.end(family.begin(family.worklist()[0], uid="1.2"))
    assert statuses(family) == dict.fromkeys(("8300", "8301", "8302"), "CM")


def test_a_child_is_cancelled_alone(family: Department) -> None:
    """One exam less is not the end of the order; none left is."""
    only(family, "CA", "8301^HIS")
    assert (listed(family), statuses(family)["8300"]) == (["8302"], "SC")
    only(family, "CA", "8302^HIS")
    assert (listed(family), statuses(family)["8300"]) == ([], "CA")


def test_a_begun_exam_of_the_family_stops_the_cancel(family: Department) -> None:
    """A parent whose first exam has begun is not cancelled as a whole."""
    family.begin(family.worklist()[0])
    assert only(family, "CA") == ("AE", "206")
    assert statuses(family)["8302"] == "SC"


def test_an_exam_that_began_before_its_children_came(department: Department) -> None:
    """What a modality has begun under the parent's number goes on; the children are performed besides."""
    department.order(*request("8300^HIS"))
    department.begin(department.worklist()[0])
    assert department.order(*child()).code == "AA"
    assert department.steps() == [("S1.1", "STARTED"), ("S2.1", "SCHEDULED")]
    assert statuses(department) == {"8300": "IP", "8301": "SC"}


def test_a_change_of_the_parent_does_not_bring_it_back(family: Department) -> None:
    """A changed parent is still not scheduled, and an operator reads that the children stay as they were."""
    assert family.order(*request("8300^HIS", orc_1="XO", obr_24="MR")).code == "AA"
    assert listed(family) == ["8301", "8302"]
    assert family.warnings() == ["the order has children, and they stay as they are: change each of them"]


@pytest.mark.parametrize("status", ["CA", "DC"])
def test_a_child_of_a_cancelled_parent(department: Department, status: str) -> None:
    """A child that comes after its parent was cancelled is refused, and nothing is scheduled."""
    department.order(*PA)
    only(department, status)
    answer = department.order(*child())
    assert (answer.code, answer.error_code) == ("AE", "206")
    assert (listed(department), list(statuses(department))) == ([], ["8300"])


def test_a_child_of_another_patients_order(department: Department) -> None:
    """An order cannot become the child of somebody else's, and nothing of either changes."""
    department.order(*PA)
    answer = department.order(*child(), patient="1^^^HOSP", name="ROE^JOHN")
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert listed(department) == ["8300"]


def test_families_have_no_circles(department: Department) -> None:
    """No order is its own parent or grandparent, and none has two parents."""
    assert department.order(*child("8301", "8301&HIS")).code == "AE"
    for number, parent in (("8301", "8300&HIS"), ("8302", "8301&HIS")):
        assert department.order(*child(number, parent)).code == "AA"
    assert listed(department) == ["8302"]
    assert department.order(*child("8300", "8302&HIS")).code == "AE"
    assert department.order(*child("8302", "8300&HIS")).code == "AE"
    assert only(department, "CA") == ("AA", "")
    assert set(statuses(department).values()) == {"CA"}


def test_a_family_is_replaced(family: Department) -> None:
    """An order that replaces the parent takes the place of all its children."""
    assert family.order(*request("8500^HIS", orc_1="RP", orc_8="8300&HIS")).code == "AA"
    assert listed(family) == ["8500"]


def test_the_status_of_a_family_is_asked_for(family: Department) -> None:
    """Who asks for the status of the parent is told that of every child."""
    assert only(family, "SS") == ("AA", "")
    assert [(number, status) for _, number, status, _ in family.told()] == [("8301", "SC"), ("8302", "SC")]

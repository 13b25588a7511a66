"""Patients are renamed, corrected and merged, and every open item follows (RAD-12)."""

import pytest

from tests.workflow.conftest import Department, request

JANE = "PID|||4711^^^HOSP||DOE^JANE||19720411|F|||STREET 1^^TOWN"
RENAMED = "PID|||4711^^^HOSP||ROE^JANE||19720411|F|||STREET 2^^TOWN"


def names(department: Department) -> list[tuple[str, str]]:
    """Identifier and name of each item on the worklist."""
    return [(str(item.PatientID), str(item.PatientName)) for item in department.worklist()]


def stored_names(department: Department) -> list[str]:
    """The name each step is found by, listed or not; names are found whatever their case."""
    return [row.patient_name.upper() for row in department.rows("step")]


def test_a_new_name_reaches_open_steps_only(department: Department) -> None:
    """After A08 every open item carries the new name; what is completed or cancelled keeps the name it was done under."""
    department.order(*request("1^HIS"), *request("2^HIS"), *request("3^HIS"), *request("4^HIS"))
    started, completed, *_ = department.worklist()
    department.begin(started, uid="1.1")
    department.end(department.begin(completed, uid="1.2"))
    department.order("ORC|CA|3^HIS")
    assert department.adt("A08", RENAMED).code == "AA"
    assert names(department) == [("4711", "ROE^JANE")] * 2
    assert stored_names(department) == ["ROE^JANE", "DOE^JANE", "DOE^JANE", "ROE^JANE"]
    assert [item.PatientAddress for item in department.worklist()] == ["STREET 2 TOWN"] * 2


def test_empty_leaves_and_two_quotes_clear(department: Department) -> None:
    """What an update leaves empty stays, what it sends as two quotes is cleared, and a name cannot be cleared."""
    department.order(*request(), "NTE|||note")
    department.adt("A08", JANE, "PV1||O|WARD^1^2||||||||||||B6")
    department.adt("A08", 'PID|||4711^^^HOSP||""|||""|||""', 'PV1||O|""')
    (item,) = department.worklist()
    assert (item.PatientName, item.PatientBirthDate) == ("DOE^JANE", "19720411")
    assert [item.get(keyword) for keyword in ("PatientSex", "PatientAddress", "CurrentPatientLocation")] == [""] * 3
    department.order(*request("2^HIS"))
    assert department.worklist()[-1].PatientSex == "F"  # the next order says it again


@pytest.mark.parametrize("issuer", ["^^^OTHER", ""])
def test_the_same_number_of_another_hospital_is_another_person(department: Department, issuer: str) -> None:
    """An update for the same number of another assigning authority leaves our patient alone."""
    department.order(*request())
    assert department.adt("A08", f"PID|||4711{issuer}||ROE^JOHN").code == "AA"
    assert names(department) == [("4711", "DOE^JANE")]


def test_an_update_is_remembered_for_later_orders(department: Department) -> None:
    """A patient announced before the first order brings what is known of them into it."""
    department.adt("A08", RENAMED)
    department.order(*request())
    (item,) = department.worklist()
    assert (item.PatientName, item.PatientAddress) == ("DOE^JANE", "STREET 2 TOWN")


def test_an_update_needs_a_patient(department: Department) -> None:
    """An update without an identifier is refused at PID-3."""
    answer = department.adt("A08", "PID|||^^^HOSP||ROE^JANE")
    assert (answer.code, answer.error_code) == ("AE", "101")
    assert department.rows("message")[0].reason.startswith("PID^1^3: ")


# ---- merged ----

MERGE = ("PID|||4711^^^HOSP||DOE^JANE||19720411|F", "MRG|TEMP9^^^HOSP")


def test_a_merge_moves_every_open_item(department: Department) -> None:
    """After A40 what was ordered under the temporary number is listed under the right one, once, however often sent."""
    department.order(*request("1^HIS"), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    department.order(*request("2^HIS"))
    for _ in range(2):
        assert department.adt("A40", *MERGE).code == "AA"
    assert names(department) == [("4711", "DOE^JANE")] * 2
    assert {row.patient_id for row in department.rows("step")} == {"4711"}
    assert len({row.patient for row in department.rows("order")}) == 1


def test_a_later_order_under_the_old_number(department: Department) -> None:
    """An order that still comes under the merged number is scheduled for the survivor, under the survivor's name."""
    department.adt("A40", *MERGE)
    assert department.order(*request(), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE").code == "AA"
    assert names(department) == [("4711", "DOE^JANE")]
    assert department.order(*request(orc_1="XO"), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE").code == "AA"
    assert department.order(*request(orc_1="XO", obr_24="MR")).code == "AA"
    assert names(department) == [("4711", "DOE^JANE")]


def test_a_late_update_under_the_old_number(department: Department) -> None:
    """An update that still comes for the merged number does not rename the survivor."""
    department.order(*request(), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    department.adt("A40", *MERGE)
    assert department.adt("A08", "PID|||TEMP9^^^HOSP||UNKNOWN^TWO||19000101|M|||NOWHERE").code == "AA"
    (item,) = department.worklist()
    assert (item.PatientID, item.PatientName) == ("4711", "DOE^JANE")
    assert (item.PatientBirthDate, item.PatientSex) == ("19720411", "F")
    assert not item.get("PatientAddress")


def test_a_merge_into_another_authority(department: Department) -> None:
    """Number and authority go together: after a merge the item carries the survivor's authority, never the old one."""
    department.order(*request(), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    department.adt("A40", "PID|||4711^^^CENTRAL||DOE^JANE", "MRG|TEMP9^^^HOSP")
    (item,) = department.worklist()
    assert (item.PatientID, item.IssuerOfPatientID) == ("4711", "CENTRAL")
    department.adt("A40", "PID|||4799||DOE^JANE", "MRG|4711^^^CENTRAL")
    (item,) = department.worklist()
    assert (item.PatientID, item.get("IssuerOfPatientID", "")) == ("4799", "")


def test_merges_follow_each_other(department: Department) -> None:
    """Merged twice, an order is where the last survivor is, and the first number still leads there."""
    department.order(*request("1^HIS"), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    department.adt("A40", *MERGE)
    department.adt("A40", "PID|||5000^^^HOSP||DOE^JANE MARY", "MRG|4711^^^HOSP")
    department.order(*request("2^HIS"), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    assert names(department) == [("5000", "DOE^JANE MARY")] * 2


def test_several_merges_in_one_message(department: Department) -> None:
    """A message may merge several numbers, repeated in one field or each after its own patient."""
    for number, patient in enumerate(("T1", "T2", "T3"), start=1):
        department.order(*request(f"{number}^HIS"), patient=f"{patient}^^^HOSP", name="UNKNOWN^ONE")
    merges = ("PID|||1^^^HOSP||DOE^JANE", "MRG|T1^^^HOSP~T2^^^HOSP", "PID|||2^^^HOSP||ROE^JOHN", "MRG|T3^^^HOSP")
    assert department.adt("A40", *merges).code == "AA"
    assert names(department) == [("1", "DOE^JANE"), ("1", "DOE^JANE"), ("2", "ROE^JOHN")]


@pytest.mark.parametrize(
    ("segments", "error", "place"),
    [
        ([MERGE[0], "MRG|4711^^^HOSP"], "205", "MRG^1^1"),
        ([MERGE[0], "MRG|^^^HOSP"], "101", "MRG^1^1"),
        ([MERGE[0]], "100", "MRG^1"),
        ([MERGE[1]], "100", "MRG^1"),
        (["PID|||^^^HOSP", MERGE[1]], "101", "PID^1^3"),
    ],
    ids=["into itself", "no prior number", "no MRG", "no PID", "no survivor"],
)
def test_refused_merges(department: Department, segments: list[str], error: str, place: str) -> None:
    """A merge that cannot be meant is refused at the field, and nobody's orders move."""
    department.order(*request(), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    answer = department.adt("A40", *segments)
    assert (answer.code, answer.error_code) == ("AE", error)
    assert department.rows("message")[1].reason.startswith(f"{place}: ")
    assert names(department) == [("TEMP9", "UNKNOWN^ONE")]


def test_a_merge_back_is_refused(department: Department) -> None:
    """Two numbers cannot each be merged into the other; the first merge stands."""
    department.order(*request(), patient="TEMP9^^^HOSP", name="UNKNOWN^ONE")
    department.adt("A40", *MERGE)
    answer = department.adt("A40", "PID|||TEMP9^^^HOSP||UNKNOWN^ONE", "MRG|4711^^^HOSP")
    assert (answer.code, answer.error_code) == ("AE", "205")
    assert names(department) == [("4711", "DOE^JANE")]

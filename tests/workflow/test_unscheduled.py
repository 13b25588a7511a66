"""Exams without an order: found by lesser identifiers, by an order that comes later, or by an operator (PIR)."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf import clock
from swf.errors import Unresolvable
from swf.extensions.simulator import modality
from swf.model.mpps import Matching
from swf.store import mpps as store
from swf.workflow import unscheduled
from tests.workflow.conftest import Department, Found, request

STUDY = "1.2.840.77.1"
DAY = "20260316"


def exam(patient: str = "4711", study: str = STUDY, kind: str = "CT", **attributes: Any) -> Dataset:
    """What a scanner reports of an exam that was on nobody's list, begun on the day of the orders."""
    item = Dataset()
    item.PatientID, item.PatientName, item.StudyInstanceUID = patient, "DOE^JANE", study
    item.ScheduledProcedureStepSequence = [Dataset()]
    item.ScheduledProcedureStepSequence[0].Modality = kind
    report = modality.in_progress((item,), "CT1")
    report.PerformedProcedureStepStartDate = DAY
    for keyword, value in attributes.items():
        setattr(report, keyword, value)
    return report


def matching(department: Department) -> list[str]:
    """How every performed step was matched."""
    with department.database.reading() as connection:
        return [row.matching for row in store.overview(connection, limit=10)]


def resolve(department: Department, act: Any, *words: str, **options: Any) -> None:
    """Let an operator link or unlink."""
    department.database.run(lambda transaction: act(transaction, department.site, *words, clock.now(), **options))


def test_the_one_open_step_of_the_day_is_meant(department: Department) -> None:
    """A scanner without a worklist reports patient, modality and day: that is the one exam ordered for them."""
    department.order(*request())
    department.create("1.1", exam())
    assert department.steps() == [("S1.1", "STARTED")]
    assert matching(department) == [Matching.FOUND]
    ((_, detail),) = department.events("mpps linked")
    assert (detail["step_id"], detail["by"]) == ("S1.1", "lesser identifiers")


@pytest.mark.parametrize(
    "other",
    [
        exam(patient="9999"),
        exam(kind="MR"),
        exam(PerformedProcedureStepStartDate="20260317"),
        exam(PerformedProcedureStepStartDate="soon"),
        exam(IssuerOfPatientID="ELSEWHERE"),
    ],
    ids=["patient", "modality", "day", "no day", "issuer"],
)
def test_another_exam_is_not_taken_for_it(department: Department, other: Dataset) -> None:
    """Whatever speaks of another patient, modality or day is left to an operator."""
    department.order(*request())
    department.create("1.1", other)
    assert (department.steps(), matching(department)) == ([("S1.1", "SCHEDULED")], [Matching.UNMATCHED])


def test_two_exams_of_the_day_are_not_guessed_between(department: Department) -> None:
    """With two CTs of the same day nobody can tell which it was, unless only one is this scanner's."""
    department.order(*request("1^HIS"), *request("2^HIS"))
    department.create("1.1", exam())
    assert [status for _, status in department.steps()] == ["SCHEDULED", "SCHEDULED"]
    with department.database.transaction() as transaction:
        row = store.find(transaction, "1.1")
        assert row is not None
        assert [each.step_id for each in unscheduled.candidates(transaction, row)] == ["S1.1", "S2.1"]


def test_a_site_may_leave_it_to_its_operators(found: Found) -> None:
    """Where the site says so, nothing is linked by patient and day."""
    department = found(modality=[{"ae_title": "CT1", "link_unscheduled": False}])
    department.order(*request())
    department.create("1.1", exam())
    assert (department.steps(), matching(department)) == ([("S1.1", "SCHEDULED")], [Matching.UNMATCHED])


def test_an_old_number_of_the_patient_still_leads_there(department: Department) -> None:
    """A scanner that still shows the number from before the merge has examined the same patient."""
    department.order(*request(), patient="TEMP9^^^HOSP")
    department.adt("A40", "PID|||4711^^^HOSP||DOE^JANE||19720411|F", "MRG|TEMP9^^^HOSP")
    department.create("1.1", exam(patient="TEMP9"))
    assert (department.steps(), matching(department)) == ([("S1.1", "STARTED")], [Matching.FOUND])


def test_some_known_and_some_not(department: Department) -> None:
    """Of a group with a step nobody knows, the known ones go on and an operator is told of the rest."""
    department.order(*request())
    (item,) = department.worklist()
    report = modality.in_progress((item,), "CT1")
    stranger = Dataset()
    stranger.StudyInstanceUID, stranger.AccessionNumber, stranger.ScheduledProcedureStepID = STUDY, "NONE", "X1"
    report.ScheduledStepAttributesSequence.append(stranger)
    department.create("1.1", report)
    assert (department.steps(), matching(department)) == ([("S1.1", "STARTED")], [Matching.PARTLY])
    assert department.warnings()[-1] == "some of the scheduled steps it names are not known"


# ---- the order comes later ----


@pytest.mark.parametrize("ended", [True, False])
def test_an_order_that_brings_the_study_is_the_exams(department: Department, ended: bool) -> None:
    """An order written afterwards with the scanner's own study is done, or being done, and the hospital hears so."""
    department.create("1.1", exam())
    if ended:
        department.end("1.1")
    department.order(*request(), f"ZDS|{STUDY}^SWF^Application^DICOM")
    assert [status for _, status in department.steps()] == ["COMPLETED" if ended else "STARTED"]
    assert department.told()[-2:] == [
        ["ORM^O01", "8100", "CM" if ended else "IP", "R" if ended else "I"],
        ["ORU^R01", "8100", "", "R" if ended else "I"],
    ]
    assert (matching(department), bool(department.worklist())) == ([Matching.LINKED], not ended)
    if not ended:
        department.end("1.1")
        assert [status for _, status in department.steps()] == ["COMPLETED"]


def test_an_order_with_the_accession_number_typed_at_the_scanner(department: Department) -> None:
    """A number the technician typed is the order's when the same patient's order comes with it."""
    report = exam()
    report.ScheduledStepAttributesSequence[0].AccessionNumber = "A77"
    department.create("1.1", report)
    department.order(*request(obr_18="A77"))
    assert [status for _, status in department.steps()] == ["STARTED"]


def test_an_order_of_the_same_day_is_only_suggested(department: Department) -> None:
    """A CT ordered after an emergency CT may be the next one: it stays on the list, and the order's trace says so."""
    department.create("1.1", exam())
    department.order(*request())
    assert department.steps() == [("S1.1", "SCHEDULED")]
    ((_, detail),) = department.events("mpps suggested")
    assert detail == {"mpps": "1.1", "text": "an exam of the same day was reported before the order came"}


def test_the_same_study_of_another_patient_is_only_suggested(department: Department) -> None:
    """An exam under an emergency number and an order under a real one are one person only if somebody says so."""
    department.create("1.1", exam(patient="TRAUMA1"))
    department.order(*request(), f"ZDS|{STUDY}")
    assert [status for _, status in department.steps()] == ["SCHEDULED"]
    assert [kind for kind, _ in department.events("mpps suggested")] == ["mpps suggested"]
    with department.database.transaction() as transaction:
        row = store.find(transaction, "1.1")
        assert row is not None
        assert [each.why for each in unscheduled.candidates(transaction, row)] == ["same study"]


def test_an_exam_of_somebody_else_is_nothing_to_the_order(department: Department) -> None:
    """What another patient had done says nothing about an order."""
    department.create("1.1", exam(patient="9999"))
    department.order(*request())
    assert not department.events("mpps suggested", "mpps linked")


@pytest.mark.parametrize("same", [True, False])
def test_a_merge_after_the_order(department: Department, same: bool) -> None:
    """Examined under an emergency number, ordered under the real one with that study: the merge makes one of both."""
    department.create("1.1", exam(patient="TRAUMA1"))
    department.end("1.1")
    department.order(*request(), f"ZDS|{STUDY}" if same else "ZDS|1.2.840.77.2")
    department.adt("A40", "PID|||4711^^^HOSP||DOE^JANE||19720411|F", "MRG|TRAUMA1^^^HOSP")
    assert [status for _, status in department.steps()] == ["COMPLETED" if same else "SCHEDULED"]
    assert bool(department.told()) is same
    assert bool(department.events("mpps suggested"))


# ---- an operator decides ----


def test_an_operator_links_an_exam(department: Department) -> None:
    """Linked by hand, a finished exam completes its order, and the hospital hears of it."""
    department.order(*request())
    department.create("1.1", exam(patient="TRAUMA1"))
    department.end("1.1")
    accession = department.rows("order")[0].accession_number
    with pytest.raises(Unresolvable, match="another patient"):
        resolve(department, unscheduled.link, "1.1", accession)
    assert department.steps() == [("S1.1", "SCHEDULED")]
    resolve(department, unscheduled.link, "1.1", accession, force=True)
    assert (department.steps(), matching(department)) == ([("S1.1", "COMPLETED")], [Matching.LINKED])
    assert department.told()[-2][2:] == ["CM", "R"]


def test_an_operator_takes_a_link_back(department: Department) -> None:
    """Unlinked, the order is as if that exam had not been: on the list again, and the hospital hears that too."""
    department.order(*request())
    department.end(department.begin(*department.worklist(), uid="1.1"))
    resolve(department, unscheduled.unlink, "1.1")
    assert (department.steps(), matching(department)) == ([("S1.1", "SCHEDULED")], [Matching.UNMATCHED])
    assert department.told()[-2] == ["ORM^O01", "8100", "SC", "S"]
    assert len(department.worklist()) == 1


def test_what_else_was_performed_for_the_step_still_counts(department: Department) -> None:
    """Of two acquisitions one is taken away; the other one has completed the step all the same."""
    department.order(*request())
    (item,) = department.worklist()
    for uid in ("1.1", "1.2"):
        department.end(department.begin(item, uid=uid))
    resolve(department, unscheduled.unlink, "1.1")
    assert department.steps() == [("S1.1", "COMPLETED")]


def test_one_order_of_a_group_is_unlinked(department: Department) -> None:
    """Of two orders an acquisition was reported for, the one it was not done for goes back on the list."""
    department.order(*request("1^HIS", obr_18="A1"), *request("2^HIS", obr_18="A2"))
    department.end(department.begin(*department.worklist(), uid="1.1"))
    resolve(department, unscheduled.unlink, "1.1", accession_number="A2")
    assert [status for _, status in department.steps()] == ["COMPLETED", "SCHEDULED"]
    with pytest.raises(Unresolvable, match="not linked"):
        resolve(department, unscheduled.unlink, "1.1", accession_number="A2")


@pytest.mark.parametrize(("uid", "accession"), [("1.9", "A1"), ("1.1", "NONE")])
def test_what_is_not_there_is_not_linked(department: Department, uid: str, accession: str) -> None:
    """A mistyped number changes nothing and is told."""
    department.order(*request(obr_18="A1"))
    department.create("1.1", exam(patient="9999"))
    with pytest.raises(Unresolvable):
        resolve(department, unscheduled.link, uid, accession)
    assert department.steps() == [("S1.1", "SCHEDULED")]

"""What modalities report, and what becomes of the steps it was done for (RAD-6, RAD-7)."""

import pytest
from pydicom.dataset import Dataset

from swf import errors
from swf.dicom import terms
from tests.workflow.conftest import Department, request

PAIR = [
    "ORC|NW|8100^HIS",
    "OBR|1|8100^HIS||CTABD^CT abdomen^99HIS",
    "IPC|ACC1|RP1|1.2.840.99.1|SPS1|CT|||^^^20260316|CT1",
    "IPC|ACC1|RP1|1.2.840.99.1|SPS2|CT|||^^^20260316|CT1",
]


@pytest.fixture
def pair(department: Department) -> Department:
    """A department with one order of two steps."""
    department.order(*PAIR)
    return department


def order_status(department: Department) -> list[str]:
    """ORC-5 of every order, as stored."""
    return [row.status for row in department.rows("order")]


def test_the_simple_case(department: Department) -> None:
    """A step is begun, stays visible for whoever must add to it, and leaves the worklist when it is completed."""
    department.order(*request())
    uid = department.begin(*department.worklist())
    assert (department.steps(), order_status(department)) == ([("S1.1", "STARTED")], ["IP"])
    (item,) = department.worklist()
    assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus == "STARTED"
    department.end(uid)
    assert (department.steps(), order_status(department)) == ([("S1.1", "COMPLETED")], ["CM"])
    assert not department.worklist()
    assert [kind for kind, _ in department.events("mpps in progress", "mpps completed")] == [
        "mpps in progress",
        "mpps completed",
    ]


def test_a_step_at_a_time(pair: Department) -> None:
    """An order of two steps is in progress until the second one is completed."""
    first, second = pair.worklist()
    pair.end(pair.begin(first, uid="1.1"))
    assert (pair.steps(), order_status(pair)) == ([("SPS1", "COMPLETED"), ("SPS2", "SCHEDULED")], ["IP"])
    pair.end(pair.begin(second, uid="1.2"))
    assert order_status(pair) == ["CM"]


def test_the_group_case(department: Department) -> None:
    """One acquisition for two orders completes the steps of both."""
    department.order(*request("1^HIS"), *request("2^HIS", obr_4="CTHEAD^CT head^99HIS"))
    uid = department.begin(*department.worklist())
    assert order_status(department) == ["IP", "IP"]
    department.end(uid)
    assert [status for _, status in department.steps()] == ["COMPLETED"] * 2
    assert order_status(department) == ["CM", "CM"]


def test_the_append_case(department: Department) -> None:
    """A second acquisition for a step that is done belongs to it and does not reopen it."""
    department.order(*request())
    (item,) = department.worklist()
    department.end(department.begin(item, uid="1.1"))
    second = department.begin(item, uid="1.2")
    assert department.steps() == [("S1.1", "COMPLETED")]
    department.end(second, "DISCONTINUED")
    assert (department.steps(), order_status(department)) == ([("S1.1", "COMPLETED")], ["CM"])
    assert not department.events("mpps unmatched")


def test_two_acquisitions_at_once(department: Department) -> None:
    """While one of two acquisitions still runs, the step is in progress, whatever the other one has become."""
    department.order(*request())
    (item,) = department.worklist()
    first, second = department.begin(item, uid="1.1"), department.begin(item, uid="1.2")
    department.end(first, "DISCONTINUED", terms.WRONG_ENTRY)
    assert department.steps() == [("S1.1", "STARTED")]
    department.end(second)
    assert department.steps() == [("S1.1", "COMPLETED")]


def emptied(item: Dataset) -> Dataset:
    """What a modality sends for an exam nobody ordered: only a study of its own."""
    own = Dataset()
    own.PatientID, own.PatientName, own.StudyInstanceUID = "9999", "ROE^JOHN", "1.2.840.77.1"
    own.ScheduledProcedureStepSequence = [Dataset()]
    own.ScheduledProcedureStepSequence[0].Modality = item.ScheduledProcedureStepSequence[0].Modality
    return own


def test_an_unscheduled_exam(department: Department) -> None:
    """An exam nobody ordered is taken, nobody's step changes, and the operator finds it as unmatched."""
    department.order(*request())
    uid = department.begin(emptied(department.worklist()[0]))
    department.end(uid)
    assert department.steps() == [("S1.1", "SCHEDULED")]
    assert department.events("mpps unmatched") == [("mpps unmatched", {"mpps": uid, "accession_numbers": []})]
    assert [kind for kind, _ in department.events("mpps completed")] == ["mpps completed"]
    assert not department.told()


def test_an_exam_without_any_reference(department: Department) -> None:
    """A report whose list of scheduled steps is empty is taken all the same."""
    department.order(*request())
    department.begin(emptied(department.worklist()[0]), ScheduledStepAttributesSequence=[])
    assert [kind for kind, _ in department.events("mpps unmatched")] == ["mpps unmatched"]


NUMBERS = (
    "StudyInstanceUID",
    "AccessionNumber",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)


@pytest.mark.parametrize(
    ("kept", "begun"),
    [
        (("StudyInstanceUID", "ScheduledProcedureStepID"), ["SPS2"]),
        (("AccessionNumber", "RequestedProcedureID", "ScheduledProcedureStepID"), ["SPS2"]),
        (("AccessionNumber", "ScheduledProcedureStepID"), ["SPS2"]),
        (("StudyInstanceUID",), ["SPS1", "SPS2"]),
        (("AccessionNumber",), ["SPS1", "SPS2"]),
        (("ScheduledProcedureStepID",), []),
        (("RequestedProcedureID", "ScheduledProcedureStepID"), ["SPS2"]),
        (("RequestedProcedureID",), ["SPS1", "SPS2"]),
        (("PlacerOrderNumberImagingServiceRequest",), ["SPS1", "SPS2"]),
    ],
)
def test_which_step_is_meant(pair: Department, kept: tuple[str, ...], begun: list[str]) -> None:
    """A report means the step it names, or all of the study or accession it names; a step id alone names nothing."""
    item = pair.worklist()[1]
    step = item.ScheduledProcedureStepSequence[0]
    for place in (item, step):
        for keyword in NUMBERS:
            if keyword in place and keyword not in kept:
                setattr(place, keyword, "1.2.3.99" if keyword == "StudyInstanceUID" else "")
    pair.begin(item)
    assert [step_id for step_id, status in pair.steps() if status == "STARTED"] == begun
    assert bool(pair.events("mpps unmatched")) is not bool(begun)


def test_the_only_step_left_is_meant(pair: Department) -> None:
    """When one of two steps is done, a report with the study alone means the other."""
    first, second = pair.worklist()
    pair.end(pair.begin(first, uid="1.1"))
    second.AccessionNumber = second.RequestedProcedureID = ""
    second.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID = ""
    pair.begin(second, uid="1.2")
    assert pair.steps() == [("SPS1", "COMPLETED"), ("SPS2", "STARTED")]


def test_the_wrong_patient(department: Department) -> None:
    """A report that names another patient than the order is taken, and the operator is warned."""
    department.order(*request())
    department.begin(*department.worklist(), PatientID="9999")
    assert department.steps() == [("S1.1", "STARTED")]
    assert department.warnings() == ["the Patient ID of the performed step is not the one that was scheduled"]


@pytest.mark.parametrize(
    ("name", "born", "goes_on"),
    [
        ("ROE^RICHARD", "", False),
        ("DOE^JOHN", "19720411", False),
        ("DOE^JANE", "19790101", False),
        ("Doe^Jane^Mary", "19720411", True),
        ("DOE", "", True),
        ("Доу^Джейн", "19720411", True),
        ("Доу^Джейн", "19790101", False),
        ("", "", True),
    ],
)
def test_somebody_elses_exam_under_this_order(department: Department, name: str, born: str, goes_on: bool) -> None:
    """Whoever is another by number and by name or birth date does not end this patient's exam; an operator decides."""
    department.order(*request())
    uid = department.begin(*department.worklist(), PatientID="9999", PatientName=name, PatientBirthDate=born)
    department.end(uid)
    assert department.steps() == [("S1.1", "COMPLETED" if goes_on else "SCHEDULED")]
    assert bool(department.told()) is goes_on
    (waiting,) = department.unresolved()
    assert waiting.matching == ("other patient" if goes_on else "unmatched")
    assert [kind for kind, _ in department.events("mpps suggested", "mpps unmatched")] == (
        [] if goes_on else ["mpps suggested", "mpps unmatched"]
    )


@pytest.mark.parametrize("reason", sorted(terms.PUTS_BACK))
def test_a_wrong_entry_goes_back(department: Department, reason: str) -> None:
    """After a reason that leaves the exam still to be done the step is on the worklist again."""
    department.order(*request())
    department.end(department.begin(*department.worklist()), "DISCONTINUED", reason)
    assert (department.steps(), order_status(department)) == ([("S1.1", "SCHEDULED")], ["SC"])
    (item,) = department.worklist()
    assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus == "SCHEDULED"
    department.end(department.begin(item, uid="1.9"))
    assert order_status(department) == ["CM"]


@pytest.mark.parametrize("reason", ["", "110505", "110513"])
def test_an_abandoned_exam(department: Department, reason: str) -> None:
    """An exam that is broken off for any other reason leaves the worklist as discontinued."""
    department.order(*request())
    department.end(department.begin(*department.worklist()), "DISCONTINUED", reason)
    assert (department.steps(), order_status(department)) == ([("S1.1", "DISCONTINUED")], ["DC"])
    assert not department.worklist()


@pytest.mark.parametrize(
    ("status", "reason", "after", "order"),
    [
        ("COMPLETED", "", "COMPLETED", "CM"),
        ("DISCONTINUED", "110505", "CANCELLED", "CA"),
        ("DISCONTINUED", "110514", "CANCELLED", "CA"),
    ],
)
def test_performed_although_cancelled(department: Department, status: str, reason: str, after: str, order: str) -> None:
    """An exam done in spite of its cancel is told as it is; one broken off stays cancelled and is not listed again."""
    department.order(*request())
    items = department.worklist()
    department.order("ORC|CA|8100^HIS")
    uid = department.begin(*items)
    assert department.steps() == [("S1.1", "STARTED")]
    assert department.warnings() == ["a modality performs a step that had been cancelled"]
    department.end(uid, status, reason)
    assert (department.steps(), order_status(department)) == ([("S1.1", after)], [order])
    assert not department.worklist()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda department, item: department.begin(item, uid="1.1"), errors.DuplicateStep),
        (lambda department, _: department.end("1.9"), errors.UnknownStep),
        (lambda department, _: department.set("1.1", Dataset()), errors.StepClosed),
    ],
    ids=["begun twice", "never begun", "already ended"],
)
def test_a_refused_report_changes_nothing(department: Department, act: object, error: type[Exception]) -> None:
    """A report that contradicts what is known is refused, and the step, its order and the queue stay as they are."""
    department.order(*request())
    (item,) = department.worklist()
    department.end(department.begin(item, uid="1.1"))
    before = [department.rows(table) for table in ("step", "order", "journal", "delivery")]
    with pytest.raises(error):
        act(department, item)  # type: ignore[operator]
    assert [department.rows(table) for table in ("step", "order", "journal", "delivery")] == before


def test_more_news_of_the_same_state(department: Department) -> None:
    """A report that changes no status is kept and journalled, and nobody is told again."""
    department.order(*request())
    uid = department.begin(*department.worklist())
    told = len(department.told())
    news = Dataset()
    news.PerformedProcedureStepDescription = "Abdomen with contrast"
    department.set(uid, news)
    assert len(department.told()) == told
    assert len(department.events("mpps changed")) == 1

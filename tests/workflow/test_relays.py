"""Who else is told what a modality reported."""

from typing import Any

import pytest

from swf import errors
from swf.dicom import mpps_envelope
from tests.workflow.conftest import Department, Found, request


def relay(name: str, **keys: Any) -> dict[str, Any]:
    """A system that is told of performed steps."""
    return {"name": name, "ae_title": name.upper(), "host": "127.0.0.1", "port": 104, **keys}


def passed_on(department: Department) -> list[tuple[str, str, str]]:
    """To whom, what kind, and about which step, in the order it was queued."""
    rows = [row for row in department.rows("delivery") if row.type.startswith("N-")]
    return [(row.destination, row.type, row.subject) for row in rows]


def test_every_report_goes_to_every_system_in_order(found: Found) -> None:
    """Begin, news and end of an exam are queued for the archive and the image manager with the report itself."""
    department = found(relay=[relay("pacs"), relay("manager")])
    department.order(*request())
    department.end(department.begin(*department.worklist(), uid="1.2.1"))
    assert passed_on(department) == [
        ("pacs", "N-CREATE", "1.2.1"),
        ("manager", "N-CREATE", "1.2.1"),
        ("pacs", "N-SET", "1.2.1"),
        ("manager", "N-SET", "1.2.1"),
    ]
    begin = next(row for row in department.rows("delivery") if row.type == "N-CREATE")
    uid, dataset = mpps_envelope.opened(begin.payload)
    assert (uid, dataset.PerformedProcedureStepStatus, dataset.PatientID) == ("1.2.1", "IN PROGRESS", "4711")
    assert begin.order == department.rows("order")[0].id


def test_an_exam_without_an_order_is_passed_on_too(found: Found) -> None:
    """The archive hears of an emergency as of any other exam."""
    department = found(relay=[relay("pacs")])
    department.order(*request())
    item = department.worklist()[0]
    item.PatientID, item.StudyInstanceUID = "9999", "1.2.840.77.1"
    department.begin(item, uid="1.2.1", ScheduledStepAttributesSequence=[])
    assert passed_on(department) == [("pacs", "N-CREATE", "1.2.1")]
    assert department.rows("delivery")[0].order is None


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, True),
        ({"modalities": ["CT1", "CT2"]}, True),
        ({"modalities": ["MR1"]}, False),
        ({"ae_title": "CT1"}, False),
    ],
    ids=["all", "named", "others", "itself"],
)
def test_who_is_to_be_told(found: Found, keys: dict[str, Any], told: bool) -> None:
    """A system gets the reports of the modalities it is for, and never its own."""
    department = found(relay=[relay("pacs", **keys)])
    department.order(*request())
    department.begin(*department.worklist())
    assert bool(passed_on(department)) is told


def test_a_report_does_not_go_round_in_circles(found: Found) -> None:
    """What another broker passes on under our own title is kept, and goes no further."""
    department = found(relay=[relay("pacs")], dicom={"ae_title": "CT1"})
    department.order(*request())
    department.begin(*department.worklist())
    assert not passed_on(department)


def test_what_is_refused_is_not_passed_on(found: Found) -> None:
    """A report we do not take is nobody else's either."""
    department = found(relay=[relay("pacs")])
    department.order(*request())
    with pytest.raises(errors.UnknownStep):
        department.end("1.2.9")
    assert not passed_on(department)

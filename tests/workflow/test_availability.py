"""An archive says which images it holds (RAD-49)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf import clock, errors
from swf.dicom import mpps
from swf.store import availability as store_of_notices
from swf.store import mpps as store
from swf.workflow import availability
from swf.workflow.availability import Notification
from tests.notices import notice
from tests.workflow.conftest import Department, Found, request

STUDY = "1.2.840.99.1"
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def tell(department: Department, dataset: Dataset, uid: str = "1.5.1") -> None:
    """The archive sends a notice."""
    notification = Notification("PACS", uid, dataset)
    department.database.run(
        lambda transaction: availability.receive(transaction, department.site, notification, clock.now())
    )


def site_that(found: Found, *witnesses: str, settle: float = 0) -> Department:
    """A department with an order for a device that sends no MPPS."""
    department = found(modality=[{"ae_title": "CR1", "completed_by": witnesses, "images_settle_minutes": settle}])
    lines = ["ORC|NW|8100^HIS", "OBR|1|8100^HIS||CHEST^Chest^99HIS"]
    department.order(*lines, f"IPC|ACC1|RP1|{STUDY}|SPS1|CR|||^^^20260316|CR1")
    return department


def available(department: Department) -> list[dict[str, Any]]:
    """What the trace tells of images."""
    return [detail for _, detail in department.events("images available")]


def test_images_of_a_device_without_mpps_complete_its_step(found: Found) -> None:
    """Where the site says so, what has images has been done, and the hospital hears of it, once."""
    department = site_that(found, "availability")
    tell(department, notice(STUDY, {"1.2.1": "ONLINE"}))
    assert department.steps() == [("SPS1", "COMPLETED")]
    assert department.told() == [["ORM^O01", "8100", "CM", "R"], ["ORU^R01", "8100", "", "R"]]
    tell(department, notice(STUDY, {"1.2.2": "ONLINE"}), "1.5.2")
    assert len(department.told()) == 2
    assert [detail["available"] for detail in available(department)] == [1, 2]


def settled(department: Department, minutes: float) -> int:
    """How many orders are completed when the clock looks so many minutes from now."""
    at = clock.now() + timedelta(minutes=minutes)
    return department.database.run(lambda transaction: availability.settled(transaction, department.site, at))


def test_a_study_told_of_in_parts_is_done_when_no_more_comes(found: Found) -> None:
    """The first images of an exam do not end it; it is done when the archive has been silent for a while, once."""
    department = site_that(found, "availability", settle=5)
    tell(department, notice(STUDY, {"1.2.1": "ONLINE"}))
    assert department.steps() == [("SPS1", "SCHEDULED")]
    tell(department, notice(STUDY, {"1.2.2": "ONLINE"}), "1.5.2")
    with department.database.transaction() as transaction:
        assert [row.sop_instance_uid for row in store_of_notices.settling(transaction, FAR)] == ["1.5.2"]
    assert (settled(department, 4), settled(department, 6), settled(department, 7)) == (0, 1, 0)
    assert department.steps() == [("SPS1", "COMPLETED")]


def test_images_that_vanish_meanwhile_complete_nothing(found: Found) -> None:
    """Only what is still there when the archive falls silent says that the exam is done."""
    department = site_that(found, "availability", settle=5)
    tell(department, notice(STUDY, {"1.2.1": "ONLINE"}))
    tell(department, notice(STUDY, {"1.2.1": "UNAVAILABLE"}), "1.5.2")
    assert (settled(department, 6), department.steps()) == (0, [("SPS1", "SCHEDULED")])


@pytest.mark.parametrize(
    ("witnesses", "study", "state"),
    [((), STUDY, "ONLINE"), (("availability",), STUDY, "UNAVAILABLE"), (("availability",), "1.2.9", "ONLINE")],
    ids=["no rule", "not there", "another study"],
)
def test_a_notice_alone_completes_nothing(found: Found, witnesses: tuple[str, ...], study: str, state: str) -> None:
    """Without the rule, or without the images, the exam is still to be done; the notice is kept all the same."""
    department = site_that(found, *witnesses)
    tell(department, notice(study, {"1.2.1": state}))
    assert (department.steps(), len(available(department))) == ([("SPS1", "SCHEDULED")], 1)
    assert not department.told()


def test_what_was_withdrawn_is_not_there(found: Found) -> None:
    """The latest notice about an image counts."""
    department = site_that(found)
    for number, state in enumerate(("ONLINE", "UNAVAILABLE", "ONLINE"), start=1):
        tell(department, notice(STUDY, {"1.2.1": state}), f"1.5.{number}")
    assert [(detail["available"], detail["unavailable"]) for detail in available(department)] == [
        (1, 0),
        (0, 1),
        (1, 0),
    ]


def test_the_images_of_an_exam_are_counted(department: Department) -> None:
    """Of what the modality said it made, the trace tells how much is not in the archive yet."""
    department.order(*request())
    department.end(department.begin(*department.worklist(), uid="1.1"))
    with department.database.reading() as connection:
        row = store.seen(connection, "1.1")
    assert row
    made = list(mpps.instances(mpps.decode(row.dataset)))
    tell(department, notice("1.2.77", {made[0]: "ONLINE"}, "1.1"), "1.5.1")
    tell(department, notice("1.2.77", {made[1]: "NEARLINE"}, "1.1"), "1.5.2")
    assert [detail["missing"] for detail in available(department)] == [1, 0]
    assert department.rows("journal")[-1].order == department.rows("order")[0].id


def test_a_notice_is_taken_once(found: Found) -> None:
    """The same notice again is told apart (0111) and counts once."""
    department = site_that(found)
    tell(department, notice(STUDY, {"1.2.1": "ONLINE"}))
    with pytest.raises(errors.DuplicateStep):
        tell(department, notice(STUDY, {"1.2.1": "ONLINE"}))
    assert len(available(department)) == 1

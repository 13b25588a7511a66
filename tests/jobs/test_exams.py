"""What the clock finds out about exams by itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from swf import config
from swf.config import Settings
from swf.dicom import encoding
from swf.jobs import exams
from swf.mapping import loader
from swf.store import mpps, orders
from swf.store.database import Database
from swf.workflow import availability
from swf.workflow.availability import Notification
from swf.workflow.site import Site
from tests import rows
from tests.jobs.conftest import HandClock, Lines
from tests.notices import notice


@pytest.fixture
def site() -> Site:
    """A site where CT1 may be silent for an hour, US1 for ever, and others for the usual time."""
    devices = [{"ae_title": "CT1", "aliases": ["CT1B"], "overdue_hours": 1}, {"ae_title": "US1", "overdue_hours": 0}]
    return Site(Settings(modality=devices), loader.load(config.shipped_mappings() / "default.toml"))


def test_silent_exams_are_noted_and_logged_once(
    archive: Database, site: Site, hand_clock: HandClock, log_lines: Lines
) -> None:
    """Each device has its own patience, and who is overdue is told once in the log, by numbers only."""
    two_hours, a_day = rows.AT - timedelta(hours=2), rows.AT - timedelta(hours=24)
    with archive.transaction() as transaction:
        for uid, title, heard in (
            ("1.1", "CT1", two_hours),
            ("1.2", "CT1B", two_hours),
            ("1.3", "US1", a_day),
            ("1.4", "MR1", two_hours),
            ("1.5", "MR1", a_day),
        ):
            rows.performed(transaction, sop_instance_uid=uid, calling_ae_title=title, updated_at=heard)
    for _ in range(2):
        exams.watch(archive, lambda: site)
    with archive.reading() as connection:
        found = mpps.overview(connection, limit=10, only="OVERDUE")
    assert [row.sop_instance_uid for row in found] == ["1.5", "1.2", "1.1"]
    told = [(line["event"], line["mpps"]) for line in log_lines()]
    assert told == [("exam overdue", "1.5"), ("exam overdue", "1.1"), ("exam overdue", "1.2")]


def test_a_store_that_fails_is_said(tmp_path: Path, site: Site, log_lines: Lines) -> None:
    """When the database does not answer, the watch says so and goes on next time."""
    opened = Database(f"sqlite:///{tmp_path}/nothing.db")
    exams.watch(opened, lambda: site)
    opened.close()
    assert [line["event"] for line in log_lines()] == ["exams not watched"]


def test_images_that_settled_complete_an_exam_and_are_told_once(
    archive: Database, hand_clock: HandClock, log_lines: Lines
) -> None:
    """The broker itself looks whether the archive has fallen silent about a study of a device without MPPS."""
    device = {"ae_title": "CR1", "completed_by": ["availability"], "images_settle_minutes": 2}
    site = Site(Settings(modality=[device]), loader.load(config.shipped_mappings() / "default.toml"))
    item = {"ScheduledProcedureStepSequence": [{"ScheduledProcedureStepStatus": "SCHEDULED"}]}
    with archive.transaction() as transaction:
        rows.step(transaction, stations=("CR1",), study_instance_uid="1.2.3", dataset=encoding.encode(item))
        told = Notification("PACS", "1.5.1", notice("1.2.3", {"1.2.1": "ONLINE"}))
        availability.receive(transaction, site, told, hand_clock.now())
    for _ in range(3):
        exams.watch(archive, lambda: site)
        hand_clock.move(seconds=70)
    exams.watch(archive, lambda: site)
    with archive.reading() as connection:
        (step,) = orders.find_steps(connection, {"study_instance_uid": "1.2.3"})
    assert step.status == "COMPLETED"
    assert [(line["event"], line["count"]) for line in log_lines()] == [("orders completed by their images", 1)]

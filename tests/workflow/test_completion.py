"""Devices that send no MPPS: what else may say that an exam is done."""

from datetime import datetime, timedelta

import pytest

from swf import clock
from swf.workflow import completion
from tests.workflow.conftest import Department, Found


def site_that(found: Found, *witnesses: str, station: str = "CR1") -> Department:
    """A department with an order for a device that sends no MPPS."""
    device = {"ae_title": "CR1", "completed_by": witnesses, "completed_after_hours": 4}
    department = found(modality=[device])
    order = [
        "ORC|NW|8100^HIS",
        "OBR|1|8100^HIS||CHEST^Chest^99HIS",
        f"IPC|ACC1|RP1|1.2.840.99.1|SPS1|CR|||^^^20260316|{station}",
    ]
    department.order(*order, "TQ1|1||||||20260316093000")
    return department


def report(department: Department, status: str) -> str:
    """A report of the order arrives."""
    header = "MSH|^~\\&|RIS|HOSP|SWF|RAD|20260316||ORU^R01|R1|P|2.3.1"
    lines = [header, "PID|||4711^^^HOSP", f"OBR|1|8100^HIS||CHEST|{'|' * 20}{status}", ""]
    return department.receive("\r".join(lines)).code


def passing(department: Department, hours: float) -> int:
    """Look so many hours after the scheduled start."""
    start = datetime(2026, 3, 16, 9, 30, tzinfo=clock.local(clock.now()).tzinfo)
    at = start + timedelta(hours=hours)
    return department.database.run(lambda transaction: completion.of_time(transaction, department.site, at))


@pytest.mark.parametrize(
    ("status", "witnesses", "step"),
    [
        ("F", ("report",), "COMPLETED"),
        ("C", ("report",), "COMPLETED"),
        ("P", ("report",), "SCHEDULED"),
        ("F", ("time", "availability"), "SCHEDULED"),
        ("F", (), "SCHEDULED"),
    ],
)
def test_a_final_report_stands_for_the_exam(found: Found, status: str, witnesses: tuple[str, ...], step: str) -> None:
    """Where the site says so, what was reported on for good has been done; a preliminary report proves nothing."""
    department = site_that(found, *witnesses)
    assert report(department, status) == "AA"
    assert department.steps() == [("SPS1", step)]
    assert ([line[2] for line in department.told() if line[0] == "ORM^O01"] == ["CM"]) is (step == "COMPLETED")


def test_time_completes_what_nothing_else_does(found: Found) -> None:
    """So many hours after its start the exam is taken for done, and the hospital hears of it, once."""
    department = site_that(found, "time")
    assert [passing(department, hours) for hours in (-1, 3.9, 4.1, 5)] == [0, 0, 1, 0]
    assert department.steps() == [("SPS1", "COMPLETED")]
    ((_, detail),) = department.events("end presumed")
    assert detail["text"] == "its time is over, and the device sends no MPPS"
    assert department.told()[-2] == ["ORM^O01", "8100", "CM", "R"]


@pytest.mark.parametrize(("witnesses", "station"), [((), "CR1"), (("report",), "CR1"), (("time",), "CT1")])
def test_time_alone_completes_nothing(found: Found, witnesses: tuple[str, ...], station: str) -> None:
    """Without that rule for that device, an exam that was missed waits for ever."""
    department = site_that(found, *witnesses, station=station)
    assert passing(department, 100) == 0
    assert department.steps() == [("SPS1", "SCHEDULED")]


def test_a_device_that_reports_after_all_is_believed(found: Found) -> None:
    """A step some device has begun to perform is ended by that device, whatever the rule."""
    department = site_that(found, "time", "report")
    department.begin(*department.worklist())
    report(department, "F")
    assert passing(department, 100) == 0
    assert department.steps() == [("SPS1", "STARTED")]


def test_a_cancelled_step_stays_cancelled(found: Found) -> None:
    """Time completes nothing that was called off."""
    department = site_that(found, "time")
    department.order("ORC|CA|8100^HIS")
    passing(department, 100)
    assert department.steps() == [("SPS1", "CANCELLED")]

"""Exams whose device never says that they are over."""

from datetime import timedelta
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf import clock
from swf.dicom.terms import PerformedStatus
from swf.errors import Unresolvable
from swf.workflow import overdue
from tests.workflow.conftest import Department, Found, request


def site_that(found: Found, **rules: Any) -> Department:
    """A department whose CT1 has these rules, with one exam in progress under 1.1."""
    department = found(modality=[{"ae_title": "CT1", "overdue_hours": 2, **rules}])
    department.order(*request())
    department.begin(*department.worklist(), uid="1.1")
    return department


def after(department: Department, hours: float) -> bool:
    """Look at the exam so many hours from now."""
    at = clock.now() + timedelta(hours=hours)
    return department.database.run(lambda transaction: overdue.note(transaction, department.site, "1.1", at))


def test_an_overdue_exam_is_noted_once(found: Found) -> None:
    """An exam nobody closes is seen in the trace of its order, once, and nothing else is made of it."""
    department = site_that(found)
    assert [after(department, hours) for hours in (1, 3, 4)] == [False, True, False]
    ((_, detail),) = department.events("mpps overdue")
    assert (detail["mpps"], detail["ae_title"]) == ("1.1", "CT1")
    assert department.steps() == [("S1.1", "STARTED")]


@pytest.mark.parametrize("hours", [0])
def test_a_site_may_not_want_to_know(found: Found, hours: float) -> None:
    """Where a device is allowed to be silent for ever, nothing is called overdue."""
    assert not after(site_that(found, overdue_hours=hours), 10_000)


def test_a_device_that_reports_again_is_no_longer_overdue(found: Found) -> None:
    """After news of the exam it is looked at anew."""
    department = site_that(found)
    assert after(department, 3)
    department.set("1.1", Dataset())
    assert after(department, 3)


@pytest.mark.parametrize(
    ("rule", "step", "told"), [("complete", "COMPLETED", ["CM", "R"]), ("discontinue", "DISCONTINUED", ["DC", "X"])]
)
def test_a_rule_ends_what_nobody_ends(found: Found, rule: str, step: str, told: list[str]) -> None:
    """By the site's rule the order goes on without the device, and the hospital hears of it."""
    department = site_that(found, when_overdue=rule)
    after(department, 3)
    assert department.steps() == [("S1.1", step)]
    assert department.told()[-2][2:] == told
    assert [detail["status"] for _, detail in department.events("end presumed")] == [step]


@pytest.mark.parametrize(
    ("late", "reason", "step"),
    [
        ("COMPLETED", "", "COMPLETED"),
        ("DISCONTINUED", "110505", "DISCONTINUED"),
        ("DISCONTINUED", "110514", "SCHEDULED"),
        ("IN PROGRESS", "", "COMPLETED"),
    ],
)
def test_what_the_device_reports_after_all_counts(found: Found, late: str, reason: str, step: str) -> None:
    """The late report is taken, and is stronger than what was presumed; mere signs of life reopen nothing."""
    department = site_that(found, when_overdue="complete")
    after(department, 3)
    department.end("1.1", late, reason)
    assert department.steps() == [("S1.1", step)]


def test_another_exam_that_was_completed_stands(found: Found) -> None:
    """Of two acquisitions one was left open and one completed: broken off late, the open one takes nothing back."""
    department = site_that(found, when_overdue="discontinue")
    (item,) = department.worklist()
    department.end(department.begin(item, uid="1.2"))
    assert department.steps() == [("S1.1", "STARTED")]
    after(department, 3)
    assert department.steps() == [("S1.1", "COMPLETED")]
    department.end("1.1", "DISCONTINUED", "110505")
    assert department.steps() == [("S1.1", "COMPLETED")]


def test_an_operator_ends_an_exam(found: Found) -> None:
    """Who knows that the exam is over says so; what was ended by its device cannot be ended again."""
    department = site_that(found)
    end = PerformedStatus.DISCONTINUED
    department.database.run(lambda transaction: overdue.end(transaction, department.site, "1.1", end, clock.now()))
    assert department.steps() == [("S1.1", "DISCONTINUED")]
    department.end("1.1")
    assert department.steps() == [("S1.1", "COMPLETED")]
    with pytest.raises(Unresolvable):
        department.database.run(lambda transaction: overdue.end(transaction, department.site, "1.1", end, clock.now()))

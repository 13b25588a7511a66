"""Performed steps: found again, listed, linked and taken apart."""

from datetime import timedelta

import pytest

from swf.store import mpps, patients
from swf.store.database import Database
from tests import rows


def test_what_nobody_could_place_is_found_by_patient_or_study(database: Database) -> None:
    """An order that comes later finds the exams of its patient, under old numbers too, and of its study."""
    with database.transaction() as transaction:
        patient = rows.patient(transaction, "P1")
        patients.merge(transaction, rows.patient(transaction, "OLD"), patient, rows.AT)
        for uid, columns in {
            "1.1": {"patient_id": "P1"},
            "1.2": {"patient_id": "OLD"},
            "1.3": {"study_instance_uid": "9.1"},
            "1.4": {"patient_id": "P2", "study_instance_uid": "9.2"},
            "1.5": {"patient_id": "P1", "matching": "named"},
        }.items():
            rows.performed(transaction, sop_instance_uid=uid, **columns)
        found = mpps.unmatched(transaction, patient, {"9.1"})
        assert [row.sop_instance_uid for row in found] == ["1.1", "1.2", "1.3"]
        assert mpps.unmatched(transaction, 0, {"9.9"}) == []


def test_what_was_unlinked_counts_no_more(database: Database) -> None:
    """Taken apart, a performed step says nothing about the scheduled one."""
    with database.transaction() as transaction:
        steps = [rows.step(transaction) for _ in range(2)]
        performed = rows.performed(transaction)
        mpps.link(transaction, performed, steps)
        mpps.unlink(transaction, performed, steps[:1])
        assert [row.id for row in mpps.seen_for(transaction, performed)] == steps[1:]
        assert mpps.statuses_for(transaction, steps[0]) == []


def test_a_presumed_end_counts_until_another_is_reported(database: Database) -> None:
    """A device that never closes an exam does not keep it open."""
    with database.transaction() as transaction:
        step, performed = rows.step(transaction), rows.performed(transaction, presumed="COMPLETED")
        mpps.link(transaction, performed, [step])
        assert mpps.statuses_for(transaction, step) == ["COMPLETED"]
        mpps.change(transaction, performed, presumed="", status="DISCONTINUED")
        assert mpps.statuses_for(transaction, step) == ["DISCONTINUED"]


def test_what_is_still_open_is_found_the_longest_silent_first(database: Database) -> None:
    """An exam that ended, or was called overdue already, is not looked at again."""
    late, recent = rows.AT - timedelta(hours=13), rows.AT - timedelta(hours=1)
    with database.transaction() as transaction:
        for uid, columns in {
            "1.1": {"updated_at": late},
            "1.2": {"updated_at": recent},
            "1.3": {"updated_at": late, "status": "COMPLETED"},
            "1.4": {"updated_at": late, "overdue_at": recent},
            "1.5": {"updated_at": late - timedelta(hours=1), "calling_ae_title": "MR1"},
        }.items():
            rows.performed(transaction, sop_instance_uid=uid, **columns)
        assert [row.sop_instance_uid for row in mpps.unfinished(transaction)] == ["1.5", "1.1", "1.2"]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("", ["1.3", "1.2", "1.1"]),
        ("UNRESOLVED", ["1.2"]),
        ("OVERDUE", ["1.3"]),
        ("COMPLETED", ["1.1"]),
    ],
)
def test_an_operator_lists_what_is_to_be_done(database: Database, only: str, expected: list[str]) -> None:
    """The newest first, with the order each belongs to, and only what was asked for."""
    with database.transaction() as transaction:
        step = rows.step(transaction, rows.order(transaction, accession_number="A1"))
        first = rows.performed(transaction, sop_instance_uid="1.1", status="COMPLETED", matching="named")
        mpps.link(transaction, first, [step])
        rows.performed(transaction, sop_instance_uid="1.2", matching="other patient")
        rows.performed(transaction, sop_instance_uid="1.3", matching="linked", overdue_at=rows.AT)
    with database.reading() as connection:
        found = mpps.overview(connection, limit=10, only=only)
    assert [row.sop_instance_uid for row in found] == expected
    assert [row.linked_to for row in found if row.sop_instance_uid == "1.1"] in ([], ["A1"])

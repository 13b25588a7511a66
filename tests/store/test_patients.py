"""Patients by identifier, and what a merge does to their orders (RAD-12)."""

import itertools

from swf.store import orders, patients
from swf.store.database import Database
from tests import rows


def test_an_identifier_counts_only_with_its_authority(database: Database) -> None:
    """The same number given by two hospitals is two people."""
    with database.transaction() as transaction:
        here, there = rows.patient(transaction, "1", "HERE"), rows.patient(transaction, "1", "THERE")
        assert here != there
        assert patients.find(transaction, "1", "HERE").id == here
        assert patients.find(transaction, "1", "") is None


def test_saving_again_replaces_what_is_known(database: Database) -> None:
    """A patient whose name was corrected is still one patient."""
    with database.transaction() as transaction:
        first = patients.save(transaction, "1", "HOSP", b"DOE^JAN", rows.AT)
        assert patients.save(transaction, "1", "HOSP", b"DOE^JANE", rows.AT) == first
        assert patients.find(transaction, "1", "HOSP").dataset == b"DOE^JANE"
        patients.set_dataset(transaction, first, b"ROE^JANE", rows.AT)
        assert patients.find(transaction, "1", "HOSP").dataset == b"ROE^JANE"


def test_a_merged_identifier_leads_to_the_survivor_however_often_merged(database: Database) -> None:
    """After several merges every old number finds the one patient who is left, and all orders are that patient's."""
    names = ["A", "B", "C", "D"]
    with database.transaction() as transaction:
        numbers = [rows.patient(transaction, name) for name in names]
        placed = [rows.order(transaction, patient=number) for number in numbers]
        other = rows.order(transaction)
        for loser, survivor in itertools.pairwise(numbers):
            patients.merge(transaction, loser, survivor, rows.AT)
    with database.transaction() as transaction:
        assert {patients.find(transaction, name, "HOSP").id for name in names} == {numbers[-1]}
        assert {orders.one(transaction, number).patient for number in placed} == {numbers[-1]}
        assert orders.one(transaction, other).patient not in numbers


def test_identities_merged_in_a_circle_do_not_stop_the_broker(database: Database) -> None:
    """A hospital that merges two patients into each other gets an answer, not silence."""
    with database.transaction() as transaction:
        pair = [rows.patient(transaction, "A"), rows.patient(transaction, "B")]
        patients.merge(transaction, *pair, rows.AT)
        patients.merge(transaction, *reversed(pair), rows.AT)
        assert patients.find(transaction, "A", "HOSP").id in pair


def test_an_alias_leads_to_the_patient_and_replaces_nobody(database: Database) -> None:
    """A further number of a patient finds the patient; a number somebody has already is left alone."""
    with database.transaction() as transaction:
        first, second = rows.patient(transaction, "1"), rows.patient(transaction, "2")
        patients.add_alias(transaction, "A1", "REGION", first, rows.AT)
        patients.add_alias(transaction, "A1", "REGION", second, rows.AT)
        patients.add_alias(transaction, "2", "HOSP", first, rows.AT)
    with database.transaction() as transaction:
        assert patients.find(transaction, "A1", "REGION").id == first
        assert patients.find(transaction, "2", "HOSP").id == second


def test_an_alias_stands_by_itself(database: Database) -> None:
    """A further number that becomes a patient's own brings along what is known of the patient."""
    with database.transaction() as transaction:
        number = patients.save(transaction, "1", "HOSP", b"DOE^JANE", rows.AT)
        patients.add_alias(transaction, "A1", "REGION", number, rows.AT)
        patients.promote(transaction, patients.identity(transaction, "A1", "REGION"), rows.AT)
        found = patients.find(transaction, "A1", "REGION")
    assert (found.dataset, found.merged_into) == (b"DOE^JANE", None)
    assert found.id != number


def test_a_merge_is_taken_back_with_all_that_it_brought(database: Database) -> None:
    """Whoever is parted from a patient takes along every order that came under any of the numbers merged before."""
    with database.transaction() as transaction:
        numbers = [rows.patient(transaction, name) for name in ("A", "B", "C")]
        placed = [rows.order(transaction, patient=number) for number in numbers]
        for loser, survivor in itertools.pairwise(numbers):
            patients.merge(transaction, loser, survivor, rows.AT)
        patients.split(transaction, numbers[1], rows.AT)
    with database.transaction() as transaction:
        assert [orders.one(transaction, number).patient for number in placed] == [numbers[1], numbers[1], numbers[2]]
        assert patients.find(transaction, "A", "HOSP").id == numbers[1]


def test_merges_are_told_from_further_identifiers(database: Database) -> None:
    """A merge in force is listed with both sides until it is taken back; a further identifier never is."""
    with database.transaction() as transaction:
        loser, survivor = rows.patient(transaction, "LOSER"), rows.patient(transaction, "SURVIVOR")
        patients.add_alias(transaction, "FURTHER", "REGION", survivor, rows.AT)
        patients.merge(transaction, loser, survivor, rows.AT)
        (merge,) = patients.merges(transaction, limit=9)
        assert (merge.patient_id, merge.into, merge.merged_at) == ("LOSER", "SURVIVOR", rows.AT)
        assert len(patients.merges(transaction, limit=9, search="SURVIVOR")) == 1
        assert patients.merges(transaction, limit=9, search="FURTHER") == []
        assert len(patients.leading_to(transaction, survivor)) == 3
        patients.part(transaction, loser, rows.AT)
        assert patients.merges(transaction, limit=9) == []

"""Orders by their numbers, and the steps scheduled for them."""

import pytest
from sqlalchemy import select

from swf.errors import StoreError
from swf.model.order import FURTHER_VALUE, ORDER, STEP
from swf.store import mpps, orders
from swf.store.database import Database
from tests import rows

NOBODY = ("", "")


FOUND: list[tuple[tuple[str, str], tuple[str, str], str | None]] = [
    (("P1", "HIS"), NOBODY, "first"),
    (("P1", "HIS"), ("F2", "RIS"), "first"),
    (NOBODY, ("F2", "RIS"), "second"),
    (("P9", "HIS"), ("F2", "RIS"), "second"),
    (("P1", "OTHER"), NOBODY, None),
    (NOBODY, ("F1", "OTHER"), None),
    (("P9", "HIS"), ("F9", "RIS"), None),
    (NOBODY, NOBODY, None),
    (("", "HIS"), ("", "RIS"), None),
]


def test_an_order_is_found_by_placer_before_filler(database: Database) -> None:
    """The number of the hospital decides, then ours; a number of another system is another number."""
    with database.transaction() as transaction:
        for name, number in (("first", "1"), ("second", "2")):
            rows.order(
                transaction, placer_order_number=f"P{number}", filler_order_number=f"F{number}", accession_number=name
            )
        rows.order(transaction, placer_order_number="", placer_issuer="", filler_order_number="", filler_issuer="")
        for placer, filler, expected in FOUND:
            found = orders.find(transaction, placer=placer, filler=filler)
            assert (found and found.accession_number) == expected, (placer, filler)


def test_a_placer_number_is_there_once_and_no_placer_number_often(database: Database) -> None:
    """Two orders cannot carry the same number of the same hospital; orders without one are no duplicates."""
    with database.transaction() as transaction:
        rows.order(transaction, placer_order_number="P1")
        for _ in range(2):
            rows.order(transaction, placer_order_number="", placer_issuer="")
    with pytest.raises(StoreError), database.transaction() as transaction:
        rows.order(transaction, placer_order_number="P1")


def test_the_number_of_an_order_is_never_used_again(database: Database) -> None:
    """Identifiers made of an order's row stay its own, even after the order was removed."""
    with database.transaction() as transaction:
        number = rows.order(transaction)
        transaction.execute(ORDER.delete().where(ORDER.c.id == number))
    with database.transaction() as transaction:
        assert rows.order(transaction) > number


def test_an_accession_number_of_two_orders_is_known_to_be_ambiguous(database: Database) -> None:
    """Who asks for an accession number learns whether it means one order, several or none."""
    with database.transaction() as transaction:
        for accession in ("ONE", "MANY", "MANY", "MANY"):
            rows.order(transaction, accession_number=accession)
        found = [len(orders.of_accession(transaction, accession)) for accession in ("NONE", "ONE", "MANY")]
    assert found == [0, 1, 2]


def test_steps_keep_their_order_and_count_their_versions(database: Database) -> None:
    """The steps of an order are listed as they were scheduled, and every change of one is counted."""
    with database.transaction() as transaction:
        order = rows.order(transaction)
        steps = [rows.step(transaction, order, stations=("CT1", "CT2", "CT2")) for _ in range(3)]
        orders.change_step(transaction, steps[0], ["MR1"], dataset=b"changed")
        orders.set_step_status(transaction, steps[0], "STARTED", b"started", rows.AT)
        found = orders.steps(transaction, order)
        assert [row.id for row in found] == steps
        assert [(row.version, row.station, row.status) for row in found] == [
            (3, "MR1", "STARTED"),
            (1, "CT1", "SCHEDULED"),
            (1, "CT1", "SCHEDULED"),
        ]
        further = transaction.execute(select(FURTHER_VALUE).order_by(FURTHER_VALUE.c.step)).all()
        assert [(row.step, row.column, row.value) for row in further] == [
            (steps[1], "station", "CT2"),
            (steps[2], "station", "CT2"),
        ]


def test_steps_are_found_by_study_patient_and_reference(database: Database) -> None:
    """What a modality reports can be traced to its steps by study, step number, accession or patient."""
    with database.transaction() as transaction:
        owner = rows.patient(transaction)
        order = rows.order(transaction, patient=owner)
        wanted = rows.step(transaction, order, study_instance_uid="1.2.3", step_id="S1", accession_number="A1")
        rows.step(transaction, study_instance_uid="1.2.3", step_id="S2", accession_number="A1")
        references = {"study_instance_uid": "1.2.3", "step_id": "S1", "accession_number": "A1"}
        (found,) = orders.find_steps(transaction, references)
        assert (found.id, found.patient) == (wanted, owner)
        assert orders.find_steps(transaction, {**references, "accession_number": "A2"}) == []
        assert {row.step_id for row in orders.steps_of_study(transaction, "1.2.3")} == {"S1", "S2"}
        assert [row.id for row in orders.steps_of_patients(transaction, [owner])] == [wanted]
        assert orders.steps_of_patients(transaction, []) == []


def test_the_overview_shows_the_latest_orders_and_finds_by_any_number(database: Database) -> None:
    """An operator sees what changed last first, and finds an order by each of its numbers and its patient's."""
    with database.transaction() as transaction:
        for hour, name in ((9, "OLD"), (11, "NEW"), (10, "MID")):
            order = rows.order(transaction, accession_number=name, updated_at=rows.AT.replace(hour=hour))
            for start in ("20261123", "20261122"):
                rows.step(transaction, order, start=start, patient_id=f"DOE-{name}")
        rows.order(transaction, accession_number="BARE", updated_at=rows.AT.replace(hour=8), status="CANCELLED")
    with database.reading() as connection:
        shown = [(row.accession_number, row.steps, row.start) for row in orders.overview(connection, limit=3)]
        assert shown == [("NEW", 2, "20261122"), ("MID", 2, "20261122"), ("OLD", 2, "20261122")]
        assert [row.accession_number for row in orders.overview(connection, limit=9, search="DOE-MID")] == ["MID"]
        assert [row.accession_number for row in orders.overview(connection, limit=9, status="CANCELLED")] == ["BARE"]
        placer = orders.overview(connection, limit=1)[0].placer_order_number
        assert [row.accession_number for row in orders.overview(connection, limit=9, search=placer)] == ["NEW"]


def test_a_performed_step_is_linked_once_to_each_scheduled_one(database: Database) -> None:
    """One exam may serve several steps, and saying so twice changes nothing."""
    with database.transaction() as transaction:
        steps = [rows.step(transaction, status="SCHEDULED") for _ in range(2)]
        performed = rows.performed(transaction, sop_instance_uid="1.2.3")
        for linked in (steps, steps[:1], []):
            mpps.link(transaction, performed, linked)
        mpps.change(transaction, performed, status="COMPLETED")
        assert [row.id for row in mpps.scheduled_for(transaction, performed)] == steps
        assert mpps.statuses_for(transaction, steps[1]) == ["COMPLETED"]
        assert mpps.find(transaction, "1.2.3").status == "COMPLETED"
        assert mpps.find(transaction, "1.2.4") is None


def test_a_step_id_is_there_once_in_a_study(database: Database) -> None:
    """Two steps of one study can always be told apart."""
    with database.transaction() as transaction:
        only = rows.step(transaction, study_instance_uid="1.2.3", step_id="S1")
    with pytest.raises(StoreError), database.transaction() as transaction:
        rows.step(transaction, study_instance_uid="1.2.3", step_id="S1")
    with database.reading() as connection:
        assert connection.scalars(select(STEP.c.id)).all() == [only]


def test_the_steps_of_a_family(database: Database) -> None:
    """A parent's steps are its own and those of its children and grandchildren; a plain order's are its own."""
    with database.transaction() as transaction:
        parent = rows.order(transaction, is_parent=True)
        child = rows.order(transaction, parent=parent, is_parent=True)
        grandchild, other = rows.order(transaction, parent=child), rows.order(transaction)
        numbers = {of: rows.step(transaction, of) for of in (parent, child, grandchild, other)}
        assert orders.descendants(transaction, parent) == [child, grandchild]
        for of, expected in ((parent, (parent, child, grandchild)), (child, (child, grandchild)), (other, (other,))):
            found = orders.family_steps(transaction, orders.one(transaction, of))
            assert [row.id for row in found] == [numbers[each] for each in expected]


def test_a_hold_is_kept(database: Database) -> None:
    """That somebody holds a step is kept beside its status."""
    with database.transaction() as transaction:
        number = rows.order(transaction)
        step = rows.step(transaction, number)
        assert [row.on_hold for row in orders.steps(transaction, number)] == [False]
        orders.set_step_hold(transaction, step, on_hold=True)
        assert [row.on_hold for row in orders.steps(transaction, number)] == [True]


def test_the_orders_that_came_under_an_identity(database: Database) -> None:
    """Orders are found by whom they came for, whoever they are for now."""
    with database.transaction() as transaction:
        one, other = rows.patient(transaction), rows.patient(transaction)
        number = rows.order(transaction, patient=other, identity=one)
        rows.order(transaction, patient=other)
        assert [row.id for row in orders.of_identities(transaction, {one})] == [number]

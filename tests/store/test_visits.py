"""What visits were before they changed, on both databases (RAD-12)."""

from datetime import timedelta

from swf.store import visits
from swf.store.database import Database, Transaction
from tests import rows


def change(transaction: Transaction, patient: int, event: str, minute: int, steps: tuple[int, ...] = ()) -> None:
    """A change of visit V1, of the visit itself and of these steps."""
    common = {"patient": patient, "admission_id": "V1", "event": event, "at": rows.AT + timedelta(minutes=minute)}
    of_visit = {"step": None, "before": b"old", "after": event.encode()}
    visits.add(transaction, [{**common, **of_visit}, *({**common, **of_visit, "step": step} for step in steps)])


def test_what_has_to_be_taken_back(database: Database) -> None:
    """The change that is meant and every later one come back, the newest first, and can be forgotten."""
    with database.transaction() as transaction:
        patient, step = rows.patient(transaction), rows.step(transaction)
        for minute, event in enumerate(("A01", "A02", "A02", "A08")):
            change(transaction, patient, event, minute, (step,) if event == "A02" else ())
        found = visits.since(transaction, {patient}, "V1", ("A02",))
        assert [row.event for row in found if row.step is None] == ["A08", "A02"]
        assert [row.step for row in found if row.event == "A02"] == [step, None]
        assert visits.since(transaction, {patient}, "", ("A02",)) == found
        assert visits.since(transaction, {patient}, "V2", ("A02",)) == []
        assert visits.since(transaction, {patient + 1}, "V1", ("A02",)) == []
        visits.remove(transaction, found)
        last = visits.last(transaction, {patient}, "V1")
        assert last is not None
        assert (last.event, bytes(last.before), bytes(last.after)) == ("A02", b"old", b"A02")


def test_only_the_last_changes_are_kept(database: Database) -> None:
    """A patient who moves all the time does not fill the disk, and another visit loses nothing."""
    with database.transaction() as transaction:
        patient, other = rows.patient(transaction), rows.patient(transaction)
        change(transaction, other, "A01", 0)
        for minute in range(25):
            change(transaction, patient, "A02", minute, (rows.step(transaction),))
        moved = visits.since(transaction, {patient}, "V1", ("A02",))
        assert len(moved) == 2  # the last move, and its step
        visits.remove(transaction, moved)
        for _ in range(19):
            visits.remove(transaction, visits.since(transaction, {patient}, "V1", ("A02",)))
        assert visits.since(transaction, {patient}, "V1", ("A02",)) == []
        assert visits.last(transaction, {other}, "V1") is not None

"""Who was turned away at the door for modalities is found in the journal, however many they were."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from swf.jobs.refusal_recorder import RefusalRecorder
from swf.model.journal import JOURNAL, Event
from swf.net.dicom_refusals import MOST_KINDS, OTHERS, Refused
from swf.store.database import Database
from tests.conftest import MakeBroker
from tests.net.raw_peer import REJECTED, RawPeer

STRANGER = Refused("10.0.0.9", "STRANGER", "SWF", "calling AE title is not configured")


def _journalled(database: Database) -> list[dict[str, object]]:
    with database.reading() as connection:
        statement = select(JOURNAL.c.detail).where(JOURNAL.c.event == Event.ASSOCIATION_REJECTED)
        return [dict(detail) for detail in connection.scalars(statement.order_by(JOURNAL.c.id))]


def test_a_refused_device_is_found_in_the_journal(make_broker: MakeBroker) -> None:
    """The technician who asks why the new scanner gets no list is told when it called, from where, and what was wrong."""
    broker = make_broker(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT1"}])
    with RawPeer(("127.0.0.1", broker.dicom.address[1])) as peer:
        unit = peer.associate(calling="CT2")
        assert unit
        assert unit.kind == REJECTED
    broker.stop()
    (entry,) = _journalled(broker.database)
    assert entry == {
        "address": "127.0.0.1",
        "ae_title": "CT2",
        "called": "SWF",
        "reason": "calling AE title is not configured",
        "times": 1,
    }


def test_a_flood_is_one_entry_and_two_lines(database: Database, log_lines: Callable[[], list[Any]]) -> None:
    """A device that calls in vain all day fills neither the journal nor the log."""
    recorder = RefusalRecorder(database)
    recorder.refusals.note(STRANGER)
    assert recorder.turn() is None
    for _ in range(1000):
        recorder.refusals.note(STRANGER)
    assert recorder.turn() is not None
    recorder.stop()
    assert [entry["times"] for entry in _journalled(database)] == [1, 1000]
    assert [line.get("count") for line in log_lines()] == [None, None, 1000]


def test_many_addresses_do_not_take_memory(database: Database) -> None:
    """An attack from everywhere is counted together once it is many."""
    recorder = RefusalRecorder(database)
    for number in range(MOST_KINDS + 100):
        recorder.refusals.note(Refused(f"10.0.{number // 250}.{number % 250}", "", "", "nothing said in time"))
    recorder.stop()
    entries = _journalled(database)
    assert len(entries) == MOST_KINDS + 1
    assert (entries[-1]["reason"], entries[-1]["times"]) == (OTHERS, 100)


def test_a_recorder_writes_by_itself(database: Database, until: Callable[[Callable[[], bool]], None]) -> None:
    """The first refusal is in the journal at once, not when the broker stops."""
    recorder = RefusalRecorder(database)
    recorder.start()
    recorder.refusals.note(STRANGER)
    until(lambda: len(_journalled(database)) == 1)
    assert recorder.healthy()
    recorder.stop()

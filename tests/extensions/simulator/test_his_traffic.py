"""The HIS at work: against a real broker nothing is lost, whatever goes wrong on the way; a bad broker is found out."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from swf.extensions.simulator import faults, ordering, pace
from swf.extensions.simulator.his_traffic import TRIES, His
from swf.extensions.simulator.mis import Answer, Mis
from swf.extensions.simulator.watch import Watch
from tests.conftest import MakeBroker

FAST = pace.pace("max")
NEVER = threading.Event()


@pytest.fixture
def bad_broker() -> Iterator[Mis]:
    """Something that acknowledges orders and keeps none."""
    with Mis() as receiver:
        yield receiver


def _his(address: tuple[str, int], *wrong: str, **habits: Any) -> His:
    return His(address, ordering.habits("seven", "de", "mixed", faults=faults.faults("his", wrong), **habits), FAST)


def test_nothing_is_lost_whatever_goes_wrong(make_broker: MakeBroker) -> None:
    """Duplicates, late orders, lost acknowledgements, noise and wrong letters: what was acknowledged is on the list."""
    broker = make_broker()
    playing = _his(broker.hl7.address, "all=0.3")
    playing.watch = Watch(broker.dicom.address, playing.tally)
    playing.watch.start()
    playing.run(NEVER, 30)
    playing.watch.finish()
    state = playing.tally.state()
    assert state["findings"] == []
    seen, gone = state["counts"]["seen on the list"], state["counts"]["gone from the list"]
    assert seen >= len(playing.accepted) - len(playing.cancelled) > 10
    assert gone > 0
    assert {f"with {fault}" for fault in faults.HIS} <= state["counts"].keys()


def test_a_lost_order_is_named(bad_broker: Mis, scp: Any) -> None:
    """An order that is acknowledged and appears on no worklist is told by its number."""
    playing = _his(bad_broker.address)
    playing.watch = Watch(scp.address, playing.tally, 0.0)
    playing.watch.start()
    playing.run(NEVER, 2)
    playing.watch.finish()
    lost = [ordering.order(ordering.habits("seven", "de", "mixed"), number).accession for number in range(2)]
    assert [each.split()[1] for each in playing.tally.state()["findings"]] == lost
    assert playing.tally.of("lost orders") == 2


def test_an_order_that_is_cancelled_and_stays(bad_broker: Mis, scp: Any, worklist_item: Any) -> None:
    """A cancelled order that is still on the list is told."""
    habits = ordering.habits("seven", "de", "mixed", stations="CT=CT1")
    scp.items = [worklist_item(1, AccessionNumber=ordering.order(habits, 0).accession)]
    playing = _his(bad_broker.address, "cancel", stations="CT=CT1")
    playing.watch = Watch(scp.address, playing.tally, 0.0)
    playing.run(NEVER, 1)
    playing.watch.start()
    playing.watch.finish()
    (finding,) = playing.tally.state()["findings"]
    assert "is cancelled, and CT1 still sees it" in finding


@pytest.mark.parametrize(
    ("answer", "wrong", "finding"),
    [("AE", (), "was refused: AE"), ("AE", ("late",), ""), ("AR", (), f"was not taken in {TRIES} tries: AR")],
)
def test_refusals(
    bad_broker: Mis, monkeypatch: pytest.MonkeyPatch, answer: Answer, wrong: tuple[str, ...], finding: str
) -> None:
    """A right order that is refused is told, one that came late is not; AR is tried again before it is told."""
    monkeypatch.setattr("swf.extensions.simulator.his_traffic._FIRST_PAUSE_S", 0.001)
    bad_broker.personality = lambda _received: answer
    playing = _his(bad_broker.address, *wrong)
    playing.run(NEVER, 1)
    found = playing.tally.state()["findings"]
    assert [finding in each for each in found] == ([True] if finding else [])
    assert len(bad_broker.received) == (TRIES if answer == "AR" else 1)
    assert playing.accepted == {}


def test_two_answers_to_one_message(bad_broker: Mis) -> None:
    """A broker that takes a message and refuses it when it comes again is told."""
    answers: Iterator[Answer] = iter(["AA", "AE"])
    bad_broker.personality = lambda _received: next(answers)
    playing = _his(bad_broker.address, "duplicate", "late")
    playing.run(NEVER, 1)
    assert "was answered AA, and AE when it came again" in str(playing.tally.state()["findings"])


def test_it_stops_when_it_is_told_to(bad_broker: Mis) -> None:
    """A HIS without a number of orders sends until it is stopped, and says nothing is wrong."""
    stopping = threading.Event()
    playing = His(bad_broker.address, ordering.habits("seven", "en", "omi-2.5.1"), pace.pace("1/h"))
    thread = threading.Thread(target=playing.run, args=(stopping,))
    thread.start()
    assert bad_broker.wait_for(1)
    stopping.set()
    thread.join(5)
    assert not thread.is_alive()
    assert playing.tally.lawful

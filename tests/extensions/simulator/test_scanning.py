"""A simulated scanner at work: a right broker satisfies every kind of it, a wrong one is told attribute by attribute."""

import gc
import random
import socket
import threading
from typing import Any

import pytest

from swf.broker import Broker
from swf.extensions.simulator import faults, his, ordering, pace, people
from swf.extensions.simulator.devices import DEVICES
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.scanning import Scanning
from swf.net import mllp_client
from tests.conftest import MakeBroker

NEVER = threading.Event()
FAST = pace.pace("max")


@pytest.fixture
def busy(make_broker: MakeBroker) -> Broker:
    """A broker with a dozen orders for CT1, the names of which Latin 1 can write."""
    broker = make_broker()
    His(broker.hl7.address, ordering.habits("seven", "de", "omi-2.5.1", stations="CT=CT1"), FAST).run(NEVER, 12)
    return broker


def test_every_mistake_of_a_scanner_is_answered_as_the_standard_says(busy: Broker) -> None:
    """N-SET first, N-CREATE twice, lost answers, aborted and cancelled queries: each gets its status, and exams end."""
    playing = Scanning(busy.dicom.address, "CT1", FAST, seed="nine", faults=faults.faults("modality", ["all=0.25"]))
    playing.run(NEVER, 24)
    state = playing.tally.state()
    assert state["findings"] == []
    assert {f"with {fault}" for fault in faults.MODALITY} <= state["counts"].keys()
    assert {"completed", "discontinued", ""} <= set(playing.ended.values())
    assert playing.unscheduled > 0


@pytest.mark.parametrize("name", sorted(set(DEVICES) - {"ascii", "cyrillic"}))
def test_every_kind_is_served(busy: Broker, name: str) -> None:
    """Whatever a device asks for and in which letters, what it gets can be shown."""
    playing = Scanning(busy.dicom.address, "CT1", FAST, seed=name, device=DEVICES[name])
    playing.run(NEVER, 1)
    state = playing.tally.state()
    assert state["findings"] == []
    assert state["counts"]["completed"] == 1


def test_a_strict_scanner_shows_nothing_when_one_entry_is_wrong(scp: Any, worklist_item: Any) -> None:
    """One entry without an accession number, and the strict scanner does no exam; an easier one does the others."""
    scp.items = [worklist_item(1), worklist_item(2, AccessionNumber="")]
    strict = Scanning(scp.address, "CT1", FAST, device=DEVICES["strict-ct"])
    strict.run(NEVER, 1)
    assert any("AccessionNumber has no value" in each for each in strict.tally.state()["findings"])
    assert scp.created == {}


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ((), "N-CREATE was answered 0x0110, not 0x0000"),
        (("set-first",), "N-SET before N-CREATE was answered 0x0110, not 0x0112"),
        (("duplicate-create",), "N-CREATE for the second time was answered 0x0110, not 0x0111"),
    ],
)
def test_a_status_that_is_not_lawful(scp: Any, worklist_item: Any, wrong: tuple[str, ...], finding: str) -> None:
    """A broker that answers with another status than the standard's is told, with both."""
    playing = Scanning(scp.address, "CT1", FAST, faults=faults.faults("modality", wrong), exams=0.0)
    item = worklist_item(1)
    scp.status = 0x0110
    playing._exam([item], frozenset(wrong), random.Random(1))  # noqa: S311
    assert any(finding in each for each in playing.tally.state()["findings"])


def test_only_who_was_invented_is_examined(make_broker: MakeBroker) -> None:
    """A scanner that is to leave real patients alone does the exam of the invented one, whoever else is on the list."""
    broker = make_broker()
    real, invented = his.Order(issuer="HOSP"), his.Order(patient_id="SIM1", issuer=people.AUTHORITY)
    for order in (real, invented):
        mllp_client.exchange(*broker.hl7.address, his.order_omi(order), 5)
    playing = Scanning(broker.dicom.address, "CT1", FAST, seed="seven", only_invented=True)
    playing.run(NEVER, 4)
    assert playing.begun == {invented.accession}


# pynetdicom 3.0.4 leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_that_is_not_there() -> None:
    """Nobody answers: that is told, and the scanner goes on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    playing = Scanning(address, "CT1", FAST)
    playing.run(NEVER, 2)
    gc.collect()
    assert playing.tally.of("failed") == 2
    assert not playing.tally.lawful

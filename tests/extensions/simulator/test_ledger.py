"""The account at the end of a long run: each thing that does not add up is told, and what adds up is not."""

import threading
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf.extensions.simulator import ledger, ordering, pace, telling
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.scanning import Scanning

FAST = pace.pace("max")
HABITS = ordering.Habits("seven", stations=(("CT", "CT1"),))
ORDER = ordering.order(HABITS, 0)
STEP = (ORDER.study_uid, ORDER.step_ids[0])


@pytest.fixture(scope="module")
def his() -> His:
    """A HIS that was promised one order."""
    with Mis() as receiver:
        playing = His(receiver.address, HABITS, FAST)
        playing.run(threading.Event(), 1)
    return playing


def _shown(step: tuple[str, str] = STEP) -> Dataset:
    item, scheduled = Dataset(), Dataset()
    item.StudyInstanceUID, scheduled.ScheduledProcedureStepID = step
    item.ScheduledProcedureStepSequence = [scheduled]
    return item


def _told(status: str = "", refused: str = "") -> telling.Telling:
    heard = telling.Telling()
    if status:
        heard.statuses[ORDER.placer_number].append(status)
    heard.refused_orders.add(refused)
    return heard


def _scanner(ended: dict[tuple[str, str], str]) -> Scanning:
    scanner = Scanning(("127.0.0.1", 9), "CT1", FAST)
    scanner.ended = ended
    return scanner


@pytest.mark.parametrize(
    ("ended", "shown", "told", "finding"),
    [
        ({}, [_shown()], _told(), ""),
        ({}, [], _told(), "is lost"),
        ({}, [_shown(), _shown()], _told(), "is on the list 2 times"),
        ({}, [_shown(), _shown(("2.25.9", "S9"))], _told(), "was never promised"),
        ({STEP: "completed"}, [], _told("CM"), ""),
        ({STEP: "completed"}, [], _told("IP"), "the MIS was not told CM"),
        ({STEP: "completed"}, [], _told(refused=ORDER.placer_number), ""),
        ({STEP: "discontinued"}, [], _told("DC"), ""),
        ({STEP: "completed"}, [_shown()], _told("CM"), "has ended and is still on the list"),
        ({STEP: ""}, [_shown()], _told(), ""),
        ({STEP: ""}, [], _told(), ""),
    ],
)
def test_what_does_not_add_up(his: His, ended: Any, shown: list[Dataset], told: telling.Telling, finding: str) -> None:
    """An order that is nowhere, somewhere twice, or done and not told is named; one that waits or was done is not."""
    found = list(ledger.account(his, [_scanner(ended)], told, shown))
    assert [finding in each for each in found] == ([True] if finding else [])

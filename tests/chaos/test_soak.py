"""A hospital where everything goes wrong at once; in the end every order is accounted for: nothing lost, nothing twice.

Forty orders in every run; with --soak as many minutes as SWF_SOAK_MINUTES says, at a pace that lasts.
"""

import os
import threading
import time
from pathlib import Path

import pytest

from swf.extensions.simulator import faults, ledger, ordering, pace, people, telling
from swf.extensions.simulator.devices import DEVICES
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.modality import Modality
from swf.extensions.simulator.scanning import Scanning
from swf.extensions.simulator.watch import Watch
from swf.store import deliveries
from swf.store.database import Database
from tests.processes import Serve, Served

SEED = "20261122"
MIS_FAULTS = ("ae=0.05", "close=0.05", "slow=0.02")
SILENCE = ("garbage=0.01", "no-ack=0.01")  # each costs the broker two seconds of waiting for an answer
DESTINATION = {"ack_timeout_seconds": 2.0, "retry_first_seconds": 0.05, "retry_last_seconds": 0.2}
ORDERS, VISITS = 40, 6
NEVER = threading.Event()


def test_every_order_is_accounted_for(serve: Serve, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A HIS, four scanners and an MIS with every fault they have: nothing unlawful, nothing lost, nothing twice."""
    soaking = bool(request.config.getoption("--soak"))
    seconds = 60 * float(os.environ.get("SWF_SOAK_MINUTES", "10")) if soaking else None
    heard = telling.Telling(SEED, faults.faults("mis", MIS_FAULTS + SILENCE * soaking), slow_s=0.1)
    with telling.listening("127.0.0.1", 0, heard) as mis:
        host, port = mis.address
        served = serve(tmp_path, destination=[{"name": "mis", "host": host, "port": port, **DESTINATION}])
        his, scanners = _played(served, seconds)
        _told_everything(tmp_path)
    shown = Modality(*served.dicom, "ANY").query()
    findings = list(ledger.account(his, scanners, heard, shown))
    for each in (his.tally, heard.tally, *(scanner.tally for scanner in scanners)):
        findings += each.state()["findings"]
    done = sum(len(scanner.ended) for scanner in scanners)
    print(
        f"{len(his.accepted)} orders, {len(his.cancelled)} cancelled, {done} exams, {heard.tally.of('accepted')} news"
    )
    assert findings == [], "\n".join(findings)
    assert len(his.accepted) > ORDERS // 2
    assert done > 0


def _played(served: Served, seconds: float | None) -> tuple[His, list[Scanning]]:
    """What happened in that time, or with `ORDERS` orders and `VISITS` visits of each scanner, until all have ended."""
    habits = ordering.habits(SEED, "ru", "mixed", faults=faults.faults("his", ["all=0.08"]))
    his = His(served.hl7, habits, pace.pace("20/s", "bursts"))
    wrong = faults.faults("modality", ["all=0.08"])
    scanners = [
        Scanning(
            served.dicom,
            title,
            pace.pace("3/s"),
            modality=modality,
            device=DEVICES["by-modality"],
            seed=SEED,
            faults=wrong,
        )
        for modality, title in people.MODALITIES
    ]
    his.watch = Watch(
        served.dicom, his.tally, 30.0, excused=lambda: {each for scanner in scanners for each in scanner.begun}
    )
    his.watch.start()
    ends = time.monotonic() + seconds if seconds else None
    threads = [threading.Thread(target=his.run, args=(NEVER, None if ends else ORDERS), kwargs={"ends": ends})]
    for scanner in scanners:
        wanted = (NEVER, None if ends else VISITS)
        threads.append(threading.Thread(target=scanner.run, args=wanted, kwargs={"ends": ends}))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    his.watch.finish()
    return his, scanners


def _told_everything(folder: Path) -> None:
    """Wait until the broker has nothing left to tell anybody."""
    store = Database(f"sqlite:///{folder}/swf.db")
    try:
        ends = time.monotonic() + 120
        while time.monotonic() < ends:
            with store.reading() as connection:
                if not any(deliveries.waiting(connection).values()):
                    return
            NEVER.wait(0.05)
    finally:
        store.close()
    raise AssertionError("the broker still has something to tell the MIS")

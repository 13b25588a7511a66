"""How long the hospital waits for the news of an exam: from N-SET at the scanner to the status at the MIS (RAD-7, RAD-3).

Everything but the broker runs in this process: the HIS that orders, the scanner with one open association, the MIS.
"""

import os
import statistics
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, dimse_primitives, dsutils
from pynetdicom.sop_class import ModalityPerformedProcedureStep

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis, Received
from swf.extensions.simulator.modality import Modality, _series, in_progress
from tests.net import dicom_peer
from tests.net.dicom_peer import dataset
from tests.processes import MllpClient, serving

EXAMS = 100
WANTED_MS = 20.0


class Arrivals:
    """When which status of which order came."""

    def __init__(self) -> None:
        self.at: dict[tuple[str, str], float] = {}
        self._more = threading.Condition()

    def note(self, received: Received) -> Any:
        """The personality of an MIS that looks at its watch."""
        moment = time.perf_counter()
        if received.type == "ORM^O01":
            orc = next(line.split("|") for line in received.text.split("\r") if line.startswith("ORC"))
            with self._more:
                self.at[orc[2].split("^")[0], orc[5]] = moment
                self._more.notify_all()
        return "AA"

    def wait_for(self, placer: str, status: str) -> float:
        """When it came."""
        with self._more:
            assert self._more.wait_for(lambda: (placer, status) in self.at, 20.0), (placer, status)
        return self.at[placer, status]


@pytest.mark.bench
@pytest.mark.parametrize("images", [2, 100])
def test_from_the_scanner_to_the_hospital(tmp_path: Path, capsys: pytest.CaptureFixture[str], images: int) -> None:
    """Half of all exams are known to the hospital as done within twenty milliseconds of the scanner's word."""
    arrivals = Arrivals()
    figures: dict[str, list[float]] = {"begin answered": [], "begin told": [], "end answered": [], "end told": []}
    with Mis(personality=arrivals.note) as mis, serving() as serve:
        host, port = mis.address
        served = serve(tmp_path, destination=[{"name": "mis", "host": host, "port": port, "send": ["ORM^O01"]}])
        orders = [his.Order(patient_id=f"SIM{number}") for number in range(EXAMS)]
        with MllpClient(served.hl7) as client:
            assert {client.send(his.order_omi(order)) for order in orders} == {"AA"}
        items = {str(item.AccessionNumber): item for item in Modality(*served.dicom, "CT1").query()}
        entity = AE(ae_title="CT1")
        entity.add_requested_context(ModalityPerformedProcedureStep)
        association = entity.associate(*served.dicom, ae_title="SWF")
        for order in orders:
            ended = _ended(images)
            _examine(association, (items[order.accession], ended), order.placer_number, arrivals, figures)
        association.release()
        times = psutil.Process(served.process.pid).cpu_times()
    with capsys.disabled():
        busy = (times.user + times.system) / EXAMS * 1e3
        load, cores = os.getloadavg()[0], os.cpu_count()
        print(f"\n{EXAMS} exams of {images} images one after the other, ms; load {load:.1f} on {cores} cores, broker's")
        print(f"CPU {busy:.0f} ms an exam with its start, its order and its query")
        print(f"{'':>16} {'p50':>7} {'p90':>7} {'p99':>7} {'max':>7}")
        for name, found in figures.items():
            cuts = statistics.quantiles(found, n=100)
            print(f"{name:>16} {cuts[49]:7.1f} {cuts[89]:7.1f} {cuts[98]:7.1f} {max(found):7.1f}")
    assert statistics.median(figures["end told"]) < WANTED_MS


def _ended(images: int) -> Dataset:
    return dataset(
        PerformedProcedureStepStatus="COMPLETED",
        PerformedProcedureStepEndDate="20261122",
        PerformedProcedureStepEndTime="101500",
        PerformedSeriesSequence=[_series("Abdomen", "CT1", images)],
    )


def _examine(
    association: Any, exam: tuple[Dataset, Dataset], placer: str, arrivals: Arrivals, figures: dict[str, list[float]]
) -> None:
    item, ended = exam
    uid = str(generate_uid(prefix=None))
    begun = in_progress((item,), "CT1")
    # Written before the clock starts: how long a client takes to encode is not ours
    create, change = dimse_primitives.N_CREATE(), dimse_primitives.N_SET()
    create.MessageID, create.AffectedSOPClassUID, create.AffectedSOPInstanceUID = 1, ModalityPerformedProcedureStep, uid
    create.AttributeList = _written(begun)
    change.MessageID, change.RequestedSOPClassUID, change.RequestedSOPInstanceUID = (
        2,
        ModalityPerformedProcedureStep,
        uid,
    )
    change.ModificationList = _written(ended)
    for name, status, request in (("begin", "IP", create), ("end", "CM", change)):
        at = time.perf_counter()
        assert dicom_peer.exchange(association, ModalityPerformedProcedureStep, request).Status == 0x0000
        figures[f"{name} answered"].append((time.perf_counter() - at) * 1e3)
        figures[f"{name} told"].append((arrivals.wait_for(placer, status) - at) * 1e3)


def _written(report: Dataset) -> BytesIO:
    raw = dsutils.encode(report, True, True)
    assert raw
    return BytesIO(raw)

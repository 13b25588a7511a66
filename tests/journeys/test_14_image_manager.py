"""The archive follows every exam, and nobody waits for it (RAD-6, RAD-7 as Performed Procedure Step Manager)."""

import time
from collections.abc import Iterator

import pytest

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.net import mllp_client
from tests.conftest import MakeBroker
from tests.mpps_receiver import MppsReceiver


@pytest.fixture
def pacs() -> Iterator[MppsReceiver]:
    """An archive."""
    running = MppsReceiver().start()
    yield running
    running.stop()


def test_the_archive_hears_what_the_scanner_said(make_broker: MakeBroker, mis: Mis, pacs: MppsReceiver) -> None:
    """Begin and end of an exam reach the archive under the scanner's own number; while it is down nobody waits for it."""
    host, port = pacs.address
    archive = {"name": "pacs", "ae_title": "PACS", "host": host, "port": port}
    broker = make_broker(mis, relay=[{**archive, "retry_first_seconds": 0.05, "retry_last_seconds": 0.2}])
    scanner = Modality(*broker.dicom.address, "CT1")
    mllp_client.exchange(*broker.hl7.address, his.order_orm(his.Order()), 10)
    uid = scanner.begin(*scanner.query())
    assert pacs.wait_for(1)
    pacs.stop()
    began = time.monotonic()
    scanner.complete(uid)
    assert time.monotonic() - began < 5
    assert mis.wait_for(4)  # the hospital is told although the archive is not
    assert len(pacs.told) == 1
    pacs.start()
    assert pacs.wait_for(2)
    assert pacs.kinds() == [("N-CREATE", uid), ("N-SET", uid)]
    assert [told.dataset.PerformedProcedureStepStatus for told in pacs.told] == ["IN PROGRESS", "COMPLETED"]

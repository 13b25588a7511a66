"""What a journey needs to tell its story: a HIS and an MIS around a broker, seen through sockets only."""

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from swf.broker import Broker
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis, Received
from swf.hl7 import ack, message
from swf.hl7.ack import Acknowledgement
from swf.hl7.header import read_header
from swf.net import mllp_client

PATIENCE_S = 10.0


class Hospital:
    """A HIS that sends to a broker, and the MIS that hears of it."""

    def __init__(self, broker: Broker, mis: Mis) -> None:
        self._address = broker.hl7.address
        self._mis = mis

    @property
    def received(self) -> list[Received]:
        """Everything the MIS was told so far."""
        return self._mis.received

    def send(self, raw: bytes) -> Acknowledgement:
        """Send a message; what it was answered, whatever it says."""
        return ack.read_acknowledgement(self.answer(raw))

    def answer(self, raw: bytes) -> bytes:
        """The same, the answer as it came."""
        return mllp_client.exchange(*self._address, raw, PATIENCE_S)

    def told(self, placer: str, wanted: int) -> list[str]:
        """ORC-5 and OBR-25 of every order message about `placer`, once that many have come, each with its result."""
        self._mis.wait_for(lambda received: len(_about(received, placer, "ORU^R01")) >= wanted, PATIENCE_S)
        orders, results = (_about(self._mis.received, placer, kind) for kind in ("ORM^O01", "ORU^R01"))
        assert [told.value("OBR", 25) for told in orders] == [told.value("OBR", 25) for told in results]
        return [f"{told.value('ORC', 5)}/{told.value('OBR', 25)}" for told in orders]


def _about(received: list[Received], placer: str, kind: str) -> list[message.Message]:
    parsed = (message.parse(each.text, read_header(each.text.encode())) for each in received)
    return [each for each in parsed if each.header.type == kind and each.value("OBR", 2, component=1) == placer]


@pytest.fixture
def connected(mis: Mis) -> Callable[[Broker], Hospital]:
    """Connects a hospital to a broker."""
    return lambda broker: Hospital(broker, mis)


@pytest.fixture
def hospital(broker: Broker, mis: Mis) -> Hospital:
    """A hospital connected to the running broker."""
    return Hospital(broker, mis)


def steps(items: list[Dataset]) -> list[str]:
    """The step id of each worklist item."""
    return [str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID) for item in items]


def adt(event: str, *segments: str) -> bytes:
    """An ADT message of the registration desk."""
    header = f"MSH|^~\\&|ADT|HOSP|SWF|RAD|20260315120000||ADT^{event}|{his.number('A')}|P|2.3.1"
    return "\r".join([header, "EVN||20260315", *segments, ""]).encode()

"""What every disaster needs: processes to let fail, and a hospital that goes on sending meanwhile."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from swf.extensions.simulator import his
from tests import processes
from tests.processes import Address, MllpClient


@dataclass
class Ward:
    """A HIS that sends one order after the other and remembers which were answered how."""

    answered: dict[str, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    grew: threading.Condition = field(default_factory=threading.Condition)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def accepted(self) -> set[str]:
        """The accession numbers of the orders that were acknowledged with AA."""
        return {accession for accession, code in self.answered.items() if code == "AA"}

    def order(self, address: Address) -> None:
        """Send orders until the connection ends or the ward closes."""
        try:
            with MllpClient(address) as client:
                while not self.closing.is_set():
                    self._order_one(client)
        except OSError:
            return

    def count(self, code: str) -> int:
        """How many orders were answered like that."""
        with self.grew:
            return sum(given == code for given in self.answered.values())

    def wait_for(self, count: int, code: str = "AA") -> bool:
        """Wait until so many orders were answered like that."""
        with self.grew:
            return self.grew.wait_for(lambda: self.count(code) >= count, processes.PATIENCE_S)

    def _order_one(self, client: MllpClient) -> None:
        order = his.Order()
        self.sent.add(order.accession)
        code = client.send(his.order_orm(order))
        with self.grew:
            self.answered[order.accession] = code
            self.grew.notify_all()


@pytest.fixture
def ward() -> Iterator[Ward]:
    """A hospital ward; it stops sending in the end."""
    opened = Ward()
    yield opened
    opened.closing.set()


@pytest.fixture
def serve() -> Iterator[processes.Serve]:
    """Starts brokers in processes of their own."""
    with processes.serving() as start:
        yield start

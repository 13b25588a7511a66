"""The network fails at any byte, in either direction: no order is lost, none is halved, none is made twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from swf.broker import Broker
from swf.model.message import MESSAGE
from swf.model.order import ORDER
from swf.store.database import Record
from tests.conftest import settings_for
from tests.net.conftest import Sender


@pytest.fixture
def broker(tmp_path: Any) -> Iterator[Broker]:
    """A broker of its own."""
    running = Broker(settings_for(tmp_path))
    running.start()
    yield running
    running.stop()


def _order(number: int) -> bytes:
    lines = (
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315||ORM^O01|C{number}|P|2.3.1",
        f"PID|||P{number}^^^HOSP||DOE^JANE",
        f"ORC|NW|{number}^HIS",
        f"OBR||{number}^HIS||CT^CT head",
        "",
    )
    return "\r".join(lines).encode()


def _rows(broker: Broker, table: Any) -> list[Record]:
    with broker.database.reading() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def test_an_answer_lost_at_any_byte(*, broker: Broker, framed: Any) -> None:
    """A sender that lost the acknowledgement sends the order again, gets the very same answer, and it is made once."""
    length = 1
    for cut in range(200):
        if cut >= length:
            break
        message = framed(_order(cut))
        first = Sender(broker.hl7.address)
        first.send(message)
        seen = b""
        while len(seen) < cut:
            seen += first.socket.recv(cut - len(seen))
        first.reset()
        second = Sender(broker.hl7.address)
        second.send(message)
        answer = framed(second.raw_answer())
        second.socket.close()
        length = len(answer)
        assert answer.startswith(seen)
        assert f"MSA|AA|C{cut}".encode() in answer
    assert length > 50
    assert [row.placer_order_number for row in _rows(broker, ORDER)] == [str(number) for number in range(length)]


def test_an_order_lost_at_any_byte(*, broker: Broker, framed: Any) -> None:
    """Of an order cut off anywhere nothing is done; what came is kept, and the order sent again is taken."""
    message = framed(_order(1))
    for cut in range(len(message)):
        broken = Sender(broker.hl7.address)
        broken.send(message[:cut])
        broken.socket.shutdown(1)
        while broken.socket.recv(4096):
            pass
        broken.socket.close()
    kept = _rows(broker, MESSAGE)
    complete = [row for row in kept if row.disposition == "APPLIED"]
    assert [bytes(row.raw) for row in complete] == [message[1:-2]]  # FS alone ends a message, too
    assert [bytes(row.raw) for row in kept if row.disposition == "BROKEN"] == [
        message[1:cut] for cut in range(2, len(message) - 1)
    ]
    whole = Sender(broker.hl7.address)
    whole.send(message)
    assert whole.answer() == ("AA", "C1")
    whole.socket.close()
    assert len(_rows(broker, ORDER)) == 1

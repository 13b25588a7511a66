"""Senders with settings of their own, at the real door of a real broker."""

import socket
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from swf import config
from swf.model.message import MESSAGE
from swf.model.order import STEP
from swf.store import deliveries
from swf.workflow import replay
from tests.net.conftest import TIMEOUT_S

ORDER = "ORC|NW|{0}^HIS\rOBR||{0}^HIS||CTABD^CT abdomen^99HIS\r"
HIS = {"name": "his", "application": "HIS", "facility": "HOSP"}


def _order(number: str, conditions: str = "", sender: str = "HIS|HOSP") -> bytes:
    header = f"MSH|^~\\&|{sender}|SWF|RAD|20260315||ORM^O01|C{number}|P|2.3.1{conditions}\r"
    return f"{header}PID|||P{number}^^^HOSP||DOE^JANE\r{ORDER.format(number)}".encode()


def test_two_answers_on_one_connection(*, make_broker: Any, dial: Any, framed: Any) -> None:
    """A source in enhanced mode gets its accept and its application acknowledgement, order by order, in this order."""
    sender = dial(make_broker(source=[{**HIS, "ack_mode": "enhanced", "reply": "application"}]).hl7)
    sender.send(framed(_order("1", "|||AL|AL")), framed(_order("2")))
    accept, application, plain = (sender.raw_answer().decode().split("\r") for _ in range(3))
    assert (accept[1], application[1], plain[1]) == ("MSA|CA|C1", "MSA|AA|C1", "MSA|AA|C2")
    assert "|ACK^O01|" in accept[0]
    assert "|ORR^O02|" in application[0]
    assert application[2].startswith("ORC|OK|1^HIS|")
    assert plain[2].startswith("ORC|OK|2^HIS|")
    assert accept[0].split("|")[9] != application[0].split("|")[9]


def test_the_application_answers_at_another_door(
    *, make_broker: Any, dial: Any, framed: Any, scripted_peer: Any
) -> None:
    """The application acknowledgement goes to the source's own listener, again until that accepts it with CA."""
    may_accept = threading.Event()

    def script(connection: socket.socket, control_id: str) -> None:
        if not may_accept.is_set():
            may_accept.set()
            raise OSError
        connection.sendall(framed(f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ACK|1|P|2.5\rMSA|CA|{control_id}\r".encode()))

    peer = scripted_peer(script)
    host, port = peer.address
    back = {"name": "his-back", "host": host, "port": port, "send": [], "retry_first_seconds": 0.05}
    source = {**HIS, "ack_mode": "enhanced", "application_ack_to": "his-back"}
    broker = make_broker(source=[source], destination=[back])
    sender = dial(broker.hl7)
    sender.send(framed(_order("1", "|||AL|AL")), framed(_order("2", "|||AL|NE")))
    assert sender.answers(2) == [("CA", "C1"), ("CA", "C2")]
    until = time.monotonic() + TIMEOUT_S
    while _deliveries(broker) != ["DELIVERED"]:
        assert time.monotonic() < until
        threading.Event().wait(0.01)
    assert len(peer.messages) > 1
    assert len(set(peer.messages)) == 1
    assert b"\rMSA|AA|C1\r" in peer.messages[0]


def _deliveries(broker: Any) -> list[str]:
    with broker.database.reading() as connection:
        return [row.status for row in deliveries.overview(connection, limit=9)]


def test_a_stranger_is_told_so(*, make_broker: Any, dial: Any, framed: Any) -> None:
    """A system that is not listed is refused with a reason on a connection that goes on."""
    broker = make_broker(hl7={"host": "0.0.0.0"}, source=[{**HIS, "hosts": ["127.0.0.1"]}])
    sender = dial(broker.hl7)
    sender.send(framed(_order("1", sender="LIS|HOSP")), framed(_order("2")))
    assert b"MSA|AR|C1|the sender is not known here" in sender.raw_answer()
    assert sender.answer() == ("AA", "C2")


def test_a_batch_becomes_orders(*, make_broker: Any, dial: Any, framed: Any) -> None:
    """The orders of a batch are all on the worklist once each has its answer."""
    broker = make_broker()
    sender = dial(broker.hl7)
    sender.send(framed(b"FHS|^~\\&\rBHS|^~\\&\r" + _order("1") + _order("2") + b"BTS|2\rFTS|1\r"))
    assert sender.answers(2) == [("AA", "C1"), ("AA", "C2")]
    with broker.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM scheduled_procedure_step").scalar() == 2


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_a_source_with_a_port_of_its_own(*, make_broker: Any, dial: Any, framed: Any, tmp_path: Path) -> None:
    """Two sites that send under the same names are told apart by the port: each has its mapping, also when it is replayed."""
    mapping = tmp_path / "south.toml"
    base = config.shipped_mappings() / "default.toml"
    mapping.write_text(f'extends = "{base}"\n[stations]\n"*" = "SOUTH"\n', "utf-8")
    port = _free_port()
    south = {**HIS, "name": "south", "port": port, "mapping": str(mapping), "charset": "windows-1251"}
    broker = make_broker(source=[HIS, south])
    common, own = dial(broker.hl7), dial(broker.own_doors[port])
    cyrillic = _order("2").replace(b"DOE^JANE", "ПРИМЕР^ИВАН".encode("cp1251"))
    common.send(framed(_order("1")), framed(cyrillic))
    assert common.answers(2) == [("AA", "C1"), ("AE", "C2")]
    own.send(framed(cyrillic))
    assert own.answer() == ("AA", "C2")
    with broker.database.reading() as connection:
        stations = connection.execute(select(STEP.c.station).order_by(STEP.c.id)).scalars().all()
        messages = connection.execute(select(MESSAGE).order_by(MESSAGE.c.id)).all()
    assert stations == ["UNKNOWN", "SOUTH"]
    assert [row.door for row in messages] == [0, 0, port]
    outcomes = replay.replay_all(broker.database, broker.site, messages, dry_run=False)
    assert [(each.after, each.changes) for each in outcomes] == [("APPLIED", ()), ("REFUSED", ()), ("APPLIED", ())]


def test_a_port_of_its_own_is_for_its_sources_alone(*, make_broker: Any, dial: Any, framed: Any) -> None:
    """Who is not one of them is not admitted there."""
    port = _free_port()
    own = dial(make_broker(source=[{**HIS, "port": port}]).own_doors[port])
    own.send(framed(_order("2", sender="RIS|RAD")), framed(_order("3")))
    assert own.answers(2) == [("AR", "C2"), ("AA", "C3")]

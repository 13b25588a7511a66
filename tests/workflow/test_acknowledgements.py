"""Application acknowledgements that travel on their own: to a destination, and from one."""

from typing import Any

import pytest

from swf.config import Settings
from swf.errors import ConfigError
from swf.hl7 import ack, batch
from swf.hl7.header import read_header
from swf.store import deliveries
from swf.workflow import site
from tests.workflow.conftest import MIS, Department, Found, order_message, request

BACK = {"name": "his-back", "host": "127.0.0.1", "port": 2577, "send": []}
HIS = {"name": "his", "application": "HIS", "ack_mode": "enhanced", "application_ack_to": "his-back"}


@pytest.fixture
def department(found: Found) -> Department:
    """A department whose HIS listens for application acknowledgements at a port of its own."""
    return found(source=[HIS], destination=[MIS, BACK])


def _order(conditions: str, *segments: str, version: str = "2.5.1") -> str:
    return order_message("C1", *(segments or request())).replace("|P|2.3.1", f"|P|{version}|||{conditions}")


def _codes(raw: bytes) -> list[str]:
    return [ack.read_acknowledgement(each).code for each in batch.split(raw)] if raw else []


@pytest.mark.parametrize(
    ("conditions", "answered", "sent"),
    [
        ("AL|AL", ["CA"], ["AA"]),
        ("AL|SU", ["CA"], ["AA"]),
        ("NE|AL", [], ["AA"]),
        ("AL|NE", ["CA"], []),
        ("AL|ER", ["CA"], []),
        ("|", ["AA"], []),
    ],
)
def test_the_application_answers_elsewhere(
    department: Department, conditions: str, answered: list[str], sent: list[str]
) -> None:
    """The connection gets the accept acknowledgement; the application's waits in the line of its destination."""
    assert _codes(department.receive_raw(_order(conditions))) == answered
    queued = department.rows("delivery")
    assert [ack.read_acknowledgement(bytes(row.payload)).code for row in queued] == sent
    for row in queued:
        header = read_header(bytes(row.payload))
        assert (row.destination, row.type, row.control_id) == ("his-back", "ACK^O01", header.control_id)
        assert (header.receiving_application, header.accept_ack, header.application_ack) == ("HIS", "AL", "NE")
        assert ack.read_acknowledgement(bytes(row.payload)).control_id == "C1"


@pytest.mark.parametrize(
    ("conditions", "answered", "sent"),
    [("AL|AL", ["CA"], ["AE"]), ("NE|ER", [], ["AE"]), ("AL|SU", ["CE"], []), ("|", ["AE"], [])],
)
def test_a_refusal_is_told_elsewhere(
    department: Department, conditions: str, answered: list[str], sent: list[str]
) -> None:
    """An order that cannot be used was accepted all the same; the application's refusal goes where it is waited for."""
    assert _codes(department.receive_raw(_order(conditions, "ORC|CA|8100^HIS"))) == answered
    assert [ack.read_acknowledgement(bytes(row.payload)).code for row in department.rows("delivery")] == sent
    assert [row.disposition for row in department.rows("message")] == ["REFUSED"]


def test_a_repeat_is_answered_once(department: Department) -> None:
    """A message sent again gets its accept acknowledgement again; the application has answered already."""
    first = department.receive_raw(_order("AL|AL"))
    assert department.receive_raw(_order("AL|AL")) == first
    assert len(department.rows("delivery")) == 1


def test_what_cannot_be_read_is_rejected_at_once(department: Department) -> None:
    """Bytes that are no message in their character set never reach the application: CE, and nothing follows."""
    raw = _order("AL|AL").encode().replace(b"JANE", b"J\xff\xfe")
    assert _codes(department.receive_raw(raw)) == ["CE"]
    assert department.rows("delivery") == []


def test_it_is_listed_with_its_message(department: Department) -> None:
    """An operator finds the acknowledgement among the deliveries, and in the journal of the message it answers."""
    department.receive_raw(_order("AL|AL"))
    with department.database.reading() as connection:
        (listed,) = deliveries.overview(connection, limit=9)
    assert (listed.destination, listed.accession_number, listed.status) == ("his-back", None, "WAITING")
    (queued,) = [entry for entry in department.rows("journal") if entry.event == "delivery queued"]
    assert (queued.message, queued.detail["answer"]) == (department.rows("message")[0].id, "AA")


def test_an_application_reply_travels_too(found: Found) -> None:
    """A sender that wants its orders answered one by one gets the ORR^O02 at its other door."""
    department = found(source=[{**HIS, "reply": "application"}], destination=[BACK])
    department.receive_raw(_order("AL|AL", version="2.3.1"))
    (row,) = department.rows("delivery")
    assert (row.type, b"\rORC|OK|8100^HIS|" in bytes(row.payload)) == ("ORR^O02", True)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({**HIS, "application_ack_to": "nowhere"}, "there is no destination nowhere"),
        ({**HIS, "ack_mode": "original"}, 'means nothing without ack_mode = "enhanced"'),
    ],
)
def test_a_way_that_leads_nowhere(source: Any, sentence: str) -> None:
    """A destination nobody described, or a way nothing would take, is a mistake told at the start."""
    with pytest.raises(ConfigError, match=rf"source\[1\]\.application_ack_to: {sentence}"):
        site.load(Settings(source=[source], destination=[BACK]))


# ---- what comes back for what we sent ----


def _answer_to(number: str, code: str, text: str = "") -> str:
    return f"MSH|^~\\&|MIS|HOSP|SWF|RAD|2026||ACK^O01|M1|P|2.3.1\rMSA|{code}|{number}|{text}\r"


def _told(department: Department) -> str:
    """The number of a message the MIS was sent about an order."""
    department.order(*request())
    department.order(*request(orc_1="SS"))
    (row,) = department.rows("delivery")
    return str(row.control_id)


def test_a_late_answer_stands_with_its_order(department: Department) -> None:
    """What the MIS's application says of a status it had accepted is in the journal of that order."""
    number = _told(department)
    assert department.receive_raw(_answer_to(number, "AA")) == b""
    entry = department.rows("journal")[-1]
    assert (entry.event, entry.order) == ("acknowledgement received", department.rows("order")[0].id)
    assert entry.detail == {"destination": "mis", "type": "ORM^O01", "answer": "AA", "control_id": number, "text": ""}
    assert department.rows("message")[-1].disposition == "APPLIED"


def test_a_late_refusal_warns(department: Department) -> None:
    """When the MIS could not use what it had accepted, the order's journal warns of it."""
    number = _told(department)
    department.receive_raw(_answer_to(number, "AE", "no such order"))
    warning = department.rows("journal")[-1]
    assert (warning.event, warning.order) == ("warning", department.rows("order")[0].id)
    assert warning.detail["text"] == f"mis took ORM^O01 {number} and could not use it: AE no such order"


@pytest.mark.parametrize("raw", [_answer_to("X9", "AA"), "MSH|^~\\&|MIS||||||ACK|M1\r"])
def test_an_answer_to_nothing(department: Department, raw: str) -> None:
    """An acknowledgement of what nobody sent, or of nothing, is kept and not answered."""
    assert department.receive_raw(raw) == b""
    assert len(department.rows("message")) == 1


def test_an_answer_that_asks_to_be_accepted(department: Department) -> None:
    """A peer in enhanced mode that asks for it learns that its acknowledgement was taken."""
    asking = _answer_to(_told(department), "AA").replace("|P|2.3.1", "|P|2.3.1|||AL|NE")
    assert _codes(department.receive_raw(asking)) == ["CA"]

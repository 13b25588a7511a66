"""What came of messages whose frame was broken: kept, found by an operator, and never carried out."""

from typing import Any

import pytest

from swf.hl7 import ack
from swf.store import messages
from swf.workflow import intake, replay
from tests.workflow.conftest import order_message, request

WHY = "the connection ended before the message"


def _arrives(department: Any, raw: bytes, *, answered: bool = True) -> bytes:
    return intake.receive_broken(department.database, department.site, raw, "192.0.2.1", WHY, answered=answered)


def test_a_broken_message_is_kept_and_answered(department: Any) -> None:
    """What came of an order is kept byte for byte under its number, its sender is told to try again, nothing is done."""
    raw = order_message("C1", *request()).encode()[:-20]
    answer = _arrives(department, raw)
    told = ack.read_acknowledgement(answer)
    assert (told.code, told.control_id, told.error_code, told.text) == ("AR", "C1", "207", WHY)
    (row,) = department.rows("message")
    assert (bytes(row.raw), row.disposition, row.ack_code, row.reason) == (raw, "BROKEN", "AR", WHY)
    assert (row.control_id, row.type, bytes(row.acknowledgement)) == ("C1", "ORM^O01", answer)
    assert department.rows("order") == []
    assert [entry.event for entry in department.rows("journal")] == ["message refused"]


def test_a_broken_message_nobody_waits_for(department: Any) -> None:
    """Of a sender that is gone the bytes are kept, and nothing that it could have been told."""
    assert _arrives(department, b"MSH|^~\\&|HIS", answered=False) == b""
    (row,) = department.rows("message")
    assert (row.disposition, row.ack_code, bytes(row.acknowledgement)) == ("BROKEN", "", b"")


@pytest.mark.parametrize("raw", [b"\0", b"\xff\xfe\0M", b"x" * 100, "ПРИМЕРОВ".encode("cp866")])
def test_whatever_came_is_kept(department: Any, raw: bytes) -> None:
    """Bytes that are nothing at all are kept and answered like the others, in either database."""
    assert ack.read_acknowledgement(_arrives(department, raw)).code == "AR"
    assert [bytes(row.raw) for row in department.rows("message")] == [raw]


def test_a_broken_message_is_found(department: Any) -> None:
    """The list of what had no effect has the broken messages beside the refused ones."""
    department.order(*request())
    _arrives(department, b"MSH|^~\\&|HIS")
    department.receive("hello")
    with department.database.reading() as connection:
        found = messages.recent(connection, limit=9, refused_only=True)
    assert [row.disposition for row in found] == ["REFUSED", "BROKEN"]


def test_a_broken_message_is_never_carried_out(department: Any) -> None:
    """An operator who replays what looks like an order, but is the half of one, is told so and nothing is done."""
    _arrives(department, order_message("C1", *request()).encode())
    (outcome,) = replay.replay_all(department.database, department.site, department.rows("message"), dry_run=False)
    assert outcome.refusal == f"the message did not come whole: {WHY}"
    assert outcome.after == "BROKEN"
    assert department.rows("order") == []
    assert [row.disposition for row in department.rows("message")] == ["BROKEN"]


def test_the_message_comes_whole_after_all(department: Any) -> None:
    """The sender tries again under the same number and is not taken for a repeat."""
    whole = order_message("C1", *request())
    _arrives(department, whole.encode())
    assert department.receive(whole).code == "AA"
    assert len(department.rows("order")) == 1


def test_a_store_that_is_down_is_no_reason_for_silence(department: Any) -> None:
    """While nothing can be kept the sender is told to try again all the same."""
    department.database.close()
    assert ack.read_acknowledgement(_arrives(department, b"MSH|^~\\&|HIS|||||||C1")).code == "AR"

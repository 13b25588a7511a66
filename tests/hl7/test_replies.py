"""Application replies: a sender that asks for them is told what became of each order."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf import errors
from swf.hl7 import ack, dictionary, replies
from swf.hl7.header import read_header
from swf.hl7.message import parse
from swf.hl7.replies import Numbers

AT = datetime(2026, 3, 15, 8, 30, 1, tzinfo=UTC)
REFUSED = errors.UnknownOrder("no such order", location="ORC^1^2")


def reply(text: str, *, done: bool = True, known: dict[str, Numbers] | None = None) -> str:
    """The reply to a message, as text."""
    header = read_header(text.encode())
    told = replies.reply(header, parse(text, header), done=done, known=known or {})
    problems = () if done else (REFUSED,)
    return ack.acknowledge(header, control_id="R1", at=AT, errors=problems, reply=told).decode()


def order(version: str, kind: str, *segments: str) -> str:
    """A message with these segments."""
    return "\r".join([f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||{kind}|C1|P|{version}", "PID|||1||DOE^JANE", *segments, ""])


@pytest.mark.parametrize(
    ("version", "kind", "expected"),
    [
        ("2.3.1", "ORM^O01", "ORR^O02"),
        ("2.5.1", "ORM^O01", "ORR^O02^ORR_O02"),
        ("2.5.1", "OMG^O19", "ORG^O20^ORG_O20"),
        ("2.5.1", "OMI^O23", "ORI^O24^ORI_O24"),
    ],
)
def test_the_reply_to_each_order_message(version: str, kind: str, expected: str) -> None:
    """Each order message has its own reply, written as the sender's version writes it."""
    lines = reply(order(version, kind, "ORC|NW|8100^HIS|F1^SWF|G1", "OBR|1|8100^HIS|F1^SWF|CT^CT head^99HIS|S")).split(
        "\r"
    )
    assert f"|{expected}|R1|P|{version}" in lines[0]
    assert lines[1:] == ["MSA|AA|C1", "ORC|OK|8100^HIS|F1^SWF|G1", "OBR|1|8100^HIS|F1^SWF|CT^CT head^99HIS", ""]


@pytest.mark.parametrize(
    ("control", "done", "undone"),
    [
        ("NW", "OK", "UA"),
        ("SN", "NA", "UA"),
        ("XO", "XR", "UX"),
        ("CA", "CR", "UC"),
        ("DC", "DR", "UD"),
        ("HD", "HR", "UH"),
        ("RL", "OR", "UR"),
        ("RP", "RQ", "UM"),
        ("SS", "SR", "UA"),
        ("ZZ", "OK", "UA"),
    ],
)
def test_what_answers_an_order_control(control: str, done: str, undone: str) -> None:
    """A new order is accepted, a cancel is cancelled as requested, and so on; or none of it could be done."""
    text = order("2.3.1", "ORM^O01", f"ORC|{control}|8100^HIS")
    assert reply(text).split("\r")[2] == f"ORC|{done}|8100^HIS"
    refused = reply(text, done=False).split("\r")
    assert refused[1] == "MSA|AE|C1|no such order"
    assert (refused[2][:4], refused[3]) == ("ERR|", f"ORC|{undone}|8100^HIS")


def test_every_order_is_named() -> None:
    """A message of three orders is answered order by order."""
    text = order("2.3.1", "ORM^O01", "ORC|NW|1", "OBR||1", "ORC|CA|2", "OBR||||CT", "OBR||3")
    assert [line for line in reply(text).split("\r") if line.startswith("ORC")] == ["ORC|OK|1", "ORC|CR|2", "ORC|CR|2"]


def test_numbers_the_order_came_without() -> None:
    """A number that was given here is told in the place the order left empty, and nothing sent is overwritten."""
    known = {"8100": Numbers(("8100", "HIS"), ("F&1", "SWF")), "F2": Numbers(("P2", "SWF"), ("F2", "RIS"))}
    text = order("2.3.1", "ORM^O01", "ORC|NW|8100^OWN", "ORC|SN||F2^RIS")
    lines = reply(text, known=known).split("\r")
    assert lines[2:4] == ["ORC|OK|8100^OWN|F\\T\\1^SWF", "ORC|NA|P2^SWF|F2^RIS"]


def test_a_number_nobody_assigned() -> None:
    """A filler that asks for a placer's number is told NA only with a number; without one its order is accepted."""
    assert reply(order("2.3.1", "ORM^O01", "ORC|SN||F1^RIS")).split("\r")[2] == "ORC|OK||F1^RIS"


def test_other_messages_have_no_such_reply() -> None:
    """A patient update is acknowledged plainly; an order message nobody could read is answered without orders."""
    header = read_header(order("2.5.1", "ADT^A08").encode())
    assert replies.reply(header, None, done=True, known={}) is None
    unread = replies.reply(read_header(order("2.5.1", "OMI^O23").encode()), None, done=False, known={})
    assert unread == ack.Reply("ORI", "O24")


@pytest.mark.parametrize(("version", "kind"), [("2.4", "ORM^O01"), ("2.5.1", "OMG^O19"), ("2.5.1", "OMI^O23")])
@pytest.mark.parametrize("done", [True, False])
def test_replies_conform(version: str, kind: str, *, done: bool) -> None:
    """Replies conform to the sender's version of HL7, by an independent dictionary."""
    text = order(version, kind, "ORC|NW|8100^HIS", "OBR|1|8100^HIS||CT^CT head^99HIS")
    assert dictionary.check(reply(text, done=done)) == []


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_text_of_an_order_breaks_the_reply(noise: str) -> None:
    """Whatever stands in an order, its reply is one frame with whole segments."""
    text = order("2.3.1", "ORM^O01", f"ORC|NW|8100^HIS{noise}", f"OBR||{noise}")
    told = reply(text.encode("utf-8", "ignore").decode())
    assert not set("\x0b\x1c\n") & set(told)
    assert {line[:3] for line in told.split("\r")[:-1]} <= {"MSH", "MSA", "ORC", "OBR"}

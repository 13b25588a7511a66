"""Writing ER7: what is written is read back equal, and no value can break out of its field."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.hl7 import writer
from swf.hl7.header import STANDARD, Delimiters, read_header
from swf.hl7.message import parse

HEADER = "MSH|^~\\&|SWF|RAD|MIS|HOSP|20260101||ORU^R01|1|P|2.3.1"
characters = st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])
values = st.text(st.one_of(st.sampled_from("|^~\\&\r\n\x0b\x1c\x85\u2028\u2029"), characters), max_size=30)
OWN = Delimiters(":", ";", "~", "\\", "&")


@given(values)
@settings(max_examples=150, deadline=None)
def test_no_value_can_start_a_segment(value: str) -> None:
    """Whatever text a patient record holds, the message keeps its segments and the text its place."""
    lines = f"{HEADER}\nPID|||1||{writer.escape(value)}|x\nOBR|1".splitlines()
    text = writer.assemble(lines)
    message = parse(text, read_header(text.encode()))
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBR"]
    assert message.value("PID", 6) == "x"
    unix = re.sub("\r\n|[\r\x85\u2028\u2029]", "\n", value)
    expected = "".join(c for c in unix if c == "\n" or ord(c) >= 0x20)
    assert message.value("PID", 5) == expected
    assert message.value("PID", 5, 1, 1) == expected


@given(st.lists(values, max_size=5))
@settings(max_examples=200, deadline=None)
def test_a_line_never_becomes_two_segments(lines: list[str]) -> None:
    """Even unescaped text in a template cannot add a segment or break the framing."""
    text = writer.assemble([HEADER, *lines])
    assert text.count("\r") <= 1 + len(lines)
    assert not any(ord(c) < 0x20 and c != "\r" for c in text)


@given(values)
@settings(max_examples=100, deadline=None)
def test_own_delimiters(value: str) -> None:
    """A value is escaped for the receiver's delimiters, whatever they are."""
    escaped = writer.escape(value, OWN)
    assert not set(escaped) & set(":;~&\r\n")


def test_without_an_escape_character_separators_become_blanks() -> None:
    """A receiver without escape sequences gets a readable text in one field."""
    assert writer.escape("a|b^c\nd", Delimiters("|", "^", "~", "", "")) == "a b c d"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("PID|||1^^^HOSP^^||DOE^JANE^||||", "PID|||1^^^HOSP||DOE^JANE"),
        ("OBR|1||A^^~B&&^&|", "OBR|1||A~B"),
        ("PID|||~~|^^|x", "PID|||||x"),
        ('PID|||""|', 'PID|||""'),
        ("ORC|SC|\\S\\|", "ORC|SC|\\S\\"),
        ("PV1|||", "PV1"),
    ],
)
def test_empty_tails_are_cut(line: str, written: str) -> None:
    """A message ends where its content ends."""
    assert writer.assemble([HEADER, line]) == f"{HEADER}\r{written}\r"


def test_the_header_keeps_its_delimiters() -> None:
    """MSH-1 and MSH-2 are never trimmed."""
    assert writer.assemble(["MSH|^~\\&|||||^^|", "", "EVN|"]) == "MSH|^~\\&\rEVN\r"


def test_timestamp() -> None:
    """A time is written to the second, with its offset where that is asked for."""
    vienna = datetime(2026, 3, 16, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    assert writer.timestamp(vienna) == "20260316093000"
    assert writer.timestamp(vienna, zone=True) == "20260316093000+0100"
    assert writer.timestamp(vienna.replace(tzinfo=UTC), zone=True) == "20260316093000+0000"
    assert writer.timestamp(vienna.replace(tzinfo=None, year=99), zone=True) == "00990316093000"


def test_standard_escapes() -> None:
    """The five delimiters and a line end have the standard's escape sequences."""
    assert writer.escape("|^&~\\\r\n\x0b", STANDARD) == r"\F\\S\\T\\R\\E\\.br" + "\\"

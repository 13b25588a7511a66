"""Batches: every message of a frame is found, and nothing of what came is lost."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.hl7 import batch
from swf.hl7.header import read_header


def _message(number: int, end: str = "\r") -> bytes:
    return f"MSH|^~\\&|HIS||SWF|RAD|2026||ORM^O01|M{number}|P|2.3.1{end}PID|||{number}{end}".encode()


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b"MSH|", b"\r", b"\n", b"FHS|", b"x"])).map(b"".join))
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost(payload: bytes) -> None:
    """Whatever a frame holds, its pieces together are what came."""
    assert b"".join(batch.split(payload)) == payload


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("FHS|^~\\&{end}BHS|^~\\&{end}", "BTS|3{end}FTS|1{end}"), ("BHS|^~\\&{end}", "BTS|3")],
)
def test_each_message_of_a_batch(end: str, before: str, after: str) -> None:
    """Three messages in one frame, with batch segments or without, are three messages in their order."""
    payload = before.format(end=end).encode() + b"".join(_message(number, end) for number in (1, 2, 3))
    pieces = batch.split(payload + after.format(end=end).encode())
    assert [read_header(piece).control_id for piece in pieces] == ["M1", "M2", "M3"]
    assert all(read_header(piece).recognised for piece in pieces)


def test_a_batch_of_one_and_none() -> None:
    """One message, or none, is one piece."""
    for payload in (
        _message(1),
        b"\r\n \r" + _message(1),
        b"\xef\xbb\xbf\r" + _message(1),
        b"FHS|^~\\&\r" + _message(1) + b"FTS|1\r",
        b"FHS|^~\\&\rFTS|0\r",
        b"",
    ):
        assert batch.split(payload) == [payload]


def test_a_line_feed_before_msh_is_text_where_cr_ends_segments() -> None:
    """A report that quotes a message after a line feed stays one message."""
    payload = _message(1) + b"OBX|1|TX|||see\nMSH|^~\\& above\r"
    assert batch.split(payload) == [payload]


def test_a_flood_of_messages_is_one_piece() -> None:
    """Ten megabytes of nothing but headers are refused once, quickly, and not two million times."""
    payload = b"MSH|\r" * 2**21
    begun = time.process_time()
    assert batch.split(payload) == [payload]
    assert time.process_time() - begun < 0.5
    assert len(batch.split(_message(1) * batch.MOST)) == batch.MOST

"""MLLP framing: whatever way the bytes come, the same messages come out."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.hl7 import mllp

ORDER = b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260101||ORM^O01|1|P|2.3.1\rPID|||4711||DOE^JANE\r"
OTHER = b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260101||ORM^O01|2|P|2.3.1\r"
payloads = st.binary(max_size=60).filter(lambda data: b"\x0b" not in data and b"\x1c" not in data)


def received(data: bytes, limit: int = 16 * 2**20) -> list[bytes]:
    """The payloads found in `data`."""
    return [frame.payload for frame in mllp.Deframer(limit).feed(data) if frame.fault is None]


@given(st.lists(payloads, max_size=5), st.lists(st.integers(1, 9), min_size=1))
@settings(max_examples=150, deadline=None)
def test_any_split_of_the_bytes_gives_the_same_messages(messages: list[bytes], sizes: list[int]) -> None:
    """However a network cuts the stream, each message arrives once, whole and in order."""
    stream = b"\r\n".join(mllp.frame(message) for message in messages)
    deframer, arrived, position = mllp.Deframer(), [], 0
    for turn in range(len(stream)):
        size = sizes[turn % len(sizes)]
        arrived += [frame.payload for frame in deframer.feed(stream[position : position + size])]
        position += size
    assert arrived == messages
    assert not deframer.inside


@given(st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"MSH", b"M", b"|", b"BHS", b"x"]), max_size=40))
@settings(max_examples=150, deadline=None)
def test_noise_never_depends_on_how_it_is_cut(pieces: list[bytes]) -> None:
    """Even a stream of nonsense is understood the same byte by byte as at once."""
    stream = b"".join(pieces)
    whole, bytewise = mllp.Deframer(), mllp.Deframer()
    at_once = [*whole.feed(stream), *whole.finish()]
    one_by_one = [frame for byte in stream for frame in bytewise.feed(bytes([byte]))]
    assert [*one_by_one, *bytewise.finish()] == at_once
    assert whole.discarded == bytewise.discarded


def test_every_split_point_of_an_order() -> None:
    """An order cut in two at any byte is the same order."""
    stream = mllp.frame(ORDER)
    for cut in range(len(stream)):
        deframer = mllp.Deframer()
        assert deframer.feed(stream[:cut]) == []
        assert deframer.feed(stream[cut:]) == [mllp.Frame(ORDER)]


def test_a_hundred_messages_in_one_piece() -> None:
    """A burst of a hundred messages in one piece is a hundred messages."""
    assert received(mllp.frame(ORDER) * 100) == [ORDER] * 100


@pytest.mark.parametrize("noise", [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\0\r\n \0"])
def test_noise_around_frames_is_skipped_and_counted(noise: bytes) -> None:
    """Line ends, NULs and blanks between messages do no harm, and an operator can see how many came."""
    deframer = mllp.Deframer()
    frames = deframer.feed(noise + mllp.frame(ORDER) + noise + mllp.frame(OTHER) + noise)
    assert [frame.payload for frame in frames] == [ORDER, OTHER]
    assert deframer.discarded == 3 * len(noise)


@pytest.mark.parametrize("ending", [b"\x1c\r", b"\x1c\n", b"\x1c"])
def test_tolerated_ends_of_frame(ending: bytes) -> None:
    """A sender that forgets the CR after a message, or sends LF, loses nothing."""
    deframer = mllp.Deframer()
    frames = deframer.feed(b"\x0b" + ORDER + ending + mllp.frame(OTHER))
    assert [frame.payload for frame in frames] == [ORDER, OTHER]


def test_end_of_stream_ends_the_frame_without_cr() -> None:
    """A sender that closes right after FS has sent its message."""
    deframer = mllp.Deframer()
    assert deframer.feed(b"\x0b" + ORDER + b"\x1c") == []
    assert deframer.closing
    assert deframer.finish() == [mllp.Frame(ORDER)]
    assert not deframer.inside
    assert deframer.finish() == []


def test_half_a_message_is_no_message() -> None:
    """A connection lost in the middle of a message yields what came of it, marked so that nobody takes it for an order."""
    deframer = mllp.Deframer()
    assert deframer.feed(b"\x0b" + ORDER) == []
    assert deframer.inside
    assert not deframer.closing
    assert deframer.finish() == [mllp.Frame(ORDER, mllp.Fault.INCOMPLETE)]
    assert not deframer.inside
    assert (deframer.finish(), deframer.discarded) == ([], 0)


def test_a_message_given_up_is_handed_out_before_the_next() -> None:
    """What a sender gave up half-way is kept apart from the message it then sends; stuttered start bytes are noise."""
    deframer = mllp.Deframer()
    torn = ORDER[:40]
    assert deframer.feed(b"\x0b" + torn + b"\x0b" + mllp.frame(OTHER)) == [
        mllp.Frame(torn + b"\x0b", mllp.Fault.ABANDONED),
        mllp.Frame(OTHER),
    ]
    assert deframer.feed(b"\x0b\x0b\x0b" + mllp.frame(OTHER)) == [mllp.Frame(OTHER)]
    assert deframer.discarded == 2


@pytest.mark.parametrize("chunk", [1, 999, 10**6])
def test_a_long_message_given_up_is_cut_like_any_other(chunk: int) -> None:
    """Half a message above the limit, whether given up or lost with its connection, keeps its first bytes and a count."""
    long = ORDER + b"x" * 5000
    stream = b"\x0b" + long + b"\x0b" + long
    deframer = mllp.Deframer(limit=2000)
    frames = [frame for start in range(0, len(stream), chunk) for frame in deframer.feed(stream[start : start + chunk])]
    cut = len(long) - 2000
    assert frames == [mllp.Frame(long[:2000], mllp.Fault.ABANDONED, cut)]
    assert deframer.finish() == [mllp.Frame(long[:2000], mllp.Fault.INCOMPLETE, cut)]


def test_a_sender_starts_over_after_half_a_message() -> None:
    """When a sender begins anew inside a message, the new one is read and the torn one is not mixed into it."""
    assert received(b"\x0b" + ORDER[:40] + mllp.frame(OTHER)) == [OTHER]
    assert received(b"\x0b\x0b" + ORDER + b"\x1c\r") == [ORDER]


@pytest.mark.parametrize("inner", [b"\x0b", b"\x0bM", b"\x1c", b"\x1cx", b"\x1c\x1c", b"\x0bPID"])
def test_framing_bytes_inside_a_message_are_data(inner: bytes) -> None:
    """(10) Stray control bytes in a report text do not cut the message."""
    assert received(mllp.frame(ORDER + inner + b"|tail")) == [ORDER + inner + b"|tail"]


def test_lf_after_fs_is_data_where_no_message_began() -> None:
    """Tolerance for a wrong ending holds for HL7 messages, not for unknown bytes."""
    assert received(b"\x0bimage\x1c\nbytes\x1c\r") == [b"image\x1c\nbytes"]


def test_empty_frame() -> None:
    """An empty frame is handed on, so that it can be answered."""
    assert received(b"\x0b\x1c\r") == [b""]


def test_bytes_without_a_frame_are_counted() -> None:
    """A TLS client or a browser on the wrong port makes no message."""
    deframer = mllp.Deframer()
    request = b"GET / HTTP/1.1\r\nHost: swf\r\n\r\n"
    assert deframer.feed(request) == []
    assert deframer.discarded == len(request)
    assert not deframer.inside


@pytest.mark.parametrize("chunk", [7, 5000, 10**6])
def test_an_oversized_message_is_reported_and_the_next_one_read(chunk: int) -> None:
    """Of a message above the limit as much is kept as the limit allows, and the connection goes on."""
    stream = mllp.frame(ORDER + b"x" * 20_000) + mllp.frame(OTHER)
    deframer = mllp.Deframer(limit=10_000)
    frames = [frame for start in range(0, len(stream), chunk) for frame in deframer.feed(stream[start : start + chunk])]
    first = mllp.Frame((ORDER + b"x" * 20_000)[:10_000], mllp.Fault.OVERSIZED, len(ORDER) + 10_000)
    assert frames == [first, mllp.Frame(OTHER)]


def test_a_message_of_exactly_the_limit_is_read() -> None:
    """The limit itself is allowed."""
    payload = ORDER.ljust(10_000, b"x")
    assert mllp.Deframer(limit=10_000).feed(mllp.frame(payload)) == [mllp.Frame(payload)]
    assert mllp.Deframer(limit=9_999).feed(mllp.frame(payload)) == [mllp.Frame(payload[:-1], mllp.Fault.OVERSIZED, 1)]


def test_an_oversized_message_keeps_memory_bounded() -> None:
    """An endless message does not fill the machine's memory."""
    deframer = mllp.Deframer(limit=10_000)
    deframer.feed(b"\x0bMSH|")
    for _ in range(50):
        deframer.feed(b"x" * 5_000)
    assert len(deframer._buffer) < 20_000
    given_up, order = deframer.feed(mllp.frame(ORDER))
    assert given_up == mllp.Frame(b"MSH|".ljust(10_000, b"x"), mllp.Fault.ABANDONED, 4 + 50 * 5_000 - 10_000)
    assert order == mllp.Frame(ORDER)


@pytest.mark.parametrize("pattern", [b"\x0b", b"\x1c", b"\x1c\n", b"\x0bMS", b"\x0bMSH", b"\x1c\x0b"])
def test_hostile_megabyte_takes_linear_time(pattern: bytes) -> None:
    """A megabyte of control bytes takes a blink, not minutes."""
    data = b"\x0b" + pattern * (2**20 // len(pattern))
    deframer = mllp.Deframer()
    started = time.process_time()
    for start in range(0, len(data), 4096):
        deframer.feed(data[start : start + 4096])
    assert time.process_time() - started < 3

"""The HL7 door: everything senders do to it, by sockets of the tests' own."""

import contextlib
import io
import itertools
import math
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swf import clock, errors
from swf.hl7 import ack
from swf.hl7.header import read_header
from swf.net import mllp_listener
from tests.net.conftest import wait_until

PEER_TIMEOUT_S = 5.0


def _accepted(raw: bytes) -> bytes:
    return ack.acknowledge(read_header(raw), control_id=secrets.token_hex(10), at=clock.now())


class Patient:
    """A receiver whose work lasts until the test lets it end."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    def __call__(self, raw: bytes, peer: mllp_listener.Peer) -> bytes:
        self.begun.release()
        assert self.may_end.wait(PEER_TIMEOUT_S)
        return _accepted(raw)


def test_one_message_is_answered(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """An order is handed over byte for byte and its acknowledgement names it."""
    sender = dial(listen(receiver))
    sender.send(framed(order("A1")))
    assert sender.answer() == ("AA", "A1")
    assert receiver.messages == [order("A1")]


def test_message_cut_at_every_byte(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(1) Wherever the network cuts an order in two, it arrives whole and once."""
    sender = dial(listen(receiver))
    frame = framed(order("A1"))
    for cut in range(1, len(frame)):
        sender.send(frame[:cut], frame[cut:])
        assert sender.answer() == ("AA", "A1")
    assert receiver.messages == [order("A1")] * (len(frame) - 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noise=st.lists(st.sampled_from([b"", b"\r\n", b"\0", b" ", b"\n", b"junk"]), min_size=1, max_size=8),
    data=st.data(),
)
def test_noise_and_any_cutting(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any, noise: list[bytes], data: st.DataObject
) -> None:
    """(8) However a sender cuts its stream, and whatever it puts between messages, each message is answered in order."""
    receiver.messages.clear()
    sender = dial(listen(receiver))
    stream = b"".join(between + framed(order(f"N{number}")) for number, between in enumerate(noise))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    sender.send(*(stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)))
    assert sender.answers(len(noise)) == [("AA", f"N{number}") for number in range(len(noise))]
    assert receiver.messages == [order(f"N{number}") for number in range(len(noise))]


def test_thousand_pipelined_messages(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(2) A sender that does not wait for answers gets all of them, in order."""
    sender = dial(listen(receiver))
    stream = b"".join(framed(order(f"P{number}")) for number in range(1000))
    writer = threading.Thread(target=sender.send, args=(stream,))
    writer.start()
    assert sender.answers(1000) == [("AA", f"P{number}") for number in range(1000)]
    writer.join()


def test_fifty_connections_at_once(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """Fifty departments send at the same time, and each gets its own answers."""
    listener = listen(receiver)
    senders = [dial(listener) for _ in range(50)]
    for number, sender in enumerate(senders):
        sender.send(framed(order(f"C{number}A")), framed(order(f"C{number}B")))
    for number, sender in enumerate(senders):
        assert sender.answers(2) == [("AA", f"C{number}A"), ("AA", f"C{number}B")]


def test_half_message_then_reset(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(3) A sender that vanishes in the middle of a message leaves nothing behind."""
    listener = listen(receiver)
    broken, sender = dial(listener), dial(listener)
    broken.send(framed(order("HALF"))[:-10])
    wait_until(lambda: any(each.idle_since == math.inf for each in listener._hall.conversations()))
    broken.reset()
    sender.send(framed(order("WHOLE")))
    assert sender.answer() == ("AA", "WHOLE")
    assert receiver.messages == [order("WHOLE")]
    wait_until(lambda: len(listener._hall.conversations()) == 1 and len(receiver.kept) == 1)
    assert receiver.kept == [mllp_listener.Broken(order("HALF")[:-8], "the connection ended before the message", False)]


@pytest.mark.parametrize("cut", [1, 2, 40, -3, -2])
def test_stream_that_ends_within_a_message(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any, cut: int
) -> None:
    """An incomplete message is never taken for a message; what came of it is kept, and its sender told to try again."""
    sender = dial(listen(receiver))
    came = framed(order("HALF"))[:cut]
    sender.send(came)
    sender.socket.shutdown(socket.SHUT_WR)
    if len(came) > 1:
        assert sender.answer() == ("AR", "HALF" if b"|HALF" in came else "")
    assert sender.at_end()
    assert receiver.messages == []
    assert [broken.raw for broken in receiver.kept] == [came[1:]] * (len(came) > 1)


def test_a_message_given_up_is_kept_and_not_answered(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any
) -> None:
    """A sender that begins anew half-way is answered for the new message alone, and would mistake any other answer."""
    sender = dial(listen(receiver))
    sender.send(framed(order("TORN"))[:-9], framed(order("NEXT")), framed(order("LAST")))
    assert sender.answers(2) == [("AA", "NEXT"), ("AA", "LAST")]
    assert receiver.messages == [order("NEXT"), order("LAST")]
    assert receiver.kept == [
        mllp_listener.Broken(order("TORN")[:-7], "another message began before the end of this one", False)
    ]


@pytest.mark.parametrize("ending", [b"\x1c", b"\x1c\n", b"\x1c\r\n", b"\x1c\r\0"])
def test_careless_frame_ends(listen: Any, dial: Any, receiver: Any, order: Any, ending: bytes) -> None:
    """(7) A sender that forgets the CR, or adds line feeds, is understood."""
    sender = dial(listen(receiver))
    sender.send(b"\x0b" + order("A1") + ending)
    assert sender.answer() == ("AA", "A1")
    sender.send(b"\x0b" + order("A2") + ending)
    assert sender.answer() == ("AA", "A2")
    assert receiver.messages == [order("A1"), order("A2")]


def test_end_without_cr_before_next_message(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(6) Two messages with only one complete frame end between them are two messages."""
    sender = dial(listen(receiver))
    sender.send(b"\x0b" + order("A1") + b"\x1c" + framed(order("A2")))
    assert sender.answers(2) == [("AA", "A1"), ("AA", "A2")]


def test_empty_frame_is_answered(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(12) An empty frame is answered like any other, and the connection goes on."""
    sender = dial(listen(receiver))
    sender.send(framed(b""), framed(order("A1")))
    assert sender.answers(2) == [("AA", ""), ("AA", "A1")]


def test_megabyte_of_frame_starts(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(9, 14) A sender gone mad with start bytes neither stops the door nor hides the message after them."""
    sender = dial(listen(receiver))
    sender.send(b"\x0b" * 2**20 + framed(order("A1")))
    assert sender.answer() == ("AA", "A1")


def test_too_long_message(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """A message above the limit is refused by its own number, and the next one is taken."""
    sender = dial(listen(receiver, limit=10_000))
    sender.send(framed(order("BIG", "X" * 20_000)), framed(order("SMALL")))
    refusal = sender.raw_answer()
    assert b"\rMSA|AR|BIG|" in refusal
    assert b"207" in refusal
    assert sender.answer() == ("AA", "SMALL")
    assert receiver.messages == [order("SMALL")]
    (kept,) = receiver.kept
    assert kept.raw == order("BIG", "X" * 20_000)[:10_000]
    assert kept.reason == f"longer than the limit; kept are its first 10000 of {len(order('BIG')) - 8 + 20_000} bytes"


def test_silence_within_a_message(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(4) A sender that stops in the middle of a message is told so by the message's number, and disconnected."""
    sender = dial(listen(receiver, frame_deadline_s=0.1))
    sender.send(framed(order("SLOW"))[:-5])
    assert sender.answer() == ("AR", "SLOW")
    assert sender.at_end()
    assert receiver.messages == []
    assert receiver.kept == [mllp_listener.Broken(order("SLOW")[:-3], "message not complete after 0.1 s")]


def test_deadline_is_for_the_whole_message(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(5) A sender that drips a byte now and then does not hold the door for ever."""
    sender = dial(listen(receiver, frame_deadline_s=0.3))
    sender.send(b"\x0b" + order("DRIP"))
    sender.socket.settimeout(0.05)
    for _ in range(100):
        sender.send(b"x")
        try:
            assert sender.answer() == ("AR", "DRIP")
            break
        except TimeoutError:
            continue
    else:
        pytest.fail("the deadline never came")


def test_deadline_counts_the_sender_only(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """Time spent on one message is not taken from the next one's deadline."""
    patient = Patient()
    sender = dial(listen(patient, frame_deadline_s=0.2))
    second = framed(order("A2"))
    sender.send(framed(order("A1")) + second[:20])
    assert patient.begun.acquire(timeout=PEER_TIMEOUT_S)
    assert not patient.may_end.wait(0.4)
    sender.send(second[20:])
    patient.may_end.set()
    assert sender.answers(2) == [("AA", "A1"), ("AA", "A2")]


def test_idle_connection_outlives_the_deadline(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """A connection may be silent between messages for as long as it likes."""
    sender = dial(listen(receiver, frame_deadline_s=0.05))
    sender.send(framed(order("A1")))
    assert sender.answer() == ("AA", "A1")
    sender.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        sender.socket.recv(1)
    sender.send(framed(order("A2")))
    assert sender.answer() == ("AA", "A2")


def test_half_close_is_answered(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """(18) A sender that closes its half of the connection right after the message still gets the answer."""
    sender = dial(listen(receiver))
    sender.send(framed(order("A1")), b"\x0b" + order("A2") + b"\x1c")
    sender.socket.shutdown(socket.SHUT_WR)
    assert sender.answers(2) == [("AA", "A1"), ("AA", "A2")]
    assert sender.at_end()


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, "TLS"),
        (b"GET / HTTP/1.1\r\nHost: swf\r\n\r\n", "HTTP"),
        (b"\x01\x00\x00\x00\x00\xcd\x00\x01\x00\x00", "DICOM"),
    ],
)
def test_other_protocols(
    *, listen: Any, dial: Any, receiver: Any, log_lines: io.StringIO, opening: bytes, reason: str
) -> None:
    """(19) A browser, a TLS client or a scanner at the wrong port is disconnected, and the log says what it was."""
    sender = dial(listen(receiver))
    sender.send(opening)
    assert sender.at_end()
    assert reason in log_lines.getvalue()
    assert receiver.messages == []


def test_unframed_message(listen: Any, dial: Any, receiver: Any, order: Any) -> None:
    """(11) A sender without MLLP framing learns it at once instead of waiting for ever."""
    sender = dial(listen(receiver))
    sender.send(order("BARE"))
    assert sender.answer() == ("AR", "BARE")
    assert sender.at_end()
    assert receiver.messages == []
    assert receiver.kept == [mllp_listener.Broken(order("BARE"), "HL7 without MLLP framing")]


def test_sender_gone_before_its_answer(listen: Any, dial: Any, order: Any, framed: Any, log_lines: io.StringIO) -> None:
    """(17) A sender that vanishes before its answer is no error; the message was taken and others are served."""
    patient = Patient()
    listener = listen(patient)
    gone = dial(listener)
    gone.send(framed(order("GONE")))
    assert patient.begun.acquire(timeout=PEER_TIMEOUT_S)
    gone.reset()
    patient.may_end.set()
    sender = dial(listener)
    sender.send(framed(order("HERE")))
    assert sender.answer() == ("AA", "HERE")
    assert '"level": "ERROR"' not in log_lines.getvalue()


def test_failing_receiver(listen: Any, dial: Any, order: Any, framed: Any, log_lines: io.StringIO) -> None:
    """A fault of our own asks the sender to send again, keeps the connection, and puts no patient into the log."""

    def receive(raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        if b"BAD" in raw:
            raise ValueError(raw.decode())
        return _accepted(raw)

    sender = dial(listen(receive))
    sender.send(framed(order("BAD")), framed(order("GOOD")))
    refusal = sender.raw_answer()
    assert b"\rMSA|AR|BAD|" in refusal
    assert b"207" in refusal
    assert sender.answer() == ("AA", "GOOD")
    assert "ValueError" in log_lines.getvalue()
    assert "test_mllp_listener.py" in log_lines.getvalue()
    assert "DOE" not in log_lines.getvalue() + refusal.decode()


def test_what_cannot_be_kept_is_answered_all_the_same(*, listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """When even the keeping of a broken message fails, its sender is told to send again and the next one is taken."""

    def fail(_broken: mllp_listener.Broken, _peer: mllp_listener.Peer) -> bytes:
        raise ZeroDivisionError

    sender = dial(listen(lambda raw, _peer: _accepted(raw), broken=fail, limit=10_000))
    sender.send(framed(order("BIG", "X" * 20_000)), framed(order("NEXT")))
    assert sender.answers(2) == [("AR", "BIG"), ("AA", "NEXT")]


def test_receiver_that_hangs_up(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """A receiver may end a connection without an answer."""

    def receive(_raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        raise mllp_listener.HangUp

    sender = dial(listen(receive))
    sender.send(framed(order("A1")))
    assert sender.at_end()


def test_no_answer_due(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """Where no acknowledgement is due none is sent, and the next one is not mixed up."""
    sender = dial(listen(lambda raw, _peer: b"" if b"QUIET" in raw else _accepted(raw)))
    sender.send(framed(order("QUIET")), framed(order("LOUD")))
    assert sender.answer() == ("AA", "LOUD")


def test_receiver_knows_the_peer(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """Every message comes with the address it was sent from."""
    peers = []

    def receive(raw: bytes, peer: mllp_listener.Peer) -> bytes:
        peers.append(peer)
        return _accepted(raw)

    sender = dial(listen(receive))
    sender.send(framed(order("A1")))
    sender.answer()
    assert peers == [mllp_listener.Peer(*sender.socket.getsockname())]


def test_stop_answers_what_has_arrived(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """Stopping finishes the message in work and those that have completely arrived; only then the connection ends."""
    patient = Patient()
    listener = listen(patient)
    sender = dial(listener)
    sender.send(framed(order("WORK")))
    assert patient.begun.acquire(timeout=PEER_TIMEOUT_S)
    sender.send(framed(order("NEXT")), framed(order("HALF"))[:20])
    stopping = threading.Thread(target=listener.stop)
    stopping.start()
    patient.may_end.set()
    assert sender.answers(2) == [("AA", "WORK"), ("AA", "NEXT")]
    assert sender.at_end()
    stopping.join(PEER_TIMEOUT_S)
    assert not stopping.is_alive()


def test_stop_does_not_wait_for_the_silent(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """Idle senders and half messages do not delay a stop."""
    listener = listen(receiver)
    idle, half = dial(listener), dial(listener)
    for sender in (idle, half):
        sender.send(framed(order("A1")))
        assert sender.answer() == ("AA", "A1")
    half.send(framed(order("HALF"))[:-5])
    started = time.monotonic()
    listener.stop()
    assert time.monotonic() - started < 2.0
    assert idle.at_end()
    assert half.at_end()
    assert len(receiver.messages) == 2


def test_stop_cuts_a_sender_that_never_reads(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """A sender that does not read its answers cannot hold up a stop."""
    begun = threading.Event()

    def receive(_raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        begun.set()
        return b"x" * 2**25

    listener = listen(receive)
    sender = dial(listener)
    sender.send(framed(order("A1")))
    assert begun.wait(PEER_TIMEOUT_S)
    started = time.monotonic()
    listener.stop(deadline_s=0.3)
    assert time.monotonic() - started < 2.0


def _flood(sender: Any, messages: Iterator[bytes]) -> None:
    with contextlib.suppress(OSError):
        for each in messages:
            sender.send(each)


def _collect(sender: Any, answered: list[str]) -> None:
    with contextlib.suppress(OSError, AssertionError):
        while True:
            answered.append(sender.answer()[1])
    sender.socket.close()


def test_stop_against_a_sender_that_never_ends(listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """An endless stream of messages ends with a stop: every message begun is answered, no further one is."""
    taken: list[str] = []
    plenty = threading.Event()

    def receive(raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        taken.append(read_header(raw).control_id)
        if len(taken) == 50:
            plenty.set()
        return _accepted(raw)

    answered: list[str] = []
    listener = listen(receive)
    sender = dial(listener)
    endless = (framed(order(f"F{number}")) for number in itertools.count())
    threads = [
        threading.Thread(target=_flood, args=(sender, endless)),
        threading.Thread(target=_collect, args=(sender, answered)),
    ]
    for thread in threads:
        thread.start()
    assert plenty.wait(PEER_TIMEOUT_S)
    listener.stop(deadline_s=1.2)
    for thread in threads:
        thread.join(PEER_TIMEOUT_S)
    assert answered == taken


def test_stop_before_start_and_twice(receiver: Any) -> None:
    """Stopping is lawful at any time."""
    listener = mllp_listener.MllpListener("127.0.0.1", 0, mllp_listener.one_by_one(receiver))
    listener.stop()
    listener.start()
    listener.stop()
    listener.stop()
    assert not listener.healthy()


def test_health_and_second_start(listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """The door says it is well only while it is open, and opens again on the same port."""
    listener = listen(receiver)
    address = listener.address
    assert listener.healthy()
    listener.stop()
    assert not listener.healthy()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PEER_TIMEOUT_S)
    listener.start()
    assert listener.healthy()
    assert listener.address == address
    sender = dial(listener)
    sender.send(framed(order("AGAIN")))
    assert sender.answer() == ("AA", "AGAIN")


def test_port_in_use(listen: Any, receiver: Any) -> None:
    """A port somebody else has is a mistake of the configuration, named with its address."""
    taken = listen(receiver)
    listener = mllp_listener.MllpListener(*taken.address, mllp_listener.one_by_one(receiver))
    with pytest.raises(errors.ConfigError, match=str(taken.address[1])):
        listener.start()
    assert not listener.healthy()


@pytest.mark.parametrize(("before", "after"), [(b"", b""), (b"FHS|^~\\&\rBHS|^~\\&\r", b"BTS|3\rFTS|1\r")])
def test_messages_of_a_batch_are_answered_one_by_one(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any, before: bytes, after: bytes
) -> None:
    """Several messages in one frame each get an answer of their own, in order, and nothing that came is lost."""
    sender = dial(listen(receiver))
    whole = before + order("B1") + order("B2") + order("B3") + after
    sender.send(framed(whole), framed(order("A4")))
    assert sender.answers(4) == [("AA", "B1"), ("AA", "B2"), ("AA", "B3"), ("AA", "A4")]
    assert b"".join(receiver.messages[:3]) == whole


def test_a_fault_in_a_batch_concerns_one_message(
    *, listen: Any, dial: Any, order: Any, framed: Any, log_lines: io.StringIO
) -> None:
    """When one message of a batch fails, the others are done and answered as they deserve."""

    def receive(raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        if b"|B2|" in raw:
            raise ValueError("B2")
        return _accepted(raw)

    sender = dial(listen(receive))
    sender.send(framed(order("B1") + order("B2") + order("B3")))
    assert sender.answers(3) == [("AA", "B1"), ("AR", "B2"), ("AA", "B3")]


def test_two_acknowledgements_are_two_frames(*, listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """An accept and an application acknowledgement go out one after the other, each framed."""
    sender = dial(listen(lambda raw, _peer: _accepted(raw).replace(b"|AA|", b"|CA|") + _accepted(raw)))
    sender.send(framed(order("A1")))
    assert sender.answers(2) == [("CA", "A1"), ("AA", "A1")]


def test_a_start_byte_lost_later_on(*, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any) -> None:
    """A sender that loses the frame's start in the middle of a session is told at once, too."""
    sender = dial(listen(receiver))
    sender.send(framed(order("A1")))
    assert sender.answer() == ("AA", "A1")
    sender.send(order("BARE") + b"\x1c\r")
    assert sender.answer() == ("AR", "BARE")
    assert sender.at_end()

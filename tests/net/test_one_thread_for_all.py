"""All senders are heard by one thread: what they have sent is carried out together, and none can hold up another."""

import contextlib
import io
import os
import resource
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swf.config import Hl7
from swf.net import mllp_conversation, mllp_hall, mllp_listener, tls
from swf.net.mllp_listener import Peer
from swf.net.tls import Secured
from tests.authority import Authority
from tests.net.conftest import TIMEOUT_S, Receiver, wait_until

Came = Iterable[tuple[bytes, Peer]]


class Rounds:
    """A receiver that remembers what was handed over together; the first time it waits until it may go on."""

    def __init__(self) -> None:
        self.rounds: list[list[tuple[bytes, Peer]]] = []
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._answer = Receiver()

    def __call__(self, came: Came) -> list[bytes]:
        together = list(came)
        self.rounds.append(together)
        self.begun.set()
        assert self.may_end.wait(TIMEOUT_S)
        return [self._answer(raw, peer) for raw, peer in together]


@pytest.fixture
def rounds() -> Rounds:
    """A receiver that remembers what was handed over together."""
    return Rounds()


def test_what_came_meanwhile_is_carried_out_together(
    *, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any
) -> None:
    """While one order is carried out others arrive; they are handed over together, and each gets its own answer."""
    listener = listen(receive_all=rounds)
    senders = [dial(listener) for _ in range(9)]
    wait_until(lambda: len(listener._hall.conversations()) == 9)
    senders[0].send(framed(order("S0")))
    assert rounds.begun.wait(TIMEOUT_S)
    for number, sender in enumerate(senders[1:], 1):
        sender.send(framed(order(f"S{number}")))
    rounds.may_end.set()
    assert [sender.answer() for sender in senders] == [("AA", f"S{number}") for number in range(9)]
    assert [len(together) for together in rounds.rounds] == [1, 8]


def test_what_comes_during_the_work_joins_it(
    *, listen: Any, dial: Any, receiver: Receiver, order: Any, framed: Any
) -> None:
    """A receiver that asks for one message after the other is given those that came while it worked, each sender once."""
    begun, may_go_on = threading.Event(), threading.Event()
    rounds: list[int] = []

    def receive_all(came: Came) -> list[bytes]:
        answers = []
        for raw, peer in came:
            begun.set()
            assert may_go_on.wait(TIMEOUT_S)
            answers.append(receiver(raw, peer))
        rounds.append(len(answers))
        return answers

    listener = listen(receive_all=receive_all)
    first, second = dial(listener), dial(listener)
    wait_until(lambda: len(listener._hall.conversations()) == 2)
    first.send(framed(order("A1")))
    assert begun.wait(TIMEOUT_S)
    first.send(framed(order("A2")))
    second.send(framed(order("B1")))
    may_go_on.set()
    assert (first.answers(2), second.answer()) == ([("AA", "A1"), ("AA", "A2")], ("AA", "B1"))
    assert rounds == [2, 1]


def test_of_each_sender_one_message_at_a_time(
    *, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any
) -> None:
    """Senders that do not wait for answers take turns: one message of each is handed over, and in its order."""
    listener = listen(receive_all=rounds)
    senders = [dial(listener) for _ in range(3)]
    for sender in senders:
        sender.send(b"".join(framed(order(f"M{number}")) for number in range(5)))
    assert rounds.begun.wait(TIMEOUT_S)
    rounds.may_end.set()
    for sender in senders:
        assert sender.answers(5) == [("AA", f"M{number}") for number in range(5)]
    for together in rounds.rounds:
        assert len({peer for _, peer in together}) == len(together)
    for sender in senders:
        peer = Peer(*sender.socket.getsockname())
        came = [raw for together in rounds.rounds for raw, whose in together if whose == peer]
        assert came == [order(f"M{number}") for number in range(5)]


def test_no_more_at_once_than_fit(
    *, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When more senders wait than are served at once, those left over come next and nobody is forgotten."""
    monkeypatch.setattr(mllp_hall, "CARRIED_OUT_AT_ONCE", 3)
    listener = listen(receive_all=rounds)
    senders = [dial(listener) for _ in range(8)]
    for sender in senders:
        sender.send(framed(order("A1")), framed(order("A2")))
    rounds.may_end.set()
    for sender in senders:
        assert sender.answers(2) == [("AA", "A1"), ("AA", "A2")]
    assert max(len(together) for together in rounds.rounds) == 3


def test_one_fault_harms_no_other(*, listen: Any, dial: Any, order: Any, framed: Any, log_lines: io.StringIO) -> None:
    """When a round fails as a whole, each of its messages is tried alone: only the one that is at fault is refused."""
    begun, may_end, answer = threading.Event(), threading.Event(), Receiver()

    def receive_all(came: Came) -> list[bytes]:
        together = list(came)
        begun.set()
        assert may_end.wait(TIMEOUT_S)
        if any(b"BAD" in raw for raw, _ in together):
            raise ValueError(together)
        return [answer(raw, peer) for raw, peer in together]

    listener = listen(receive_all=receive_all)
    first, bad, good = dial(listener), dial(listener), dial(listener)
    first.send(framed(order("FIRST")))
    assert begun.wait(TIMEOUT_S)
    bad.send(framed(order("BAD")), framed(order("AFTER")))
    good.send(framed(order("GOOD")))
    may_end.set()
    assert [first.answer(), *bad.answers(2), good.answer()] == [
        ("AA", "FIRST"),
        ("AR", "BAD"),
        ("AA", "AFTER"),
        ("AA", "GOOD"),
    ]
    assert log_lines.getvalue().count('"event": "message failed"') == 1


def test_hanging_up_on_one_of_several(*, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any) -> None:
    """A receiver that ends one connection without an answer still answers the others of the same round."""

    def receive_all(came: Came) -> list[bytes | Exception]:
        answers = rounds(came)
        dead = [b"DEAD" in raw for raw, _ in rounds.rounds[-1]]
        return [mllp_listener.HangUp() if gone else answer for gone, answer in zip(dead, answers, strict=True)]

    listener = listen(receive_all=receive_all)
    first, dead, good = dial(listener), dial(listener), dial(listener)
    first.send(framed(order("FIRST")))
    assert rounds.begun.wait(TIMEOUT_S)
    dead.send(framed(order("DEAD")), framed(order("NEVER")))
    good.send(framed(order("GOOD")))
    rounds.may_end.set()
    assert (first.answer(), good.answer()) == (("AA", "FIRST"), ("AA", "GOOD"))
    assert dead.at_end()
    assert all(b"NEVER" not in raw for together in rounds.rounds for raw, _ in together)


def test_nonsense_from_the_receiver(
    *, dial: Any, receiver: Receiver, order: Any, framed: Any, log_lines: io.StringIO
) -> None:
    """A receiver that loses count of its answers costs its senders their connections, never the door."""
    counting = threading.Event()
    listener = mllp_listener.MllpListener(
        "127.0.0.1", 0, lambda came: [receiver(raw, peer) for raw, peer in came][: None if counting.is_set() else 0]
    )
    listener.start()
    with contextlib.ExitStack() as stack:
        stack.callback(listener.stop)
        lost = dial(listener)
        lost.send(framed(order("A1")))
        assert lost.at_end()
        assert '"event": "all connections closed"' in log_lines.getvalue()
        counting.set()
        sender = dial(listener)
        sender.send(framed(order("A1")))
        assert sender.answer() == ("AA", "A1")
        assert listener.healthy()


def test_senders_that_never_read(*, listen: Any, dial: Any, order: Any, framed: Any) -> None:
    """Senders that leave their answers unread, with more messages behind them, do not delay one that reads."""
    answer, long = Receiver(), b"MSH|" + b"x" * 2**24
    listener = listen(lambda raw, peer: long if b"DEAF" in raw else answer(raw, peer))
    deaf = [dial(listener) for _ in range(3)]
    for each in deaf:
        each.send(framed(order("DEAF")) * 2)
    wait_until(lambda: _unread(listener) == 3)
    sender = dial(listener)
    began = time.monotonic()
    for number in range(50):
        sender.send(framed(order(f"A{number}")))
        assert sender.answer() == ("AA", f"A{number}")
    assert time.monotonic() - began < mllp_conversation.ANSWER_DEADLINE_S / 2
    wait_until(lambda: _unread(listener) == 3)
    for each in deaf:
        with each.socket.makefile("rb") as answers:
            assert answers.read(2 * len(framed(long))) == framed(long) * 2


def _unread(listener: Any) -> int:
    """How many have not taken the answer they were sent."""
    return sum(each.awaits == selectors.EVENT_WRITE for each in listener._hall.conversations())


def test_half_handshakes(*, listen: Any, dial: Any, receiver: Receiver, order: Any, framed: Any, tmp_path: Any) -> None:
    """Callers that stop in the middle of the TLS handshake do not delay a sender that finishes its own."""
    hospital = Authority(tmp_path)
    context = tls.of_listener(Hl7(**hospital.issue("127.0.0.1")))
    assert context is not None
    listener = listen(receiver, secure=Secured(context))
    for opening in (b"", b"\x16", b"\x16\x03\x01\x02", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc") * 10:
        dial(listener).send(opening)
    began = time.monotonic()
    calling = ssl.create_default_context(cafile=hospital.file)
    with calling.wrap_socket(dial(listener).socket, server_hostname="127.0.0.1") as encrypted:
        for number in range(20):
            encrypted.sendall(framed(order(f"A{number}")))
            assert b"MSA|AA|A" in encrypted.recv(65536)
    assert time.monotonic() - began < tls.HANDSHAKE_S / 2


def test_our_work_is_not_charged_to_other_senders(
    *, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any
) -> None:
    """A message half sent when somebody else's takes us long is not refused for the time that was ours."""
    listener = listen(receive_all=rounds, frame_deadline_s=0.25)
    working, halfway = dial(listener), dial(listener)
    halfway.send(framed(order("HALF"))[:20])
    wait_until(lambda: any(each.until < float("inf") for each in listener._hall.conversations()))
    working.send(framed(order("WORK")))
    assert rounds.begun.wait(TIMEOUT_S)
    assert not rounds.may_end.wait(0.6)
    rounds.may_end.set()
    assert working.answer() == ("AA", "WORK")
    halfway.send(framed(order("HALF"))[20:])
    assert halfway.answer() == ("AA", "HALF")


def test_a_receiver_that_does_not_come_back(
    *, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store keeps everybody waiting for too long the door says it is not well; afterwards it is again."""
    monkeypatch.setattr(mllp_hall, "STUCK_S", 0.05)
    listener = listen(receive_all=rounds)
    sender = dial(listener)
    sender.send(framed(order("A1")))
    assert rounds.begun.wait(TIMEOUT_S)
    wait_until(lambda: not listener.healthy())
    rounds.may_end.set()
    assert sender.answer() == ("AA", "A1")
    wait_until(listener.healthy)


def test_stop_does_not_wait_for_the_receiver(
    *, listen: Any, dial: Any, rounds: Rounds, order: Any, framed: Any
) -> None:
    """A stop ends in time when a message is in work for ever; its sender is disconnected and the port is free."""
    listener = listen(receive_all=rounds)
    sender = dial(listener)
    sender.send(framed(order("A1")))
    assert rounds.begun.wait(TIMEOUT_S)
    began = time.monotonic()
    listener.stop(deadline_s=0.1)
    assert time.monotonic() - began < 2.0
    assert sender.at_end()
    socket.create_server(listener.address).close()
    rounds.may_end.set()


def test_no_descriptor_left(
    *, listen: Any, dial: Any, receiver: Receiver, order: Any, framed: Any, log_lines: io.StringIO
) -> None:
    """When the system has no descriptor left for a caller, others are served, and so is the caller once it has."""
    listener = listen(receiver)
    sender, waiting = dial(listener), socket.socket()
    sender.send(framed(order("A1")))
    assert sender.answer() == ("AA", "A1")
    with contextlib.closing(waiting):
        with _descriptors_used_up():
            waiting.connect(listener.address)
            wait_until(lambda: '"event": "connection not accepted"' in log_lines.getvalue())
            sender.send(framed(order("A2")))
            assert sender.answer() == ("AA", "A2")
            assert listener.healthy()
        waiting.settimeout(TIMEOUT_S)
        waiting.sendall(framed(order("A3")))
        assert b"MSA|AA|A3" in waiting.recv(65536)


@contextlib.contextmanager
def _descriptors_used_up() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < last:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[-1] + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in taken:
            os.close(each)

"""More connections than the door has places for: who makes room, who is turned away, and who is told (hl7v2.md §4.2)."""

import contextlib
import io
import math
import socket
import threading
from typing import Any

import pytest

from swf.net import mllp_crowd, mllp_listener
from swf.net.mllp_crowd import TOO_MANY, TOO_MANY_FROM_ONE, Crowding
from tests.net.conftest import TIMEOUT_S, Sender, wait_until, wait_until_idle

LOOPBACK = "127.0.0.1"


def _speak(listener: Any, sender: Sender, message: bytes) -> None:
    sender.send(message)
    assert sender.answer()[0] == "AA"
    wait_until_idle(listener)


def _from(listener: Any, address: str) -> Sender:
    """A sender on another machine."""
    sender = Sender.__new__(Sender)
    sender.socket = socket.create_connection(listener.address, TIMEOUT_S, (address, 0))
    sender._unread = b""
    return sender


def test_the_longest_idle_makes_room(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any, log_lines: io.StringIO
) -> None:
    """At the limit a newcomer is served and the sender that was silent for longest is disconnected, with a log line."""
    listener = listen(receiver, max_connections=2)
    first, second = dial(listener), dial(listener)
    for sender in (first, second, first):
        _speak(listener, sender, framed(order("A1")))
    third = dial(listener)
    third.send(framed(order("A2")))
    assert third.answer() == ("AA", "A2")
    assert second.at_end()
    _speak(listener, first, framed(order("A3")))
    assert '"event": "idle connection made room"' in log_lines.getvalue()
    assert f'"port": {second.socket.getsockname()[1]}, "reason": "{TOO_MANY}"' in log_lines.getvalue()
    assert listener.crowding() == [Crowding(TOO_MANY, LOOPBACK, made_room=1)]
    assert listener.crowding() == []


def test_who_never_sent_a_message_makes_room_first(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any
) -> None:
    """Connections that are opened and never used do not drive out a sender that works, however long it was silent."""
    listener = listen(receiver, max_connections=3)
    working = dial(listener)
    _speak(listener, working, framed(order("A1")))
    unused = [dial(listener) for _ in range(12)]
    for sender in unused[:-2]:
        assert sender.at_end()
    _speak(listener, working, framed(order("A2")))


def test_nobody_with_a_message_outstanding_makes_room(
    *, listen: Any, dial: Any, order: Any, framed: Any, log_lines: io.StringIO
) -> None:
    """While a message is half sent or its answer not read on every connection, the newcomer is turned away and nothing is lost."""
    long = b"MSH|^~\\&\rMSA|AA|LONG|" + b"x" * 2**24

    def receive(raw: bytes, _peer: mllp_listener.Peer) -> bytes:
        return long if b"|LONG|" in raw else b"MSH|^~\\&\rMSA|AA|" + raw.split(b"|")[9] + b"\r"

    listener = listen(receive, max_connections=2)
    unread, halfway = dial(listener), dial(listener)
    unread.send(framed(order("LONG")))
    halfway.send(framed(order("HALF"))[:20])
    wait_until(lambda: all(each.idle_since == math.inf for each in listener._hall.conversations()))
    assert dial(listener).at_end()
    assert '"event": "connection refused"' in log_lines.getvalue()
    halfway.send(framed(order("HALF"))[20:])
    assert halfway.answer() == ("AA", "HALF")
    with unread.socket.makefile("rb") as answers:
        assert answers.read(len(framed(long))) == framed(long)
    assert listener.crowding() == [Crowding(TOO_MANY, LOOPBACK, turned_away=1)]


def test_one_address_makes_room_for_itself(
    *, listen: Any, dial: Any, receiver: Any, order: Any, framed: Any, log_lines: io.StringIO
) -> None:
    """A sender that opens connections without closing them loses its own oldest ones; other senders lose none."""
    listener = listen(receiver, max_connections=9, max_connections_per_peer=2)
    with contextlib.closing(_from(listener, "127.0.0.2").socket) as other:
        elsewhere = Sender.__new__(Sender)
        elsewhere.socket, elsewhere._unread = other, b""
        _speak(listener, elsewhere, framed(order("B1")))
        leaking = [dial(listener) for _ in range(5)]
        for sender in leaking[:3]:
            assert sender.at_end()
        for sender in leaking[3:]:
            _speak(listener, sender, framed(order("A1")))
        _speak(listener, elsewhere, framed(order("B2")))
    assert TOO_MANY_FROM_ONE in log_lines.getvalue()
    assert listener.crowding() == [Crowding(TOO_MANY_FROM_ONE, LOOPBACK, made_room=3)]


def test_no_message_is_lost_in_the_crowd(*, listen: Any, receiver: Any, order: Any, framed: Any) -> None:
    """Eight senders share three places and connect again when they are disconnected: every message is answered."""
    listener = listen(receiver, max_connections=3)
    answered: list[str] = []
    threads = [
        threading.Thread(target=_insist, args=(listener, number, order, answered, framed)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answered) == sorted(f"S{number}-{count}" for number in range(8) for count in range(15))


def _insist(listener: Any, number: int, order: Any, answered: list[str], framed: Any) -> None:
    """Send fifteen messages, each until it is answered, as an interface engine does."""
    sender = Sender(listener.address)
    for control_id in (f"S{number}-{count}" for count in range(15)):
        while True:
            try:
                sender.send(framed(order(control_id)))
                code, named = sender.answer()
                assert (code, named) == ("AA", control_id)
                answered.append(named)
                break
            except (OSError, AssertionError):
                sender.socket.close()
                sender = Sender(listener.address)
    sender.socket.close()


def test_a_long_list_of_addresses_is_cut(
    *, listen: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch, dial: Any
) -> None:
    """A flood from everywhere is told of in a few lines."""
    monkeypatch.setattr(mllp_crowd, "MOST_ADDRESSES", 2)
    listener = listen(receiver, max_connections=1)
    with contextlib.ExitStack() as stack:
        for last in range(1, 7):
            sender = _from(listener, f"127.0.0.{last}")
            stack.callback(sender.socket.close)
        _speak_last(sender)
    assert [(met.address, met.made_room + met.turned_away) for met in listener.crowding()] == [
        ("127.0.0.2", 1),
        ("127.0.0.3", 1),
        ("others", 3),
    ]


def _speak_last(sender: Sender) -> None:
    """Once the last one is answered, all before it were dealt with."""
    sender.send(b"\x0bMSH|^~\\&|||||||A|1\x1c\r")
    sender.raw_answer()

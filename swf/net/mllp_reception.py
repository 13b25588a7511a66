"""What senders handed in is carried out together, and each message gets an answer whatever happens (MLLP release 1)."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from swf import clock, errors, log
from swf.hl7 import ack
from swf.hl7.header import read_header


@dataclass(frozen=True)
class Peer:
    """Where a connection comes from."""

    address: str
    port: int


@dataclass(frozen=True)
class Broken:
    """What came of a message that is none: the bytes, why, and whether the sender is answered."""

    raw: bytes
    reason: str
    answered: bool = True


class HangUp(Exception):
    """Raised by a receiver to end the connection without an answer, as a peer that plays dead does."""


# Takes an unframed message and gives its unframed acknowledgement: nothing when none is due (MSH-15 NE), two one after
# the other, accept and application, in enhanced mode.
Receive = Callable[[bytes, Peer], bytes]
# The same for several messages of different connections: the answers in the order of the messages, or in the place of
# an answer what went wrong with that message. What comes while the first are carried out is among them, when the next
# one is asked for only then.
ReceiveAll = Callable[[Iterable[tuple[bytes, Peer]]], Sequence[bytes | Exception]]
# Keeps what is no message and gives its unframed negative acknowledgement.
ReceiveBroken = Callable[[Broken, Peer], bytes]


def one_by_one(receive: Receive) -> ReceiveAll:
    """For a receiver that takes one message at a time. Nobody waits for what comes after it."""

    def attempt(raw: bytes, peer: Peer) -> bytes | Exception:
        try:
            return receive(raw, peer)
        except Exception as error:  # noqa: BLE001 - it is answered for this message alone
            return error

    return lambda came: [attempt(raw, peer) for raw, peer in list(came)]


def refuse_broken(broken: Broken, _peer: Peer) -> bytes:
    """Answer what is no message without keeping it, for a receiver that has no store."""
    return _negative(broken.raw, errors.BrokenFrame(broken.reason))


@dataclass(frozen=True)
class Reception:
    """The receivers of one listener, by whose `name` the log speaks of them."""

    name: str
    receive_all: ReceiveAll
    broken: ReceiveBroken

    def carry_out(self, came: Iterable[tuple[bytes | Broken, Peer]]) -> list[bytes | HangUp]:
        """The unframed answers in the order of what came; HangUp for a connection that is to end without one."""
        begun: list[tuple[bytes | Broken, Peer]] = []
        messages = _messages(came, begun)
        first = next(messages, None)
        outcomes = self._outcomes(chain([first], messages), begun) if first is not None else []
        answers = iter([self._answer(*each, outcome) for each, outcome in zip(_messages(begun), outcomes, strict=True)])
        return [self._broken(item, peer) if isinstance(item, Broken) else next(answers) for item, peer in begun]

    def _outcomes(
        self, messages: Iterable[tuple[bytes, Peer]], begun: list[tuple[bytes | Broken, Peer]]
    ) -> Sequence[bytes | Exception]:
        try:
            return self.receive_all(messages)
        except Exception as error:  # noqa: BLE001 - the last resort: senders are owed answers whatever happened
            # Whose fault it was shows when each comes alone; what was done after all is recognised as a repeat.
            taken = list(_messages(begun))
            return [error] if len(taken) == 1 else [self._alone(each) for each in taken]

    def _alone(self, message: tuple[bytes, Peer]) -> bytes | Exception:
        try:
            return self.receive_all([message])[0]
        except Exception as error:  # noqa: BLE001 - as above
            return error

    def _answer(self, raw: bytes, peer: Peer, outcome: bytes | Exception) -> bytes | HangUp:
        return outcome if isinstance(outcome, bytes | HangUp) else self._apology(raw, peer, outcome)

    def _broken(self, broken: Broken, peer: Peer) -> bytes:
        self._log("frame refused", peer, reason=broken.reason)
        try:
            answer = self.broken(broken, peer)
        except Exception as error:  # noqa: BLE001 - as above
            answer = self._apology(broken.raw, peer, error)
        return answer if broken.answered else b""

    def _apology(self, raw: bytes, peer: Peer, error: Exception) -> bytes:
        self._log("message failed", peer, error=type(error).__name__, traceback=log.frames(error))
        return _negative(raw, errors.StoreError("processing failure, please send again"))

    def _log(self, event: str, peer: Peer, **fields: object) -> None:
        log.warning(event, service=self.name, address=peer.address, port=peer.port, **fields)


def _messages(
    came: Iterable[tuple[bytes | Broken, Peer]], begun: list[tuple[bytes | Broken, Peer]] | None = None
) -> Iterator[tuple[bytes, Peer]]:
    """Those that are messages; whatever is taken from `came` is added to `begun`."""
    for item, peer in came:
        if begun is not None:
            begun.append((item, peer))
        if isinstance(item, bytes):
            yield item, peer


def _negative(raw: bytes, error: errors.MessageError | errors.StoreError) -> bytes:
    header = read_header(raw)
    return ack.acknowledge(header, control_id=secrets.token_hex(10), at=clock.local(clock.now()), errors=(error,))

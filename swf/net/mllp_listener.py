"""MLLP listener, the door every HL7 message comes in by (RAD-1, 2, 3, 4, 12, 13, 48; MLLP release 1, ITI TF-2 C.2.1)."""

import socket

from swf import errors
from swf.net.mllp_conversation import Terms
from swf.net.mllp_crowd import Crowd, Crowding
from swf.net.mllp_hall import Hall
from swf.net.mllp_reception import (
    Broken,
    HangUp,
    Peer,
    Receive,
    ReceiveAll,
    ReceiveBroken,
    Reception,
    one_by_one,
    refuse_broken,
)
from swf.net.tls import Secured

__all__ = [
    "Broken",
    "Crowding",
    "HangUp",
    "MllpListener",
    "Peer",
    "Receive",
    "ReceiveAll",
    "ReceiveBroken",
    "one_by_one",
    "refuse_broken",
]

# While messages are carried out callers wait here, and whoever finds it full comes again only after a second.
BACKLOG = 1024


class MllpListener:
    """Accepts connections and hands their messages to `receive_all`, in strict order for each connection.

    One thread hears all connections. It hands over together what has arrived complete, of each connection one message
    at a time, and the next one only after the answer to it is sent. `receive_all` may take as long as it needs; senders
    are not charged for that time, but nobody is heard meanwhile. `one_by_one` makes one of a function for one message.

    What is no message, because its frame was too long, too slow or never ended, goes to `broken`. `limit` is the
    longest frame in bytes, `frame_deadline_s` the time a whole frame may take from its first byte. The messages of a
    batch are handed over one by one. With `secure` every connection begins with a TLS handshake.

    At a limit of connections, from one address or in all, the longest idle one makes room, one that never sent a message
    before any that did. Only when a message is outstanding on each of them is the newcomer turned away.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receive_all: ReceiveAll,
        *,
        broken: ReceiveBroken = refuse_broken,
        limit: int = 16 * 2**20,
        frame_deadline_s: float = 60.0,
        max_connections: int = 256,
        max_connections_per_peer: int = 256,
        secure: Secured | None = None,
        name: str = "hl7 listener",
    ) -> None:
        self.name = name
        self._address = (host, port)
        self._reception = Reception(name, receive_all, broken)
        self._terms = Terms(name, limit, frame_deadline_s)
        self._crowd = Crowd(name, max_connections, max_connections_per_peer)
        self._secure = secure
        self._hall: Hall | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; a port of 0 is replaced by the one the system gave once `start` has returned."""
        return self._address

    def start(self) -> None:
        """Bind and accept. Raises ConfigError when the address cannot be had."""
        listening = _bind(self.name, *self._address)
        self._address = listening.getsockname()[:2]
        self._hall = Hall(listening, self._reception, self._terms, self._crowd, self._secure)
        self._hall.open()

    def stop(self, deadline_s: float = 4.0) -> None:
        """Take no new connection, answer every message that has completely arrived, then close.

        Connections that have not ended after `deadline_s` are cut; after half of it no further message is begun.
        """
        if self._hall is not None:
            self._hall.close(deadline_s)
            self._hall = None

    def crowding(self) -> list[Crowding]:
        """Where a limit was met since this was last asked."""
        return self._crowd.met()

    def healthy(self) -> bool:
        """True while connections are accepted, which a receiver that does not come back prevents."""
        return self._hall is not None and self._hall.accepting()


def _bind(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise errors.ConfigError([f"{name}: cannot listen on {host}:{port}: {error.strerror}"]) from error

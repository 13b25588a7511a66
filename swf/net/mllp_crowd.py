"""Who is let in at a limit of connections, who makes room, and who is told of it (hl7v2.md §4.2)."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from swf import log
from swf.net.mllp_conversation import Conversation
from swf.net.mllp_reception import Peer

TOO_MANY = "too many connections"
TOO_MANY_FROM_ONE = "too many connections from this address"
# Of more addresses than these in a minute nobody reads a list.
MOST_ADDRESSES = 50


@dataclass(frozen=True)
class Crowding:
    """A limit that was met: by whom, how often an idle connection made room, how often the newcomer was turned away."""

    reason: str
    address: str
    made_room: int = 0
    turned_away: int = 0


class Crowd:
    """The limits of one listener, in all and from one address, and a note of each time one was met."""

    def __init__(self, name: str, most: int, most_per_address: int) -> None:
        self._name = name
        self._most = most
        self._most_per_address = most_per_address
        self._met: dict[tuple[str, str], Crowding] = {}
        self._counting = threading.Lock()

    def choose(self, peer: Peer, present: Sequence[Conversation]) -> tuple[str, Conversation | None]:
        """Why there is no place for one more connection of `peer`, nothing when there is, and who is to make room.

        The longest idle one of the crowded has to go, one that never sent a message before any that did; none when a
        message is outstanding on each of them.
        """
        reason, crowd = self._crowded(peer, present)
        idle = [each for each in crowd if each.idle_since < math.inf]
        chosen = min(idle, key=lambda each: (each.has_spoken, each.idle_since)) if idle else None
        if reason:
            self._count(reason, peer, made_room=chosen is not None)
        if chosen is not None:
            where = {"service": self._name, "address": chosen.peer.address, "port": chosen.peer.port}
            log.warning("idle connection made room", **where, reason=reason)
        return reason, chosen

    def _crowded(self, peer: Peer, present: Sequence[Conversation]) -> tuple[str, list[Conversation]]:
        staying = [each for each in present if not each.leaving]
        same = [each for each in staying if each.peer.address == peer.address]
        if len(same) >= self._most_per_address:
            return TOO_MANY_FROM_ONE, same
        return (TOO_MANY, staying) if len(staying) >= self._most else ("", [])

    def _count(self, reason: str, peer: Peer, *, made_room: bool) -> None:
        with self._counting:
            key = (reason, peer.address)
            if key not in self._met and len(self._met) >= MOST_ADDRESSES:
                key = (reason, "others")
            before = self._met.get(key, Crowding(*key))
            room, away = before.made_room + made_room, before.turned_away + (not made_room)
            self._met[key] = replace(before, made_room=room, turned_away=away)

    def met(self) -> list[Crowding]:
        """Where a limit was met since this was last asked."""
        with self._counting:
            met, self._met = list(self._met.values()), {}
        return met

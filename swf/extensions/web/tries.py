"""How often somebody may try a password: a few times for each name from each address, more for each alone.

Kept in memory, and of the longest untouched names and addresses nothing, so that nobody can fill it.
"""

import ipaddress
from collections import OrderedDict, deque

WINDOW_S = 300.0
MOST_KEYS = 10_000
_LIMITS = {"both": 5, "address": 20, "name": 30}  # from one address a name is closed long before it is for all others


class Tries:
    """The tries of the last minutes."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def begin(self, name: str, address: str, now: float) -> float:
        """Count a try and return 0, or the seconds to wait before the next one, which is not counted."""
        keys = _keys(name, address)
        waits = [self._wait(key, now) for key in keys]
        if max(waits) > 0:
            return max(waits)
        for key in keys:
            self._made.setdefault(key, deque()).append(now)
            self._made.move_to_end(key)
        while len(self._made) > MOST_KEYS:
            self._made.popitem(last=False)
        return 0.0

    def succeeded(self, name: str, address: str) -> None:
        """The last try was right: it does not count, nor do the mistakes made before it from there."""
        both, *others = _keys(name, address)
        self._made.pop(both, None)
        for key in others:
            if self._made.get(key):
                self._made[key].pop()

    def _wait(self, key: tuple[str, ...], now: float) -> float:
        made = self._made.get(key)
        while made and made[0] <= now - WINDOW_S:
            made.popleft()
        return made[0] + WINDOW_S - now if made and len(made) >= _LIMITS[key[0]] else 0.0


def _keys(name: str, address: str) -> tuple[tuple[str, ...], ...]:
    name, network = name.strip().casefold()[:64], _network(address)
    return ("both", name, network), ("address", network), ("name", name)


def _network(address: str) -> str:
    """An IPv6 network as one: each of its machines has as many addresses as it likes."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))  # noqa: PLR2004

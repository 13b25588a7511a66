"""What a long-running part offers: a name, start, stop and an honest answer about its health."""

from typing import Protocol


class Service(Protocol):
    """A part the broker starts and stops. `stop` is lawful before `start` and more than once."""

    @property
    def name(self) -> str:
        """What an operator calls it, such as `hl7 listener`."""
        ...

    def start(self) -> None:
        """Begin; on return the part is doing its work (a door is open, a worker is waiting)."""
        ...

    def stop(self) -> None:
        """Finish what was begun and end; on return nothing of the part runs any more."""
        ...

    def healthy(self) -> bool:
        """True while the part does its work, judged by what it does and not by what it was told."""
        ...

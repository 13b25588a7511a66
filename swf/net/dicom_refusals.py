"""Who was turned away at the DICOM door, and how often: one line of the log for each, however many come (PS3.8 9.3.4).

Nobody who comes this far has said anything about a patient: an address, two AE titles and our reason are all there is.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from swf import log

MOST_KINDS = 256
OTHERS = "and others"


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody who was turned away. Titles are empty for a connection that never asked for an association."""

    address: str
    ae_title: str
    called: str
    reason: str


class Refusals:
    """Counts until `drain`; `noted` is called for everything new."""

    def __init__(self, noted: Callable[[], None] = lambda: None) -> None:
        self._noted = noted
        self._lock = threading.Lock()
        self._times: dict[Refused, int] = {}

    def note(self, refused: Refused) -> None:
        """Count one, and log it when it is the first of its kind since the last `drain`."""
        with self._lock:
            if refused not in self._times and len(self._times) >= MOST_KINDS:
                refused = Refused("", "", "", OTHERS)
            self._times[refused] = self._times.get(refused, 0) + 1
            first = self._times[refused] == 1
        if first:
            event = "association rejected" if refused.ae_title or refused.called else "connection refused"
            log.warning(event, door="dicom", ae_title=refused.ae_title, address=refused.address, reason=refused.reason)
            self._noted()

    def drain(self) -> dict[Refused, int]:
        """Everybody since the last call, and how often; what came more than once is logged with its number."""
        with self._lock:
            times, self._times = self._times, {}
        for refused, count in times.items():
            if count > 1:
                log.warning(
                    "refused repeatedly", door="dicom", address=refused.address, reason=refused.reason, count=count
                )
        return times

"""Whether what was acknowledged is on the worklist: an order acknowledged and never shown is a lost order (RAD-5).

Who watches calls as the order's own station and asks for its modality and day, as scanners do, but for no more than it
needs to know orders again.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from pydicom.dataset import Dataset

from swf import errors
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from swf.extensions.simulator.tally import Tally

_LOOK_S = 0.25
_FEW = 5


@dataclass(frozen=True)
class _Expected:
    order: his.Order
    shown: bool
    until: float


class Watch:
    """A thread that looks for what it is told to expect, and finds each within `within_s` or names it.

    `excused` tells the accession numbers a scanner has already begun, which no list shows any longer.
    """

    def __init__(
        self,
        address: tuple[str, int],
        tally: Tally,
        within_s: float = 10.0,
        *,
        called: str = "SWF",
        excused: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._address = address
        self._tally = tally
        self._within_s = within_s
        self._called = called
        self._excused = excused
        self._lock = threading.Lock()
        self._expected: dict[str, _Expected] = {}
        self._ending, self._leaving = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="watch of the worklist", daemon=True)
        self._thread.start()

    def finish(self, *, at_once: bool = False) -> None:
        """Look until everything was found or its time is over; at once: what was not found yet is left open."""
        self._ending.set()
        if at_once:
            self._leaving.set()
        if self._thread is not None:
            self._thread.join()

    def expect(self, order: his.Order, *, shown: bool) -> None:
        """From now on the order has to be on its station's list, or must not be there any longer."""
        with self._lock:
            self._expected[order.accession] = _Expected(order, shown, time.monotonic() + self._within_s)

    def _run(self) -> None:
        while not self._leaving.wait(_LOOK_S):
            with self._lock:
                waiting = dict(self._expected)
            if not waiting and self._ending.is_set():
                return
            seen = self._looked(waiting)
            for accession, expected in waiting.items():
                self._settle(expected, seen.get(accession))

    def _looked(self, waiting: dict[str, _Expected]) -> dict[str, bool]:
        """Of each accession number that could be asked for, whether it is on the list of its station."""
        places = defaultdict(list)
        for each in waiting.values():
            order = each.order
            places[order.station_ae, order.modality, f"{order.start:%Y%m%d}"].append(order.accession)
        found: dict[str, bool] = {}
        for (station, modality, date), accessions in places.items():
            if self._leaving.is_set():
                break
            scanner = Modality(*self._address, station, self._called)
            try:
                if len(accessions) <= _FEW:
                    shown = {each for each in accessions if scanner.ask(identity(modality, date, each))}
                else:
                    shown = {str(item.AccessionNumber) for item in scanner.ask(identity(modality, date, ""))}
            except errors.PeerError:
                self._tally.count("failed looks")
                continue
            found.update({each: each in shown for each in accessions})
        return found

    def _settle(self, expected: _Expected, is_shown: bool | None) -> None:
        """`is_shown` is None when nobody could be asked."""
        accession = expected.order.accession
        if is_shown == expected.shown:
            self._tally.count("seen on the list" if is_shown else "gone from the list")
        elif time.monotonic() < expected.until or self._leaving.is_set():
            return
        elif is_shown is None:
            self._tally.found(f"order {accession} could not be looked for: the worklist door did not answer")
        elif expected.shown and accession in self._excused():
            self._tally.count("begun before it was seen")
        elif expected.shown:
            self._tally.count("lost orders")
            self._tally.found(
                f"order {accession} is acknowledged, and {expected.order.station_ae} did not see it within "
                f"{self._within_s:g} s: it is lost"
            )
        else:
            self._tally.found(f"order {accession} is cancelled, and {expected.order.station_ae} still sees it")
        with self._lock:
            if self._expected.get(accession) is expected:
                del self._expected[accession]


def identity(modality: str, date: str, accession: str) -> Dataset:
    """A query that asks for the accession number and the step, and nothing else."""
    step = Dataset()
    step.Modality = modality
    step.ScheduledProcedureStepStartDate = date
    step.ScheduledProcedureStepID = ""
    asked = Dataset()
    asked.AccessionNumber = accession
    asked.ScheduledProcedureStepSequence = [step]
    return asked

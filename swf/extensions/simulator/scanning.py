"""A scanner at work: asks at a pace, judges every item as its console would, does what is on the list (RAD-5, 6, 7)."""

import random
import threading
import time
from collections.abc import Callable, Iterable

from pydicom.dataset import Dataset
from pydicom.uid import UID

from swf import clock, errors
from swf.extensions.simulator import console, people
from swf.extensions.simulator.devices import DEVICES, Device
from swf.extensions.simulator.faults import NONE, Faults
from swf.extensions.simulator.modality import REASONS, Modality, coded, in_progress, worklist_query
from swf.extensions.simulator.pace import Pace
from swf.extensions.simulator.tally import Tally

SUCCESS = 0x0000
DUPLICATE, UNKNOWN, CLOSED = 0x0111, 0x0112, 0x0110
WRONG_ENTRY = "110514"
_STEPS = "ScheduledProcedureStepSequence"
Step = tuple[str, str]


class Scanning:
    """One scanner. `begun` are the accession numbers of the exams it reported; `ended` the steps, and how each ended.

    Of visit number n everything is drawn from the seed and n. `exams` is the share of visits to the list that end in an
    exam; `numbers` gives patient or accession numbers to a device that asks for one at a time.
    """

    def __init__(
        self,
        address: tuple[str, int],
        title: str,
        pace: Pace,
        *,
        modality: str = "CT",
        device: Device = DEVICES["plain"],
        seed: str = "",
        faults: Faults = NONE,
        exams: float = 1.0,
        called: str = "SWF",
        numbers: Callable[[], Iterable[str]] = tuple,
        tally: Tally | None = None,
        only_invented: bool = False,
    ) -> None:
        """Several scanners may share a `tally`. With `only_invented` nobody is examined who was not invented here."""
        self._only_invented = only_invented
        self.tally = tally or Tally()
        self.begun: set[str] = set()
        self.ended: dict[Step, str] = {}
        self.unscheduled = 0
        self._in_vain = 0
        self.scanner = Modality(*address, title, called)
        self._pace, self._modality, self._device = pace, modality, device
        self._seed, self._faults, self._exams = seed, faults, exams
        self._numbers = numbers

    def run(self, stopping: threading.Event, count: int | None = None, *, ends: float | None = None) -> None:
        """Until `stopping`, until so many visits to the list were paid, or until `ends` of time.monotonic."""
        began, now = time.monotonic(), clock.local(clock.now())
        for number, moment in enumerate(self._pace.moments(now.hour + now.minute / 60)):
            if number == count or (ends is not None and began + moment >= ends):
                break
            if stopping.wait(max(began + moment - time.monotonic(), 0)) or (
                ends is not None and time.monotonic() >= ends
            ):
                break
            self.visit(number)

    def visit(self, number: int) -> None:
        """Ask, judge, and do one of the exams on the list, with everything that goes wrong this time."""
        chance = random.Random(f"{self._seed}/{self.scanner.ae_title}/{number}")  # noqa: S311  to be repeated
        wrong = self._faults.drawn(chance)
        for fault in wrong:
            self.tally.count(f"with {fault}")
        try:
            for identifier in self.questions(chance):
                self._visit(identifier, wrong, chance)
            self._in_vain = 0
        except errors.PeerRefused as error:
            self.tally.count("refused")
            self.tally.found(f"{self.scanner.ae_title}: {error}")
        except errors.PeerError as error:
            self.tally.count("failed")
            self._in_vain += 1
            if self._in_vain > 1:  # once may be ours: pynetdicom's reader now and then throws an answer away
                self.tally.found(f"{self.scanner.ae_title}: {error}")

    def questions(self, chance: random.Random) -> list[Dataset]:
        """What this device asks for."""
        today = f"{clock.local(clock.now()):%Y%m%d}"
        day = {"ScheduledProcedureStepStartDate": today}
        keys: dict[str, list[dict[str, str]]] = {
            "station": [{"ScheduledStationAETitle": self.scanner.ae_title, **day}],
            "modality": [{"Modality": self._modality, **day}],
            "broad": [{}],
        }
        by = {"patient": "PatientID", "accession": "AccessionNumber"}.get(self._device.asks)
        asked = keys.get(self._device.asks, [])
        if by is not None:
            known = sorted(self._numbers()) or self._on_requisitions(by)
            asked = [{by: chance.choice(known)}] if known else []
        return [self._identifier(each) for each in asked]

    def _on_requisitions(self, keyword: str) -> list[str]:
        """Nobody brings a requisition, so the numbers are those of the day's list."""
        found = self.scanner.query(Modality=self._modality)
        return sorted({str(item.get(keyword, "")) for item in found} - {""})

    def _identifier(self, keys: dict[str, str]) -> Dataset:
        identifier = worklist_query(**keys)
        identifier.SpecificCharacterSet = self._device.asks_in
        if not self._device.asks_in:
            del identifier.SpecificCharacterSet
        return identifier

    def _visit(self, identifier: Dataset, wrong: frozenset[str], chance: random.Random) -> None:
        self.tally.count("queries")
        for fault, politely in (("abort", False), ("c-cancel", True)):
            if fault in wrong:
                self.tally.count("items", by=self.scanner.break_off(identifier, politely=politely))
                return
        began = time.perf_counter()
        items = self.scanner.ask(identifier)
        self.tally.took((time.perf_counter() - began) * 1000)
        self.tally.count("items", by=len(items))
        usable = self._judged(items, identifier)
        if "unscheduled" in wrong:
            self._unscheduled(chance)
        elif chance.random() < self._exams:
            may = [item for item in usable if not self._only_invented or is_invented(item)]
            self._exam([item for item in may if step_of(item) not in self.ended], wrong, chance)

    def _judged(self, items: list[Dataset], identifier: Dataset) -> list[Dataset]:
        """The items this device can show: all without a violation, or none at all when it is strict and one has some."""
        usable, seen = [], set()
        for item in items:
            found = [*console.violations(item, self._device), *console.beside_the_question(item, identifier)]
            if step_of(item) in seen:
                found.append(console.Violation(_STEPS, "was on the same list before"))
            seen.add(step_of(item))
            for each in found:
                self.tally.found(f"{self.scanner.ae_title}: order {item.get('AccessionNumber', '')}: {each}")
            if not found:
                usable.append(item)
        self.tally.count("not usable", by=len(items) - len(usable))
        return [] if self._device.strict and len(usable) < len(items) else usable

    def _exam(self, items: list[Dataset], wrong: frozenset[str], chance: random.Random) -> None:
        if not items:
            return
        item = items[chance.randrange(len(items))]
        others = [each for each in items if each.get("PatientID") != item.get("PatientID")]
        if "wrong-patient" in wrong and others:
            picked = others[chance.randrange(len(others))]
            uid = self._begin(picked, frozenset(), chance)
            self._end(uid, picked, "discontinued", frozenset(), WRONG_ENTRY)
            del self.ended[step_of(picked)]  # it was not examined, and stays to be
        uid = self._begin(item, wrong, chance)
        if "never-ends" in wrong:
            return
        self._end(uid, item, "discontinued" if "discontinued" in wrong else "completed", wrong, "110513")

    def _begin(self, item: Dataset, wrong: frozenset[str], chance: random.Random) -> str:
        uid = f"2.25.{chance.getrandbits(120)}"
        dataset = in_progress((item,), self.scanner.ae_title)
        dataset.PerformedProcedureStepID = f"PPS{chance.getrandbits(32):08X}"
        self.scanner.remember(uid, dataset)
        self.ended[step_of(item)] = ""
        self.begun.add(str(item.get("AccessionNumber", "")))
        if "set-first" in wrong:
            self._expect(
                self.scanner.set(uid, self.scanner.final(uid, "COMPLETED", 1))[0], UNKNOWN, "N-SET before N-CREATE"
            )
        self._expect(self._timed(lambda: self.scanner.create(uid, dataset)[0]), SUCCESS, "N-CREATE")
        if "duplicate-create" in wrong:
            self._expect(self.scanner.create(uid, dataset)[0], DUPLICATE, "N-CREATE for the second time")
        self.tally.count("begun")
        return uid

    def _end(self, uid: str, item: Dataset, how: str, wrong: frozenset[str], reason: str) -> None:
        dataset = self.scanner.final(uid, how.upper(), 0 if how == "discontinued" else 2)
        if how == "discontinued":
            dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = [_reason(reason)]
        expected: tuple[int, ...] = (SUCCESS,)
        if "lost-answer" in wrong:
            self.scanner.set_and_hang_up(uid, dataset)
            expected = (SUCCESS, CLOSED)  # it is closed by the first of the two, if that arrived
        self._expect(self._timed(lambda: self.scanner.set(uid, dataset)[0]), expected, f"N-SET {how.upper()}")
        self.ended[step_of(item)] = how
        self.tally.count(how)

    def _unscheduled(self, chance: random.Random) -> None:
        """Somebody who was brought in without an order."""
        who = people.person(chance, "en", f"U{chance.getrandbits(32):08X}")
        item, step = Dataset(), Dataset()
        step.Modality = self._modality
        item.PatientName, item.PatientID, item.IssuerOfPatientID = who.name, who.patient_id, people.AUTHORITY
        item.PatientBirthDate, item.PatientSex = who.birth_date, who.sex
        item.StudyInstanceUID = UID(f"2.25.{chance.getrandbits(120)}")
        item.AccessionNumber = ""
        item.ScheduledProcedureStepSequence = [step]
        uid = self._begin(item, frozenset(), chance)
        self._end(uid, item, "completed", frozenset(), "")
        self.begun.discard("")
        del self.ended[step_of(item)]
        self.unscheduled += 1
        self.tally.count("unscheduled")

    def _timed(self, action: Callable[[], int]) -> int:
        began = time.perf_counter()
        status = action()
        self.tally.took((time.perf_counter() - began) * 1000)
        return status

    def _expect(self, status: int, lawful: int | tuple[int, ...], what: str) -> None:
        wanted = (lawful,) if isinstance(lawful, int) else lawful
        self.tally.count("requests")
        if status not in wanted:
            names = " or ".join(f"0x{each:04X}" for each in wanted)
            self.tally.found(f"{self.scanner.ae_title}: {what} was answered 0x{status:04X}, not {names}")


def _reason(code: str) -> Dataset:
    return coded(code, "DCM", REASONS[code])


def is_invented(item: Dataset) -> bool:
    """Whether the patient of a worklist item comes from a simulator."""
    return str(item.get("IssuerOfPatientID", "")) == people.AUTHORITY


def step_of(item: Dataset) -> Step:
    """What tells one scheduled step from another: Study Instance UID and Scheduled Procedure Step ID."""
    steps = item.get(_STEPS) or [Dataset()]
    return str(item.get("StudyInstanceUID", "")), str(steps[0].get("ScheduledProcedureStepID", ""))

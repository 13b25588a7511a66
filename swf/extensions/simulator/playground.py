"""HIS, modality and MIS against one broker, started and stopped from its window; it knows the broker by its doors alone.

Everything it starts ends by itself after a while, and with the broker.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from swf import clock, log
from swf.errors import ConfigError, PeerError, StoreError
from swf.extensions.simulator import exercises, faults, ordering, people, telling
from swf.extensions.simulator.devices import DEVICES, device
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.ordering import PROFILES
from swf.extensions.simulator.pace import SHAPES, pace, seconds
from swf.extensions.simulator.scanning import Scanning
from swf.extensions.simulator.tally import Tally
from swf.extensions.simulator.watch import Watch
from swf.sentence import say

KINDS = ("his", "modality", "mis")
DEFAULTS = {"rate": "30/min", "shape": "steady", "for": "5min", "language": "en", "seed": ""}
PROFILE = {"his": "mixed", "modality": "plain", "mis": ""}
GUARD_S, _JOIN_S = 2.0, 5.0
Address = tuple[str, int]
Play = Callable[[threading.Event, float], None]


@dataclass
class Run:
    """Something that plays, or has played."""

    kind: str
    title: str
    tally: Tally
    began: datetime
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether it still does."""
        return self.thread is not None and self.thread.is_alive()

    def state(self) -> dict[str, Any]:
        """Everything there is to know, for programs."""
        return {
            "kind": self.kind,
            "title": self.title,
            "began": self.began,
            "running": self.running,
            **self.tally.state(),
        }


class Playground:
    """One of each kind at a time. `hl7` and `dicom` give the addresses of the broker, which are known once it started.

    The MIS listens at `mis`; what it refuses `refusals` times the broker parks. `objection` says why nothing may be
    simulated any longer, as when a real patient comes: then everything stops. It is also asked before anything starts.
    """

    def __init__(
        self,
        hl7: Callable[[], Address],
        dicom: Callable[[], Address],
        called: str,
        *,
        mis: Address,
        refusals: int,
        objection: Callable[[], str],
    ) -> None:
        self.hl7, self.dicom, self.called = hl7, dicom, called
        self.mis_address = mis
        self._refusals = refusals
        self.objection = objection
        self._guard: threading.Thread | None = None
        self._heard: telling.Telling | None = None
        self._attempt: exercises.Attempt | None = None
        self._runs: dict[str, Run] = {}
        self._scanners: list[Scanning] = []
        self._lock = threading.Lock()

    def choices(self) -> dict[str, Any]:
        """What may be wished for."""
        return {
            "languages": sorted(people.LANGUAGES),
            "shapes": SHAPES,
            "profiles": {"his": list(PROFILES), "modality": list(DEVICES)},
            "devices": {name: each.about for name, each in DEVICES.items()},
            "faults": faults.KINDS,
            "stations": [title for _, title in people.MODALITIES],
        }

    def begin(self, kind: str, wishes: Mapping[str, Any]) -> None:
        """Start one: `rate`, `shape`, `for`, `language`, `profile`, `seed`, `station`, and `faults` as they are typed.

        Raises ConfigError with every mistake, when one of that kind runs already, or when there is an objection.
        """
        self._allowed()
        if kind not in KINDS:
            raise ConfigError([f"{kind} cannot be simulated; there are {', '.join(KINDS)}"])
        with self._lock:
            before = self._runs.get(kind)
            if before is not None and before.running:
                raise ConfigError([f"the simulated {kind} runs already"])
            wanted: dict[str, Any] = {**DEFAULTS, "profile": PROFILE[kind], "faults": (), "station": ""}
            wanted |= {name: value for name, value in wishes.items() if value}
            wanted["seed"] = wanted["seed"] or secrets.token_hex(3)
            longest = seconds(wanted["for"])
            makes = {"his": self._his, "modality": self._modality, "mis": self._mis}
            run, play = makes[kind](wanted)
            run.thread = threading.Thread(
                target=_played, args=(play, run, longest), name=f"simulated {kind}", daemon=True
            )
            run.thread.start()
            self._runs[kind] = run
            if self._guard is None or not self._guard.is_alive():
                self._guard = threading.Thread(target=self._guarded, name="guard of the simulator", daemon=True)
                self._guard.start()

    def _allowed(self) -> None:
        reason = self.objection()
        if reason:
            raise ConfigError([say("Nothing is simulated here: %(reason)s", reason=reason)])

    def _guarded(self) -> None:
        """While anything plays, ask again and again whether it may."""
        reason = ""
        while running := [run for run in list(self._runs.values()) if run.running]:
            with contextlib.suppress(StoreError):  # it may be gone with the broker
                reason = self.objection()
            if reason:
                log.warning("the simulator stops", reason=reason)
                for run in running:
                    run.tally.found(reason)
                    run.stopping.set()
            running[0].stopping.wait(GUARD_S)
            if running[0].stopping.is_set() and running[0].thread is not None:
                running[0].thread.join(_JOIN_S)

    def end(self, kind: str) -> None:
        """Stop it, if it runs."""
        run = self._runs.get(kind)
        if run is not None and run.thread is not None:
            run.stopping.set()
            run.thread.join(_JOIN_S)

    def exercises(self) -> dict[str, str]:
        """The exercises there are: their names and titles."""
        return {name: each.title for name, each in exercises.EXERCISES.items()}

    def set_up(self, name: str) -> None:
        """Break something for an exercise. Raises ConfigError and PeerError."""
        self._allowed()
        ground = exercises.Ground(self.hl7(), self.dicom(), self.called, self._listening, self._refusals)
        self._attempt = exercises.attempt(name, ground)

    def attempt(self) -> dict[str, Any] | None:
        """The exercise somebody is at, and whether it is solved now; None when there is none."""
        attempt = self._attempt
        if attempt is None:
            return None
        exercise = exercises.EXERCISES[attempt.name]
        told = {"name": attempt.name, "title": exercise.title, "story": attempt.story, "hints": list(exercise.hints)}
        try:
            missing = attempt.missing()
        except PeerError as error:
            missing = str(error)
        return {**told, "since": attempt.since, "missing": missing, "solved": not missing}

    def _listening(self) -> telling.Telling:
        """What the MIS hears; it is started when it does not run."""
        run = self._runs.get("mis")
        if run is None or not run.running or self._heard is None:
            self.begin("mis", {"for": "24h"})
        assert self._heard is not None  # noqa: S101  begin has set it
        return self._heard

    def state(self) -> list[dict[str, Any]]:
        """Each that plays or has played."""
        return [run.state() for run in list(self._runs.values())]

    def stop(self) -> None:
        """Stop all."""
        for run in list(self._runs.values()):
            run.stopping.set()
        for kind in KINDS:
            self.end(kind)

    def _his(self, wanted: Mapping[str, Any]) -> tuple[Run, Play]:
        wrong = faults.faults("his", wanted["faults"])
        habits = ordering.habits(str(wanted["seed"]), str(wanted["language"]), str(wanted["profile"]), faults=wrong)
        playing = His(self.hl7(), habits, pace(str(wanted["rate"]), str(wanted["shape"])))
        playing.watch = watch = Watch(self.dicom(), playing.tally, called=self.called, excused=self._begun)

        def play(stopping: threading.Event, longest: float) -> None:
            watch.start()
            playing.run(stopping, ends=time.monotonic() + longest)
            watch.finish(at_once=stopping.is_set())

        return self._run("his", wanted, playing.tally), play

    def _modality(self, wanted: Mapping[str, Any]) -> tuple[Run, Play]:
        titles = [each for each in people.MODALITIES if wanted["station"] in ("", each[1])]
        if not titles:
            raise ConfigError([f"{wanted['station']} is no simulated station"])
        wrong, kind, tally = faults.faults("modality", wanted["faults"]), device(str(wanted["profile"])), Tally()
        paced = pace(str(wanted["rate"]), str(wanted["shape"]))
        self._scanners = [
            Scanning(
                self.dicom(),
                title,
                paced,
                modality=modality,
                device=kind,
                seed=str(wanted["seed"]),
                faults=wrong,
                called=self.called,
                tally=tally,
            )
            for modality, title in titles
        ]

        def play(stopping: threading.Event, longest: float) -> None:
            ends = time.monotonic() + longest
            for number, moment in enumerate(paced.moments(clock.local(clock.now()).hour)):
                due = ends - longest + moment
                if due >= ends or stopping.wait(max(due - time.monotonic(), 0)) or time.monotonic() >= ends:
                    break
                self._scanners[number % len(self._scanners)].visit(number)

        return self._run("modality", wanted, tally), play

    def _mis(self, wanted: Mapping[str, Any]) -> tuple[Run, Play]:
        playing = telling.Telling(str(wanted["seed"]), faults.faults("mis", wanted["faults"]))
        receiver = telling.listening(*self.mis_address, playing)
        receiver.start()
        self._heard = playing

        def play(stopping: threading.Event, longest: float) -> None:
            stopping.wait(longest)
            playing.hurry()
            receiver.stop()

        return self._run("mis", wanted, playing.tally), play

    def _begun(self) -> Collection[str]:
        return [accession for scanner in self._scanners for accession in scanner.begun]

    def _run(self, kind: str, wanted: Mapping[str, Any], tally: Tally) -> Run:
        told = [wanted["rate"], wanted["language"]] if kind == "his" else [wanted["rate"]] if kind == "modality" else []
        words = [wanted["profile"], *told, *wanted["faults"], f"seed {wanted['seed']}"]
        return Run(kind, ", ".join(str(word) for word in words if word), tally, clock.now())


def _played(play: Play, run: Run, longest: float) -> None:
    """A fault of ours must not end as a traceback on somebody's terminal: it is logged and told."""
    try:
        play(run.stopping, longest)
    except Exception as error:  # noqa: BLE001  the last resort of this thread
        log.error("the simulator failed", service=run.kind, error=type(error).__name__, traceback=log.frames(error))
        run.tally.found(f"the simulated {run.kind} failed ({type(error).__name__}); the log says where")

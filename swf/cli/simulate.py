"""`swf simulate`: a HIS, a modality or an MIS against any broker, with rates, languages and faults by a seed."""

import json
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from swf import config
from swf.cli import practice
from swf.cli.options import DICOM_DOOR, HL7_DOOR, NOT_AS_HOPED, JsonOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_table
from swf.cli.signals import told_to_stop
from swf.cli.typed import address_of
from swf.extensions.simulator import faults as faults_of
from swf.extensions.simulator import ordering, pace, telling
from swf.extensions.simulator.devices import DEVICES, device
from swf.extensions.simulator.exercises import EXERCISES
from swf.extensions.simulator.his_traffic import His
from swf.extensions.simulator.modality import Modality
from swf.extensions.simulator.scanning import Scanning, is_invented
from swf.extensions.simulator.tally import Tally
from swf.extensions.simulator.watch import Watch

app = typer.Typer(
    help="Play the other side: a HIS, a modality or an MIS, with invented patients.", no_args_is_help=True
)

_LOOKS_A_SECOND = 4
_PATIENCE_S = 0.2
_Count = Annotated[int, typer.Option("--count", "-n", min=0, help="End after so many; 0 is without end.")]
_For = Annotated[str, typer.Option("--for", help="End after this time, such as 30s, 5min or 2h.")]
_Rate = Annotated[str, typer.Option("--rate", "-r", help="How often: 10/min, 2/s, 600/h, 400/day, or max.")]
_Shape = Annotated[str, typer.Option("--shape", help="steady, bursts, or day: as busy as a hospital's day.")]
_Seed = Annotated[str, typer.Option("--seed", help="The same seed does the same again; without it a new one.")]
_Language = Annotated[str, typer.Option("--language", "-l", help="Of the names: en, ru, de, el, ja and others.")]
_Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault", "-f", help="NAME=RATE, how often from 0 to 1; or all=RATE. `swf simulate faults` lists them."
    ),
]
_TestSystem = Annotated[
    bool,
    typer.Option("--test-system", help="No patient depends on this broker, whoever is on its list and wherever it is."),
]


@app.command()
def faults(as_json: JsonOption = False) -> None:
    """The faults there are."""
    if as_json:
        print(json.dumps(faults_of.KINDS, indent=2))
        return
    lines = [(kind, *each) for kind, named in faults_of.KINDS.items() for each in named.items()]
    print_table(("of", "fault", "what happens"), lines)


@app.command()
def his(
    to: Annotated[str, typer.Option("--to", help="HOST:PORT of an MLLP listener.")] = HL7_DOOR,
    *,
    worklist: Annotated[
        str,
        typer.Option(
            "--worklist", help="HOST:PORT of its DICOM door, where every order has to appear; '' not to look."
        ),
    ] = DICOM_DOOR,
    within: Annotated[str, typer.Option("--within", help="How soon an order has to appear.")] = "10s",
    called: Annotated[str, typer.Option("--called", help="The AE title of the broker.")] = "SWF",
    rate: _Rate = "60/min",
    shape: _Shape = "steady",
    count: _Count = 0,
    span: _For = "",
    seed: _Seed = "",
    language: _Language = "en",
    profile: Annotated[str, typer.Option("--profile", help="orm-2.3.1, omi-2.5.1, or mixed.")] = "omi-2.5.1",
    character_set: Annotated[
        str, typer.Option("--charset", help="MSH-18, such as WINDOWS-1251; without it what is usual for the language.")
    ] = "",
    stations: Annotated[
        str, typer.Option("--stations", help="For whom orders are: CT=CT1,MR=MR1. Without it CT1, MR1, CR1 and US1.")
    ] = "",
    fault: _Faults = None,
    test_system: _TestSystem = False,
    as_json: JsonOption = False,
) -> None:
    """Send orders; exit code 1 when one was refused without reason, answered twice differently, or lost."""
    address, list_door = _door(to, test_system), _door(worklist, test_system) if worklist else None
    seed = seed or secrets.token_hex(3)
    with refusals():
        habits = ordering.habits(
            seed,
            language,
            profile,
            character_set=character_set,
            faults=faults_of.faults("his", fault or ()),
            stations=stations,
        )
        paced, longest, patience = pace.pace(rate, shape), _longest(span), pace.seconds(within)
        playing = His(address, habits, paced)
        watch = Watch(list_door, playing.tally, patience, called=called) if list_door else None
    playing.watch = watch
    _nobody_real(list_door, "CT1", called, test_system)

    def play(stopping: threading.Event) -> None:
        if watch is not None:
            watch.start()
        playing.run(stopping, count or None, ends=time.monotonic() + longest if longest else None)
        if watch is not None:
            watch.finish(at_once=stopping.is_set())

    _run(play, playing.tally, f"HIS to {to}, seed {seed}", {"seed": seed}, as_json=as_json)


@app.command()
def modality(
    to: Annotated[str, typer.Option("--to", help="HOST:PORT of a DICOM door.")] = DICOM_DOOR,
    *,
    title: Annotated[str, typer.Option("--as", help="The AE title it calls with.")] = "CT1",
    called: Annotated[str, typer.Option("--called", help="The AE title of the broker.")] = "SWF",
    kind: Annotated[str, typer.Option("--modality", help="CT, MR and so on.")] = "CT",
    profile: Annotated[
        str, typer.Option("--profile", help="How it asks and what it reads; `devices` lists them.")
    ] = "plain",
    exams: Annotated[
        float, typer.Option("--exams", min=0, max=1, help="The share of visits that end in an exam.")
    ] = 1.0,
    number: Annotated[
        list[str] | None, typer.Option("--number", help="A patient or accession number, for a device that asks by one.")
    ] = None,
    rate: _Rate = "12/min",
    shape: _Shape = "steady",
    count: _Count = 0,
    span: _For = "",
    seed: _Seed = "",
    fault: _Faults = None,
    test_system: _TestSystem = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the worklist and do exams; exit code 1 when an item could not be shown or an answer was not lawful."""
    address = _door(to, test_system)
    seed = seed or secrets.token_hex(3)
    with refusals():
        scanner = device(profile)
        wrong, paced, longest = faults_of.faults("modality", fault or ()), pace.pace(rate, shape), _longest(span)
    playing = Scanning(
        address,
        title,
        paced,
        modality=kind,
        device=scanner,
        seed=seed,
        faults=wrong,
        exams=exams,
        called=called,
        numbers=lambda: number or (),
        only_invented=not test_system,
    )
    _nobody_real(address, title, called, test_system)

    def play(stopping: threading.Event) -> None:
        playing.run(stopping, count or None, ends=time.monotonic() + longest if longest else None)

    _run(play, playing.tally, f"{title} at {to}, {profile}, seed {seed}", {"seed": seed}, as_json=as_json)


@app.command()
def mis(
    *,
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = 2576,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    count: _Count = 0,
    span: _For = "",
    seed: _Seed = "",
    fault: _Faults = None,
    as_json: JsonOption = False,
) -> None:
    """Take status messages, or not; exit code 1 when one that was taken came again."""
    seed = seed or secrets.token_hex(3)
    with refusals():
        wrong, longest = faults_of.faults("mis", fault or ()), _longest(span)
        playing = telling.Telling(seed, wrong)
        receiver = telling.listening(host, port, playing)
        receiver.start()
    ends = time.monotonic() + longest if longest else None
    address = f"{receiver.address[0]}:{receiver.address[1]}"
    if not as_json:
        print(f"listening on {address}", flush=True)

    def play(stopping: threading.Event) -> None:
        while not stopping.is_set() and (ends is None or time.monotonic() < ends):
            if count and receiver.wait_for(lambda _: playing.tally.of("accepted") >= count, _PATIENCE_S):
                break
            stopping.wait(0 if count else _PATIENCE_S)
        playing.hurry()
        receiver.stop()

    _run(play, playing.tally, f"MIS on {address}, seed {seed}", {"seed": seed}, as_json=as_json)


@app.command()
def devices(as_json: JsonOption = False) -> None:
    """The kinds of modality there are, for --profile."""
    if as_json:
        print(json.dumps({name: each.about for name, each in DEVICES.items()}, indent=2))
    else:
        print_table(("profile", "what it is like"), ((name, each.about) for name, each in DEVICES.items()))


@app.command()
def exercise(
    name: Annotated[str, typer.Argument(help="Which one; without it the list.")] = "",
    *,
    hints: Annotated[bool, typer.Option("--hints", help="Print the hints as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Break something on a broker of its own, and wait until it is put right with the window; exit code 1 when it is not."""
    titles = {each: str(known.title) for each, known in EXERCISES.items()}
    if not name:
        print(json.dumps(titles, indent=2)) if as_json else print_table(
            ("exercise", "what it is about"), titles.items()
        )
        return
    with practice.ground(name) as (broker, file):
        told = practice.begun(broker, name)
        if not as_json:
            print(f"{told['title']}\n\n{told['story']}\n\nthe window:   {broker.web.url}\nits settings: {file}")
            print("\n".join(f"hint {number}: {hint}" for number, hint in enumerate(told["hints"] * hints, start=1)))
            print("Ctrl-C gives up.", flush=True)
        missing = practice.waited(broker, file)
    if as_json:
        print(json.dumps({"exercise": name, "solved": not missing, "missing": missing}, ensure_ascii=False, indent=2))
    else:
        print(f"not solved: {missing}" if missing else "solved")
    raise typer.Exit(NOT_AS_HOPED if missing else 0)


def _door(text: str, test_system: bool) -> tuple[str, int]:
    """An address; another machine has to be called a test system, or invented patients come onto a hospital's lists."""
    address = address_of(text)
    if not test_system and not config.is_loopback(address[0]):
        refuse(
            [
                f"{address[0]} is another machine, and what is simulated would come onto its lists as if it were real.",
                "hint: add --test-system if no patient depends on it",
            ]
        )
    return address


def _nobody_real(address: tuple[str, int] | None, title: str, called: str, test_system: bool) -> None:
    """Refuse where somebody is on the list who was not invented, or where that cannot be seen."""
    if test_system:
        return
    if address is None:
        refuse(["whether a real patient is on its list cannot be seen: give --worklist, or add --test-system"])
    with refusals(NOT_AS_HOPED):
        strangers = [item for item in Modality(*address, title, called).query() if not is_invented(item)]
    if strangers:
        refuse(
            [
                f"{len(strangers)} entries of its worklist are for patients who were not invented by a simulator.",
                "hint: add --test-system if nobody depends on it",
            ]
        )


def _longest(span: str) -> float:

    return pace.seconds(span) if span else 0.0


def _run(
    play: Callable[[threading.Event], None], tally: Tally, title: str, told: dict[str, Any], *, as_json: bool
) -> None:
    """Let it play, show it live to who has a terminal, and end with its verdict."""
    # What a console cannot read is a finding; pydicom and pynetdicom would say it once more, on standard error.
    warnings.filterwarnings("ignore", category=UserWarning)
    warnings.filterwarnings("ignore", category=ResourceWarning)
    stopping = told_to_stop()
    with _shown(tally, title, wanted=not as_json):
        play(stopping)
    state = tally.state()
    if as_json:
        print(json.dumps({**told, **state}, ensure_ascii=False, indent=2))
    else:
        Console().print(_card(tally, title), soft_wrap=True)
        for sentence in state["findings"]:
            print(f"not lawful: {sentence}")
    raise typer.Exit(0 if tally.lawful else NOT_AS_HOPED)


@contextmanager
def _shown(tally: Tally, title: str, *, wanted: bool) -> Iterator[None]:
    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield
        return
    with Live(
        get_renderable=lambda: _card(tally, title), console=console, refresh_per_second=_LOOKS_A_SECOND, transient=True
    ):
        yield


def _card(tally: Tally, title: str) -> Text:
    state = tally.state()
    took = state["milliseconds"]
    counts = ", ".join(f"{number} {name}" for name, number in state["counts"].items()) or "nothing yet"
    latency = f"; answers p50 {took['p50']} ms, p99 {took['p99']} ms" if took["p50"] is not None else ""
    verdict = f"; {state['found']} not lawful" if state["found"] else ""
    return Text.assemble((title, "bold"), f": {counts}{latency}", (verdict, "red"))

"""`swf simulate`: the other side as commands, which end by themselves and say by their exit code what they saw."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from swf.broker import Broker
from swf.cli import app
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.extensions.simulator.playground import Playground
from swf.net import mllp_client

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs a command."""
    return lambda *words: CliRunner().invoke(app, ["simulate", *map(str, words)], env={"COLUMNS": "200"})


def _at(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def test_a_his_and_a_modality(broker: Broker, run: Run) -> None:
    """A HIS that checks its own orders, then a scanner that does them: both end, nothing was unlawful."""
    doors = ("--to", _at(broker.hl7.address), "--worklist", _at(broker.dicom.address))
    sent = run("his", *doors, "-n", 4, "-r", "max", "-l", "el", "--stations", "CT=CT1", "--seed", "7", "--json")
    assert sent.exit_code == 0, sent.output
    told = json.loads(sent.stdout)
    assert (told["seed"], told["counts"]["accepted"], told["counts"]["seen on the list"]) == ("7", 4, 4)
    done = run("modality", "--to", _at(broker.dicom.address), "-n", 2, "-r", "max", "-f", "duplicate-create")
    assert (done.exit_code, "2 completed" in done.stdout) == (0, True), done.output


def test_what_is_not_lawful_is_the_exit_code(run: Run) -> None:
    """A broker that refuses every order: each is named, and the exit code is 1."""
    with Mis(personality=lambda _received: "AE") as refusing:
        result = run("his", "--to", _at(refusing.address), "--worklist", "", "--test-system", "-n", 1, "-r", "max")
    assert result.exit_code == 1
    assert "not lawful: new P" in result.stdout


def test_an_mis_that_ends_after_a_message(run: Run) -> None:
    """An MIS that refuses its first message and takes the second ends when it has one."""
    raw = his.order_orm(his.Order())
    address: list[tuple[str, int]] = []
    listening = threading.Event()

    def send() -> None:
        listening.wait(5)
        mllp_client.exchange(*address[0], raw, 5)

    started = Mis.start

    def noted(mis: Mis) -> None:
        started(mis)
        address.append(mis.address)
        listening.set()

    sender = threading.Thread(target=send)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mis, "start", noted)
        sender.start()
        result = run("mis", "--port", 0, "-n", 1, "--json")
    sender.join()
    assert result.exit_code == 0
    assert json.loads(result.stdout)["counts"]["accepted"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("his", "--to", "10.0.0.5:2575"), "--test-system"),
        (("modality", "--to", "10.0.0.5:11112"), "--test-system"),
        (("his", "--fault", "dupplicate=0.1"), "did you mean duplicate?"),
        (("his", "--language", "xx"), "xx is no language"),
        (("modality", "--profile", "strict"), "strict is no kind of modality"),
        (("modality", "--rate", "often"), "write such as 10/min"),
        (("mis", "--for", "long"), "no span of time"),
    ],
)
def test_refused_before_it_began(run: Run, words: tuple[str, ...], sentence: str) -> None:
    """Another machine that nobody called a test system, and what cannot be understood, is refused with what to do."""
    result = run(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_nothing_is_played_beside_real_patients(broker: Broker, run: Run) -> None:
    """On a list with anybody who was not invented nothing begins, unless it is called a test system; nor unseen."""
    mllp_client.exchange(*broker.hl7.address, his.order_orm(his.Order(issuer="HOSP")), 5)
    scanner = ("modality", "--to", _at(broker.dicom.address), "-n", 1, "-r", "max", "--profile", "by-modality")
    sender = ("his", "--to", _at(broker.hl7.address), "-n", 1, "-r", "max")
    for words in (scanner, (*sender, "--worklist", _at(broker.dicom.address))):
        result = run(*words)
        assert (result.exit_code, "1 entries of its worklist are for patients" in result.stderr) == (2, True)
    assert "cannot be seen" in run(*sender, "--worklist", "").stderr
    assert "1 completed" in run(*scanner, "--test-system").stdout


@pytest.mark.parametrize("table", ["faults", "devices"])
def test_what_there_is(run: Run, table: str) -> None:
    """The faults and the kinds of modality are listed for people and for programs."""
    listed: Any = json.loads(run(table, "--json").stdout)
    known = listed if table == "devices" else [name for kind in listed.values() for name in kind]
    text = run(table).stdout
    assert all(name in text for name in known)


def test_an_exercise_is_solved_from_outside(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command breaks something and ends with 0 once a correction of the HIS has put it right."""
    started = Playground.set_up
    broken: list[Playground] = []
    ready = threading.Event()

    def noted(playground: Playground, name: str) -> None:
        started(playground, name)
        broken.append(playground)
        ready.set()

    def mend() -> None:
        ready.wait(10)
        (item,) = Modality(*broken[0].dicom(), "ANY").query()
        step = str(item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID)
        order = his.Order(
            patient_id=str(item.PatientID),
            issuer="SIMULATOR",
            name=str(item.PatientName),
            placer_number=str(item.PlacerOrderNumberImagingServiceRequest),
            filler_number=str(item.FillerOrderNumberImagingServiceRequest),
            accession=str(item.AccessionNumber),
            procedure_id=str(item.RequestedProcedureID),
            step_ids=(step,),
            study_uid=str(item.StudyInstanceUID),
        )
        mllp_client.exchange(*broken[0].hl7(), his.omi(order, his.CHANGED, "UNICODE UTF-8"), 5)

    mending = threading.Thread(target=mend)
    monkeypatch.setattr(Playground, "set_up", noted)
    mending.start()
    result = run("exercise", "missing", "--hints")
    mending.join()
    assert result.exit_code == 0, result.output
    assert "is not on the list" in result.stdout
    assert "hint 1: " in result.stdout
    assert result.stdout.endswith("solved\n")


def test_the_exercises_there_are(run: Run) -> None:
    """They are listed by their names, and one nobody knows is refused."""
    assert set(json.loads(run("exercise", "--json").stdout)) == {
        *("missing", "room", "tomorrow", "letters", "emergency", "refused")
    }
    refused = run("exercise", "mising")
    assert (refused.exit_code, "did you mean missing?" in refused.stderr) == (2, True)

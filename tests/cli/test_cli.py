"""Every command as somebody types it: what it prints, and the exit code a script goes by."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from swf import config
from swf.broker import Broker
from swf.cli import app
from swf.extensions.simulator import his, scenario
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from tests.conftest import SAMPLES, MakeBroker

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def played(broker: Broker, mis: Mis, run: Run, tmp_path: Path) -> tuple[Run, Broker]:
    """A broker that has seen two orders from beginning to end, and a settings file that names its store."""
    assert scenario.play(broker.hl7.address, broker.dicom.address, mis, "SWF", lambda _event: None) == []
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', encoding="utf-8")
    return run, broker


def rows(result: Result) -> list[dict[str, Any]]:
    """What a command says with --json."""
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def dicom(broker: Broker) -> str:
    """The address of the modalities' door."""
    return "{}:{}".format(*broker.dicom.address)


def hl7(broker: Broker) -> str:
    """The address of the hospital's door."""
    return "{}:{}".format(*broker.hl7.address)


def test_settings_are_written_checked_and_never_overwritten(run: Run, tmp_path: Path) -> None:
    """`swf init` gives a site its files, `swf check` finds them good, and a second init does not touch them."""
    assert run("init").exit_code == 0
    assert run("check").exit_code == 0
    before = (tmp_path / "swf.toml").read_bytes()
    again = run("init")
    assert (again.exit_code, (tmp_path / "swf.toml").read_bytes()) == (2, before)
    assert "swf.toml is there already" in again.stderr


@pytest.mark.parametrize("command", ["check", "serve"])
def test_every_mistake_in_the_settings_is_told_at_once(run: Run, tmp_path: Path, command: str) -> None:
    """Somebody who made three mistakes learns of three, each with its place, and nothing is started."""
    (tmp_path / "swf.toml").write_text('[hl7]\nport = 99999\n[dicom]\nae_titel = "X"\n[store]\nurl = "mysql:x"\n')
    result = run(command)
    assert result.exit_code == 2
    for place in ("swf.toml:2: hl7.port", "swf.toml:4: dicom.ae_titel", "swf.toml:6: store.url"):
        assert place in result.stderr


def test_a_broken_mapping_line_is_named(run: Run, tmp_path: Path) -> None:
    """A slip in a mapping is found before it meets a patient, with its file and line."""
    run("init")
    mapping = tmp_path / "mappings" / "default.toml"
    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text.replace("PatientID  ", "PatinetID  ", 1), encoding="utf-8")
    line = next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith("PatientID "))
    result = run("check")
    assert result.exit_code == 2
    assert f"mappings/default.toml:{line}: PatinetID" in result.stderr


def test_orders_are_listed(played: tuple[Run, Broker]) -> None:
    """Both orders are listed with their numbers and status, and can be searched by any of their numbers."""
    run, _ = played
    found = rows(run("orders", "--json"))
    assert sorted(row["status"] for row in found) == ["CM", "DC"]
    for number in ("accession_number", "placer_order_number", "filler_order_number", "patient_id"):
        assert [row["status"] for row in rows(run("orders", found[0][number], "--json"))] == [found[0]["status"]]
    assert found[0]["accession_number"] in run("orders").stdout


def test_an_order_is_traced(played: tuple[Run, Broker]) -> None:
    """One command shows the whole life of an order: message, worklist, procedure step, deliveries."""
    run, _ = played
    accession = next(row["accession_number"] for row in rows(run("orders", "--status", "cm", "--json")))
    told = [line["event"] for line in rows(run("trace", accession, "--json"))]
    assert told[:2] == ["message received", "order created"]
    assert {"mpps in progress", "mpps completed", "worklist answered"} <= set(told)
    assert told.count("delivery acknowledged") == 4
    assert "mpps completed" in run("trace", accession).stdout
    assert run("trace", "NOSUCH").exit_code == 1


def test_the_journal_is_listed(played: tuple[Run, Broker]) -> None:
    """What happened of late is listed, the newest first, with the order it concerns; one kind alone can be asked for."""
    run, _ = played
    newest = rows(run("journal", "--limit", 500, "--json"))
    assert [entry["at"] for entry in newest] == sorted((entry["at"] for entry in newest), reverse=True)
    created = rows(run("journal", "--event", "order created", "--json"))
    assert {entry["accession_number"] for entry in created} == {
        row["accession_number"] for row in rows(run("orders", "--json"))
    }
    assert "order created" in run("journal", "--event", "order created").stdout
    unknown = run("journal", "--event", "order eaten")
    assert (unknown.exit_code, "connections limited" in unknown.stderr) == (2, True)


def test_messages_are_listed_and_shown(played: tuple[Run, Broker], tmp_path: Path) -> None:
    """A refused message can be found, with what came, what was wrong and what was answered."""
    run, broker = played
    query = (SAMPLES / "21_oru_status_231.hl7").read_bytes().replace(b"ORU^R01", b"QBP^Q22")
    assert run("send", "--to", hl7(broker), _file(tmp_path, query)).exit_code == 1
    (refused,) = rows(run("messages", "--refused", "--json"))
    assert (refused["type"], refused["ack_code"], refused["disposition"]) == ("QBP^Q22", "AR", "REFUSED")
    (shown,) = rows(run("messages", "show", refused["id"], "--json"))
    assert shown["text"].startswith("MSH|^~\\&|SWF|RAD|HIS|HOSP|20260316094800||QBP^Q22|SWF000800")
    assert "\rMSA|AR|SWF000800|" in shown["acknowledgement"]
    assert "MSH^1^9" in shown["reason"]
    assert run("messages", "show", 9999).exit_code == 1


def test_deliveries_are_listed_and_shown(played: tuple[Run, Broker]) -> None:
    """What the MIS was told can be read again, and only a parked message can be sent again."""
    run, _ = played
    found = rows(run("deliveries", "--json"))
    assert {row["status"] for row in found} == {"DELIVERED"}
    assert len(found) == 8
    assert "ORC|SC|" in run("deliveries", "show", found[-1]["id"]).stdout
    assert run("deliveries", "retry", found[-1]["id"]).exit_code == 1


def test_a_parked_message_is_sent_again(make_broker: MakeBroker, mis: Mis, run: Run, tmp_path: Path) -> None:
    """A message the MIS refused for good waits for an operator, who lets it try again once the MIS is mended."""
    mis.personality = lambda _received: "AE"
    destination = {"name": "mis", "host": mis.address[0], "port": mis.address[1], "refusals_before_parking": 1}
    broker = make_broker(destination=[{**destination, "send": ["ORM^O01"]}])
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', encoding="utf-8")
    assert run("send", "--to", hl7(broker), _file(tmp_path, his.order_omi(his.Order()))).exit_code == 0
    _begin_exam(broker)
    assert mis.wait_for(1)
    parked = _wait_for_status(run, "PARKED")
    mis.personality = lambda _received: "AA"
    assert json.loads(run("deliveries", "retry", parked["id"], "--json").stdout)[0]["id"] == parked["id"]
    assert [each["did"] for each in json.loads(run("journal", "--event", "operator acted", "--json").stdout)] == [
        "retry"
    ]
    assert _wait_for_status(run, "DELIVERED")["id"] == parked["id"]


def test_what_is_sent_is_answered(broker: Broker, run: Run, tmp_path: Path) -> None:
    """A file of two messages with line feeds is sent as two messages; each acknowledgement is shown."""
    text = b"".join(his.order_omi(his.Order()) for _ in range(2)).replace(b"\r", b"\n")
    result = run("send", "--to", hl7(broker), _file(tmp_path, text))
    assert (result.exit_code, result.stdout.count("MSA|AA|")) == (0, 2)


def test_queries_are_listed(played: tuple[Run, Broker]) -> None:
    """What every scanner asked and how many steps it got can be read, one line for one question."""
    run, broker = played
    Modality(*broker.dicom.address, "XR9").query(Modality="XR", PatientName="DOE*")
    broker.stop()
    (asked,) = rows(run("queries", "--ae", "XR9", "--json"))
    assert asked["keys"] == {"PatientName": "DOE*", "ScheduledProcedureStepSequence/Modality": "XR"}
    assert (asked["answers"], asked["status"], asked["times"], asked["called"]) == (0, "0000", 1, "SWF")
    assert "PatientName=DOE* Modality=XR" in run("queries", "--ae", "XR9").stdout
    assert len(rows(run("queries", "--json"))) > 1


def test_the_worklist_can_be_asked_for(broker: Broker, run: Run, tmp_path: Path) -> None:
    """An engineer sees what a modality would see, by the keys a modality would use."""
    run("send", "--to", hl7(broker), _file(tmp_path, his.order_omi(his.Order(modality="MR", station_ae="MR1"))))
    assert "DOE^JANE" in run("query", dicom(broker), "-k", "ScheduledStationAETitle=MR1").stdout
    assert rows(run("query", dicom(broker), "-k", "Modality=CT", "--json")) == []
    assert run("query", dicom(broker), "-k", "NoSuchKey=1").exit_code == 2


def test_the_store_gives_what_the_door_gives(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """An engineer far from the scanner sees its list, by its profile, as the scanner gets it to the last letter."""
    table = '[[modality]]\nae_title = "MR1"\nstation_filter = "forced"\ncharacter_set = ["ISO_IR 6"]\n'
    modality = [{"ae_title": "MR1", "station_filter": "forced", "character_set": ["ISO_IR 6"]}]
    broker = make_broker(modality=modality)
    (tmp_path / "swf.toml").write_text(f'{table}[store]\nurl = "{broker.settings.store.url}"\n', "utf-8")
    for number, station in enumerate(("MR1", "CT1"), start=1):
        order = his.order_omi(his.Order(modality="MR", station_ae=station, name="MÜLLER^JÜRGEN"))
        assert run("send", "--to", hl7(broker), _file(tmp_path, order)).exit_code == 0, number
    by_network = rows(run("query", dicom(broker), "--as", "MR1", "--json"))
    by_store = rows(run("query", "--as", "MR1", "--json"))
    assert by_store == by_network
    assert len(by_store) == 1
    assert "MUELLER^JUERGEN" in run("query", "--as", "MR1", "-k", "Modality=MR").stdout
    assert len(rows(run("query", "--as", "CT9", "--json"))) == 2
    broker.stop()
    assert {line["ae_title"] for line in rows(run("queries", "--json"))} == {"MR1"}


def test_an_order_that_is_not_on_a_list_is_explained(played: tuple[Run, Broker]) -> None:
    """One command tells which rule keeps an order from a scanner, and what mends it."""
    run, _ = played
    order = next(each for each in rows(run("orders", "--json")) if each["modality"] == "CT")
    number = order["accession_number"]
    hidden = run("why", number, "--ae", "CT1")
    assert hidden.exit_code == 1
    assert hidden.stdout.startswith(f"CT1 does not see {number}: status")
    assert "COMPLETED since" in hidden.stdout
    (answer,) = json.loads(run("why", number, "--ae", "CT1", "--json").stdout)
    assert (answer["seen"], answer["steps"][0]["findings"][1]["rule"]) == (False, "status")
    assert [stage["left"] for stage in answer["funnel"]][-1] == 0
    unknown = run("why", "NOBODY", "--ae", "CT1")
    assert (unknown.exit_code, unknown.stdout.splitlines()[0]) == (1, "nothing is known of NOBODY")


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom leaves a refused socket behind
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_door_is_verified(broker: Broker, run: Run) -> None:
    """`swf echo` tells whether a modality would be answered, for people and for a container's health check."""
    assert run("echo", dicom(broker)).exit_code == 0
    broker.stop()
    gone = run("echo", dicom(broker))
    assert (gone.exit_code, "Traceback" in gone.output) == (1, False)


def test_the_demonstration_succeeds(run: Run) -> None:
    """The demonstration shows the life of both orders and ends well only because everything was seen."""
    result = run("demo")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("The life of order") == 2


def test_the_demonstration_fails_when_a_step_is_not_seen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a mapping that tells the MIS nothing of the study, the demonstration says what it missed and fails."""
    run("init")
    template = Path("mappings/hl7_out/oru_r01.hl7")
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("{{ procedure.study_instance_uid }}", ""), encoding="utf-8")
    monkeypatch.setattr(config, "shipped_mappings", lambda: Path("mappings").absolute())
    monkeypatch.setattr(scenario, "NOTICE_TIMEOUT_S", 0.5)
    result = run("demo")
    assert result.exit_code == 1
    assert "Not seen: MIS should be told ORU^R01" in result.stdout


def test_a_store_nobody_made_is_not_made_by_looking(run: Run, tmp_path: Path) -> None:
    """Looking for orders in the wrong folder says so instead of showing an empty list."""
    result = run("orders")
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "swf.db" in result.stderr


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "message.hl7"
    path.write_bytes(content)
    return path


def _begin_exam(broker: Broker) -> None:
    scanner = Modality(*broker.dicom.address, "CT1")
    scanner.begin(*scanner.query())


def _wait_for_status(run: Run, status: str) -> dict[str, Any]:
    """The first delivery with that status, within ten seconds."""
    for _ in range(100):
        found = rows(run("deliveries", "--status", status, "--json"))
        if found:
            return found[0]
        threading.Event().wait(0.1)
    raise AssertionError(f"no delivery became {status}")

"""The commands an administrator changes a mapping with: see it, check it, let it count, take messages again."""

import json
import os
import shlex
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from swf import pid
from swf.broker import Broker
from swf.cli import app
from swf.errors import PeerError
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from swf.hl7 import ack
from swf.net import mllp_client
from tests.authority import Authority
from tests.conftest import SAMPLES, MakeBroker
from tests.processes import PATIENCE_S, MllpClient, Serve, Served, serving

Run = Callable[..., Result]
ORDER = (
    b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20300501080000||ORM^O01|%b|P|2.3.1\rPID|||4711^^^HOSP||DOE^JANE||19800101|F\r"
    b"ORC|NW|%b^HIS|||||^^^20300502093000\rOBR|1|%b^HIS||CTHEAD^CT head^99LOCAL||||||||||||||||||||CT\r"
)


def order(number: int) -> bytes:
    """An order for a CT, with numbers of its own."""
    name = str(number).encode()
    return ORDER % (name, name, name)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command in the folder of a new site."""
    monkeypatch.chdir(tmp_path)

    def type_in(line: str) -> Result:
        return CliRunner().invoke(app, shlex.split(line))

    assert type_in("init").exit_code == 0
    return type_in


def change(folder: Path, keyword: str, line: str) -> None:
    """Give a line of the site's own mapping another content."""
    file = folder / "mappings" / "default.toml"
    lines = file.read_text("utf-8").splitlines()
    (number,) = [number for number, text in enumerate(lines) if text.split("=")[0].strip(' "#') == keyword]
    lines[number] = f"{keyword} = {line}"
    file.write_text("\n".join([*lines, ""]), "utf-8")


def rows(result: Result) -> list[dict[str, Any]]:
    """What a command said with --json."""
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


# ---- explain ----


def test_a_file_is_explained(run: Run, tmp_path: Path) -> None:
    """Before anything runs, an administrator sees what an order would become, and what the broker would add."""
    (tmp_path / "order.hl7").write_bytes(order(1).replace(b"\r", b"\n"))
    result = run("explain order.hl7")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert result.exit_code == 0, result.output
    assert any(line.startswith("PatientID 4711 PID-3.1 text mappings/default.toml:") for line in lines)
    assert any(line.startswith("PatientMotherBirthName empty: PID-6 is empty name ") for line in lines)
    assert "S1.1 AccessionNumber SWF00000001 generated: the message brings none" in lines
    assert not (tmp_path / "swf.db").exists()


def test_an_explanation_can_be_read_by_programs(run: Run, tmp_path: Path) -> None:
    """Each attribute with its value, field, function, line and reason, as JSON."""
    (tmp_path / "order.hl7").write_bytes(order(1) + order(2))
    first, second = rows(run("explain order.hl7 --json"))
    assert (first["control_id"], second["control_id"], first["refusal"]) == ("1", "2", "")
    name = next(line for line in first["items"][0]["lines"] if line["attribute"] == "PatientName")
    assert (name["value"], name["from"], name["function"], name["why_empty"]) == ("DOE^JANE", "PID-5", "name", "")
    assert {line["attribute"] for line in second["added"]} >= {"AccessionNumber", "StudyInstanceUID"}


def test_a_refusal_is_explained(run: Run, tmp_path: Path) -> None:
    """A message that would be refused says why, where, and by which line of the mapping."""
    (tmp_path / "order.hl7").write_bytes(order(1).replace(b"4711^^^HOSP", b""))
    result = run("explain order.hl7")
    assert result.exit_code == 1
    assert "refused: PID^1^3: PatientID is required and PID-3.1 is empty; mappings/default.toml:" in result.stdout


def test_one_thing_is_explained_at_a_time(run: Run) -> None:
    """Neither nothing nor two things at once are explained, and a file that is not there is named."""
    assert run("explain").exit_code == 2
    assert run("explain order.hl7 --message 1").exit_code == 2
    missing = run("explain order.hl7")
    assert (missing.exit_code, "order.hl7" in missing.stderr) == (2, True)


def test_a_stored_message_is_explained_without_a_trace(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """What became of an order last night can be explained today, and looking changes nothing."""
    broker = make_broker()
    use(broker, tmp_path)
    send(broker, order(1))
    before = rows(run("orders --json"))
    (told,) = rows(run("explain --message 1 --json"))
    assert told["refusal"] == ""
    assert rows(run("orders --json")) == before
    assert run("explain --message 99").exit_code == 1


# ---- lint and conformance ----


def test_a_mapping_without_a_fault_is_good(run: Run) -> None:
    """What `swf init` writes has no mistake and no warning."""
    result = run("lint")
    assert (result.exit_code, result.stdout) == (0, "good: mappings/default.toml\n")
    told = run("lint --lengths")
    assert (told.exit_code, "AccessionNumber: OBR-18.1 may have 60 characters" in told.stdout) == (0, True)


def test_warnings_and_mistakes_have_their_own_exit_codes(run: Run, tmp_path: Path) -> None:
    """A script can tell a mapping that works and looks wrong (1) from one that does not work (2)."""
    change(tmp_path, "AccessionNumber", '{ from = ["OBR-18", "OBR-18"] }')
    warned = run("lint")
    assert (warned.exit_code, "OBR-18 is never read" in warned.stderr) == (1, True)
    change(tmp_path, "AccessionNumber", '{ from = "OBR-99" }')
    refused = run("lint mappings/default.toml")
    assert (refused.exit_code, "OBR-99" in refused.stderr) == (2, True)


def test_messages_are_checked_against_the_standard(run: Run, tmp_path: Path) -> None:
    """A vendor's message is held against its own HL7 version; what does not conform is named with file and message."""
    assert run(f"hl7 check {SAMPLES / '01_rad2_nw_231.hl7'}").exit_code == 0
    (tmp_path / "bad.hl7").write_bytes(order(1) + order(2).replace(b"ORM^O01", b"ORM^O99"))
    result = run("hl7 check bad.hl7")
    assert result.exit_code == 1
    assert "bad.hl7: message 2: " in result.stdout


# ---- replay ----


def use(broker: Broker, folder: Path) -> None:
    """Let the commands in this folder look at the store of that broker."""
    (folder / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', "utf-8")


def send(broker: Broker, *messages: bytes) -> list[str]:
    """The acknowledgement code of each message."""
    return [ack.read_acknowledgement(mllp_client.exchange(*broker.hl7.address, raw, 10)).code for raw in messages]


def test_a_refused_message_is_replayed_after_the_mapping_was_mended(
    make_broker: MakeBroker, run: Run, tmp_path: Path
) -> None:
    """An order refused for its accession number is seen by the scanner after the line was changed and it was replayed."""
    broker = make_broker()
    use(broker, tmp_path)
    raw = his.order_omi(his.Order(accession="ACC-LONGER-THAN-16", station_ae="CT1"))
    assert send(broker, raw) == ["AE"]
    change(tmp_path, "AccessionNumber", '{ from = "OBR-18.1" }')
    assert "PatientID" in run("messages replay 1 --dry-run").stdout
    assert rows(run("orders --json")) == []
    assert run("messages replay 1").stdout.startswith("message 1: APPLIED")
    (item,) = Modality(*broker.dicom.address, "CT1").query()
    assert item.AccessionNumber == "SWF00000001"
    assert rows(run("messages --refused --json")) == []
    (outcome,) = rows(run("messages replay 1 --json"))
    assert (outcome["before"], outcome["after"], outcome["changes"]) == ("APPLIED", "APPLIED", [])


def test_a_message_still_refused_fails_the_command(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """A replay that does not help says so, and a message that was never there is named."""
    broker = make_broker()
    use(broker, tmp_path)
    assert send(broker, order(1).replace(b"4711^^^HOSP", b"")) == ["AE"]
    result = run("messages replay 1")
    assert (result.exit_code, "message 1: PID^1^3: PatientID is required" in result.stdout) == (1, True)
    assert run("messages replay 99").exit_code == 1


def test_half_a_message_is_found_and_never_carried_out(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """What came of an order before its connection ended is listed, explained as what it is, and cannot be replayed."""
    broker = make_broker()
    use(broker, tmp_path)
    with socket.create_connection(broker.hl7.address, PATIENCE_S) as connection:
        connection.sendall(b"\x0b" + order(1))
        connection.shutdown(socket.SHUT_WR)
        assert b"MSA|AR|" in connection.recv(4096)
    (listed,) = rows(run("messages --refused --json"))
    assert (listed["disposition"], listed["reason"]) == ("BROKEN", "the connection ended before the message")
    explained = run("explain --message 1")
    assert (explained.exit_code, "the message did not come whole" in explained.stdout) == (1, True)
    replayed = run("messages replay 1")
    assert (replayed.exit_code, "the message did not come whole" in replayed.stdout) == (1, True)
    assert rows(run("orders --json")) == []


# ---- reload ----


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts brokers in processes of their own."""
    with serving() as start:
        yield start


def until(served: Served, event: str) -> list[dict[str, Any]]:
    """The log's lines of this event, once there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in served.log.read_text("utf-8").splitlines() if line.startswith("{")]
        found = [line for line in lines if line["event"] == event]
        if found:
            return found
        threading.Event().wait(0.05)
    raise AssertionError(served.log.read_text("utf-8"))


def hang_up(served: Served) -> None:
    """Send SIGHUP, as a supervisor does; what the log said before is put aside."""
    served.log.write_text("")
    os.kill(served.process.pid, signal.SIGHUP)


def ordered(served: Served, number: int) -> str:
    """Send an order; the station its step was given."""
    with MllpClient(served.hl7) as client:
        assert client.send(order(number)) == "AA"
    items = Modality(*served.dicom, "CT1").query(PatientID="4711")
    (item,) = [item for item in items if item.PlacerOrderNumberImagingServiceRequest == str(number)]
    return str(item.ScheduledProcedureStepSequence[0].ScheduledStationAETitle)


def test_a_running_broker_takes_over_a_changed_mapping(run: Run, serve: Serve, tmp_path: Path) -> None:
    """After SIGHUP the next order goes by the new line; no connection is lost and nothing else has changed."""
    served = serve(tmp_path)
    assert ordered(served, 1) == "UNKNOWN"
    change(tmp_path, "CT", '"CT1"')
    hang_up(served)
    until(served, "reloaded")
    assert ordered(served, 2) == "CT1"
    assert run("orders 1").exit_code == 0


def test_a_broken_mapping_changes_nothing_and_is_told_whole(run: Run, serve: Serve, tmp_path: Path) -> None:
    """A slip during the day stops nobody: the broker works on by the old mapping, and its log names every mistake."""
    served = serve(tmp_path)
    change(tmp_path, "CT", '"CT1"')
    change(tmp_path, "PatientSex", '{ from = "PID-99" }')
    change(tmp_path, "PatientBirthDate", '{ from = "PID-7", as = "dat" }')
    hang_up(served)
    assert len(until(served, "not reloaded")) >= 1
    assert ordered(served, 1) == "UNKNOWN"
    mistakes = "".join(line["error"] for line in until(served, "not reloaded"))
    assert "PID-99" in mistakes
    assert "did you mean date?" in mistakes


def test_modalities_are_taken_over_and_doors_are_not(run: Run, serve: Serve, tmp_path: Path) -> None:
    """A scanner's address changes without a restart; a setting of a door is named in the log as waiting for one."""
    served = serve(tmp_path)
    Modality(*served.dicom, "CT1").echo()
    (tmp_path / "swf.toml").write_text(
        '[[modality]]\nae_title = "CT1"\nhost = "192.0.2.9"\n[hl7]\nmax_connections = 5\n', "utf-8"
    )
    hang_up(served)
    (waiting,) = until(served, "changed settings need a restart")
    assert waiting["reason"] == "hl7"
    with pytest.raises(PeerError):
        Modality(*served.dicom, "CT1").echo()
    Modality(*served.dicom, "MR1").echo()


def test_the_command_finds_the_broker_of_its_folder(run: Run, serve: Serve, tmp_path: Path) -> None:
    """`swf reload` tells the broker of this folder, and says so when there is none, whatever note an old one left."""
    (tmp_path / "swf.pid").write_text("1")
    assert run("reload").exit_code == 1
    served = serve(tmp_path)
    result = run("reload")
    assert (result.exit_code, str(served.process.pid) in result.stdout) == (0, True)
    until(served, "reloaded")
    assert served.terminate()[0] == 0
    assert run("reload").exit_code == 1


def test_a_running_broker_takes_over_new_certificates(run: Run, serve: Serve, tmp_path: Path) -> None:
    """`swf reload` after a renewal: callers meet the new certificate; one without its key is refused before it counts."""
    papers = Authority(tmp_path).issue("127.0.0.1")
    (tmp_path / "swf.toml").write_text(
        "[hl7]\n" + "".join(f'{name} = "{file}"\n' for name, file in papers.items()), "utf-8"
    )
    served = serve(tmp_path)
    before = ssl.get_server_certificate(served.hl7)
    Authority(tmp_path).issue("127.0.0.1")
    assert run("reload").exit_code == 0
    until(served, "reloaded")
    after = ssl.get_server_certificate(served.hl7)
    assert after != before
    Path(papers["tls_key"]).write_text("no key", "utf-8")
    refused = run("reload")
    assert (refused.exit_code, "cannot be used" in refused.stderr) == (2, True)
    hang_up(served)
    assert "cannot be used" in until(served, "not reloaded")[0]["error"]
    assert ssl.get_server_certificate(served.hl7) == after


def test_the_command_does_not_send_a_broken_mapping(run: Run, serve: Serve, tmp_path: Path) -> None:
    """Who reloads a mapping with a mistake is told at once, and the broker is not even asked."""
    served = serve(tmp_path)
    change(tmp_path, "PatientSex", '{ from = "PID-99" }')
    result = run("reload")
    assert (result.exit_code, "PID-99" in result.stderr) == (2, True)
    assert "reload" not in served.log.read_text("utf-8")


def test_a_second_broker_leaves_the_note_to_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two brokers of one folder both run; the command finds the first, and the second says so in its log."""
    note = tmp_path / "swf.pid"
    with pid.noted(note):
        with pid.noted(note):
            assert pid.holder(note) == os.getpid()
        assert "another broker of this folder holds the note" in caplog.text
        assert pid.holder(note) == os.getpid()
    assert pid.holder(note) is None


def test_a_broker_runs_where_no_note_can_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A read-only folder keeps nobody from starting; only `swf reload` does not work there."""
    with pid.noted(tmp_path / "missing" / "swf.pid"):
        assert pid.holder(tmp_path / "missing" / "swf.pid") is None
    assert "no note of the process" in caplog.text


# ---- drafts ----


def test_a_draft_is_compared_saved_and_undone_at_a_terminal(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """Without a browser: what a file would change is seen first, then kept, saved into its place, and taken back."""
    broker = make_broker()
    use(broker, tmp_path)
    assert send(broker, his.order_omi(his.Order(accession="ACC-LONGER-THAN-16", station_ae="CT1")), order(2)) == [
        "AE",
        "AA",
    ]
    own = tmp_path / "mappings" / "default.toml"
    before = own.read_text("utf-8")
    wanted = before.replace(
        'AccessionNumber              = { from = ["IPC-1.1", "OBR-18.1"] }', 'AccessionNumber = { from = "OBR-3.1" }'
    )
    (tmp_path / "draft.toml").write_text(wanted, "utf-8")
    told = run("mapping diff --draft draft.toml --last 9")
    assert (told.exit_code, "message 1: would be applied" in told.stdout) == (0, True), told.output
    (found, tried) = rows(run("mapping diff --draft draft.toml --json"))
    assert (found["message"], found["after_refusal"], tried["trial"]["refusal"]) == (1, "", "")
    assert run("mapping draft draft.toml mappings/default.toml").exit_code == 0
    assert rows(run("mapping drafts --json"))[0]["draft_by"].endswith(", at the command line")
    assert own.read_text("utf-8") == before
    assert run("mapping save").stdout == "saved: mappings/default.toml\n"
    assert own.read_text("utf-8") == wanted
    assert rows(run("mapping saved --json"))[0]["files"] == ["mappings/default.toml"]
    assert run("mapping undo 1").stdout == "undone: mappings/default.toml\n"
    assert own.read_text("utf-8") == before


def test_a_draft_that_refuses_what_is_taken_fails_the_command(
    make_broker: MakeBroker, run: Run, tmp_path: Path
) -> None:
    """A script learns by the exit code that a draft would refuse an order (1), or cannot be used at all (2)."""
    broker = make_broker()
    use(broker, tmp_path)
    assert send(broker, order(1)) == ["AA"]
    (tmp_path / "draft.toml").write_text(
        'extends = "swf:default.toml"\n[attributes]\nPatientSex = { from = "PID-10", required = true }\n'
    )
    told = run("mapping diff --draft draft.toml")
    assert (told.exit_code, "message 1: would be refused" in told.stdout) == (1, True)
    (tmp_path / "draft.toml").write_text("extends = 7\n")
    told = run("mapping diff --draft draft.toml")
    assert (told.exit_code, "mappings/default.toml:1: extends must be" in told.stderr) == (2, True)
    assert run("mapping draft draft.toml mappings/default.toml").exit_code == 0
    assert run("mapping drafts").exit_code == 1
    assert run("mapping save").exit_code == 2
    assert run("mapping discard mappings/default.toml").exit_code == 0
    assert run("mapping draft draft.toml ../swf.toml").exit_code == 2


def test_two_messages_are_compared_at_a_terminal(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """What a second message about an order says otherwise than the first, field by field, and on the worklist."""
    broker = make_broker()
    use(broker, tmp_path)
    assert send(broker, order(1), order(1).replace(b"|1|P|", b"|2|P|").replace(b"DOE", b"ROE")) == ["AA", "AA"]
    (told,) = rows(run("messages diff 1 2 --json"))
    assert {"place": "PID-5", "before": "DOE^JANE", "after": "ROE^JANE"} in told["fields"]
    assert [each["attribute"] for each in told["items"]] == ["PatientName"]
    shown = run("messages diff 1 2")
    assert (shown.exit_code, "ROE^JANE" in shown.stdout) == (1, True)
    assert run("messages diff 1 1").exit_code == 0


def test_a_cause_of_failures_is_replayed_at_the_command_line(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """Orders refused for one mistake are listed as one, tried, settled and, once the mapping is mended, taken together."""
    broker = make_broker()
    use(broker, tmp_path)
    for name in ("A", "B"):
        send(broker, his.order_omi(his.Order(accession=f"ACC-LONGER-THAN-16{name}")))
    (cause,) = rows(run("messages failed --json"))
    assert cause["messages"] == 2
    assert run(f"messages settle {cause['key']}").exit_code == 1
    assert run(f"messages settle {cause['key']} --remark seen").exit_code == 0
    assert "seen" in run("messages failed").stdout
    assert run(f"messages settle {cause['key']} --reopen").exit_code == 0
    assert run(f"messages replay --group {cause['key']}").exit_code == 1
    change(tmp_path, "AccessionNumber", '{ from = "OBR-3.1" }')
    assert run(f"messages replay --group {cause['key']} --dry-run").exit_code == 0
    assert rows(run("orders --json")) == []
    assert run(f"messages replay --group {cause['key']}").exit_code == 0
    assert len(rows(run("orders --json"))) == 2
    assert run("messages replay").exit_code == 2


def test_a_destination_is_held_at_the_command_line(make_broker: MakeBroker, run: Run, tmp_path: Path) -> None:
    """Who moves the MIS holds it from a script, sees so, and releases it; a name nobody has is refused."""
    broker = make_broker()
    use(broker, tmp_path)
    with (tmp_path / "swf.toml").open("a") as more:
        more.write('[[destination]]\nname = "mis"\nhost = "127.0.0.1"\nport = 1\n')
    held = json.loads(run("deliveries hold mis --reason moving --json").stdout)
    assert [(each["destination"], each["reason"]) for each in held] == [("mis", "moving")]
    (found,) = rows(run("deliveries destinations --json"))
    assert (found["name"], found["reason"], found["waiting"]) == ("mis", "moving", 0)
    assert "moving" in run("deliveries destinations").stdout
    assert run("deliveries hold nobody --reason moving").exit_code == 1
    assert run("deliveries release mis").exit_code == 0
    assert run("deliveries release mis").exit_code == 1
    assert run("deliveries skip 1 --reason gone").exit_code == 1

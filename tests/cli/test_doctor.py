"""`swf doctor`: everything this broker needs is tried, and each failure says what mends it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import Result
from typer.testing import CliRunner

from swf import pid
from swf.broker import Broker
from swf.cli import app
from swf.config import Settings
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.net import mllp_client, probes
from swf.net.probes import How
from tests.conftest import MakeBroker

Findings = dict[str, dict[str, Any]]


def _doctor(*words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words])


def _card() -> tuple[int, Findings, list[dict[str, Any]]]:
    """The exit code, the findings by their names, the issues."""
    result = _doctor("--json")
    told = json.loads(result.stdout)[0]
    return result.exit_code, {each["name"]: each for each in told["findings"]}, told["issues"]


def _write(folder: Path, broker: Broker, *more: str) -> None:
    """A file that names the store and the ports of a broker that runs."""
    lines = [
        f'[store]\nurl = "{broker.settings.store.url}"',
        f"[hl7]\nport = {broker.hl7.address[1]}",
        f"[dicom]\nport = {broker.dicom.address[1]}",
        f"[web]\nport = {broker.web.address[1]}",
        *more,
    ]
    (folder / "swf.toml").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def running(make_broker: MakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker with its window, in whose folder commands are typed."""
    monkeypatch.chdir(tmp_path)
    broker = make_broker(web={"enabled": True})
    _write(tmp_path, broker)
    return broker


def test_a_healthy_house(running: Broker, mis: Mis, tmp_path: Path) -> None:
    """Doors answer, the store takes a write, the destination takes a connection: exit code 0, and a card to read."""
    host, port = mis.address
    _write(tmp_path, running, f'[[destination]]\nname = "mis"\nhost = "{host}"\nport = {port}')
    with pid.noted(tmp_path / "swf.pid"):
        code, found, issues = _card()
        card = _doctor().stdout
    assert {name: each["state"] for name, each in found.items() if each["state"] != "well"} == {}
    assert (code, issues) == (0, [])
    assert {"mapping", "write", "tables", "disk", "clock", "process", "HL7", "DICOM", "window"} <= found.keys()
    assert "answers C-ECHO as SWF" in found["DICOM"]["told"]
    assert "every part does its work" in found["window"]["told"]
    assert found["destination mis"]["group"] == "peers"
    assert "✓ DICOM: answers C-ECHO as SWF" in card
    assert "issues: none" in card
    assert mis.received == []


def test_an_ailing_house(running: Broker, tmp_path: Path) -> None:
    """A closed door, a peer that is away and a refused message are each told with what mends them: exit code 1."""
    mllp_client.exchange(*running.hl7.address, his.cancel(his.Order()), 10)
    _write(tmp_path, running, '[[modality]]\nae_title = "CT1"\nhost = "127.0.0.1"\nport = 1')
    running.hl7.stop()
    code, found, issues = _card()
    assert code == 1
    assert {name for name, each in found.items() if each["state"] == "trouble"} == {"HL7", "window", "device CT1"}
    assert "hl7 listener" in found["window"]["told"]
    assert "Connection refused" in found["device CT1"]["told"]
    assert "check that CT1 is switched on" in found["device CT1"]["remedy"]
    assert (found["process"]["state"], found["process"]["remedy"]) == ("note", "swf serve starts it")
    assert [each["kind"] for each in issues] == ["messages refused", "device silent"]
    assert "✗ device CT1" in _doctor().stdout


def test_a_house_nobody_has_moved_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first start there is no store, and nobody answers; the doctor says so and makes nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swf.toml").write_text("[hl7]\nport = 1\n[dicom]\nport = 1\n[web]\nenabled = false\n", encoding="utf-8")
    code, found, _issues = _card()
    assert (code, found["database"]["state"], found["HL7"]["state"]) == (1, "trouble", "trouble")
    assert not (tmp_path / "swf.db").exists()
    (tmp_path / "swf.toml").write_text("[hl7]\nprot = 1\n", encoding="utf-8")
    assert _doctor().exit_code == 2


def test_a_door_that_checks_who_calls_is_well(
    make_broker: MakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off this machine our own title is no device's: the door turns it away as it should, and that raises no issue."""
    monkeypatch.chdir(tmp_path)
    broker = make_broker(dicom={"host": "0.0.0.0"})
    lines = [
        f'[store]\nurl = "{broker.settings.store.url}"',
        f'[dicom]\nhost = "0.0.0.0"\nport = {broker.dicom.address[1]}',
        '[node]\nroles = ["dicom"]',
    ]
    (tmp_path / "swf.toml").write_text("\n".join(lines), encoding="utf-8")
    _code, found, _issues = _card()
    assert (found["DICOM"]["state"], "lets in nobody it does not know" in found["DICOM"]["told"]) == ("well", True)
    broker.stop()
    broker.start()
    _code, _found, issues = _card()
    assert issues == []


def test_certificates_and_their_end(running: Broker, tmp_path: Path) -> None:
    """A certificate that ends in three weeks is noted, one that cannot be used is a trouble, each with its file."""
    issued = trustme.CA().issue_cert("swf.example", not_after=datetime.now(UTC) + timedelta(days=21))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "swf.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "swf.key"))
    line = '[[destination]]\nname = "mis"\nhost = "127.0.0.1"\nport = 1\ntls = true\ntls_certificate = "swf.pem"\n'
    _write(tmp_path, running, f'{line}tls_key = "swf.key"')
    _code, found, issues = _card()
    assert found["destination mis.tls_certificate"]["state"] == "note"
    assert "put a new one into" in found["destination mis.tls_certificate"]["remedy"]
    assert "certificate" in {each["kind"] for each in issues}
    (tmp_path / "swf.key").write_text("no key")
    code, found, _issues = _card()
    assert (code, found["files"]["state"]) == (1, "trouble")


def test_every_door_is_reached_from_this_machine() -> None:
    """A door on every address is tried here; one over TLS that asks for certificates is only looked at; others are not ours."""
    files = {"tls_certificate": __file__, "tls_key": __file__}
    settings = Settings(
        hl7={"host": "0.0.0.0", **files, "tls_client_ca": __file__},
        dicom={"host": "::", **files},
        source=[{"name": "lab", "port": 2600}],
        web={"port": 0},
    )
    assert [(each.name, each.how, each.host, each.port, each.secured) for each in probes.doors(settings)] == [
        ("HL7", How.MLLP, "127.0.0.1", 2575, ""),
        ("HL7", How.MLLP, "127.0.0.1", 2600, ""),
        ("DICOM", How.ECHO, "::1", 11112, ""),
        ("DICOM over TLS", How.ECHO, "::1", 2762, "dicom"),
    ]
    assert probes.doors(Settings(node={"roles": ["delivery"]})) == []

"""`swf devices` and `swf echo` as somebody types them."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from swf.cli import app
from swf.errors import PeerError
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from swf.net import mllp_client
from tests.conftest import MakeBroker


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_devices_and_tests_at_the_terminal(
    make_broker: MakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who calls, what came of it, who was turned away and why; a peer of the settings is tested by its name."""
    monkeypatch.chdir(tmp_path)
    broker = make_broker(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT1"}])
    address = ("127.0.0.1", broker.dicom.address[1])
    mllp_client.exchange("127.0.0.1", broker.hl7.address[1], his.order_orm(his.Order()), 10)
    scanner = Modality(*address, "CT1")
    scanner.begin(*scanner.query())
    with pytest.raises(PeerError):
        Modality(*address, "CT2").echo()
    broker.stop()  # what was asked and refused is noted behind the answer; stopping writes it down
    broker.start()
    lines = [
        f'[store]\nurl = "{broker.settings.store.url}"',
        '[dicom]\nhost = "0.0.0.0"',
        f'[[modality]]\nae_title = "CT1"\nhost = "127.0.0.1"\nport = {broker.dicom.address[1]}\ndays_ahead = 1',
        '[[destination]]\nname = "mis"\nhost = "127.0.0.1"\nport = 1',
    ]
    (tmp_path / "swf.toml").write_text("\n".join(lines), encoding="utf-8")
    listed = _run("devices").stdout
    assert "turned away:" in listed
    assert 'add it to the settings and reload: [[modality]] ae_title = "CT2"' in listed
    assert [each["ae_title"] for each in json.loads(_run("devices", "--json").stdout)] == ["CT1", "CT2"]
    one = _run("devices", "CT1").stdout
    assert "days_ahead" in one
    assert "answered in" in one
    told = json.loads(_run("devices", "CT1", "--json").stdout)[0]
    assert (len(told["queries"]), len(told["reports"]), told["queries"][0]["answers"]) == (1, 1, 1)
    asked = json.loads(_run("queries", "--json").stdout)[0]["id"]
    assert "CT1 would get 1 entry now" in _run("queries", "--why", str(asked)).stdout
    assert json.loads(_run("queries", "--why", str(asked), "--json").stdout)[0]["culprit"] == ""
    assert _run("queries", "--why", "999").exit_code == 1
    refused = _run("echo", "CT1")  # it is our own door, which does not know us as a device
    assert refused.exit_code == 1
    assert "calling AE title not recognised" in refused.stderr
    away = _run("echo", "mis", "--json")
    assert (away.exit_code, json.loads(away.stdout)[0]["well"]) == (1, False)
    nobody = _run("echo", "MR1")
    assert (nobody.exit_code, "they do of CT1, mis" in nobody.stderr) == (2, True)

"""`swf worklist` as somebody types it: what a station would get now."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from swf.cli import app
from swf.extensions.simulator import his
from swf.net import mllp_client
from tests.conftest import MakeBroker


def test_a_stations_list_at_the_terminal(
    make_broker: MakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries, what is kept back with its reason, and the filters; the same for a script, attributes and all."""
    monkeypatch.chdir(tmp_path)
    broker = make_broker()
    order, flawed = his.Order(), his.Order(code="^^", protocol="^^")
    for each in (order, flawed):
        mllp_client.exchange(*broker.hl7.address, his.order_orm(each), 10)
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', encoding="utf-8")
    shown = CliRunner().invoke(app, ["worklist", "CT1"])
    assert shown.exit_code == 0
    assert "1 step is on the list of CT1 at SWF" in shown.stdout
    assert order.accession in shown.stdout.partition("kept back:")[0]
    assert flawed.accession in shown.stdout.partition("kept back:")[2]
    found = json.loads(CliRunner().invoke(app, ["worklist", "CT1", "--json"]).stdout)[0]
    assert found["entries"][0]["attributes"]["PatientName"] == "DOE^JANE"
    assert [each["order"] for each in found["kept"]] == [flawed.accession]

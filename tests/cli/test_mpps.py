"""What an operator sees and does about performed steps, as typed."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from swf.broker import Broker
from swf.cli import app
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.net import mllp_client


def run(*words: str) -> Result:
    """Types a command."""
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def emergency(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An exam of somebody nobody knew, which is over; the commands find its store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', encoding="utf-8")
    item = Dataset()
    item.PatientID, item.PatientName, item.StudyInstanceUID = "TRAUMA1", "UNKNOWN^ONE", "1.2.840.99.77"
    item.ScheduledProcedureStepSequence = [Dataset()]
    item.ScheduledProcedureStepSequence[0].Modality = "CT"
    scanner = Modality(*broker.dicom.address, "CT1")
    uid = scanner.begin(item)
    scanner.complete(uid, images=3)
    return uid


def test_an_exam_nobody_ordered_is_resolved(broker: Broker, mis: Mis, emergency: str) -> None:
    """The operator finds the exam in the list, sees its series, links it to the order, and takes that back again."""
    order = his.Order()
    mllp_client.exchange(*broker.hl7.address, his.order_orm(order), 10)
    (listed,) = json.loads(run("mpps", "list", "--only", "unresolved", "--json").stdout)
    assert (listed["sop_instance_uid"], listed["matching"], listed["linked_to"]) == (emergency, "unmatched", None)
    (shown,) = json.loads(run("mpps", "show", emergency, "--json").stdout)
    assert (shown["reported"]["series"][0]["images"], shown["linked"]) == (3, [])
    refused = run("mpps", "link", emergency, order.accession)
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    (linked,) = json.loads(run("mpps", "link", emergency, order.accession, "--force", "--json").stdout)
    assert linked["linked"][0]["accession_number"] == order.accession
    (acted,) = json.loads(run("journal", "--event", "operator acted", "--json").stdout)
    assert acted["did"] == f"link {emergency} to {order.accession}"
    assert acted["by"].endswith(", at the command line")
    assert run("mpps", "list", "--only", "unresolved").stdout.count(emergency) == 0
    assert order.accession in run("mpps", "show", emergency).stdout
    assert "mpps linked" in run("trace", order.accession).stdout
    assert run("mpps", "unlink", emergency, order.accession).exit_code == 0
    assert json.loads(run("orders", "--json").stdout)[0]["status"] == "SC"


@pytest.mark.parametrize(
    ("words", "code"),
    [(("show", "1.9"), 1), (("link", "1.9", "A1"), 1), (("unlink", "1.9"), 1), (("list", "--only", "gone"), 2)],
)
def test_what_is_not_there_is_told(emergency: str, words: tuple[str, ...], code: int) -> None:
    """A mistyped number or word is told in one sentence, and nothing is changed."""
    result = run("mpps", *words)
    assert (result.exit_code, bool(result.stderr.strip())) == (code, True)


@pytest.mark.parametrize(("option", "status"), [((), "CM"), (("--discontinued",), "DC")])
def test_an_exam_left_open_is_ended(broker: Broker, emergency: str, option: tuple[str, ...], status: str) -> None:
    """The operator who knows how an exam ended says so, and the order follows."""
    order = his.Order()
    mllp_client.exchange(*broker.hl7.address, his.order_orm(order), 10)
    scanner = Modality(*broker.dicom.address, "CT1")
    uid = scanner.begin(*scanner.query())
    assert run("mpps", "end", uid, *option).exit_code == 0
    (listed, _) = json.loads(run("mpps", "list", "--json").stdout)
    assert (listed["status"], bool(listed["presumed"])) == ("IN PROGRESS", True)
    assert json.loads(run("orders", "--json").stdout)[0]["status"] == status
    scanner.complete(uid)
    assert run("mpps", "end", uid).exit_code == 1

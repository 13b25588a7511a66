"""The command that takes a merge back, as an operator types it beside a running broker."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from swf.cli import app
from swf.extensions.simulator.modality import Modality
from swf.net import mllp_client
from tests.conftest import MakeBroker

HEADER = "MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315083000||%s|%s|P|2.3.1"
ORDER = [
    "PID|||TEMP9^^^HOSP||ROE^JOHN||19500101|M",
    "ORC|NW|8100^HIS|||||^^^20260316093000",
    "OBR|1|8100^HIS||CTABD^CT abdomen^99HIS||||||||||||||||||||CT",
]
MERGE = ["EVN||20260315", "PID|||4711^^^HOSP||DOE^JANE||19720411|F", "MRG|TEMP9^^^HOSP"]


def test_a_merge_is_taken_back(make_broker: MakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator finds the merge, tries what would move, and takes it back; the modality sees the patient of before."""
    broker = make_broker()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', "utf-8")
    for kind, segments in (("ORM^O01", ORDER), ("ADT^A40", MERGE)):
        mllp_client.exchange(*broker.hl7.address, "\r".join([HEADER % (kind, kind[-3:]), *segments, ""]).encode(), 10)

    def run(line: str) -> Result:
        return CliRunner().invoke(app, shlex.split(line))

    def patients() -> list[str]:
        return [str(item.PatientID) for item in Modality(*broker.dicom.address, "ANY").query()]

    (merge,) = json.loads(run("patients merges --json").stdout)
    assert (merge["patient_id"], merge["into"]) == ("TEMP9", "4711")
    tried = run("patients unmerge TEMP9 --issuer HOSP --dry-run")
    assert (tried.exit_code, tried.stdout.splitlines()[0]) == (0, "moved back: SWF00000001")
    assert patients() == ["4711"]
    assert run("patients unmerge TEMP9 --issuer HOSP").exit_code == 0
    assert patients() == ["TEMP9"]
    refused = run("patients unmerge TEMP9 --issuer HOSP")
    assert (refused.exit_code, "was not merged" in refused.stderr) == (1, True)
    assert json.loads(run("patients merges --json").stdout) == []

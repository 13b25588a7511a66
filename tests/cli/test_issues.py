"""`swf issues` as somebody types it."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from swf.cli import app
from swf.extensions.simulator import his
from swf.net import mllp_client
from tests.conftest import MakeBroker


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_issues_at_the_terminal(make_broker: MakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong (exit code 1), who has it, and a snooze that takes it off the list (exit code 0)."""
    monkeypatch.chdir(tmp_path)
    broker = make_broker()
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{broker.settings.store.url}"\n', encoding="utf-8")
    assert _run("issues").exit_code == 0
    mllp_client.exchange(*broker.hl7.address, his.cancel(his.Order()), 10)
    listed = _run("issues")
    assert (listed.exit_code, "messages refused" in listed.stdout) == (1, True)
    key = json.loads(_run("issues", "--json").stdout)[0]["key"]
    for words in (("take", key), ("remark", key, "the HIS is told")):
        assert _run("issues", *words, "--as", "anna").exit_code == 0
    issue = json.loads(_run("issues", "--json").stdout)[0]
    assert (issue["owner"], issue["remark"]) == ("anna", "the HIS is told")
    given_back = _run("issues", "give-back", key, "--as", "anna", "--json")
    assert (given_back.exit_code, json.loads(given_back.stdout)) == (0, [{"key": key, "owner": ""}])
    assert _run("issues", "snooze", key, "2", "--as", "anna").exit_code == 0
    assert _run("issues").exit_code == 0
    assert key in _run("issues", "--all").stdout
    assert _run("issues", "take", "none", "--as", "anna").exit_code == 1

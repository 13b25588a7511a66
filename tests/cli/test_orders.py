"""Orders made, changed and cancelled by hand, as typed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from swf.cli import app
from swf.store.database import Database

NEW = "--name", "Doe, Jane", "--procedure", "CT1", "--procedure-text", "CT head", "--modality", "CT"


def run(*words: str) -> Result:
    """Types a command."""
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and an empty store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swf.toml").write_text("", encoding="utf-8")
    database = Database(f"sqlite:///{tmp_path}/swf.db")
    database.migrate()
    database.close()
    return tmp_path


def made(*words: str) -> dict[str, Any]:
    """The order a command leaves behind."""
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    return dict(row)


@pytest.mark.usefixtures("store")
def test_an_order_is_made_changed_and_cancelled_by_typing() -> None:
    """The same as the form does; the trace has who did what, and the list finds the order by any of its numbers."""
    start = "--start", "2026-03-16T09:30"
    row = made("orders", "new", "4711", *NEW, *start, "--key", "k")
    assert made("orders", "new", "4711", *NEW, *start, "--key", "k") == row
    number = row["accession_number"]
    assert made("orders", number)["start"] == "20260316093000"
    assert made("orders", "--status", "sc", row["filler_order_number"])["patient_id"] == "4711"
    made("orders", "change", number, "--start", "2026-03-17T10:00", "--station", "CT1,CT2", "--priority", "STAT")
    assert made("orders")["start"] == "20260317100000"
    assert made("orders", "cancel", number, "--reason", "Twice")["status"] == "CA"
    did = [
        each.get("did")
        for each in json.loads(run("trace", number, "--json").stdout)
        if each["event"] == "operator acted"
    ]
    assert did == ["ordered by hand", "changed by hand", "cancelled by hand"]
    late = run("orders", "cancel", number, "--reason", "Twice")
    assert (late.exit_code, "the order was cancelled before" in late.stderr) == (1, True)
    assert run("orders", "cancel", "NONE", "--reason", "Twice").exit_code == 1


@pytest.mark.usefixtures("store")
def test_what_is_typed_wrongly_is_told_by_the_line() -> None:
    """Each field has its line, and somebody else's number is insisted on by what the refusal names."""
    wrong = run("orders", "new", "4711", "--name", "^", "--procedure", "X", "--start", "soon")
    assert wrong.exit_code == 1
    assert {line.partition(":")[0] for line in wrong.stderr.splitlines()} == {
        "name",
        "start",
        "procedure text",
        "modality",
    }
    start = "--start", "2026-03-16T09:30"
    made("orders", "new", "4711", *NEW, *start)
    other = "orders", "new", "4711", *NEW[2:], "--name", "ROE^RICHARD", *start
    refused = run(*other)
    assert (refused.exit_code, "the number is that of Doe^Jane" in refused.stderr) == (1, True)
    made(*other, "--confirmed", refused.stderr.rpartition(" ")[2].strip())
    assert "patient revealed" in run("journal").stdout

"""Users and tokens at the command line: the first admin of a window that others may reach is made here."""

import json
import shlex
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import Result
from typer.testing import CliRunner

from swf.cli import app
from swf.workflow import passwords

PASSWORD = "correct horse battery"  # noqa: S105  of nobody


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a thousandth of the cost: what they cost is tested where they are."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def run(line: str, typed: str = "") -> Result:
    """What the command prints; `typed` is its standard input."""
    return CliRunner().invoke(app, shlex.split(line), input=typed)


def test_users_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first admin is made before there is a store; roles and passwords change; the last admin stays."""
    monkeypatch.chdir(tmp_path)
    assert run("users add jane --role admin", f"{PASSWORD}\n").exit_code == 0
    assert run("users add JOE", f"{PASSWORD}\n").exit_code == 0
    listed = json.loads(run("users list --json").stdout)
    assert [(each["name"], each["role"], each["disabled_at"]) for each in listed] == [
        ("jane", "admin", None),
        ("joe", "viewer", None),
    ]
    assert "argon2" not in json.dumps(listed)
    for line in ("users role jane viewer", "users disable jane"):
        refused = run(line)
        assert (refused.exit_code, "jane is the last admin" in refused.stderr) == (1, True)
    assert run("users role joe admin").exit_code == 0
    assert run("users disable jane").exit_code == 0
    assert [each["name"] for each in json.loads(run("users list --json").stdout) if each["disabled_at"]] == ["jane"]
    assert run("users enable jane").exit_code == 0
    assert run("users password jane", f"{PASSWORD} 2\n").exit_code == 0
    done = [(each["did"], each["user"]) for each in reversed(json.loads(run("journal --json").stdout))]
    assert done == [
        ("add", "jane"),
        ("add", "joe"),
        ("role", "joe"),
        ("disable", "jane"),
        ("enable", "jane"),
        ("password", "jane"),
    ]
    assert PASSWORD not in run("journal --json").stdout


@pytest.mark.parametrize(
    ("line", "typed", "sentence"),
    [
        ("users add jane", "short\n", "12 to 256 characters"),
        ("users add jane", "", "12 to 256 characters"),
        ("users add jane", "i am JANE DOE\n", "too easily guessed"),
        ("users add jane", "aabbaabbaabbaabb\n", "too easily guessed"),
        ("users add 'jane doe'", f"{PASSWORD}\n", "a name is 1 to 64 letters"),
        ("users password nobody", f"{PASSWORD}\n", "there is no user nobody"),
        ("users role nobody admin", "", "there is no user nobody"),
        ("tokens revoke nobody", "", "there is no token nobody"),
        ("tokens add 'a b'", "", "a name is 1 to 64 letters"),
    ],
)
def test_what_will_not_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, typed: str, sentence: str
) -> None:
    """Bad passwords, bad names and people nobody knows end the command with a sentence and exit code 1."""
    monkeypatch.chdir(tmp_path)
    refused = run(line, typed)
    assert (refused.exit_code, sentence in refused.stderr) == (1, True), refused.stderr


def test_tokens_are_shown_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is printed when it is made and never again; a revoked one is gone, and its name may be used anew."""
    monkeypatch.chdir(tmp_path)
    key = run("tokens add ci --role operator --days 0").stdout.strip()
    assert (key.startswith("swf_"), len(key)) == (True, 47)
    made = json.loads(run("tokens add prometheus --json").stdout)[0]
    assert (made["role"], made["token"].startswith("swf_")) == ("viewer", True)
    listed = run("tokens list --json").stdout
    assert [(each["name"], each["role"], bool(each["expires_at"])) for each in json.loads(listed)] == [
        ("ci", "operator", False),
        ("prometheus", "viewer", True),
    ]
    assert key not in listed
    assert "there is a token ci already" in run("tokens add CI").stderr
    assert run("tokens revoke ci").exit_code == 0
    assert run("tokens add ci").stdout.strip() != key
    assert key not in (tmp_path / "swf.db").read_bytes().decode("latin-1")

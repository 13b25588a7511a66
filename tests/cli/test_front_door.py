"""The list of commands: each can be had, says of itself what the list says, and none waits for what another one needs."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from swf.cli import COMMANDS, app

DOOR = typer.main.get_group(app)


def completed(typed: str) -> list[str]:
    """What the shell offers after the words that were typed."""
    words = {"_SWF_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    return CliRunner().invoke(app, [], prog_name="swf", env=words).stdout.split()


@pytest.mark.parametrize("word", COMMANDS)
def test_the_list_says_what_the_command_says(word: str) -> None:
    """Whoever reads the list of commands and then the help of one reads the same, and each word of the list is a command."""
    command = DOOR.commands[word]
    said = " ".join((command.help or "").split("\n\n")[0].split())
    assert (command.name, said) == (word, COMMANDS[word][1])
    asked = CliRunner().invoke(app, [word, "--help"], prog_name="swf")
    assert (asked.exit_code, f"Usage: swf {word} " in asked.stdout) == (0, True)
    assert said in " ".join(asked.stdout.split())


def test_help_lists_every_command() -> None:
    """`swf --help` has a line for each command, in the order of the list, with what it is for."""
    told = " ".join(CliRunner().invoke(app, ["--help"]).stdout.replace("│", " ").split())
    places = [told.find(f" {word} {said}") for word, (_, said) in COMMANDS.items()]
    assert min(places) > 0
    assert places == sorted(places)


def test_the_shell_completes_commands_and_their_commands() -> None:
    """Who presses the tabulator is offered the commands that begin so, and behind a noun what can be done with it."""
    assert completed("swf me") == ["messages"]
    assert completed("swf messages ") == list(DOOR.commands["messages"].commands)
    assert completed("swf orders --st") == ["--status"]


@pytest.mark.parametrize(
    "words",
    [
        *(f"deliveries {each}" for each in ("show", "retry", "skip", "hold", "release")),
        *(f"issues {each}" for each in ("take", "give-back", "remark", "snooze")),
        *(f"mapping {each}" for each in ("draft", "discard", "save", "undo")),
        *(f"messages {each}" for each in ("settle", "replay")),
        *(f"mpps {each}" for each in ("link", "unlink", "end")),
        *(f"orders {each}" for each in ("new", "change", "cancel")),
    ],
)
def test_what_a_page_does_a_program_can_do(words: str) -> None:
    """Each action of the window has a command that says in JSON what it did."""
    noun, verb = words.split()
    assert "--json" in [name for each in DOOR.commands[noun].commands[verb].params for name in each.opts]


def test_a_slip_of_the_pen_is_told_the_right_word() -> None:
    """A command that does not exist is refused with the one that was perhaps meant, and without a traceback."""
    slip = CliRunner().invoke(app, ["ordres"])
    assert (slip.exit_code, "Did you mean 'orders'?" in slip.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "unread"),
    [
        (["--version"], ["sqlalchemy", "pydantic", "pydicom", "rich"]),
        (["--help"], ["sqlalchemy", "pydantic", "pydicom"]),
        (["orders"], ["alembic", "pydicom", "pynetdicom", "jinja2", "hl7apy", "fastapi"]),
        (["mpps", "list"], ["alembic", "pynetdicom", "fastapi"]),
    ],
    ids=["version", "help", "orders", "mpps"],
)
def test_nobody_waits_for_what_another_command_needs(
    empty_store: Path, tmp_path: Path, words: list[str], unread: list[str]
) -> None:
    """A command reads only what it works with, so that one which merely looks answers before somebody gets impatient."""
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "sqlite:///{empty_store}"\n', encoding="utf-8")
    program = f"import sys; from swf.cli import app; app({words}, standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    read = {name.partition(".")[0] for name in done.stdout.split()}
    assert "typer" in read
    assert read.isdisjoint(unread)

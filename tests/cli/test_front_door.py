"""The list of commands: each can be had, says of itself what the list says, and none waits for what another one needs."""

import subprocess
import sys

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
    assert completed("swf messages ") == ["show", "replay"]
    assert completed("swf orders --st") == ["--status"]


def test_a_slip_of_the_pen_is_told_the_right_word() -> None:
    """A command that does not exist is refused with the one that was perhaps meant, and without a traceback."""
    slip = CliRunner().invoke(app, ["ordres"])
    assert (slip.exit_code, "Did you mean 'orders'?" in slip.stderr) == (2, True)


def test_help_does_not_wait_for_what_commands_need() -> None:
    """Version, help and completion read neither the database's modules nor DICOM's: they answer at once."""
    ask = "import sys; from typer.testing import CliRunner; from swf.cli import app; CliRunner().invoke(app, {}); {}"
    for words in (["--version"], ["--help"]):
        program = ask.format(words, "print(*sys.modules)")
        loaded = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout.split()
        assert "swf.cli" in loaded
        assert not [name for name in loaded if name.partition(".")[0] in {"sqlalchemy", "pydantic", "pydicom"}]

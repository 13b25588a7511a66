"""What the build server runs is what the README tells a stranger to run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"
DEMO = "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/swf demo"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script and with what it would install, so that nothing is installed."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("findscu", "dciodvfy", "chromium"):
        (programs / name).write_text("#!/bin/sh\n", "ascii")
        (programs / name).chmod(0o755)
    return tmp_path


def run(clone: Path, readme: str) -> subprocess.CompletedProcess[str]:
    """The end of `.ci/run` in a clone with this README."""
    (clone / "README.md").write_text(readme, "utf-8")
    environment = {"PATH": f"{clone / 'programs'}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(clone / ".ci" / "run")], check=False, capture_output=True, text=True, env=environment, cwd="/"
    )


def test_the_readme_shows_the_two_commands() -> None:
    """A stranger finds one command that shows the broker at work and one that tests it."""
    fenced = re.findall(r"(?ms)^```[^\n]*\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"))
    lines = [line for block in fenced for line in block.splitlines() if line.startswith("python3 -m venv ")]
    assert lines == [DEMO, TESTS]


def test_the_command_of_the_readme_is_run_in_the_clone(clone: Path) -> None:
    """The build server runs the printed command in the working copy and shows what it says last."""
    readme = (
        "python3 -m venv outside pytest\n\n```sh\npython3 -m venv --help >help && ls -d .ci help && echo pytest\n```\n"
    )
    result = run(clone, readme)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1:] == [".ci", "help", "pytest"]


def test_a_failing_test_fails_the_build(clone: Path) -> None:
    """A build is green only when every test passed."""
    assert run(clone, "```\npython3 -m venv --help >help && (exit 7) && echo pytest\n```\n").returncode == 7


def test_a_readme_without_the_command_fails_the_build(clone: Path) -> None:
    """A build that ran nothing is not green."""
    result = run(clone, "Nothing here.\n")
    assert (result.returncode, result.stderr) == (1, "README.md shows no command for the tests\n")

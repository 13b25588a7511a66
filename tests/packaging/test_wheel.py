"""An ordinary installation, without the working copy, is complete: mappings, templates, migrations, the command."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; the libraries are borrowed from the one the tests run in."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    target = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (target / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    (wheel,) = folder.glob("swf_broker-*.whl")
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel)
    return folder / "env" / "bin" / "swf"


def test_it_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    """A hospital installs the package, without the source, and the demonstration works in any folder."""
    done = _run(installed, "demo", cwd=tmp_path)
    assert "Every step was seen from outside." in done


def test_it_brings_its_mappings(installed: Path, tmp_path: Path) -> None:
    """`swf init` of an installed package writes settings and mappings that are good at once."""
    _run(installed, "init", cwd=tmp_path)
    assert (tmp_path / "mappings" / "hl7_out" / "orm_o01.hl7").is_file()
    assert "good: mappings/default.toml" in _run(installed, "check", cwd=tmp_path)


def test_it_brings_its_languages(installed: Path, tmp_path: Path) -> None:
    """The window of an installed package speaks Russian as that of the working copy does."""
    say = "from swf.extensions.web import language as it; it.speak('ru'); print(ascii(it.told('Today')))"
    assert _run(installed.with_name("python"), "-c", say, cwd=tmp_path).strip() == ascii("Сегодня")


def _run(*command: object, cwd: Path = ROOT) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

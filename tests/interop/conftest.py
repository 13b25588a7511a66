"""Foreign programs as peers. Without them the tests are skipped, except on the build server, where they must be there."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., "subprocess.CompletedProcess[str]"]
TIMEOUT_S = 20.0


@pytest.fixture
def dcmtk(tmp_path: Path) -> Program:
    """Runs a program of DCMTK in the test's folder."""
    if shutil.which("findscu") is None:
        reason = "DCMTK is not installed (Debian: apt-get install dcmtk)"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return lambda *words: subprocess.run(
        [str(word) for word in words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )

"""Every marked snippet of the documentation is run, as printed and in the order of its page.

The mark stands behind the language of a fenced block; the blocks of a page share an empty folder:

    sh run [exit=N] [poll] [needs=PROGRAM]   run it; the exit code must be N (0); `poll` repeats until the output fits
    sh background                            start it and wait for its first line
    python run                               run it
    text output                              what the block before printed, line by line; `…` stands for anything
    ANY file=NAME                            write it to NAME
    toml edit=NAME                           put these lines in the place of those with the same key in NAME

A broker takes any free port; where a snippet says 2575, 2576, 8080 or 11112, the port that was given is meant.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PATIENCE_S = 15.0
MARKS = {"run", "background", "output"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its marks and options, its content, the line it begins at."""

    language: str
    marks: frozenset[str]
    options: dict[str, str]
    content: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The marked blocks of a page."""
    found = []
    text = page.read_text("utf-8")
    for match in re.finditer(r"(?ms)^```(\w+) +(\S[^\n]*)\n(.*?)^```$", text):
        words = match[2].split()
        options = dict(word.split("=", 1) for word in words if "=" in word)
        marks = frozenset(word for word in words if "=" not in word)
        found.append(Block(match[1], marks, options, match[3], text.count("\n", 0, match.start()) + 1))
    return found


@dataclass
class Reader:
    """Somebody who follows a page in a folder of their own."""

    folder: Path
    ports: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("2575", "2576", "8080", "11112"), "0"))
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    printed: str = ""

    def follow(self, page: list[Block]) -> None:
        """Do what every block says."""
        for index, block in enumerate(page):
            following = page[index + 1] if index + 1 < len(page) else None
            expected = following.content if following and "output" in following.marks else ""
            self._do(block, expected)

    def end(self) -> None:
        """Stop what was started, the last first; each ends by itself and well."""
        for process in reversed(self.running):
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
        assert [process.returncode for process in self.running] == [0] * len(self.running)

    def _do(self, block: Block, expected: str) -> None:
        content = re.sub(r"\b(2575|2576|8080|11112)\b", lambda found: self.ports[found[1]], block.content)
        if "file" in block.options:
            (self.folder / block.options["file"]).write_text(content, "utf-8")
        elif "edit" in block.options:
            edit(self.folder / block.options["edit"], content)
        elif "background" in block.marks:
            self._start(content)
        elif "run" in block.marks and shutil.which(block.options.get("needs", "sh")):
            self._run(block, content, expected)
        elif "output" in block.marks:
            assert fits(block.content, self.printed), f"line {block.line}: {self.printed}"

    def _run(self, block: Block, content: str, expected: str) -> None:
        command = [sys.executable, "-c", content] if block.language == "python" else ["sh", "-ec", content]
        deadline = time.monotonic() + (PATIENCE_S if "poll" in block.marks else 0)
        while True:
            done = subprocess.run(command, **self._surroundings(), stderr=subprocess.STDOUT, check=False)
            self.printed = done.stdout
            if fits(expected, self.printed) or time.monotonic() > deadline:
                break
            threading.Event().wait(0.1)
        assert done.returncode == int(block.options.get("exit", "0")), f"line {block.line}: {self.printed}"

    def _start(self, content: str) -> None:
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(["sh", "-c", f"exec {content}"], **self._surroundings(), stderr=log)
        self.running.append(process)
        assert process.stdout
        first = process.stdout.readline()
        assert first, f"{content} printed nothing: {(self.folder / 'log').read_text()}"
        self._learn_ports(first)

    def _learn_ports(self, line: str) -> None:
        places = {
            "2575": r"HL7 on \S+:(\d+)",
            "11112": r"DICOM \S+ on \S+:(\d+)",
            "2576": r"listening on \S+:(\d+)",
            "8080": r"window on http://\S+:(\d+)",
        }
        for port, form in places.items():
            if found := re.search(form, line):
                self.ports[port] = found[1]

    def _surroundings(self) -> dict[str, Any]:
        programs = Path(sys.executable).parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SWF_")}
        environment |= {"PATH": f"{os.environ['PATH']}:{programs}"}
        environment |= dict.fromkeys(("SWF_HL7_PORT", "SWF_DICOM_PORT", "SWF_WEB_PORT"), "0")
        return {"cwd": self.folder, "env": environment, "stdout": subprocess.PIPE, "text": True}


def fits(expected: str, printed: str) -> bool:
    """Whether every expected line was printed, in that order; blanks count as one, `…` is anything."""
    lines = iter(" ".join(line.split()) for line in printed.splitlines())
    forms = [re.escape(" ".join(line.split())).replace("…", ".*") for line in expected.splitlines() if line.strip()]
    return all(any(re.fullmatch(form, line) for line in lines) for form in forms)


def edit(path: Path, content: str) -> None:
    """Put the lines of `content` in the place of those of the same key in the same section, else behind its headline."""
    lines, section = path.read_text("utf-8").splitlines(), ""
    for new in content.splitlines():
        if new.startswith("["):
            section = new
        elif "=" in new:
            begin = lines.index(section)
            key = new.split("=")[0].strip()
            end = next((n for n in range(begin + 1, len(lines)) if lines[n].startswith("[")), len(lines))
            same = [n for n in range(begin, end) if lines[n].split("=")[0].strip(" #") == key]
            lines[begin + 1 : begin + 1] = [new]
            for number in same:
                del lines[number + 1]
    path.write_text("\n".join([*lines, ""]), "utf-8")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader with an empty folder, in which the virtual environment of the README stands."""
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    following = Reader(tmp_path)
    yield following
    following.end()


WITH_SNIPPETS = [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_snippet_does_what_the_page_says(reader: Reader, page: Path) -> None:
    """An engineer who types what the documentation shows sees what it says."""
    reader.follow(blocks(page))


def test_the_pages_that_show_how_have_snippets() -> None:
    """The README, the tutorial and every guide that tells what to type are followed to the end by the build server."""
    names = {page.relative_to(ROOT).as_posix() for page in WITH_SNIPPETS}
    assert {"README.md", "docs/tutorial.md"} <= names
    guides = {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs" / "guides").glob("*.md")}
    assert names >= guides - {
        "docs/guides/pages-of-the-window.md"
    }  # pictures, which the reference holds against the pages


def test_every_mark_is_known() -> None:
    """A mistyped mark does not silently leave a snippet out."""
    found = [(page.name, block.line, block.marks - MARKS - {"poll"}) for page in PAGES for block in blocks(page)]
    assert [entry for entry in found if entry[2]] == []
    unmarked = [
        (page.name, block.line) for page in PAGES for block in blocks(page) if not block.marks | {*block.options}
    ]
    assert unmarked == []

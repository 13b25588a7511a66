"""The glossary leads to modules that exist and to tags that mean what it says."""

import re
from pathlib import Path

from pydicom.datadict import dictionary_has_tag

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| Word |"))
]


def test_every_word_is_explained_in_one_sentence() -> None:
    """A newcomer finds each word once, with its meaning."""
    assert len(ROWS) >= 40
    assert all(len(row) == 4 and row[1].endswith(".") and row[1].count(". ") == 0 for row in ROWS)
    assert len({row[0] for row in ROWS}) == len(ROWS)


def test_every_module_of_the_glossary_exists() -> None:
    """A reader who follows a word to its module finds it."""
    modules = {module for row in ROWS for module in re.findall(r"`(swf/[\w/]+\.py)`", row[3])}
    assert len(modules) >= 20
    assert sorted(module for module in modules if not (ROOT / module).is_file()) == []


def test_every_tag_of_the_glossary_is_a_dicom_attribute() -> None:
    """No DICOM tag is mistyped."""
    tags = [tag for row in ROWS for tag in re.findall(r"\(([0-9A-F]{4}),([0-9A-F]{4})\)", row[2])]
    assert len(tags) >= 10
    # The command group 0000 (PS3.7) is not part of the data dictionary (PS3.6).
    assert [tag for tag in tags if tag[0] != "0000" and not dictionary_has_tag(int("".join(tag), 16))] == []

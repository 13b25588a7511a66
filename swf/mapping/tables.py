"""Code tables as CSV files: read whole, every fault told with file and line.

The first row names the columns. Blank rows and rows that begin with `#` are passed over.
"""

import csv
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CODE, VALUE = "code", "value"
EVERY = "*"

Complain = Callable[[int, str], None]
"""Takes the line of a fault in the file, and what it is."""
Read = Callable[[Path], str]
"""Gives the text of a file; raises OSError and UnicodeDecodeError."""


class Row(NamedTuple):
    """One row: the line it stands on, and its cells by column."""

    line: int
    cells: Mapping[str, str]


def rows(path: Path, needed: Sequence[str], known: Sequence[str], complain: Complain, read: Read) -> list[Row]:
    """The rows of the file; `needed` columns must be there, and others than `known` are faults unless it is empty."""
    try:
        text = read(path).removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        complain(1, f"cannot be read: {reason}")
        return []
    content = list(_content(text, complain))
    if not content:
        complain(1, f"has no columns; the first row names them: {', '.join(needed)}")
        return []
    (line, columns), *body = content
    faults = list(_faults(columns, needed, known))
    for fault in faults:
        complain(line, fault)
    return [] if faults else list(_rows(columns, body, complain))


def _content(text: str, complain: Complain) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(), strict=True, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and not cells[0].startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        complain(reader.line_num, f"is no CSV: {error}")


def _faults(columns: Sequence[str], needed: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    for missing in [name for name in needed if name not in columns]:
        yield f"has no column {missing}; its columns are {', '.join(columns)}"
    for column in columns if known else ():
        if column not in known:
            near = difflib.get_close_matches(column, known, 1)
            yield f"there is no column {column}; {f'did you mean {near[0]}?' if near else ', '.join(known)}"
    if len(set(columns)) < len(columns):
        yield "names a column twice"


def _rows(columns: Sequence[str], body: list[tuple[int, list[str]]], complain: Complain) -> Iterator[Row]:
    for line, cells in body:
        if len(cells) > len(columns):
            complain(line, f"has {len(cells)} cells, but there are {len(columns)} columns")
            continue
        yield Row(line, dict(zip(columns, [*cells, *[""] * len(columns)], strict=False)))


class Table(NamedTuple):
    """A code table: code → value; `otherwise` stands for every other code, `*` in it for the code itself."""

    name: str
    values: Mapping[str, str]
    otherwise: str

    def value(self, code: str) -> str:
        """What stands for the code; nothing for one that is not in the table and has no other value."""
        key = code.strip()
        if not key:
            return ""
        value = self.values.get(key)
        return value if value is not None else self.otherwise.replace(EVERY, key)


def table(
    path: Path, column: str, otherwise: str | None, check: Callable[[str], list[str]], complain: Complain, *, read: Read
) -> Table:
    """The table in the file; `check` says what is wrong with a value. A row `*` stands for every other code."""
    values: dict[str, str] = {}
    for line, cells in rows(path, (CODE, column), (), complain, read):
        code, value = cells[CODE], cells[column]
        if not code or code in values:
            complain(line, f"{code} is there twice" if code else "has no code")
        for fault in check(value) if value != EVERY else ():
            complain(line, f"the value of {code} {fault}")
        values[code] = value
    every = values.pop(EVERY, "")
    return Table(path.name, values, every if otherwise is None else otherwise)

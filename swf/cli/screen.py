"""What a command prints: tables for people, JSON for programs, messages by the line."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from swf import clock

_UNBOUNDED = 10_000


def show(rows: Sequence[Any], columns: Sequence[str], as_json: bool) -> None:
    """Print these columns of rows, as a table or as JSON."""
    found = [{name: getattr(row, name) for name in columns} for row in rows]
    if as_json:
        print_json(found)
        return
    headings = [name.replace("_", " ") for name in columns]
    print_table(headings, ([shown(value) for value in line.values()] for line in found))


def print_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """A table that folds on a terminal and is as wide as it needs elsewhere: nobody can search for a number cut off."""
    table = Table(*(Column(heading, overflow="fold") for heading in headings), box=None)
    for line in lines:
        table.add_row(*map(Text, line))
    console = Console()
    if not console.is_terminal:
        console.width = _UNBOUNDED
    console.print(table)


def shown(value: object) -> str:
    """A value as a cell of a table; times are local, to the millisecond."""
    if isinstance(value, datetime):
        return clock.local(value).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return "" if value is None else str(value)


def print_json(lines: Sequence[Mapping[str, Any]]) -> None:
    """Print a JSON list, for programs."""
    print(json.dumps(lines, default=_jsonable, ensure_ascii=False, indent=2))


def done(as_json: bool, **told: Any) -> None:
    """For programs what was done; people are told nothing where nothing went wrong."""
    if as_json:
        print_json([told])


def _jsonable(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def as_lines(value: object) -> str:
    """A message with line ends a terminal knows."""
    return str(value).rstrip("\r").replace("\r", "\n")

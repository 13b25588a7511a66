"""`swf journal`: what happened of late, to orders and to the broker itself."""

from typing import Annotated

import typer

from swf.cli.options import ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refuse
from swf.cli.screen import print_json, print_table, shown
from swf.cli.stored import looking
from swf.model.journal import Event
from swf.store import journal as journal_store

_COLUMNS = ("at", "event", "accession_number", "message")


def journal(
    event: Annotated[str, typer.Option("--event", help="Only entries of this kind, such as warning.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Everything that happened, the newest first; `swf trace` has what concerns one order."""
    if event and event not in set(Event):
        refuse([f"{event} is no kind of entry; there are: {', '.join(Event)}"])
    with looking(config_file) as database, database.reading() as connection:
        rows = journal_store.recent(connection, limit=limit, event=event)
    if as_json:
        print_json([{**{name: getattr(row, name) for name in _COLUMNS}, **row.detail} for row in rows])
        return
    lines = (
        [
            *(shown(getattr(row, name)) for name in _COLUMNS),
            "  ".join(f"{name}={value}" for name, value in row.detail.items()),
        ]
        for row in rows
    )
    print_table([*(name.replace("_", " ") for name in _COLUMNS), "detail"], lines)

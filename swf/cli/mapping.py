"""`swf lint` and `swf explain`: what a mapping does, before it does it."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from swf import config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_json, print_table
from swf.cli.stored import looking, stored_message
from swf.cli.typed import messages_in, read
from swf.mapping import lint as mapping_lint
from swf.mapping import loader
from swf.model.message import Disposition
from swf.store.database import Database
from swf.workflow import account
from swf.workflow import site as sites
from swf.workflow.site import Site

_EXPLAINED = ("attribute", "value", "from", "function", "line")
_ADDED = ("step_id", "attribute", "value", "why")


def lint(
    file: Annotated[Path | None, typer.Argument(help="A mapping; without it those of the settings.")] = None,
    lengths: Annotated[bool, typer.Option("--lengths", help="Also tell what may be too long for DICOM.")] = False,
    config_file: ConfigOption = None,
) -> None:
    """Every mistake of a mapping (exit code 2), then everything that is allowed and looks like one (exit code 1)."""
    warnings: list[str] = []
    with refusals():
        settings = config.load(config_file)
        sent = {kind for destination in settings.destination for kind in destination.send}
        mappings = [loader.load(file)] if file else sites.load(settings).mappings()
        for mapping in mappings:
            warnings += mapping_lint.warnings(mapping, sent)
    for note in (note for mapping in mappings if lengths for note in mapping_lint.lengths(mapping)):
        print(f"note: {note}")
    if warnings:
        refuse(warnings, NOT_AS_HOPED)
    for mapping in mappings:
        print(f"good: {mapping.path}")


def explain(
    file: Annotated[Path | None, typer.Argument(help="A file of HL7 messages, one or several.")] = None,
    number: Annotated[int | None, typer.Option("--message", "-m", help="A stored message instead, by its id.")] = None,
    port: Annotated[int, typer.Option("--port", help="As if the file came by that port, which is a source's own.")] = 0,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """What becomes of a message: each attribute with its field, function and mapping line, or why it is empty.

    Nothing is kept: a file is tried in an empty store, a stored message in the store it is in, which forgets the trial.
    """
    if (file is None) == (number is None):
        refuse(["name either a file or a stored message"])
    with refusals():
        site = sites.load(config.load(config_file))
    if number is not None:
        accounts = [_account_of_stored(site, number, config_file)]
    else:
        accounts = list(_accounts(site.at_door(port), read(file or Path())))
    if as_json:
        print_json(accounts)
    else:
        for told in accounts:
            _print_account(told)
    raise typer.Exit(NOT_AS_HOPED if any(told["refusal"] for told in accounts) else 0)


def _account_of_stored(site: Site, number: int, config_file: Path | None) -> dict[str, Any]:
    with looking(config_file) as database:
        row = stored_message(database, number)
        told = account.of(site.at_door(row.door), bytes(row.raw), row.peer, database.rehearse)
    whole = row.disposition != Disposition.BROKEN
    return told if whole else told | {"refusal": f"the message did not come whole: {row.reason}"}


def _accounts(site: Site, content: bytes) -> Iterator[dict[str, Any]]:
    """The messages of a file one after the other, in a store that begins empty and is thrown away."""
    with tempfile.TemporaryDirectory(prefix="swf-explain-") as folder:
        database = Database(f"sqlite:///{folder}/swf.db")
        database.migrate()
        try:
            for raw in messages_in(content):
                yield account.of(site, raw, "", database.run)
        finally:
            database.close()


def _print_account(told: Mapping[str, Any]) -> None:
    for item in told["items"]:
        print(item["title"])
        if item["lines"]:
            print_table(_EXPLAINED, ([line[name] for name in _EXPLAINED] for line in map(_with_reason, item["lines"])))
        for warning in item["warnings"]:
            print(f"warning: {warning}")
    if told["added"]:
        print("the workflow adds")
        headings = [name.replace("_", " ") for name in _ADDED]
        print_table(headings, ([line[name] for name in _ADDED] for line in told["added"]))
    if told["refusal"]:
        print(f"refused: {told['refusal']}")


def _with_reason(line: Mapping[str, str]) -> Mapping[str, str]:
    """A line whose attribute is empty tells the reason in the place of the field it came from."""
    return {**line, "from": line["from"] or f"empty: {line['why_empty']}"}

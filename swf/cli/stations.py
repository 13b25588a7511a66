"""`swf queries` and `swf why`: what modalities asked and got, and why an order is not on a list (RAD-5)."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydicom.uid import UID

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_json, print_table, shown
from swf.cli.stored import looking
from swf.dicom import datasets
from swf.store import queries as query_store
from swf.store.database import Record
from swf.workflow import stations, why_nothing
from swf.workflow import why as workflow_why
from swf.workflow.verdict import Finding, Why

_COLUMNS = (
    "id",
    "last_at",
    "ae_title",
    "called",
    "address",
    "keys",
    "answers",
    "withheld",
    "status",
    "milliseconds",
    "times",
)


def queries(
    title: Annotated[str, typer.Option("--ae", help="Only those of this AE title.")] = "",
    number: Annotated[int, typer.Option("--why", help="Tell of this one, by its id, what leaves nothing.")] = 0,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """The worklist queries of modalities, the newest first; one that came again with the same outcome is one line."""
    if number:
        _why_nothing(number, config_file, as_json=as_json)
        return
    with looking(config_file) as database, database.reading() as connection:
        rows = query_store.recent(connection, limit=limit, ae_title=title)
    lines = [{**{name: getattr(row, name, None) for name in _COLUMNS}, "keys": _keys(row)} for row in rows]
    if as_json:
        print_json([{**line, "first_at": row.first_at} for line, row in zip(lines, rows, strict=True)])
        return
    print_table([name.replace("_", " ") for name in _COLUMNS], map(_cells, lines))


def _why_nothing(number: int, config_file: Path | None, *, as_json: bool) -> None:
    with refusals():
        settings = config.load(config_file)
    with looking(config_file) as database, database.reading() as connection:
        answer = why_nothing.of(connection, settings, number, clock.now())
    if answer is None:
        refuse([f"there is no query {number}"], NOT_AS_HOPED)
    if as_json:
        print_json([answer.jsonable()])
        return
    print(answer.sentence)
    if answer.action:
        print(f"to do: {answer.action}")
    print_table(("left", "after", "condition"), ([str(s.left), s.rule, s.condition] for s in answer.funnel))
    if answer.near:
        print(f"what there is instead of {answer.culprit}:")
        print_table(("value", "steps", "near miss"), ([each.value, str(each.steps), each.hint] for each in answer.near))


_Title = Annotated[str, typer.Option("--ae", help="The AE title the modality calls with.")]


def why(
    number: Annotated[str, typer.Argument(help="An accession, placer or filler order number.")],
    title: _Title,
    called: Annotated[str, typer.Option("--called", help="The AE title it calls; without it [dicom] ae_title.")] = "",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Would this modality see this order now? If not, which rule hides it, and what mends that (exit code 1).

    The modality is taken to ask what it asked last.
    """
    with refusals():
        settings = config.load(config_file)
    with looking(config_file) as database, database.reading() as connection:
        answer = workflow_why.of(connection, settings, number, (title, called), clock.now())
    if as_json:
        print_json([answer.jsonable()])
    else:
        _print_why(answer)
    raise typer.Exit(0 if answer.seen else NOT_AS_HOPED)


def _print_why(answer: Why) -> None:
    print(answer.sentence)
    for step in answer.steps:
        print(f"step {step.step_id} of {step.accession_number}:")
        print_table(("", "rule", "found", "to do"), map(_finding, step.findings))
    if answer.near:
        print_table(("", "beside", "found", "to do"), map(_finding, answer.near))
    if answer.funnel:
        print(f"what {answer.ae_title} asks leaves of every step:")
        print_table(("left", "after", "condition"), ([str(s.left), s.rule, s.condition] for s in answer.funnel))


def _finding(found: Finding) -> list[str]:
    return [found.verdict, found.rule, found.facts, found.action]


def _keys(row: Record) -> dict[str, str]:
    try:
        return stations.keys_of(datasets.decoded(row.identifier, UID(row.syntax)))
    except Exception:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
        return {"": "unreadable"}


def _cells(line: dict[str, Any]) -> list[str]:
    keys = " ".join(f"{path.rpartition('/')[2]}={value}" for path, value in line["keys"].items())
    return [shown({**line, "keys": keys.lstrip("=")}[name]) for name in _COLUMNS]

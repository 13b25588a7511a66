"""`swf orders` and `swf trace`: the orders, and the life of one."""

from typing import Annotated

import typer

from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refuse
from swf.cli.screen import print_json, print_table, show, shown
from swf.cli.stored import looking
from swf.store import journal
from swf.store import orders as order_store


def orders(
    search: Annotated[str, typer.Argument(help="An accession, order or patient number.")] = "",
    status: Annotated[str, typer.Option("--status", help="SC, IP, HD, CM, CA or DC.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Orders, the last changed first."""
    with looking(config_file) as database, database.reading() as connection:
        rows = order_store.overview(connection, limit=limit, status=status.upper(), search=search)
    columns = ("accession_number", "status", "placer_order_number", "filler_order_number", "patient_id", "modality")
    show(rows, (*columns, "station", "start", "steps", "result_status", "updated_at"), as_json)


def trace(
    accession: Annotated[str, typer.Argument(help="An accession or placer order number.")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Everything that happened to the orders of an accession number (or placer order number), oldest first."""
    with looking(config_file) as database, database.reading() as connection:
        moments = journal.trace(connection, accession)
    if not moments:
        refuse([f"nothing is known of {accession}"], NOT_AS_HOPED)
    lines = [{"at": moment.at, "event": moment.event, **moment.detail} for moment in moments]
    if as_json:
        print_json(lines)
        return
    print_table(
        ("at", "event", "detail"),
        (
            (shown(moment.at), moment.event, "  ".join(f"{name}={value}" for name, value in moment.detail.items()))
            for moment in moments
        ),
    )

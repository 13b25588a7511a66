"""`swf deliveries`: what is sent to destinations, and letting a parked message try again."""

from typing import Annotated

import typer

from swf import clock
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption, NumberArgument
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import as_lines, show
from swf.cli.stored import looking
from swf.cli.typed import by
from swf.dicom import mpps_envelope
from swf.hl7 import charset
from swf.jobs import relay
from swf.store import deliveries as delivery_store
from swf.workflow import operator

app = typer.Typer(help="Messages to destinations, the newest first.", invoke_without_command=True)


@app.callback()
def deliveries(
    context: typer.Context,
    status: Annotated[str, typer.Option("--status", help="WAITING, DELIVERED or PARKED.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """List messages to destinations; `swf deliveries show ID` shows one, `retry ID` lets it try again."""
    if context.invoked_subcommand:
        return
    with looking(config_file) as database, database.reading() as connection:
        rows = delivery_store.overview(connection, limit=limit, status=status.upper())
    columns = ("id", "destination", "type", "accession_number", "status", "attempts", "next_attempt_at", "last_error")
    show(rows, (*columns, "delivered_at"), as_json)


@app.command("show")
def show_delivery(number: NumberArgument, config_file: ConfigOption = None) -> None:
    """One message to a destination, as it is or will be sent."""
    with looking(config_file) as database, database.reading() as connection:
        row = delivery_store.one(connection, number)
    if row is None:
        refuse([f"there is no delivery {number}"], NOT_AS_HOPED)
    print(mpps_envelope.text(row.payload) if row.type in relay.KINDS else as_lines(charset.for_people(row.payload)))


@app.command("retry")
def retry_delivery(number: NumberArgument, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Put a parked message back into its line; the journal keeps who did."""
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(lambda transaction: operator.retry(transaction, clock.now(), by(), number))
        with database.reading() as connection:
            row = delivery_store.one(connection, number)
    if as_json:
        show([row], ("id", "destination", "type", "status", "attempts", "next_attempt_at", "last_error"), as_json)

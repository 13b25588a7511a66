"""`swf deliveries`: what is sent to destinations; retry, skip, and holding a whole destination."""

from typing import Annotated

import typer

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption, NumberArgument
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import as_lines, done, print_json, print_table, show, shown
from swf.cli.stored import looking
from swf.cli.typed import by
from swf.dicom import mpps_envelope
from swf.hl7 import charset
from swf.jobs import relay
from swf.store import board
from swf.store import deliveries as delivery_store
from swf.workflow import operator

app = typer.Typer(help="Messages to destinations, the newest first.", invoke_without_command=True)


_ONE = ("id", "destination", "type", "status", "attempts", "next_attempt_at", "last_error")


@app.callback()
def deliveries(
    context: typer.Context,
    status: Annotated[str, typer.Option("--status", help="WAITING, DELIVERED, PARKED or SKIPPED.")] = "",
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
def show_delivery(number: NumberArgument, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """One message to a destination, as it is or will be sent."""
    with looking(config_file) as database, database.reading() as connection:
        row = delivery_store.one(connection, number)
    if row is None:
        refuse([f"there is no delivery {number}"], NOT_AS_HOPED)
    text = mpps_envelope.text(row.payload) if row.type in relay.KINDS else as_lines(charset.for_people(row.payload))
    if as_json:
        print_json([{**{name: getattr(row, name) for name in _ONE}, "text": text}])
    else:
        print(text)


@app.command("retry")
def retry_delivery(number: NumberArgument, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Put a parked message back into its line; the journal keeps who did."""
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(lambda transaction: operator.retry(transaction, clock.now(), by(), number))
        with database.reading() as connection:
            row = delivery_store.one(connection, number)
    if as_json:
        show([row], _ONE, as_json)


@app.command("skip")
def skip_delivery(
    number: NumberArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it is given up.")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Give a message up that waits or is parked; what waits behind it goes on."""
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(lambda transaction: operator.skip(transaction, clock.now(), by(), number, reason))
        with database.reading() as connection:
            row = delivery_store.one(connection, number)
    if as_json:
        show([row], _ONE, as_json)


@app.command("destinations")
def destinations(as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """What waits for each destination, how many are parked, and who holds it."""
    with refusals():
        settings = config.load(config_file)
    with looking(config_file) as database, database.reading() as connection:
        holds = delivery_store.held(connection)
        found = []
        for each in (*settings.destination, *settings.relay):
            waiting, oldest, parked, taken, error = board.line(connection, each.name)
            hold = holds.get(each.name)
            told = {"name": each.name, "waiting": waiting, "oldest": oldest, "parked": parked, "taken": taken}
            who, why = (hold.by, hold.reason) if hold else ("", "")
            found.append(told | {"error": error, "held_by": who, "reason": why})
    if as_json:
        print_json(found)
    else:
        columns = ("name", "waiting", "oldest", "parked", "taken", "error", "held_by", "reason")
        print_table(
            [name.replace("_", " ") for name in columns], ([shown(line[name]) for name in columns] for line in found)
        )


@app.command("hold")
def hold_destination(
    name: Annotated[str, typer.Argument(help="A destination or relay of the settings.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Tell a destination nothing until it is released, also after a restart; what is for it waits."""
    with refusals():
        settings = config.load(config_file)
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(lambda transaction: operator.hold(transaction, settings, clock.now(), by(), (name, reason)))
    done(as_json, destination=name, held_by=by(), reason=reason)


@app.command("release")
def release_destination(
    name: Annotated[str, typer.Argument(help="A destination that is held.")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Tell a held destination what has waited for it, in its order."""
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(lambda transaction: operator.let_go(transaction, clock.now(), by(), name))
    done(as_json, destination=name, held_by="")

"""`swf orders` and `swf trace`: the orders, making and changing one by hand (RAD-2, RAD-13), and the life of one."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refuse
from swf.cli.screen import print_json, print_table, show, shown
from swf.cli.stored import looking
from swf.store import journal
from swf.store import orders as order_store

_COLUMNS = ("accession_number", "status", "placer_order_number", "filler_order_number")
_LIST = "list"


class _Orders(TyperGroup):
    """`swf orders NUMBER` looks for a number, whatever it is, unless it is the word for something else."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is typed, else the list."""
        return super().resolve_command(ctx, args if args[0] in self.commands else [_LIST, *args])


app = typer.Typer(cls=_Orders, help="Orders, the last changed first.", invoke_without_command=True)

NumberArgument = Annotated[str, typer.Argument(help="Its accession, placer or filler number.", metavar="NUMBER")]
StatusOption = Annotated[str, typer.Option("--status", help="SC, IP, HD, CM, CA or DC.")]
TellOption = Annotated[bool, typer.Option("--tell", help="Tell the destinations that take ORM^O01.")]
KeyOption = Annotated[str, typer.Option("--key", help="A key of your own: the same key never does anything twice.")]
StartOption = Annotated[str, typer.Option("--start", help="When, such as 2026-03-16T09:30, by the site's clock.")]
StationOption = Annotated[str, typer.Option("--station", help="AE titles, with a comma between them.")]
PriorityOption = Annotated[str, typer.Option("--priority", help="ROUTINE, MEDIUM, HIGH or STAT.")]
WordsOption = Annotated[str, typer.Option("--procedure-text", help="A procedure not in the catalogue, in words.")]
SchemeOption = Annotated[str, typer.Option("--scheme", help="The coding scheme of such a procedure's code.")]
ModalityOption = Annotated[str, typer.Option("--modality", help="The modality of such a procedure.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why it is to be done.")]


@app.callback()
def orders(
    context: typer.Context,
    status: StatusOption = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """List orders; `swf orders NUMBER` looks for an accession, order or patient number."""
    if not context.invoked_subcommand:
        _list("", status, limit, as_json, config_file)


@app.command(_LIST)
def list_orders(
    context: typer.Context,
    search: Annotated[str, typer.Argument(help="An accession, order or patient number.")] = "",
    *,
    status: StatusOption = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Orders, the last changed first; of one number or status."""
    before = context.parent.params if context.parent else {}
    _list(
        search,
        status or before.get("status", ""),
        limit,
        as_json or bool(before.get("as_json")),
        config_file or before.get("config_file"),
    )


def _list(search: str, status: str, limit: int, as_json: bool, config_file: Path | None) -> None:
    with looking(config_file) as database, database.reading() as connection:
        rows = order_store.overview(connection, limit=limit, status=status.upper(), search=search)
    columns = (*_COLUMNS, "patient_id", "modality", "station", "start", "steps", "result_status", "updated_at")
    show(rows, columns, as_json)


@app.command("new")
def new_order(
    patient_id: Annotated[str, typer.Argument(help="The patient's number.", metavar="PATIENT")],
    *,
    name: Annotated[str, typer.Option("--name", help="DOE^JANE, or 'Doe, Jane'; up to three groups behind =.")],
    procedure: Annotated[str, typer.Option("--procedure", help="A code of the catalogue, or any other.")],
    start: StartOption,
    issuer: Annotated[str, typer.Option("--issuer", help="Who issued the patient's number.")] = "",
    birth_date: Annotated[str, typer.Option("--birth-date", help="Such as 1980-02-29.")] = "",
    sex: Annotated[str, typer.Option("--sex", help="F, M or O.")] = "",
    procedure_text: WordsOption = "",
    scheme: SchemeOption = "",
    modality: ModalityOption = "",
    priority: PriorityOption = "ROUTINE",
    station: StationOption = "",
    location: Annotated[str, typer.Option("--location", help="Where the patient is.")] = "",
    referring: Annotated[str, typer.Option("--referring", help="The referring physician.")] = "",
    requesting: Annotated[str, typer.Option("--requesting", help="The requesting physician.")] = "",
    reason: ReasonOption = "",
    accession: Annotated[str, typer.Option("--accession", help="Its accession number; without it one is given.")] = "",
    confirmed: Annotated[str, typer.Option("--confirmed", help="What a refusal names, to insist on the patient.")] = "",
    tell: TellOption = False,
    key: KeyOption = "",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Make an order by hand; it goes the way of every other order, and the journal has who made it."""
    from swf.cli import by_hand  # noqa: PLC0415  who only looks does not wait for what acting needs

    said = by_hand.NewOrder(
        patient_id, issuer, name, birth_date, sex, procedure, procedure_text, scheme, modality, priority, station, start,
        location, referring, requesting, reason, accession,
    )  # fmt: skip
    show([by_hand.new(config_file, said, by_hand.asked(key, tell), confirmed)], _COLUMNS, as_json)


@app.command("change")
def change_order(
    number: NumberArgument,
    *,
    start: StartOption = "",
    station: StationOption = "",
    step: Annotated[str, typer.Option("--step", help="Whose start and station, where there are several.")] = "",
    priority: PriorityOption = "",
    procedure: Annotated[str, typer.Option("--procedure", help="Another procedure, by its code.")] = "",
    procedure_text: WordsOption = "",
    scheme: SchemeOption = "",
    modality: ModalityOption = "",
    reason: ReasonOption = "",
    key: KeyOption = "",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Change when, where, how urgent or what; what is left out stays. What has begun is not changed."""
    from swf.cli import by_hand  # noqa: PLC0415

    said = by_hand.Changed(step, start, station, priority, procedure, procedure_text, scheme, modality, reason)
    show([by_hand.change(config_file, number, said, by_hand.asked(key))], _COLUMNS, as_json)


@app.command("cancel")
def cancel_order(
    number: NumberArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; the journal keeps it.")],
    tell: TellOption = False,
    key: KeyOption = "",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Cancel an order for a reason. What has begun is ended by its modality."""
    from swf.cli import by_hand  # noqa: PLC0415

    show([by_hand.cancel(config_file, number, reason, by_hand.asked(key, tell))], _COLUMNS, as_json)


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

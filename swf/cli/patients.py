"""`swf patients`: who was merged into whom, and taking a merge back."""

from typing import Annotated

import typer

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals
from swf.cli.screen import print_json, show
from swf.cli.stored import looking
from swf.store import patients as patient_store
from swf.store.database import Transaction
from swf.workflow import site as sites
from swf.workflow.unmerge import Unmerged
from swf.workflow.unmerge import unmerge as take_back

app = typer.Typer(help="Merged patients.", no_args_is_help=True)


@app.command()
def merges(
    search: Annotated[str, typer.Argument(help="An identifier, of either side.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """The merges in force, the newest first."""
    with looking(config_file) as database, database.reading() as connection:
        rows = patient_store.merges(connection, limit=limit, search=search)
    show(rows, ("patient_id", "issuer", "into", "into_issuer", "merged_at"), as_json)


@app.command()
def unmerge(
    patient_id: Annotated[str, typer.Argument(help="The identifier that was merged into another.")],
    *,
    issuer: Annotated[str, typer.Option("--issuer", help="Its assigning authority; else that of the site.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also orders that were worked on since.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would move, and move nothing.")] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Take a merge back: what it moved goes home, as far as nobody worked on it since. Exit code 1 when some stays."""
    with refusals():
        site = sites.load(config.load(config_file))
    identity = (patient_id, issuer or site.settings.site.issuer)

    def work(transaction: Transaction) -> Unmerged:
        return take_back(transaction, site, identity, clock.now(), everything=everything)

    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        done = database.rehearse(work) if dry_run else database.run(work)
    if as_json:
        print_json([done._asdict()])
    else:
        for word, accessions in (("moved back", done.moved), ("left, worked on since", done.left)):
            print(f"{word}: {', '.join(accessions) or 'none'}")
    raise typer.Exit(NOT_AS_HOPED if done.left else 0)

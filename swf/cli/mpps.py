"""`swf mpps`: what modalities reported, and the list an operator resolves (RAD-6, RAD-7; PIR)."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_json, print_table, show, shown
from swf.cli.stored import looking
from swf.cli.typed import by
from swf.dicom import mpps as rules
from swf.dicom import mpps_details
from swf.dicom.terms import PerformedStatus
from swf.store import mpps as mpps_store
from swf.store.database import Database, Record, Transaction
from swf.workflow import operator, overdue, unscheduled
from swf.workflow import site as sites
from swf.workflow.site import Site

app = typer.Typer(help="Performed procedure steps, the newest first.", no_args_is_help=True)

UidArgument = Annotated[str, typer.Argument(help="The SOP Instance UID of the performed step.")]
_COLUMNS = ("sop_instance_uid", "status", "presumed", "calling_ae_title", "patient_id", "matching", "linked_to")


@app.command("list")
def list_steps(
    only: Annotated[
        str, typer.Option("--only", help="unresolved, overdue, or a status: IN PROGRESS, COMPLETED, DISCONTINUED.")
    ] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """What modalities reported: for which order, how that was found, and what waits for `swf mpps link`."""
    if only.upper() not in ("", "UNRESOLVED", "OVERDUE", *PerformedStatus):
        refuse([f"--only {only}: write unresolved, overdue, or a status"])
    with looking(config_file) as database, database.reading() as connection:
        rows = mpps_store.overview(connection, limit=limit, only=only.upper())
    show(rows, (*_COLUMNS, "overdue_at", "created_at", "updated_at"), as_json)


@app.command("show")
def show_step(uid: UidArgument, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """One performed step: patient, protocols, series, dose, for which orders, and for which it might be."""
    with looking(config_file) as database:
        row = _reported(database, uid)
        with database.reading() as connection:
            linked = mpps_store.seen_for(connection, row.id)
        possible = database.rehearse(lambda transaction: unscheduled.candidates(transaction, row))
    found: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS[:-1]}
    found |= {"overdue_at": row.overdue_at, "created_at": row.created_at, "updated_at": row.updated_at}
    found |= {"linked": [_step(step) for step in linked], "candidates": [each._asdict() for each in possible]}
    found |= {"reported": mpps_details.details(rules.decode(row.dataset))}
    if as_json:
        print_json([found])
    else:
        reported = found.pop("reported")
        _print_lines(found)
        _print_lines(reported)


@app.command("link")
def link_step(  # noqa: PLR0917  each is an option of the command
    uid: UidArgument,
    accession: Annotated[str, typer.Argument(help="The accession number of the order.")],
    step: Annotated[str, typer.Option("--step", help="Only this scheduled step of the order.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also when the patient is another one.")] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Say that a performed step was performed for an order: its steps follow, and the destinations are told."""
    _resolve(
        config_file,
        lambda transaction, site: unscheduled.link(
            transaction, site, uid, accession, clock.now(), step_id=step, force=force
        ),
        (uid, f"link {uid} to {accession}"),
        as_json=as_json,
    )


@app.command("unlink")
def unlink_step(
    uid: UidArgument,
    accession: Annotated[str, typer.Argument(help="The accession number of the order; without it, every one.")] = "",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Say that a performed step was not performed for an order: its steps are on the worklist again."""
    _resolve(
        config_file,
        lambda transaction, site: unscheduled.unlink(transaction, site, uid, clock.now(), accession_number=accession),
        (uid, f"unlink {uid} from {accession or 'every order'}"),
        as_json=as_json,
    )


@app.command("end")
def end_step(
    uid: UidArgument,
    discontinued: Annotated[
        bool, typer.Option("--discontinued", help="It was broken off; else it was completed.")
    ] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Say how an exam ended that its device left open; what the device may report later still counts."""
    status = PerformedStatus.DISCONTINUED if discontinued else PerformedStatus.COMPLETED
    _resolve(
        config_file,
        lambda transaction, site: overdue.end(transaction, site, uid, status, clock.now()),
        (uid, f"end {uid} as {status}"),
        as_json=as_json,
    )


def _resolve(
    config_file: Path | None, work: Callable[[Transaction, Site], None], done: tuple[str, str], *, as_json: bool
) -> None:
    """Do it and note who did, in one transaction; a running broker sends what is to be told within seconds."""
    uid, did = done
    with refusals():
        site = sites.load(config.load(config_file))

    def both(transaction: Transaction) -> None:
        work(transaction, site)
        operator.acted(transaction, clock.now(), by(), did)

    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        database.run(both)
        if as_json:
            row = _reported(database, uid)
            with database.reading() as connection:
                linked = [_step(step) for step in mpps_store.seen_for(connection, row.id)]
            print_json([{**{name: getattr(row, name) for name in _COLUMNS[:-1]}, "linked": linked}])


def _reported(database: Database, uid: str) -> Record:
    with database.reading() as connection:
        row = mpps_store.seen(connection, uid)
    if row is None:
        refuse([f"there is no performed step {uid}"], NOT_AS_HOPED)
    return row


def _step(step: Record) -> dict[str, str]:
    return {"accession_number": step.accession_number, "step_id": step.step_id, "status": step.status}


def _print_lines(found: dict[str, Any]) -> None:
    """Single values by the line, then each list of records as a table."""
    for name, value in found.items():
        if not isinstance(value, list | dict):
            print(f"{name}: {shown(value)}")
    for name, value in found.items():
        records = [value] if isinstance(value, dict) else value
        if isinstance(value, list | dict) and value:
            print(name)
            _print_records(records)


def _print_records(records: list[Any]) -> None:
    if not isinstance(records[0], dict):
        print("\n".join(map(str, records)))
        return
    headings = list(dict.fromkeys(name for record in records for name in record))
    print_table(headings, ([shown(record.get(name)) for name in headings] for record in records))

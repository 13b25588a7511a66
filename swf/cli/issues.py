"""`swf issues`: every problem there is now, and who has it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption
from swf.cli.refusals import refusals
from swf.cli.screen import done, print_json, print_table, shown
from swf.cli.stored import looking
from swf.net import certificates
from swf.store.database import Database, Transaction
from swf.workflow import issues as workflow_issues
from swf.workflow import site as sites
from swf.workflow.issues import Issue
from swf.workflow.problems import Problem
from swf.workflow.site import Site

app = typer.Typer(help="Problems there are now, and who has each.", invoke_without_command=True)

_Key = Annotated[str, typer.Argument(help="Its key in the list.")]
_By = Annotated[str, typer.Option("--as", help="Who does it; kept in the journal.")]


@app.callback()
def issues(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="With those that are snoozed.")] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """List every problem there is now; exit code 1 when one keeps something from being done. `swf doctor` probes as well."""
    if context.invoked_subcommand:
        return
    site = _site(config_file)
    with looking(config_file) as database:
        found = [each for each in listed(database, site) if every or each.snoozed_until is None]
    if as_json:
        print_json([each.jsonable() for each in found])
    else:
        print_issues(found)
    raise typer.Exit(NOT_AS_HOPED if any(each.problem.severity == "trouble" for each in found) else 0)


def listed(database: Database, site: Site) -> list[Issue]:
    """Every issue, those of the certificates among them."""
    now = clock.now()
    with database.reading() as connection:
        return workflow_issues.every(connection, site, now, certificates.problems(site.settings, now))


def print_issues(found: list[Issue]) -> None:
    """One line for each."""
    headings = ("key", "", "what", "cause", "to do", "since", "times", "who has it", "remark")
    print_table(headings, map(_cells, found))


def _cells(issue: Issue) -> list[str]:
    each = issue.problem
    told = [each.key, each.severity, each.kind, each.cause, each.remedy, shown(each.since)[:19], str(each.times)]
    return [*told, issue.owner, issue.remark]


@app.command("take")
def take_issue(key: _Key, by: _By, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Say that somebody has it from now on."""
    _said(key, by, config_file, workflow_issues.take)
    done(as_json, key=key, owner=by)


@app.command("give-back")
def give_issue_back(key: _Key, by: _By, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Say that nobody has it."""
    _said(key, by, config_file, workflow_issues.give_back)
    done(as_json, key=key, owner="")


@app.command("remark")
def remark_on_issue(
    key: _Key,
    text: Annotated[str, typer.Argument(help="What is known of it; empty takes the remark away.")],
    by: _By,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Note what is known of it."""
    _said(key, by, config_file, lambda t, at, who, it: workflow_issues.remark(t, at, who, it, text))
    done(as_json, key=key, remark=text)


@app.command("snooze")
def snooze_issue(
    key: _Key,
    hours: Annotated[float, typer.Argument(help="For how many hours; 0 shows it again.", min=0, max=720)],
    by: _By,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Do not show it for a while."""
    _said(key, by, config_file, lambda t, at, who, it: workflow_issues.snooze(t, at, who, it, hours))
    done(as_json, key=key, hours=hours)


def _said(
    key: str, by: str, config_file: Path | None, act: Callable[[Transaction, datetime, str, Problem], None]
) -> None:
    site = _site(config_file)
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        problem = workflow_issues.one(listed(database, site), key).problem
        database.run(lambda transaction: act(transaction, clock.now(), by, problem))


def _site(config_file: Path | None) -> Site:
    with refusals():
        return sites.load(config.load(config_file))

"""`swf messages`: what was received, what became of it, and taking it again."""

from typing import Annotated

import typer

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption, NumberArgument
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import as_lines, done, print_json, print_table, show, shown
from swf.cli.stored import looking, stored_message
from swf.cli.typed import by
from swf.hl7 import charset
from swf.hl7 import difference as hl7_difference
from swf.store import journal
from swf.store import messages as message_store
from swf.workflow import difference, failures, replay
from swf.workflow import site as sites

app = typer.Typer(help="Received messages, the newest first.", invoke_without_command=True)


@app.callback()
def messages(
    context: typer.Context,
    refused: Annotated[bool, typer.Option("--refused", help="Only those that had no effect.")] = False,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """List received messages; `swf messages show ID` shows one."""
    if context.invoked_subcommand:
        return
    with looking(config_file) as database, database.reading() as connection:
        rows = message_store.recent(connection, limit=limit, refused_only=refused)
    columns = ("id", "received_at", "source", "peer", "type", "control_id", "disposition", "ack_code", "reason")
    show(rows, columns, as_json)


@app.command("show")
def show_message(number: NumberArgument, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """One message: what came, what became of it, what was answered."""
    with looking(config_file) as database, database.reading() as connection:
        row = message_store.one(connection, number)
        events = journal.of_message(connection, number)
    if row is None:
        refuse([f"there is no message {number}"], NOT_AS_HOPED)
    found = dict(row._mapping)  # noqa: SLF001  the documented way to a row's mapping
    raw, answer = found.pop("raw"), found.pop("acknowledgement")
    found |= {"text": charset.for_people(raw), "acknowledgement": charset.for_people(answer)}
    found["events"] = [{"event": event.event, **event.detail} for event in events]
    if as_json:
        print_json([found])
        return
    for name, value in found.items():
        print(f"{name}: {as_lines(value)}")


@app.command("failed")
def failed_messages(as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Messages without effect by cause, the most frequent first, those dealt with last."""
    with looking(config_file) as database, database.reading() as connection:
        found = failures.summary_by_cause(failures.found(connection))
    if as_json:
        print_json(found)
        return
    columns = ("key", "messages", "type", "source", "newest", "sample", "remark", "reason")
    print_table(columns, ([shown(each[name]) for name in columns] for each in found))


@app.command("settle")
def settle_failure(
    key: Annotated[str, typer.Argument(help="The key of a cause in `failed`.")],
    remark: Annotated[str, typer.Option("--remark", help="What was done about it.")] = "",
    reopen: Annotated[bool, typer.Option("--reopen", help="Take back that it is dealt with.")] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Say that a cause of failures is dealt with; nothing is deleted, and one that comes later opens it again."""
    with looking(config_file) as database, refusals(NOT_AS_HOPED):
        if reopen:
            database.run(lambda transaction: failures.reopen(transaction, key, clock.now(), by()))
        else:
            database.run(lambda transaction: failures.settle(transaction, key, remark, clock.now(), by()))
    done(as_json, key=key, settled=not reopen, remark=remark)


@app.command("diff")
def diff_messages(
    one: Annotated[int, typer.Argument(help="The id of the earlier one.", metavar="ID")],
    other: Annotated[int, typer.Argument(help="The id of the later one.", metavar="ID")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Two messages about one order: the fields that differ, and what the mapping makes of each; exit code 1 when any do."""
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database:
        rows = [stored_message(database, number) for number in (one, other)]
    contents = [difference.content(site, row) for row in rows]
    if contents[0] is None or contents[1] is None:
        refuse(["one of the messages cannot be read"], NOT_AS_HOPED)
    fields = [
        {"place": each.place, "before": each.before, "after": each.after}
        for each in hl7_difference.of(contents[0], contents[1])
    ]
    items = [each._asdict() for each in difference.between(site, rows[0], rows[1])]
    if as_json:
        print_json([{"fields": fields, "items": items}])
    else:
        for lines in (fields, items):
            print_table(
                list(lines[0]) if lines else ["nothing differs"], ([*map(str, each.values())] for each in lines)
            )
    raise typer.Exit(NOT_AS_HOPED if fields or items else 0)


@app.command("replay")
def replay_messages(
    numbers: Annotated[list[int] | None, typer.Argument(help="Their ids in the list.", metavar="ID...")] = None,
    group: Annotated[str, typer.Option("--group", help="Those of a cause instead, by its key in `failed`.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Take stored messages again, in the order they came, with the mapping as it is now; the answers they got stay.

    What they made the first time is changed, nothing is made twice. Of a cause those are taken that would be applied,
    the oldest first, a few hundred at once. Exit code 1 when one is still refused.
    """
    if bool(numbers) == bool(group):
        refuse(["name either messages or a group"])
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database:
        if group:
            typed = (clock.now(), by())
            outcomes = failures.taken_again(database, site, group, typed, really=not dry_run).outcomes
        else:
            rows = [stored_message(database, number) for number in sorted(set(numbers or ()))]
            outcomes = replay.replay_all(database, site, rows, dry_run=dry_run)
    if as_json:
        print_json([outcome._asdict() for outcome in outcomes])
    else:
        for outcome in outcomes:
            _print_outcome(outcome)
    raise typer.Exit(NOT_AS_HOPED if any(outcome.refusal for outcome in outcomes) else 0)


def _print_outcome(outcome: replay.Outcome) -> None:
    print(f"message {outcome.message}: {outcome.refusal or outcome.after}")
    if outcome.changes:
        print_table([name.replace("_", " ") for name in replay.Change._fields], outcome.changes)

"""`swf lint`, `swf explain` and `swf mapping`: what a mapping does, before it does it."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from swf import clock, config
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import done, print_json, print_table, shown
from swf.cli.stored import looking, stored_message
from swf.cli.typed import by, messages_in, read
from swf.mapping import lint as mapping_lint
from swf.mapping import loader
from swf.model.message import Disposition
from swf.store import drafts as draft_store
from swf.store import messages as message_store
from swf.store.database import Database
from swf.workflow import account, difference, drafts
from swf.workflow import site as sites
from swf.workflow.difference import Compared, Difference
from swf.workflow.site import Site

app = typer.Typer(help="Drafts of the mapping: what they would change, saving and undoing them.", no_args_is_help=True)
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


# ---- drafts ----


@app.command("diff")
def diff(
    draft: Annotated[Path | None, typer.Option("--draft", help="A file to try; without it the drafts kept.")] = None,
    instead_of: Annotated[
        Path | None, typer.Option("--for", help="The file of the mapping it stands for; without it the site's own.")
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, max=difference.MOST, help="How many messages.")] = 200,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """What a draft would make of the last messages that the mapping now does not; exit code 1 when it would refuse one."""
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database:
        with database.reading() as connection:
            rows, kept = message_store.newest(connection, last), draft_store.everything(connection)
        with refusals():
            texts = {row.path: row.content for row in kept}
            if draft is not None:
                texts = {str(instead_of or site.mapping.path): read(draft).decode("utf-8", "replace")}
            then = drafts.with_texts(site, {Path(path): text for path, text in texts.items()})
        told = difference.of(site, then, rows)
        trials = difference.tried(database, then, told, rows)
    broken = sum(each.broken for each in told.compared)
    if as_json:
        found = [each._asdict() | {"changes": [change._asdict() for change in each.changes]} for each in told.compared]
        print_json([*found, *({"trial": each._asdict()} for each in trials)])
    else:
        _print_difference(told, {each.message: each.refusal for each in trials})
    raise typer.Exit(NOT_AS_HOPED if broken else 0)


def _print_difference(told: Difference, refusals_now: Mapping[int, str]) -> None:
    print(f"{len(told.compared)} of {told.read} messages the mapping reads would change; {told.looked} were looked at")
    print_table(("attribute", "messages"), ((each.attribute, str(each.messages)) for each in told.groups))
    for each in told.compared:
        print(f"message {each.message}: {_fate(each, refusals_now)}")
        if each.changes:
            lines = ((str(line.item), line.attribute, line.before, line.after) for line in each.changes)
            print_table(("item", "attribute", "before", "after"), lines)


def _fate(each: Compared, refusals_now: Mapping[int, str]) -> str:
    if each.after_refusal:
        return f"would be refused: {each.after_refusal}"
    if not each.before_refusal:
        return "changes"
    told = refusals_now.get(each.message)
    if told is None:
        return f"would be mapped; is refused: {each.before_refusal}"
    return f"would still be refused: {told}" if told else f"would be applied; is refused: {each.before_refusal}"


@app.command("drafts")
def list_drafts(as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """The files of the mapping: which have a draft, by whom, and which can be changed; exit code 1 for drafts with mistakes."""
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database, database.reading() as connection:
        rows = draft_store.everything(connection)
    found = [
        {
            "path": str(each.path),
            "closed": each.closed,
            "draft_by": each.draft.by if each.draft else "",
            "draft_at": each.draft.at if each.draft else None,
            "changed_on_disk": each.overtaken,
        }
        for each in drafts.documents(site, rows)
    ]
    if as_json:
        print_json(found)
    else:
        print_table(list(found[0]), ([shown(value) for value in each.values()] for each in found))
    mistakes = drafts.mistakes(site, rows) if rows else []
    if mistakes:
        refuse(mistakes, NOT_AS_HOPED)


@app.command("draft")
def draft_file(
    file: Annotated[Path, typer.Argument(help="The file as it is to be.")],
    instead_of: Annotated[Path, typer.Argument(help="The file of the mapping it stands for.", metavar="PATH")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Keep a draft of a file of the mapping, for `swf mapping diff` and for the mapping bench."""
    with refusals():
        site = sites.load(config.load(config_file))
    content = read(file).decode("utf-8", "replace")
    with looking(config_file) as database:
        with database.reading() as connection:
            present = draft_store.one(connection, str(instead_of))
        change = (str(instead_of), content, present.revision if present else 0)
        database.run(lambda transaction: drafts.keep(transaction, site, change, clock.now(), by()))
    done(as_json, path=str(instead_of), draft_by=by())


@app.command("discard")
def discard_draft(
    path: Annotated[str, typer.Argument(help="The file, as `swf mapping drafts` names it.")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Throw a draft away."""
    with looking(config_file) as database:
        database.run(lambda transaction: drafts.discard(transaction, path, clock.now(), by()))
    done(as_json, path=path, draft_by="")


@app.command("save")
def save_drafts(as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Write every draft into its file, all or nothing; `swf reload` puts them in force."""
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database:
        _print_files("saved", drafts.save(database, site, clock.now(), by()), as_json)


@app.command("saved")
def list_saved(as_json: JsonOption = False, limit: LimitOption = 20, config_file: ConfigOption = None) -> None:
    """What was saved before, the newest first."""
    with looking(config_file) as database, database.reading() as connection:
        rows = draft_store.versions(connection, limit)
    found = [{"id": row.id, "at": row.at, "by": row.by, "did": row.remark, "files": list(row.files)} for row in rows]
    if as_json:
        print_json(found)
    else:
        cells = ([*map(shown, list(each.values())[:4]), ", ".join(each["files"])] for each in found)
        print_table(("id", "at", "by", "did", "files"), cells)


@app.command("undo")
def undo_saving(
    number: Annotated[int, typer.Argument(help="Its id in `swf mapping saved`.", metavar="ID")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Give the files of a saving back what they held before it; `swf reload` puts that in force."""
    with refusals():
        site = sites.load(config.load(config_file))
    with looking(config_file) as database:
        _print_files("undone", drafts.undo(database, site, number, clock.now(), by()), as_json)


def _print_files(what: str, names: Iterable[str], as_json: bool) -> None:
    if as_json:
        print_json([{what: name} for name in names])
        return
    for name in names:
        print(f"{what}: {name}")

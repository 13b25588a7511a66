"""`swf doctor`: every setting, the store, our doors, every peer, certificates and clock, each tried now; then the issues."""

import contextlib
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from swf import clock, config, pid
from swf.cli import issues, serve
from swf.cli.options import NOT_AS_HOPED, ConfigOption, JsonOption
from swf.cli.refusals import refusals
from swf.cli.screen import print_json
from swf.config import Settings
from swf.errors import ConfigError, StoreError, SwfError
from swf.net import certificates, probes, tls
from swf.net.probes import How, Peer, Probed
from swf.store import condition, pulse
from swf.store.database import Database
from swf.workflow import site as sites
from swf.workflow.issues import Issue

_MEGABYTE = 2**20
_SLOW_MS = 1000
_MARKS = {"well": ("✓", "green"), "note": ("!", "yellow"), "trouble": ("✗", "bold red")}
_AT_ONCE = 8


class Finding(NamedTuple):
    """One thing that was tried: `state` is well, note or trouble; `remedy` mends what is not well."""

    group: str
    name: str
    state: str
    told: str
    remedy: str = ""


def doctor(as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Try everything this broker needs: settings, store, doors, peers, certificates, clock; then list the issues.

    Exit code 0 when all is well but for notes, 1 when something is not, 2 when the settings cannot be read. A destination
    is called and told nothing; the store is written to once.
    """
    with refusals():
        settings = config.load(config_file)
        site = sites.load(settings)
    found = [Finding("settings", "mapping", "well", f"{config.mapping_file(settings)} and what it names can be used")]
    found += _tls(settings)
    listed: list[Issue] = []
    with contextlib.ExitStack() as opened:
        try:
            database = _open(settings)
        except SwfError as error:
            found.append(Finding("store", "database", "trouble", str(error), error.advice))
        else:
            opened.callback(database.close)
            found += _store(database)
            listed = [each for each in issues.listed(database, site) if each.snoozed_until is None]
    found += [*_broker(config_file), *_others(settings)]
    _show(found, listed, as_json=as_json)
    ill = any(each.state == "trouble" for each in found) or any(e.problem.severity == "trouble" for e in listed)
    raise typer.Exit(NOT_AS_HOPED if ill else 0)


def _tls(settings: Settings) -> Iterator[Finding]:
    """Certificates, keys and authorities, and how long they hold; their end is among the issues."""
    try:
        tls.check(settings)
    except ConfigError as error:
        for mistake in error.mistakes:
            yield Finding(
                "certificates", "files", "trouble", mistake, "correct the file or the setting, then swf check"
            )
    for each in certificates.of(settings):
        days = (each.ends - clock.now()).days
        state = "well" if days > certificates.SOON.days else "note" if days >= 0 else "trouble"
        remedy = "" if state == "well" else f"put a new one into {each.file} and run swf reload"
        yield Finding("certificates", each.setting, state, f"{each.subject}, until {each.ends:%Y-%m-%d}", remedy)


# ---- the store ----


def _open(settings: Settings) -> Database:
    file = settings.store.url.removeprefix("sqlite:///")
    if file != settings.store.url and not Path(file).is_file():
        raise StoreError(f"there is no database {file}: start the broker once, or name the right one")
    database = Database(settings.store.url)
    try:
        database.migrate()
    except ConfigError:
        database.close()
        raise
    return database


def _store(database: Database) -> Iterator[Finding]:
    begun = time.monotonic()
    try:
        database.run(lambda transaction: pulse.write(transaction, clock.now()))
    except StoreError as error:
        yield Finding("store", "write", "trouble", str(error), error.advice)
    else:
        took = round((time.monotonic() - begun) * 1000)
        remedy = "look at the disk, and who else writes" if took > _SLOW_MS else ""
        yield Finding("store", "write", "note" if remedy else "well", f"a write was on disk after {took} ms", remedy)
    with database.reading() as connection:
        state = condition.of(connection, database.url)
    yield Finding("store", "tables", "well", f"version {state.version}, {state.size // _MEGABYTE} MB")
    if state.log >= 0:
        yield Finding("store", "log", "well", f"{state.log // _MEGABYTE} MB wait to be put into the database")
        yield Finding("store", "disk", "well", f"{state.free // _MEGABYTE} MB are free")
    apart = f", {state.skew_s:+.1f} s from that of the database" if state.log < 0 else ""
    yield Finding("clock", "clock", "well", f"{clock.local(clock.now()):%Y-%m-%d %H:%M:%S %Z}{apart}")


# ---- doors and peers ----


def _broker(config_file: Path | None) -> Iterator[Finding]:
    process = pid.holder(serve.note_of(config_file))
    if process is None:
        yield Finding("broker", "process", "note", "no broker of these settings runs here", "swf serve starts it")
    else:
        yield Finding("broker", "process", "well", f"process {process} runs")


def _others(settings: Settings) -> list[Finding]:
    """Every door and every peer, tried at the same time."""
    try:
        ours = tls.contexts(settings)
    except ConfigError:
        ours = {}  # told already; what needs one of them fails
    with ThreadPoolExecutor(_AT_ONCE) as together:
        tried = [together.submit(_try, settings, each, None) for each in probes.doors(settings)]
        tried += [together.submit(_try, settings, each, ours.get(each.secured)) for each in probes.peers(settings)]
        return [each.result() for each in tried]


def _try(settings: Settings, peer: Peer, context: ssl.SSLContext | None) -> Finding:
    if peer.kind == "door" and peer.secured:
        context = tls.for_calling(peer.name, "", "", "", verify=False)  # it is this machine; its name is not asked
    return _judged(settings, probes.probe(peer, settings.dicom.ae_title, context))


def _judged(settings: Settings, probed: Probed) -> Finding:
    peer = probed.peer
    group = {"door": "doors"}.get(peer.kind, "peers")
    name = peer.name if peer.kind == "door" else f"{peer.kind} {peer.name}"
    told = f"{probed.told} ({peer.host}:{peer.port}, {probed.milliseconds} ms)"
    if probed.well:
        return Finding(group, name, "well", told)
    if peer.kind == "door" and peer.how is How.ECHO and _knows_its_own(settings, probed):
        return Finding(group, name, "well", f"answers, and lets in nobody it does not know ({peer.host}:{peer.port})")
    return Finding(group, name, "trouble", told, probed.advice)


def _knows_its_own(settings: Settings, probed: Probed) -> bool:
    """Our own title is no device's: a door that checks who calls turns it away, and is well."""
    return settings.dicom.callers_are_checked and "calling AE title not recognised" in probed.told


# ---- the card ----


def _show(found: list[Finding], listed: list[Issue], *, as_json: bool) -> None:
    if as_json:
        print_json([{"findings": [each._asdict() for each in found], "issues": [each.jsonable() for each in listed]}])
        return
    console = Console(highlight=False, soft_wrap=True)
    group = ""
    for each in found:
        if each.group != group:
            group = each.group
            console.print(Text(f"\n{group}", "bold"))
        _line(console, each.state, each.name, each.told, each.remedy)
    console.print(Text(f"\nissues: {len(listed) or 'none'}", "bold"))
    for issue in listed:
        problem = issue.problem
        owner = f" [{issue.owner} has it]" if issue.owner else ""
        _line(console, problem.severity, problem.kind, f"{problem.cause}{owner}", problem.remedy)


def _line(console: Console, state: str, name: str, told: str, remedy: str) -> None:
    mark, style = _MARKS[state]
    console.print(Text(f"  {mark} ", style), Text(f"{name}: "), Text(told), sep="")
    if remedy:
        console.print(Text(f"      → {remedy}", "dim"))

"""The front door: one short function per command. Exit codes: 0 done, 1 not as hoped, 2 refused before it began."""

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import metadata
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Any, NoReturn

import typer
from pydicom.dataset import Dataset
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from swf import clock, config, log, pid
from swf.broker import Broker
from swf.config import Settings
from swf.dicom import encoding
from swf.errors import ConfigError, PeerError, SwfError, UnreadableMessage
from swf.extensions.simulator import scenario
from swf.extensions.simulator.mis import Mis, Received
from swf.extensions.simulator.modality import Modality
from swf.hl7 import ack, charset, dictionary, message, mllp
from swf.mapping import lint as mapping_lint
from swf.mapping import loader
from swf.net import mllp_client, tls
from swf.store import deliveries as delivery_store
from swf.store import journal
from swf.store import messages as message_store
from swf.store import orders as order_store
from swf.store.database import Database, Record
from swf.workflow import account, replay
from swf.workflow import site as sites
from swf.workflow.site import Site

app = typer.Typer(
    help="A scheduled-workflow broker: HL7 orders in, DICOM worklist and MPPS, HL7 status out.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)
messages_app = typer.Typer(help="Received messages, the newest first.", invoke_without_command=True)
deliveries_app = typer.Typer(help="Messages to destinations, the newest first.", invoke_without_command=True)
hl7_app = typer.Typer(help="HL7 messages as the standard sees them.", no_args_is_help=True)
app.add_typer(hl7_app, name="hl7")
app.add_typer(messages_app, name="messages")
app.add_typer(deliveries_app, name="deliveries")

NOT_AS_HOPED, REFUSED = 1, 2
TIMEOUT_S = 30.0
_UNBOUNDED = 10_000
_EXPLAINED = ("attribute", "value", "from", "function", "line")
_ADDED = ("step_id", "attribute", "value", "why")
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The settings; without it ./swf.toml, else the defaults.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
TitleOption = Annotated[str, typer.Option("--as", help="The calling AE title.")]
CalledOption = Annotated[str, typer.Option("--called", help="The called AE title.")]
NumberArgument = Annotated[int, typer.Argument(help="Its id in the list.")]
DicomAddress = Annotated[str, typer.Argument(help="HOST:PORT of the DICOM door.")]
DICOM_DOOR, HL7_DOOR = "127.0.0.1:11112", "127.0.0.1:2575"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"swf {metadata.version('swf-broker')}")  # noqa: T201  what was asked for
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")] = False,
) -> None:
    """Options of the program itself."""


# ---- running ----


@app.command()
def serve(config_file: ConfigOption = None) -> None:
    """Run the broker in the foreground until SIGTERM or SIGINT; SIGHUP lets it read the mapping anew."""
    log.configure()
    with _refusals():
        broker = Broker(config.load(config_file))
        wishes = _wishes()
        broker.start()
    with pid.noted(_note(config_file)):
        print(_ready(broker), flush=True)  # noqa: T201  the one line a supervisor waits for
        while wishes.get() == signal.SIGHUP:
            _reload(broker, config_file)
    broker.stop()
    print("swf stopped", flush=True)  # noqa: T201


def _reload(broker: Broker, config_file: Path | None) -> None:
    try:
        broker.reload(config.load(config_file))
    except ConfigError as error:
        for mistake in error.mistakes:
            log.error("not reloaded", error=mistake)


@app.command()
def reload(config_file: ConfigOption = None) -> None:
    """Let the running broker of this folder take over the mapping, [[source]] and [[modality]]; all of it or nothing."""
    with _refusals():
        sites.load(config.load(config_file))
    process = pid.holder(_note(config_file))
    if process is None:
        _refuse([f"no broker runs here: nobody holds {_note(config_file)}"], NOT_AS_HOPED)
    os.kill(process, signal.SIGHUP)
    print(f"told process {process} to reload; its log has the outcome")  # noqa: T201


def _note(config_file: Path | None) -> Path:
    """Where the broker of these settings notes its process."""
    return (config_file or config.DEFAULT_FILE).with_suffix(".pid")


def _wishes() -> "SimpleQueue[int]":
    """The signals that arrive, in their order; a queue, since several may come before one is answered."""
    wishes: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: wishes.put(received))
    return wishes


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the broker running until Ctrl-C.")] = False,
) -> None:
    """Play two orders from the HIS to the scanner and back, over real sockets, and show what happened."""
    log.configure("ERROR")
    console = Console()
    with tempfile.TemporaryDirectory(prefix="swf-demo-") as folder, Mis() as mis, _demo_broker(folder, mis) as broker:
        console.print(Text(_ready(broker), style="bold"))
        events: list[scenario.Event] = []
        title = broker.settings.dicom.ae_title
        missing = scenario.play(broker.hl7.address, broker.dicom.address, mis, title, events.append)
        for accession in dict.fromkeys(event.order for event in events):
            console.print(Text(f"\nThe life of order {accession}", style="bold"))
            life = (event for event in events if event.order == accession)
            for event in sorted(life, key=lambda event: event.at):
                console.print(_timeline(event))
        for sentence in missing:
            console.print(Text(f"Not seen: {sentence}", style="red"))
        if not missing:
            console.print(Text("\nEvery step was seen from outside.", style="green"))
        if keep:
            _keep(console, broker, mis)
    raise typer.Exit(NOT_AS_HOPED if missing else 0)


@contextmanager
def _demo_broker(folder: str, mis: Mis) -> Iterator[Broker]:
    host, port = mis.address
    environment = {
        "SWF_STORE_URL": f"sqlite:///{folder}/swf.db",
        "SWF_HL7_PORT": "0",
        "SWF_DICOM_PORT": "0",
        "SWF_MAPPING": str(config.shipped_mappings() / "default.toml"),
        "SWF_DESTINATION": json.dumps([{"name": "mis", "host": host, "port": port}]),
    }
    with _refusals():
        (Path(folder) / "swf.toml").touch()
        broker = Broker(config.load(Path(folder) / "swf.toml", environment))
        broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _keep(console: Console, broker: Broker, mis: Mis) -> None:
    hl7, dicom = (f"{host}:{port}" for host, port in (broker.hl7.address, broker.dicom.address))
    title, store = broker.settings.dicom.ae_title, broker.settings.store.url
    lines = (
        f"orders in:    swf send --to {hl7} FILE",
        f"worklist:     swf query {dicom} --as CT1       findscu -W -aec {title} {dicom.replace(':', ' ')}",
        f"status out:   this demo's MIS listens on {mis.address[0]}:{mis.address[1]}",
        f"what is kept: SWF_STORE_URL={store} swf orders",
        "Ctrl-C ends it.",
    )
    console.print(Text("\n".join(lines)))
    _signals().wait()


def _timeline(event: scenario.Event) -> Text:
    at = clock.local(event.at).strftime("%H:%M:%S.%f")[:-3]
    took = f"  {event.milliseconds:.0f} ms" if event.milliseconds else ""
    return Text.assemble(
        (at, "dim"), f"  {event.who:>3} → {event.to:<3}  {event.what:<32} ", (event.answer, "cyan"), (took, "dim")
    )


def _ready(broker: Broker) -> str:
    hl7, dicom = (f"{host}:{port}" for host, port in (broker.hl7.address, broker.dicom.address))
    return f"swf ready: HL7 on {hl7}, DICOM {broker.settings.dicom.ae_title} on {dicom}"


def _signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


# ---- setting up ----


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented swf.toml and a copy of the mappings, to be changed by the site."""
    present = [path for path in (folder / config.DEFAULT_FILE, folder / "mappings") if path.exists()]
    if present and not force:
        _refuse([f"{path} is there already; --force overwrites it" for path in present])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / config.DEFAULT_FILE).write_text(config.template(), encoding="utf-8")
    shutil.copytree(config.shipped_mappings(), folder / "mappings", dirs_exist_ok=True)
    print(f"wrote {folder / config.DEFAULT_FILE} and {folder / 'mappings'}")  # noqa: T201


@app.command()
def check(config_file: ConfigOption = None) -> None:
    """Validate the settings, certificates and mappings without starting anything; lists every mistake."""
    try:
        settings = config.load(config_file)
        tls.check(settings)
        sites.load(settings)
    except ConfigError as error:
        _refuse(error.mistakes)
    print(f"good: {config.mapping_file(settings)}")  # noqa: T201


@app.command()
def lint(
    file: Annotated[Path | None, typer.Argument(help="A mapping; without it those of the settings.")] = None,
    config_file: ConfigOption = None,
) -> None:
    """Every mistake of a mapping (exit code 2), then everything that is allowed and looks like one (exit code 1)."""
    warnings: list[str] = []
    with _refusals():
        settings = config.load(config_file)
        sent = {kind for destination in settings.destination for kind in destination.send}
        mappings = [loader.load(file)] if file else sites.load(settings).mappings()
        for mapping in mappings:
            warnings += mapping_lint.warnings(mapping, sent)
    if warnings:
        _refuse(warnings, NOT_AS_HOPED)
    for mapping in mappings:
        print(f"good: {mapping.path}")  # noqa: T201


@app.command()
def explain(
    file: Annotated[Path | None, typer.Argument(help="A file of HL7 messages, one or several.")] = None,
    number: Annotated[int | None, typer.Option("--message", "-m", help="A stored message instead, by its id.")] = None,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """What becomes of a message: each attribute with its field, function and mapping line, or why it is empty.

    Nothing is kept: a file is tried in an empty store, a stored message in the store it is in, which forgets the trial.
    """
    if (file is None) == (number is None):
        _refuse(["name either a file or a stored message"])
    with _refusals():
        site = sites.load(config.load(config_file))
    if number is not None:
        accounts = [_account_of_stored(site, number, config_file)]
    else:
        accounts = list(_accounts(site, _read(file or Path())))
    if as_json:
        _print_json(accounts)
    else:
        for told in accounts:
            _print_account(told)
    raise typer.Exit(NOT_AS_HOPED if any(told["refusal"] for told in accounts) else 0)


def _account_of_stored(site: Site, number: int, config_file: Path | None) -> dict[str, Any]:
    with _store(config_file) as database:
        row = _stored(database, number)
        return account.of(site, bytes(row.raw), row.peer, database.rehearse)


def _accounts(site: Site, content: bytes) -> Iterator[dict[str, Any]]:
    """The messages of a file one after the other, in a store that begins empty and is thrown away."""
    with tempfile.TemporaryDirectory(prefix="swf-explain-") as folder:
        database = Database(f"sqlite:///{folder}/swf.db")
        database.migrate()
        try:
            for raw in _messages(content):
                yield account.of(site, raw, "", database.run)
        finally:
            database.close()


def _print_account(told: Mapping[str, Any]) -> None:
    for item in told["items"]:
        print(item["title"])  # noqa: T201
        if item["lines"]:
            _print_table(_EXPLAINED, ([line[name] for name in _EXPLAINED] for line in map(_with_reason, item["lines"])))
        for warning in item["warnings"]:
            print(f"warning: {warning}")  # noqa: T201
    if told["added"]:
        print("the workflow adds")  # noqa: T201
        headings = [name.replace("_", " ") for name in _ADDED]
        _print_table(headings, ([line[name] for name in _ADDED] for line in told["added"]))
    if told["refusal"]:
        print(f"refused: {told['refusal']}")  # noqa: T201


def _with_reason(line: Mapping[str, str]) -> Mapping[str, str]:
    """A line whose attribute is empty tells the reason in the place of the field it came from."""
    return {**line, "from": line["from"] or f"empty: {line['why_empty']}"}


# ---- looking ----


@app.command()
def orders(
    search: Annotated[str, typer.Argument(help="An accession, order or patient number.")] = "",
    status: Annotated[str, typer.Option("--status", help="SC, IP, HD, CM, CA or DC.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Orders, the last changed first."""
    with _store(config_file) as database, database.reading() as connection:
        rows = order_store.overview(connection, limit=limit, status=status.upper(), search=search)
    columns = ("accession_number", "status", "placer_order_number", "filler_order_number", "patient_id", "modality")
    _show(rows, (*columns, "station", "start", "steps", "result_status", "updated_at"), as_json)


@app.command()
def trace(
    accession: Annotated[str, typer.Argument(help="An accession or placer order number.")],
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Everything that happened to the orders of an accession number (or placer order number), oldest first."""
    with _store(config_file) as database, database.reading() as connection:
        moments = journal.trace(connection, accession)
    if not moments:
        _refuse([f"nothing is known of {accession}"], NOT_AS_HOPED)
    lines = [{"at": moment.at, "event": moment.event, **moment.detail} for moment in moments]
    if as_json:
        _print_json(lines)
        return
    _print_table(
        ("at", "event", "detail"),
        (
            (_shown(moment.at), moment.event, "  ".join(f"{name}={value}" for name, value in moment.detail.items()))
            for moment in moments
        ),
    )


@messages_app.callback()
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
    with _store(config_file) as database, database.reading() as connection:
        rows = message_store.recent(connection, limit=limit, refused_only=refused)
    columns = ("id", "received_at", "source", "peer", "type", "control_id", "disposition", "ack_code", "reason")
    _show(rows, columns, as_json)


@messages_app.command("show")
def show_message(number: NumberArgument, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """One message: what came, what became of it, what was answered."""
    with _store(config_file) as database, database.reading() as connection:
        row = message_store.one(connection, number)
        events = journal.of_message(connection, number)
    if row is None:
        _refuse([f"there is no message {number}"], NOT_AS_HOPED)
    found = dict(row._mapping)  # noqa: SLF001  the documented way to a row's mapping
    raw, answer = found.pop("raw"), found.pop("acknowledgement")
    found |= {"text": _decoded(raw), "acknowledgement": _decoded(answer)}
    found["events"] = [{"event": event.event, **event.detail} for event in events]
    if as_json:
        _print_json([found])
        return
    for name, value in found.items():
        print(f"{name}: {_lines(value)}")  # noqa: T201


@messages_app.command("replay")
def replay_messages(
    numbers: Annotated[list[int], typer.Argument(help="Their ids in the list.", metavar="ID...")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Take stored messages again, in the order they came, with the mapping as it is now; the answers they got stay.

    What they made the first time is changed, nothing is made twice. Exit code 1 when one is still refused.
    """
    with _refusals():
        site = sites.load(config.load(config_file))
    with _store(config_file) as database:
        rows = [_stored(database, number) for number in sorted(set(numbers))]
        outcomes = replay.replay_all(database, site, rows, dry_run=dry_run)
    if as_json:
        _print_json([outcome._asdict() for outcome in outcomes])
    else:
        for outcome in outcomes:
            _print_outcome(outcome)
    raise typer.Exit(NOT_AS_HOPED if any(outcome.refusal for outcome in outcomes) else 0)


def _stored(database: Database, number: int) -> Record:
    with database.reading() as connection:
        row = message_store.one(connection, number)
    if row is None:
        _refuse([f"there is no message {number}"], NOT_AS_HOPED)
    return row


def _print_outcome(outcome: replay.Outcome) -> None:
    print(f"message {outcome.message}: {outcome.refusal or outcome.after}")  # noqa: T201
    if outcome.changes:
        _print_table([name.replace("_", " ") for name in replay.Change._fields], outcome.changes)


@deliveries_app.callback()
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
    with _store(config_file) as database, database.reading() as connection:
        rows = delivery_store.overview(connection, limit=limit, status=status.upper())
    columns = ("id", "destination", "type", "accession_number", "status", "attempts", "next_attempt_at", "last_error")
    _show(rows, (*columns, "delivered_at"), as_json)


@deliveries_app.command("show")
def show_delivery(number: NumberArgument, config_file: ConfigOption = None) -> None:
    """One message to a destination, as it is or will be sent."""
    with _store(config_file) as database, database.reading() as connection:
        row = delivery_store.one(connection, number)
    if row is None:
        _refuse([f"there is no delivery {number}"], NOT_AS_HOPED)
    print(_lines(_decoded(row.payload)))  # noqa: T201


@deliveries_app.command("retry")
def retry_delivery(number: NumberArgument, config_file: ConfigOption = None) -> None:
    """Put a parked message back into its line."""
    with _store(config_file) as database, database.transaction() as transaction:
        released = delivery_store.release(transaction, number, clock.now())
    if not released:
        _refuse([f"delivery {number} is not parked"], NOT_AS_HOPED)


# ---- for engineers ----


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="Files of HL7 messages, one or several in each.")],
    to: Annotated[str, typer.Option("--to", help="HOST:PORT of an MLLP listener.")] = HL7_DOOR,
) -> None:
    """Send messages over MLLP and print each acknowledgement; exit code 1 when one is not AA or CA."""
    client_address = _address(to)
    accepted = True
    for payload in (part for file in files for part in _messages(_read(file))):
        with _refusals():
            answer = mllp_client.exchange(*client_address, payload, TIMEOUT_S)
        print(_lines(_decoded(answer)))  # noqa: T201
        accepted = accepted and _is_accepted(answer)
    raise typer.Exit(0 if accepted else NOT_AS_HOPED)


@hl7_app.command("check")
def check_messages(
    files: Annotated[list[Path], typer.Argument(help="Files of HL7 messages, one or several in each.")],
) -> None:
    """What in messages does not conform to the HL7 version they declare; exit code 1 when anything does not."""
    found = False
    for file in files:
        for number, raw in enumerate(_messages(_read(file)), start=1):
            for finding in dictionary.check(_decoded(raw)):
                found = True
                print(f"{file}: message {number}: {finding}")  # noqa: T201
    raise typer.Exit(NOT_AS_HOPED if found else 0)


@app.command()
def listen(
    port: Annotated[int, typer.Option("--port", "-p", help="0 takes any free one.")] = 2576,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    count: Annotated[int, typer.Option("--count", "-n", help="End after so many messages; 0 never ends.")] = 0,
) -> None:
    """Be an MLLP receiver that prints every message and acknowledges it."""

    def took(received: Received) -> Any:
        print(f"{_shown(received.at)} {received.type}\n{_lines(received.text)}", flush=True)  # noqa: T201
        return "AA"

    with _refusals(), Mis(host, port, took) as mis:
        print(f"listening on {mis.address[0]}:{mis.address[1]}", flush=True)  # noqa: T201
        stopping = _signals()
        if not count:
            stopping.wait()
        while count and not stopping.is_set() and not mis.wait_for(count, 0.5):
            pass


@app.command()
def query(
    address: DicomAddress = DICOM_DOOR,
    keys: Annotated[list[str] | None, typer.Option("--key", "-k", help="A matching key, such as Modality=CT.")] = None,
    title: TitleOption = "SWF",
    called: CalledOption = "SWF",
    as_json: JsonOption = False,
) -> None:
    """Ask for the worklist as a modality does."""
    with _refusals():
        items = Modality(*_address(address), title, called).query(**dict(_pair(key) for key in keys or []))
    if as_json:
        _print_json([item.to_json_dict() for item in items])
        return
    headings = ("start", "station", "modality", "accession", "patient id", "patient", "step", "description")
    _print_table(headings, map(_worklist_line, items))


def _worklist_line(item: Dataset) -> Sequence[str]:
    step = item.ScheduledProcedureStepSequence[0]
    start = f"{step.ScheduledProcedureStepStartDate} {step.ScheduledProcedureStepStartTime}"
    device = (start, step.ScheduledStationAETitle, step.Modality, item.AccessionNumber)
    exam = (item.PatientID, item.PatientName, step.ScheduledProcedureStepID, step.ScheduledProcedureStepDescription)
    return [str(cell) for cell in device + exam]


@app.command()
def echo(address: DicomAddress = DICOM_DOOR, title: TitleOption = "SWF", called: CalledOption = "SWF") -> None:
    """Verify that a DICOM door answers (C-ECHO)."""
    with _refusals(NOT_AS_HOPED):
        milliseconds = Modality(*_address(address), title, called).echo()
    print(f"{address} answers as {called} in {milliseconds:.0f} ms")  # noqa: T201


# ---- shared by the commands ----


@contextmanager
def _store(config_file: Path | None) -> Iterator[Database]:
    """The store of the settings, for looking; a store nobody has made yet is refused, not made."""
    with _refusals():
        settings = config.load(config_file)
        _need_store(settings)
        database = Database(settings.store.url)
        database.migrate()
    try:
        with _refusals():
            yield database
    finally:
        database.close()


def _need_store(settings: Settings) -> None:
    path = settings.store.url.removeprefix("sqlite:///")
    if path != settings.store.url and not Path(path).is_file():
        raise ConfigError([f"store.url: there is no database {path}; start the broker once, or name the right one"])


@contextmanager
def _refusals(code: int = REFUSED) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        _refuse(error.mistakes, REFUSED)
    except SwfError as error:
        _refuse([f"{error}", f"hint: {error.advice}"], NOT_AS_HOPED if isinstance(error, PeerError) else code)


def _refuse(sentences: Iterable[str], code: int = REFUSED) -> NoReturn:
    for sentence in sentences:
        print(sentence, file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        _refuse([f"{text} is no address; write HOST:PORT"])
    return host.strip("[]"), int(port)


def _pair(text: str) -> tuple[str, str]:
    keyword, separator, value = text.partition("=")
    try:
        encoding.layout(keyword)
    except ValueError as error:
        _refuse([str(error)])
    if not separator:
        _refuse([f"{text} is no key; write Keyword=value"])
    return keyword, value


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        _refuse([f"{file}: {error.strerror}"])


def _messages(content: bytes) -> Iterator[bytes]:
    """The messages in a file, whatever its line ends, framed or not."""
    text = content.translate(None, mllp.START + mllp.END).replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    lines = [line for line in text.split(b"\r") if line.strip()]
    begins = [index for index, line in enumerate(lines) if line.startswith(b"MSH")] or [0]
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        yield b"\r".join([*lines[begin:end], b""])


def _is_accepted(answer: bytes) -> bool:
    try:
        return ack.read_acknowledgement(answer).accepted
    except UnreadableMessage:
        return False


def _decoded(raw: bytes) -> str:
    """The text of a message for people; what cannot be decoded is shown as it would be in Latin-1."""
    try:
        return charset.decode(raw, message.read_header(raw))[0]
    except UnreadableMessage:
        return raw.decode("latin-1")


def _lines(value: object) -> str:
    return str(value).rstrip("\r").replace("\r", "\n")


def _show(rows: Sequence[Any], columns: Sequence[str], as_json: bool) -> None:
    found = [{name: getattr(row, name) for name in columns} for row in rows]
    if as_json:
        _print_json(found)
        return
    headings = [name.replace("_", " ") for name in columns]
    _print_table(headings, ([_shown(value) for value in line.values()] for line in found))


def _print_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """A table that folds on a terminal and is as wide as it needs elsewhere: nobody can search for a number cut off."""
    table = Table(*(Column(heading, overflow="fold") for heading in headings), box=None)
    for line in lines:
        table.add_row(*map(Text, line))
    console = Console()
    if not console.is_terminal:
        console.width = _UNBOUNDED
    console.print(table)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return clock.local(value).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return "" if value is None else str(value)


def _print_json(lines: Sequence[Mapping[str, Any]]) -> None:
    print(json.dumps(lines, default=_jsonable, ensure_ascii=False, indent=2))  # noqa: T201


def _jsonable(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

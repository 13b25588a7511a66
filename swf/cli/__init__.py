"""The front door: one short function per command. Exit codes: 0 done, 1 not as hoped, 2 refused before it began."""

import gc
import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

# A new command is one line here: its word, where in swf.cli its function (or the Typer of its commands) stands, and the
# first paragraph of its help. A module is read when its command is typed: nobody waits for what another one needs.
COMMANDS = {
    "serve": (
        "serve:serve",
        "Run the broker in the foreground until SIGTERM or SIGINT; SIGHUP lets it read mapping and certificates anew.",
    ),
    "reload": (
        "serve:reload",
        "Let the running broker of this folder take over mapping, senders, modalities and certificates; all or nothing.",
    ),
    "demo": (
        "demo:demo",
        "Play two orders from the HIS to the scanner and back, over real sockets, and show what happened.",
    ),
    "init": ("settings:init", "Write a commented swf.toml and a copy of the mappings, to be changed by the site."),
    "check": (
        "settings:check",
        "Validate the settings, certificates and mappings without starting anything; lists every mistake.",
    ),
    "lint": (
        "mapping:lint",
        "Every mistake of a mapping (exit code 2), then everything that is allowed and looks like one (exit code 1).",
    ),
    "explain": (
        "mapping:explain",
        "What becomes of a message: each attribute with its field, function and mapping line, or why it is empty.",
    ),
    "mapping": ("mapping:app", "Drafts of the mapping: what they would change, saving and undoing them."),
    "orders": ("orders:app", "Orders, the last changed first."),
    "trace": (
        "orders:trace",
        "Everything that happened to the orders of an accession number (or placer order number), oldest first.",
    ),
    "held": (
        "held:held",
        "Entries kept from the worklist, each with its reasons; a correction of the order releases them.",
    ),
    "journal": (
        "journal:journal",
        "Everything that happened, the newest first; `swf trace` has what concerns one order.",
    ),
    "statistics": (
        "statistics:statistics",
        "How many orders, exams and messages, and how long each way took, over the last days.",
    ),
    "send": (
        "hl7:send",
        "Send messages over MLLP and print each acknowledgement; exit code 1 when one is not AA or CA.",
    ),
    "listen": ("hl7:listen", "Be an MLLP receiver that prints every message and acknowledges it."),
    "queries": (
        "stations:queries",
        "The worklist queries of modalities, the newest first; one that came again with the same outcome is one line.",
    ),
    "why": (
        "stations:why",
        "Would this modality see this order now? If not, which rule hides it, and what mends that (exit code 1).",
    ),
    "worklist": (
        "worklist:worklist",
        "The worklist a station would get now, by the same rules as over the network; it is not noted as a query.",
    ),
    "query": (
        "dicom:query",
        "Ask for the worklist as a modality does: over the network, or from the store what that modality would get.",
    ),
    "echo": (
        "devices:echo",
        "Verify that a DICOM door answers (C-ECHO), or a destination takes a connection; it says exactly why not.",
    ),
    "devices": (
        "devices:devices",
        "Every device of the settings and whoever else has called: when it was last heard of, by what, and who was rejected.",
    ),
    "doctor": (
        "doctor:doctor",
        "Try everything this broker needs: settings, store, doors, peers, certificates, clock; then list the issues.",
    ),
    "issues": ("issues:app", "Problems there are now, and who has each."),
    "hl7": ("hl7:app", "HL7 messages as the standard sees them."),
    "messages": ("messages:app", "Received messages, the newest first."),
    "mpps": ("mpps:app", "Performed procedure steps, the newest first."),
    "patients": ("patients:app", "Merged patients."),
    "deliveries": ("deliveries:app", "Messages to destinations, the newest first."),
    "users": ("users:app", "Who may use the operator's window."),
    "tokens": ("tokens:app", "Tokens by which programs use the operator's window."),
    "simulate": ("simulate:app", "Play the other side: a HIS, a modality or an MIS, with invented patients."),
}


@cache
def _loaded(word: str) -> Any:
    """The command as its module makes it; garbage is collected from here on, and not sought among modules."""
    module, _, name = COMMANDS[word][0].partition(":")
    made = getattr(importlib.import_module(f"swf.cli.{module}"), name)
    gc.freeze()
    gc.enable()
    alone = typer.Typer()
    if isinstance(made, typer.Typer):
        alone.add_typer(made, name=word)
    else:
        alone.command(word)(made)
    return typer.main.get_group(alone).commands[word]


class _Loaded(Mapping[str, Any]):
    """Every command by its word; looking at one reads its module."""

    def __getitem__(self, word: str) -> Any:
        return _loaded(word)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _FrontDoor(TyperGroup):
    """Knows what each command is for, for help and completion, and reads the module of the one that is typed."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": _Loaded()})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the signature is typer's
        """Every word, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """What is said of a command, without the command itself."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is typed."""
        word, found, rest = super().resolve_command(ctx, args)
        return word, word and found and self.commands[word], rest


app = typer.Typer(
    cls=_FrontDoor,
    help="A scheduled-workflow broker: HL7 orders in, DICOM worklist and MPPS, HL7 status out.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"swf {metadata.version('swf-broker')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")] = False,
) -> None:
    """Options of the program itself."""

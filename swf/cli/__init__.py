"""The front door: one short function per command. Exit codes: 0 done, 1 not as hoped, 2 refused before it began."""

from importlib import metadata
from typing import Annotated

import typer

from swf.cli import (
    deliveries,
    demo,
    dicom,
    held,
    hl7,
    journal,
    mapping,
    messages,
    mpps,
    orders,
    patients,
    serve,
    settings,
    stations,
)

app = typer.Typer(
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


for command in (
    serve.serve,
    serve.reload,
    demo.demo,
    settings.init,
    settings.check,
    mapping.lint,
    mapping.explain,
    orders.orders,
    orders.trace,
    held.held,
    journal.journal,
    hl7.send,
    hl7.listen,
    stations.queries,
    stations.why,
    dicom.query,
    dicom.echo,
):
    app.command()(command)

GROUPS = (
    ("hl7", hl7.app),
    ("messages", messages.app),
    ("mpps", mpps.app),
    ("patients", patients.app),
    ("deliveries", deliveries.app),
)
for name, group in GROUPS:
    app.add_typer(group, name=name)

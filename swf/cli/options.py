"""The options and arguments that several commands share, and the exit codes."""

from pathlib import Path
from typing import Annotated

import typer

NOT_AS_HOPED, REFUSED = 1, 2
DICOM_DOOR, HL7_DOOR = "127.0.0.1:11112", "127.0.0.1:2575"

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The settings; without it ./swf.toml, else the defaults.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
NumberArgument = Annotated[int, typer.Argument(help="Its id in the list.")]

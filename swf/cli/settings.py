"""`swf init` and `swf check`: the files of a site."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from swf import config
from swf.cli.options import ConfigOption
from swf.cli.refusals import refuse
from swf.errors import ConfigError
from swf.net import tls
from swf.workflow import site as sites


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented swf.toml and a copy of the mappings, to be changed by the site."""
    present = [path for path in (folder / config.DEFAULT_FILE, folder / "mappings") if path.exists()]
    if present and not force:
        refuse([f"{path} is there already; --force overwrites it" for path in present])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / config.DEFAULT_FILE).write_text(config.template(), encoding="utf-8")
    shutil.copytree(config.shipped_mappings(), folder / "mappings", dirs_exist_ok=True)
    print(f"wrote {folder / config.DEFAULT_FILE} and {folder / 'mappings'}")


def check(config_file: ConfigOption = None) -> None:
    """Validate the settings, certificates and mappings without starting anything; lists every mistake."""
    try:
        settings = config.load(config_file)
        tls.check(settings)
        sites.load(settings)
    except ConfigError as error:
        refuse(error.mistakes)
    print(f"good: {config.mapping_file(settings)}")

"""`swf queries`: what modalities asked, and what they got (RAD-5)."""

from typing import Annotated, Any

import typer
from pydicom.uid import UID

from swf.cli.options import ConfigOption, JsonOption, LimitOption
from swf.cli.screen import print_json, print_table, shown
from swf.cli.stored import looking
from swf.dicom import datasets
from swf.store import queries as query_store
from swf.store.database import Record
from swf.workflow import stations

_COLUMNS = ("last_at", "ae_title", "called", "address", "keys", "answers", "status", "milliseconds", "times")


def queries(
    title: Annotated[str, typer.Option("--ae", help="Only those of this AE title.")] = "",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """The worklist queries of modalities, the newest first; one that came again with the same outcome is one line."""
    with looking(config_file) as database, database.reading() as connection:
        rows = query_store.recent(connection, limit=limit, ae_title=title)
    lines = [{**{name: getattr(row, name, None) for name in _COLUMNS}, "keys": _keys(row)} for row in rows]
    if as_json:
        print_json([{**line, "first_at": row.first_at} for line, row in zip(lines, rows, strict=True)])
        return
    print_table([name.replace("_", " ") for name in _COLUMNS], map(_cells, lines))


def _keys(row: Record) -> dict[str, str]:
    try:
        return stations.keys_of(datasets.decoded(row.identifier, UID(row.syntax)))
    except Exception:  # noqa: BLE001  pydicom raises what it likes for bytes that are no dataset
        return {"": "unreadable"}


def _cells(line: dict[str, Any]) -> list[str]:
    keys = " ".join(f"{path.rpartition('/')[2]}={value}" for path, value in line["keys"].items())
    return [shown({**line, "keys": keys.lstrip("=")}[name]) for name in _COLUMNS]

"""`swf held`: the entries that are kept from the worklist because a strict modality would choke on them (RAD-5)."""

from typing import Annotated, Any

import typer

from swf import config
from swf.cli.options import ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals
from swf.cli.screen import print_json, print_table
from swf.cli.stored import looking
from swf.dicom import flaws, terms
from swf.store import worklist

_COLUMNS = ("accession_number", "placer_order_number", "step_id", "station", "start", "status", "shown", "flaws")


def held(
    every: Annotated[bool, typer.Option("--all", help="With the flawed entries that are shown all the same.")] = False,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Entries kept from the worklist, each with its reasons; a correction of the order releases them."""
    with refusals():
        hold = flaws.mask(config.load(config_file).worklist.hold_for)
    with looking(config_file) as database, database.reading() as connection:
        rows = worklist.flawed(connection, sorted(terms.LISTED), among=0 if every else hold, limit=limit)
    lines = [
        {
            "accession_number": row.order_accession,
            "placer_order_number": row.placer,
            "step_id": row.step_id,
            "station": row.station,
            "start": row.start,
            "status": row.status,
            "shown": not row.flaws & hold,
            "flaws": [
                {"kind": found.flaw, "attribute": found.attribute, "text": found.text}
                for found in flaws.of(row.dataset)
            ],
        }
        for row in rows
    ]
    if as_json:
        print_json(lines)
        return
    print_table([name.replace("_", " ") for name in _COLUMNS], map(_cells, lines))


def _cells(line: dict[str, Any]) -> list[str]:
    told = "; ".join(f"{flaw['attribute'].rpartition('/')[2]} {flaw['text']}" for flaw in line["flaws"])
    return [*(str(line[name]) for name in _COLUMNS[:-2]), "yes" if line["shown"] else "no", told]

"""`swf held`: the entries kept from the worklist, from every device or from some, each with its reasons (RAD-5)."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from swf import clock, config
from swf.cli.options import ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals
from swf.cli.screen import print_json, print_table
from swf.cli.stored import looking
from swf.dicom import flaws, terms
from swf.dicom.flaws import Flaw
from swf.store import worklist
from swf.store.database import Record
from swf.workflow import withheld
from swf.workflow.withheld import Lack

_NUMBERS = ("accession_number", "placer_order_number", "step_id", "station", "start", "status")
_COLUMNS = (*_NUMBERS, "shown", "withheld_from", "flaws")


def held(
    every: Annotated[bool, typer.Option("--all", help="With the flawed entries that are shown all the same.")] = False,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Entries kept from the worklist, each with its reasons; a correction of the order releases them.

    Those with a flaw are kept from everybody, those that lack what a modality or profile `needs` from that device.
    """
    with refusals():
        settings = config.load(config_file)
    hold = flaws.mask(settings.worklist.hold_for)
    with looking(config_file) as database, database.reading() as connection:
        rows = worklist.flawed(connection, sorted(terms.LISTED), among=0 if every else hold, limit=limit)
        kept = withheld.of(connection, settings, clock.now())
        others = worklist.with_numbers(connection, list(islice(kept.keys() - {row.id for row in rows}, limit)))
    lines = [_line(row, kept.get(row.id, ()), hold) for row in [*rows, *others][:limit]]
    if as_json:
        print_json(lines)
        return
    print_table([name.replace("_", " ") for name in _COLUMNS], map(_cells, lines))


def _line(row: Record, lacks: Sequence[Lack], hold: int) -> dict[str, Any]:
    found = [
        {"kind": each.flaw, "attribute": each.attribute, "text": each.text, "mends": withheld.MENDS[each.flaw]}
        for each in flaws.of(row.dataset)
    ]
    found += [
        {
            "kind": "needed",
            "attribute": attribute,
            "text": f"has no value, and {lack.ae_title} needs one",
            "mends": withheld.MENDS[Flaw.MISSING],
        }
        for lack in lacks
        for attribute in lack.attributes
    ]
    return {
        "accession_number": row.order_accession,
        "placer_order_number": row.placer,
        "step_id": row.step_id,
        "station": row.station,
        "start": row.start,
        "status": row.status,
        "shown": not row.flaws & hold,
        "withheld_from": [lack.ae_title for lack in lacks],
        "flaws": found,
    }


def _cells(line: dict[str, Any]) -> list[str]:
    told = "; ".join(f"{flaw['attribute'].rpartition('/')[2]} {flaw['text']}" for flaw in line["flaws"])
    shown = "yes" if line["shown"] else "no"
    return [*(str(line[name]) for name in _NUMBERS), shown, ", ".join(line["withheld_from"]), told]

"""`swf worklist`: what a station would be told now, what is kept back from it and why, by which filters (RAD-5)."""

from typing import Annotated, Any

import typer

from swf import clock, config
from swf.cli.options import ConfigOption, JsonOption, LimitOption
from swf.cli.refusals import refusals
from swf.cli.screen import print_json, print_table
from swf.cli.stored import looking
from swf.dicom import listing
from swf.store.database import Record
from swf.workflow import station_list
from swf.workflow.station_list import Listed, StationList

_STEP = "ScheduledProcedureStepSequence/"
_SHOWN = {
    "start": (f"{_STEP}ScheduledProcedureStepStartDate", f"{_STEP}ScheduledProcedureStepStartTime"),
    "modality": (f"{_STEP}Modality",),
    "station": (f"{_STEP}ScheduledStationAETitle",),
    "description": (f"{_STEP}ScheduledProcedureStepDescription",),
    "patient id": ("PatientID",),
    "patient": ("PatientName",),
}


def worklist(
    title: Annotated[str, typer.Argument(help="The AE title the station calls with.")],
    *,
    called: Annotated[str, typer.Option("--called", help="The AE title it calls; without it [dicom] ae_title.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="As if it asked for everything; else as it asked last.")
    ] = False,
    limit: LimitOption = 100,
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """The worklist a station would get now, by the same rules as over the network; it is not noted as a query.

    `swf query` asks with keys of your own, `swf why` tells of one order.
    """
    with refusals():
        settings = config.load(config_file)
    with looking(config_file) as database, database.reading() as connection:
        found = station_list.of(connection, settings, (title, called), clock.now(), last=not everything, most=limit)
    if as_json:
        print_json([_jsonable(found)])
    else:
        _print(found)


def _jsonable(found: StationList) -> dict[str, Any]:
    return {
        "ae_title": found.station.ae_title,
        "called": found.station.called,
        "configured": found.station.known,
        "turned_away": found.turned_away,
        "asked": found.asked,
        "filters": [each._asdict() for each in found.filters],
        "matching": found.matching,
        "entries": [{**_numbers(each.row), "attributes": _told(each)} for each in found.listed],
        "kept": [
            {**_numbers(each.row), "from_everybody": each.from_everybody, "reasons": each.reasons}
            for each in found.kept
        ],
    }


def _numbers(row: Record) -> dict[str, Any]:
    return {"order": row.order_accession or row.placer, "step_id": row.step_id, "status": row.status}


def _told(listed: Listed) -> dict[str, str]:
    return listing.attributes(listed.dataset())


def _print(found: StationList) -> None:
    if found.turned_away:
        print(f"its association is rejected: {found.turned_away}")
    steps = "step is" if found.matching == 1 else "steps are"
    print(f"{found.matching} {steps} on the list of {found.station.ae_title} at {found.station.called}")
    if found.listed:
        print_table(("order", "step", "status", *_SHOWN), map(_cells, found.listed))
    if found.kept:
        print("kept back:")
        lines = ([each.row.order_accession or each.row.placer, each.row.step_id, _why(each)] for each in found.kept)
        print_table(("order", "step", "why"), lines)
    print("filters:")
    print_table(("rule", "from", "lets through"), found.filters)


def _why(kept: station_list.Kept) -> str:
    return f"{'' if kept.from_everybody else 'from it alone: '}{'; '.join(kept.reasons)}"


def _cells(listed: Listed) -> list[str]:
    told = _told(listed)
    values = [" ".join(told.get(path, "") for path in paths).strip() for paths in _SHOWN.values()]
    return [*map(str, _numbers(listed.row).values()), *values]

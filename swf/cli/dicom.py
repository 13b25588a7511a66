"""`swf query`: DICOM from the other side."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from swf import clock, config
from swf.cli.options import ConfigOption, JsonOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_json, print_table
from swf.cli.typed import address_of
from swf.dicom import datasets, encoding, listing, worklist
from swf.extensions.simulator.modality import Modality, worklist_query

_TitleOption = Annotated[str, typer.Option("--as", help="The calling AE title.")]
_CalledOption = Annotated[str, typer.Option("--called", help="The called AE title.")]
_DicomAddress = Annotated[str, typer.Argument(help="HOST:PORT of the DICOM door.")]


def query(
    address: Annotated[
        str, typer.Argument(help="HOST:PORT of a DICOM door to ask over the network; without it the store is asked.")
    ] = "",
    *,
    keys: Annotated[list[str] | None, typer.Option("--key", "-k", help="A matching key, such as Modality=CT.")] = None,
    title: _TitleOption = "SWF",
    called: _CalledOption = "SWF",
    as_json: JsonOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Ask for the worklist as a modality does: over the network, or from the store what that modality would get.

    From the store every attribute is shown as the modality's profile has it; no modality has to be near, and none is
    noted to have asked.
    """
    asked = worklist_query(**dict(_pair(key) for key in keys or []))
    if not address:
        items = _from_store(asked, title, called, config_file)
    else:
        with refusals():
            items = Modality(*address_of(address), title, called).ask(asked)
    if as_json:
        print_json([item.to_json_dict() for item in items])
    elif address:
        headings = ("start", "station", "modality", "accession", "patient id", "patient", "step", "description")
        print_table(headings, map(_worklist_line, items))
    else:
        for item in items:
            print_table(("attribute", "value"), listing.attributes(item).items())


def _from_store(asked: Dataset, title: str, called: str, config_file: Path | None) -> list[Dataset]:
    """What the door would answer, read back as the modality reads it."""
    from swf.cli.stored import looking  # noqa: PLC0415  what is asked over the network needs no store
    from swf.workflow import stations  # noqa: PLC0415

    with refusals():
        settings = config.load(config_file)
    station = stations.find(settings, title, called)
    query = stations.read_query(
        station, datasets.decoded(datasets.encoded(asked, ImplicitVRLittleEndian), ImplicitVRLittleEndian)
    )
    with looking(config_file) as database, database.reading() as connection:
        found = itertools.islice(
            stations.items(connection, station, query, clock.now()), settings.dicom.max_answers or None
        )
        answers = [worklist.answer_bytes(item.stored, query, implicit=True) for item in found]
    return [datasets.decoded(answer, ImplicitVRLittleEndian) for answer in answers]


def _worklist_line(item: Dataset) -> Sequence[str]:
    step = item.ScheduledProcedureStepSequence[0]
    start = f"{step.ScheduledProcedureStepStartDate} {step.ScheduledProcedureStepStartTime}"
    device = (start, step.ScheduledStationAETitle, step.Modality, item.AccessionNumber)
    exam = (item.PatientID, item.PatientName, step.ScheduledProcedureStepID, step.ScheduledProcedureStepDescription)
    return [str(cell) for cell in device + exam]


def _pair(text: str) -> tuple[str, str]:
    keyword, separator, value = text.partition("=")
    try:
        encoding.layout(keyword)
    except ValueError as error:
        refuse([str(error)])
    if not separator:
        refuse([f"{text} is no key; write Keyword=value"])
    return keyword, value

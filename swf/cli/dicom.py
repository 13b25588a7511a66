"""`swf query` and `swf echo`: DICOM from the other side."""

from collections.abc import Sequence
from typing import Annotated

import typer
from pydicom.dataset import Dataset

from swf.cli.options import DICOM_DOOR, NOT_AS_HOPED, JsonOption
from swf.cli.refusals import refusals, refuse
from swf.cli.screen import print_json, print_table
from swf.cli.typed import address_of
from swf.dicom import encoding
from swf.extensions.simulator.modality import Modality

_TitleOption = Annotated[str, typer.Option("--as", help="The calling AE title.")]
_CalledOption = Annotated[str, typer.Option("--called", help="The called AE title.")]
_DicomAddress = Annotated[str, typer.Argument(help="HOST:PORT of the DICOM door.")]


def query(
    address: _DicomAddress = DICOM_DOOR,
    keys: Annotated[list[str] | None, typer.Option("--key", "-k", help="A matching key, such as Modality=CT.")] = None,
    title: _TitleOption = "SWF",
    called: _CalledOption = "SWF",
    as_json: JsonOption = False,
) -> None:
    """Ask for the worklist as a modality does."""
    with refusals():
        items = Modality(*address_of(address), title, called).query(**dict(_pair(key) for key in keys or []))
    if as_json:
        print_json([item.to_json_dict() for item in items])
        return
    headings = ("start", "station", "modality", "accession", "patient id", "patient", "step", "description")
    print_table(headings, map(_worklist_line, items))


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


def echo(address: _DicomAddress = DICOM_DOOR, title: _TitleOption = "SWF", called: _CalledOption = "SWF") -> None:
    """Verify that a DICOM door answers (C-ECHO)."""
    with refusals(NOT_AS_HOPED):
        milliseconds = Modality(*address_of(address), title, called).echo()
    print(f"{address} answers as {called} in {milliseconds:.0f} ms")

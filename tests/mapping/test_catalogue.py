"""The procedure catalogue and the rules for stations: what an order that names no step comes to."""

from pathlib import Path

import pytest

from swf.dicom import encoding
from swf.errors import ConfigError
from swf.mapping import inbound, loader
from swf.mapping.inbound import MappedStep
from swf.mapping.rules import SiteMapping
from tests.mapping.conftest import SHIPPED, order

COLUMNS = "code,procedure_code,procedure,procedure_scheme,modality,step,stations,protocols,minutes\n"
ROWS = (
    "PETCT,PC1,PET-CT body,99SITE,CT,Low dose,PET1~PET2,P1^Low^99P~P2,10\n"
    "PETCT,PC1,PET-CT body,99SITE,PT,PET body,,,25\n"
    "XR,,,,DX,,,,\n"
)
RULES = """
[[station_rules]]
location = "ER"
modality = ["DX", "CR"]
stations = "DX-ER"
[[station_rules]]
code = "MRCARD"
stations = ["MR3"]
[[station_rules]]
when = { "OBR-30" = "PORT" }
stations = "MOBILE"
[stations]
DX = "DX1"
"""


def site(folder: Path, rows: str = COLUMNS + ROWS) -> SiteMapping:
    """The mapping of a site with a catalogue and rules for its stations."""
    (folder / "procedures.csv").write_text(rows, encoding="utf-8")
    text = f'extends = "{SHIPPED}"\n[catalogue]\nfile = "procedures.csv"\n{RULES}'
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return loader.load(folder / "site.toml")


def planned(folder: Path, changing: bool = False, **fields: str) -> list[MappedStep]:
    """The steps of an order at that site."""
    return inbound.steps(site(folder), order(**fields), changing=changing)


def test_one_service_is_two_steps(tmp_path: Path) -> None:
    """One universal service becomes both its steps, the second when the first has ended, under one procedure."""
    first, second = planned(tmp_path, obr_4="PETCT^PET")
    assert [step.step["Modality"] for step in (first, second)] == ["CT", "PT"]
    assert first.item["RequestedProcedureCodeSequence"] == second.item["RequestedProcedureCodeSequence"]
    assert first.item["RequestedProcedureDescription"] == "PET-CT body"
    assert first.step["ScheduledStationAETitle"] == "PET1\\PET2"
    assert [code["CodeValue"] for code in first.step["ScheduledProtocolCodeSequence"]] == ["P1", "P2"]  # type: ignore[index]
    begin, end = "ScheduledProcedureStepStartTime", "ScheduledProcedureStepEndTime"
    assert [(step.step[begin], step.step[end]) for step in (first, second)] == [
        ("093000", "094000"),
        ("094000", "100500"),
    ]
    assert [encoding.decode(encoding.encode(step.item)).PatientID for step in (first, second)] == ["4711", "4711"]


def test_a_change_moves_every_step(tmp_path: Path) -> None:
    """A change of time moves all steps of the procedure; one that names no time moves none."""
    moved = planned(tmp_path, changing=True, obr_4="PETCT", orc_7="^^^20260317235500")
    starts = [
        (step.step["ScheduledProcedureStepStartDate"], step.step["ScheduledProcedureStepStartTime"]) for step in moved
    ]
    assert starts == [("20260317", "235500"), ("20260318", "000500")]
    unmoved = planned(tmp_path, changing=True, obr_4="PETCT", orc_7="")
    assert ["ScheduledProcedureStepStartDate" in step.step for step in unmoved] == [False, False]


@pytest.mark.parametrize(
    ("fields", "modality"),
    [
        ({"obr_4": "PETCT", "obr_24": "US"}, "US"),
        ({"obr_4": "PETCT", "obr_20": "SPS1"}, "OT"),
        ({"obr_4": "PETCT", "ipc_4": "SPS1", "ipc_5": "MR"}, "MR"),
        ({"obr_4": "OTHER"}, "OT"),
        ({"obr_4": ""}, "OT"),
    ],
)
def test_what_the_message_names_counts(tmp_path: Path, fields: dict[str, str], modality: str) -> None:
    """An order that names its own step or modality, or a service that is not listed, stays as it is: one step."""
    (step,) = planned(tmp_path, **fields)
    assert step.step["Modality"] == modality


@pytest.mark.parametrize(
    ("fields", "station"),
    [
        ({"obr_4": "XR", "pv1_3": "ER^1"}, "DX-ER"),
        ({"obr_4": "XR", "pv1_3": "WARD"}, "DX1"),
        ({"obr_4": "MRCARD", "obr_24": "MR", "pv1_3": "ER"}, "MR3"),
        ({"obr_4": "US", "obr_24": "US", "obr_30": "PORT"}, "MOBILE"),
        ({"obr_4": "US", "obr_24": "US"}, "UNKNOWN"),
        ({"obr_4": "XR", "pv1_3": "ER", "obr_24": "DX", "ipc_9": "DX7"}, "DX7"),
    ],
)
def test_the_first_rule_that_fits_names_the_station(tmp_path: Path, fields: dict[str, str], station: str) -> None:
    """Orders go to the station of the first rule they meet, else to those of their modality; one named stays."""
    (step,) = planned(tmp_path, **fields)
    assert step.step["ScheduledStationAETitle"] == station


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("code,modality,minuts\nA,CT,5\n", "1: there is no column minuts; did you mean minutes?"),
        ("code,step\nA,Head\n", "1: has no column modality"),
        ("code,modality\n,CT\n", "2: has no code"),
        ("code,modality\nA,ct\n", "2: Modality holds other characters"),
        ("code,modality,minutes\nA,CT,soon\n", "2: minutes must be a whole number from 1 to 1440"),
        ("code,modality,stations\nA,CT,A STATION WITH A LONG NAME\n", "2: ScheduledStationAETitle is longer than 16"),
        ("code,modality,procedure_code\nA,CT,A-CODE-FAR-TOO-LONG\n", "2: CodeValue is longer than 16"),
    ],
)
def test_faults_of_a_catalogue(tmp_path: Path, rows: str, expected: str) -> None:
    """Every fault of the catalogue is told with its line, before an order meets it."""
    with pytest.raises(ConfigError) as refused:
        site(tmp_path, rows)
    assert refused.value.mistakes[0].replace(f"{tmp_path}/", "").startswith(f"procedures.csv:{expected}")


def test_the_shipped_example_works(tmp_path: Path) -> None:
    """The catalogue that comes with swf as an example can be used as it is."""
    example = SHIPPED.parent / "codes" / "procedures.csv"
    steps = inbound.steps(site(tmp_path, example.read_text("utf-8")), order(obr_4="PETCT"), changing=False)
    assert [step.step["ScheduledStationAETitle"] for step in steps] == ["PETCT1", "PETCT1"]

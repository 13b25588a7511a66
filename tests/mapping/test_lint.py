"""What is allowed in a mapping and still looks like a mistake."""

from pathlib import Path

import pytest

from swf import config
from swf.mapping import lint, loader
from swf.mapping.rules import SiteMapping
from tests.mapping.conftest import Written

WHOLE = """[attributes]
PatientID = { from = "PID-3.1", required = true }
PatientName = { from = "PID-5", as = "name", required = true }
[attributes.ScheduledProcedureStepSequence]
Modality = { from = "OBR-24", default = "OT" }
ScheduledProcedureStepStartDate = { from = "MSH-7", as = "date", required = true }
ScheduledProcedureStepStartTime = { from = "MSH-7", as = "time", required = true }
[stations]
"*" = "ANY"
"""


@pytest.mark.parametrize("path", sorted(config.shipped_mappings().rglob("*.toml")), ids=lambda path: path.stem)
def test_no_shipped_mapping_has_a_warning(path: Path) -> None:
    """What a site starts from is in order."""
    assert lint.warnings(loader.load(path), ["ORM^O01", "ORU^R01"]) == []
    assert lint.warnings(loader.load(path), []) == []


def test_an_attribute_that_may_stay_empty_is_named(written: Written) -> None:
    """A worklist item without a modality or without a patient's name is not lawful; the lines that allow it are named."""
    text = WHOLE.replace(', default = "OT"', "").replace(
        'PatientName = { from = "PID-5", as = "name", required = true }\n', ""
    )
    path = written(text)
    must = "and a worklist item must have a value of it (PS3.4 K.6-1, type 1)"
    assert lint.warnings(loader.load(path), []) == [
        f"{path}:4: Modality is neither required nor has a default, {must}",
        f"{path}: PatientName has no line, {must}",
    ]


def test_a_station_comes_from_a_line_or_the_table(written: Written) -> None:
    """Without a station for every modality, an order may be on nobody's worklist."""
    (warning,) = lint.warnings(loader.load(written(WHOLE.replace('"*"', "CT"))), [])
    assert "ScheduledStationAETitle has no line" in warning


def test_an_attribute_on_the_wrong_level_is_named(written: Written) -> None:
    """A start date beside the patient, instead of inside the step, would never be found by a modality."""
    line = 'AccessionNumber = { from = "OBR-18" }\n'
    (warning,) = lint.warnings(loader.load(written(WHOLE.replace("[stations]", f"{line}[stations]"))), [])
    assert "AccessionNumber belongs into [attributes]" in warning


def test_a_place_that_is_never_read_is_named(written: Written) -> None:
    """A second place that an earlier one covers was meant to be another one."""
    lines = (
        'AccessionNumber = { from = ["OBR-18", "OBR-18.1", "OBR-19", "OBR-18"] }\n'
        'RequestedProcedureDescription = { from = ["OBR-4.2", "OBR-4.1", "OBR-4"] }\n'
        'RequestedProcedureCodeSequence = { from = ["OBR-4", "OBR-4.4"], as = "code" }\n'
    )
    found = lint.warnings(loader.load(written(WHOLE.replace("[attributes.", f"{lines}[attributes.", 1))), [])
    assert [warning.partition(": ")[2].partition(",")[0] for warning in found] == [
        "AccessionNumber: OBR-18.1 is never read",
        "AccessionNumber: OBR-18 is never read",
    ]


def test_a_line_behind_a_default_is_named(written: Written) -> None:
    """A second line for a modality is never reached when the first has a default for everybody."""
    first, second = '{ from = "OBR-24", default = "OT" }', '{ from = "OBR-25" }'
    line = f"Modality = {first}"
    found = lint.warnings(loader.load(written(WHOLE.replace(line, f"Modality = [{first}, {second}]"))), [])
    assert [warning.partition(": ")[2][:40] for warning in found] == ["Modality: a further line is never read f"]
    swapped = lint.warnings(loader.load(written(WHOLE.replace(line, f"Modality = [{second}, {first}]"))), [])
    assert swapped == []


def test_templates_and_destinations_fit(shipped: SiteMapping) -> None:
    """A destination whose message has no template is told nothing; a template nobody gets is idle. Both are said."""
    missing, unused = lint.warnings(shipped, ["ORM^O01", "OMG^O19"])
    assert missing.endswith("destinations get OMG^O19, and [messages] has no template of it")
    assert unused.endswith("no destination gets ORU^R01; its template is not used")


def test_what_may_be_too_long_is_told_beforehand(written: Written) -> None:
    """An administrator sees which fields HL7 lets be longer than a worklist holds, and whether they are cut or refused."""
    lines = (
        'AccessionNumber = { from = ["IPC-1.1", "OBR-18"] }\n'
        'PlacerOrderNumberImagingServiceRequest = { from = "ORC-2.1" }\n'
        'MedicalAlerts = { from = "OBR-13" }\n'
        'PatientBirthDate = { from = "PID-7", as = "date" }\n'
    )
    path = written(WHOLE.replace("[attributes.", f"{lines}[attributes.", 1))
    found = [note.partition(": ")[2] for note in lint.lengths(loader.load(path))]
    assert found[-3:] == [
        "AccessionNumber: IPC-1.1 may have 80 characters and SH holds 16; what is longer is refused",
        "AccessionNumber: OBR-18 may have 60 characters and SH holds 16; what is longer is refused",
        "MedicalAlerts: OBR-13 may have 300 characters and LO holds 64; what is longer is cut",
    ]

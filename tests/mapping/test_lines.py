"""What a line of a mapping can say: conditions, code tables, several functions, all places, several lines."""

from pathlib import Path
from typing import Any

import pytest

from swf import config
from swf.errors import ConfigError
from swf.mapping import inbound, loader
from tests.mapping.conftest import SHIPPED, Written, groups, order

CSV = "code,value,comment\nA,ALPHA,first\n*,*,\n"


def item(folder: Path, line: str, **fields: str) -> dict[str, Any]:
    """The item of an order, with one line more than the shipped mapping has."""
    changing = fields.pop("changing", "") != ""
    (step,) = inbound.steps(loader.load(site(folder, line)), order(**fields), changing=changing)
    return dict(step.item)


def site(folder: Path, line: str, csv: str = CSV) -> Path:
    """A site's file with one line of its own, and a code table beside it."""
    (folder / "table.csv").write_text(csv, encoding="utf-8")
    path = folder / "site.toml"
    path.write_text(f'extends = "{SHIPPED}"\n[attributes]\n{line}\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("when", "fields", "taken"),
    [
        ('{ "PV1-2" = "E" }', {"pv1_2": "E"}, True),
        ('{ "PV1-2" = "E" }', {"pv1_2": "I"}, False),
        ('{ "PV1-2" = "E" }', {}, False),
        ('{ "PV1-2" = ["E", "I"] }', {"pv1_2": "I"}, True),
        ('{ "PV1-2" = "*" }', {"pv1_2": "O"}, True),
        ('{ "PV1-2" = "*" }', {"pv1_2": '""'}, False),
        ('{ "PV1-2" = "" }', {}, True),
        ('{ "PV1-2" = "" }', {"pv1_2": "O"}, False),
        ('{ "PV1-2" = "E", "OBR-5" = "S" }', {"pv1_2": "E"}, False),
        ('{ "PV1-2" = "E", "OBR-5" = "S" }', {"pv1_2": "E", "obr_5": "S"}, True),
        ('{ "PV1-15[*]" = "B6" }', {"pv1_15": "A2~B6"}, True),
    ],
)
def test_conditions(tmp_path: Path, when: str, fields: dict[str, str], taken: bool) -> None:
    """A line with a condition counts only for orders that meet it; all its conditions must be met."""
    found = item(tmp_path, f'RequestedProcedureComments = {{ from = "OBR-4.2", when = {when} }}', **fields)
    assert ("RequestedProcedureComments" in found) is taken


def test_a_condition_chooses_among_repetitions(tmp_path: Path) -> None:
    """A condition on the field that is read chooses the repetition, as the identifier of one authority."""
    line = 'IssuerOfPatientID = { from = "PID-3[*].1", when = { "PID-3.5" = "SS" } }'
    assert item(tmp_path, line, pid_3="1^^^A^MR~2^^^B^SS")["IssuerOfPatientID"] == "2"


def test_a_default_counts_only_where_the_condition_does(tmp_path: Path) -> None:
    """Emergencies are urgent whatever the order says; every other order says it itself."""
    line = (
        'RequestedProcedurePriority = [{ when = { "PV1-2" = "E" }, default = "STAT" }, '
        '{ from = "OBR-5", as = "priority", default = "LOW" }]'
    )
    assert item(tmp_path, line, pv1_2="E", obr_5="R")["RequestedProcedurePriority"] == "STAT"
    assert item(tmp_path, line, pv1_2="I", obr_5="A")["RequestedProcedurePriority"] == "HIGH"
    assert item(tmp_path, line)["RequestedProcedurePriority"] == "LOW"
    assert "RequestedProcedurePriority" not in item(tmp_path, line, pv1_2="E", changing="yes")


def test_of_several_lines_the_last_refuses(tmp_path: Path) -> None:
    """An attribute that is required may have several lines; the order is refused when none says anything."""
    line = 'PatientName = [{ from = "PID-9", as = "name" }, { from = "PID-5", as = "name", required = true }]'
    assert item(tmp_path, line, pid_9="ROE^RICHARD")["PatientName"] == "ROE^RICHARD"
    assert item(tmp_path, line)["PatientName"] == "DOE^JANE"


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ('{ from = "OBR-13", table = "table.csv" }', "A", "ALPHA"),
        ('{ from = "OBR-13", table = "table.csv" }', " A ", "ALPHA"),
        ('{ from = "OBR-13", table = "table.csv" }', "B", "B"),
        ('{ from = "OBR-13", table = "table.csv", else = "OTHER" }', "B", "OTHER"),
        ('{ from = "OBR-13", table = "table.csv", else = "" }', "B", None),
        ('{ from = "OBR-13", table = "table.csv", else = "code *" }', "B", "code B"),
        ('{ from = "OBR-13", table = "table.csv", column = "comment" }', "A", "first"),
        ('{ from = "OBR-13", as = ["text", "capitals"], table = "table.csv" }', "a", "ALPHA"),
        ('{ from = "OBR-13", as = ["text", "digits", "without_zeros"] }', "No. 007", "7"),
        ('{ from = ["OBR-13", "OBR-12"], join = " + " }', "x", "x + d"),
        ('{ from = ["OBR-13[*]", "OBR-12"], every = true }', "x~y", ["x", "y", "d"]),
        ('{ from = "OBR-13[2+]" }', "x~y~z", ["y", "z"]),
        ('{ default_from = "OBR-13" }', "x", "x"),
    ],
)
def test_tables_functions_and_places(tmp_path: Path, line: str, field: str, expected: Any) -> None:
    """Codes are looked up in a table, functions follow each other, and several places can count together."""
    found = item(tmp_path, f"MedicalAlerts = {line}", obr_13=field, obr_12="d").get("MedicalAlerts")
    assert (list(found) if isinstance(found, list) else found) == expected


def test_a_change_does_not_move_the_exam(tmp_path: Path) -> None:
    """A change that names no time leaves the time of the exam; only a new order falls back to when it was sent."""
    mapping = loader.load(site(tmp_path, ""))
    (change,) = inbound.steps(mapping, order(orc_7="", orc_9="20260101"), changing=True)
    (new,) = inbound.steps(mapping, order(orc_7="", orc_9="20260101"), changing=False)
    assert "ScheduledProcedureStepStartDate" not in change.step
    assert new.step["ScheduledProcedureStepStartDate"] == "20260101"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('PatientSex = { from = "PID-8", when = "E" }', 'PatientSex: when must be written like { "PV1-2" = "E" }'),
        ('PatientSex = { from = "PID-8", when = { "PV1-99" = "E" } }', "HL7 2.5.1 has no PV1-99"),
        ('PatientSex = { from = "PID-8", when = { "PV12" = "E" } }', "'PV12' is no place in a message"),
        (
            'PatientSex = { from = "PID-8", when = { "PV1-2" = 3 } }',
            "PatientSex: PV1-2 must be compared with a text, or a list of",
        ),
        ('PatientSex = { from = "PID-8", as = ["sex", "sex"] }', "sex cannot follow another function; these can: "),
        ('PatientSex = { from = "PID-8", as = [] , every = 1 }', "PatientSex: every must be true or false"),
        ('PatientSex = { from = "PID-8", join = 1 }', "PatientSex: join must be a text that is put between"),
        ('PatientSex = { from = "PID-8", table = "none.csv" }', "none.csv: there is no such file"),
        ('PatientSex = { from = "PID-8", table = "table.csv", else = "x" }', "PatientSex: else holds other characters"),
        ('PatientID = { from = "PID-7", as = "date" }', "PatientID has the VR LO; date makes values of DA"),
        ('PatientSex = { from = "PID-5", as = "name" }', "PatientSex has the VR CS; name makes values of PN"),
        ('PatientBirthDate = { from = "PID-7" }', "PatientBirthDate has the VR DA; read it as date or birth_date"),
        (
            'PatientBirthTime = { from = "PID-7" }',
            "PatientBirthTime has the VR TM; read it as time or time_of_day or birth_time",
        ),
        ('RequestedProcedureCodeSequence = { from = "OBR-4", as = "code", table = "table.csv" }', "RequestedProcedure"),
        ("PatientSex = []", "PatientSex must be written like"),
    ],
)
def test_each_mistake_is_told(tmp_path: Path, line: str, expected: str) -> None:
    """What a line cannot say is refused when the mapping is read, with its line."""
    with pytest.raises(ConfigError) as refused:
        loader.load(site(tmp_path, line))
    said = refused.value.mistakes[0].replace(f"{tmp_path}/", "")
    assert said.startswith(f"site.toml:3: {expected}")


@pytest.mark.parametrize(
    ("csv", "expected"),
    [
        ("", "1: has no columns; the first row names them: code, value"),
        ("code,text\nA,b\n", "1: has no column value; its columns are code, text"),
        ("code,value,value\nA,B,C\n", "1: names a column twice"),
        ("code,value\n\n# a remark\nA,ALPHA\nA,BETA\n", "5: A is there twice"),
        ("code,value\n,BETA\n", "2: has no code"),
        ("code,value\nA,B,C\n", "2: has 3 cells, but there are 2 columns"),
        ("code,value\nA,lower\n", "2: the value of A holds other characters than capital letters"),
        ('code,value\nA,"open\n', "2: is no CSV: unexpected end of data"),
    ],
)
def test_faults_of_a_table_are_told_with_their_line(tmp_path: Path, csv: str, expected: str) -> None:
    """A code table is checked like the mapping: columns, codes given twice, values the attribute cannot hold."""
    with pytest.raises(ConfigError) as refused:
        loader.load(site(tmp_path, 'PatientSex = { from = "PID-8", table = "table.csv" }', csv))
    assert refused.value.mistakes[0].replace(f"{tmp_path}/", "").startswith(f"table.csv:{expected}")


def test_notes_on_the_patient_are_read_by_name(tmp_path: Path) -> None:
    """Notes after the PID are comments on the patient, and never on the order."""
    (group,) = groups("PID|||1||DOE^JANE", "NTE|1||Needs a hoist", "ORC|NW|1", "OBR|1|||CT", "NTE|1||Only the left")
    (step,) = inbound.steps(loader.load(site(tmp_path, "")), group, changing=False)
    assert (step.item["PatientComments"], step.item["ImagingServiceRequestComments"]) == (
        "Needs a hoist",
        "Only the left",
    )


def test_coding_schemes_are_the_sites(written: Written) -> None:
    """What a sender calls a coding scheme is called by its DICOM name, by lines a site can change."""
    shipped = f'extends = "{config.shipped_mappings() / "default.toml"}"\n'
    changed = loader.load(written(shipped + '[coding_schemes]\nICD10 = "99ICD"\nXYZ = "SRT"\n"99LOCAL" = "99HOSP"\n'))
    for mapping, expected in (
        (loader.load(config.shipped_mappings() / "default.toml"), ["99LOCAL", "99LOCAL", "I10", "LN", "SCT", "XYZ"]),
        (changed, ["99HOSP", "99LOCAL", "99ICD", "LN", "SCT", "SRT"]),
    ):
        for sent, designator in zip(("", "L", "ICD10", "LOINC", "SNOMED", "XYZ"), expected, strict=True):
            (step,) = inbound.steps(mapping, order(obr_4=f"CT^CT head^{sent}", obr_16="7001^WEBER"), changing=False)
            assert step.item["RequestedProcedureCodeSequence"][0]["CodingSchemeDesignator"] == designator
    person = step.item["RequestingPhysicianIdentificationSequence"][0]["PersonIdentificationCodeSequence"][0]
    assert person["CodingSchemeDesignator"] == "99HOSP"


def test_a_coding_scheme_must_fit(written: Written) -> None:
    """A name that DICOM cannot hold is found before the broker starts."""
    path = written('[attributes.ScheduledProcedureStepSequence]\n[coding_schemes]\nL = "99ANAMETHATISTOOLONG"\n')
    with pytest.raises(ConfigError, match=r"site\.toml:3: the coding scheme of L is longer than 16"):
        loader.load(path)

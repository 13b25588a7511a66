"""A site's mapping file: read whole, every mistake told at once with file and line."""

from pathlib import Path

import pytest

from swf.dicom import attributes, encoding
from swf.errors import ConfigError
from swf.mapping import loader
from swf.mapping.rules import SiteMapping
from tests.mapping.conftest import SHIPPED, Written

HEAD = 'hl7_versions = ["2.5.1"]\n[attributes]\n'
STEP = '[attributes.ScheduledProcedureStepSequence]\nModality = { from = "OBR-24" }\n'


def mistakes(path: Path) -> list[str]:
    """What is wrong with a mapping, without the folder it lies in."""
    with pytest.raises(ConfigError) as refused:
        loader.load(path)
    return [mistake.removeprefix(f"{path.parent}/") for mistake in refused.value.mistakes]


def test_the_shipped_mapping_is_sound(shipped: SiteMapping) -> None:
    """The mapping that comes with swf has no mistake and names both messages it sends."""
    assert {rule.keyword for rule in shipped.rules} >= {"PatientID", "PatientName", "StudyInstanceUID"}
    assert shipped.messages.keys() == {"ORM^O01", "ORU^R01"}
    assert shipped.path == SHIPPED


def test_every_line_has_a_keyword_of_the_dictionary(shipped: SiteMapping) -> None:
    """Each line of the shipped mapping fills an attribute of DICOM, and every required return key has a line."""
    keywords = {rule.keyword for rule in (*shipped.rules, *shipped.step_rules)}
    for keyword in keywords:
        assert encoding.layout(keyword).tag
    ours = {"ScheduledProcedureStepSequence", "ScheduledProcedureStepStatus"}
    type_1 = {row.keyword for row in attributes.TABLE if row.return_type == "1" and row.path in ("", attributes.SPS)}
    assert type_1 - ours <= keywords


def test_lines_are_known_by_number(shipped: SiteMapping) -> None:
    """Each rule remembers its line, so that a mistake in a message can be traced to the mapping."""
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    for rule in (*shipped.rules, *shipped.step_rules):
        assert lines[rule.line - 1].startswith(rule.keyword)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'PatientIdd = { from = "PID-3.1" }',
            "PatientIdd is not a keyword of the DICOM dictionary; did you mean PatientID?",
        ),
        ("PatientID = 7", 'PatientID must be written like { from = "PID-3.1" }'),
        ('PatientID = "PID-3.1"', 'PatientID must be written like { from = "PID-3.1" }'),
        ('PatientID = { form = "PID-3.1" }', "PatientID has no setting form; did you mean from?"),
        ('PatientID = { from = "PID3.1" }', "'PID3.1' is no place in a message; write it like PID-3.1 or OBR-4[1].2"),
        ('PatientID = { from = "PID-99" }', "HL7 2.5.1 has no PID-99; PID ends with PID-39"),
        ('PatientID = { from = "PDI-3" }', "HL7 2.5.1 has no segment PDI; did you mean "),
        ('PatientSex = { from = "PID-8.2" }', "HL7 2.5.1 has no PID-8.2; Administrative sex ends with component 1"),
        ('PatientSex = { from = "PID-8", as = "sexx" }', "there is no function sexx; did you mean sex?"),
        ("PatientID = { from = 3 }", 'PatientID must be read from a place such as "PID-3.1", or from a list'),
        ("PatientID = { from = [3] }", 'PatientID must be read from a place such as "PID-3.1", or from a list'),
        ('PatientID = { from = "PID-3", as = "code" }', "PatientID is no sequence"),
        ('ProcedureCodeSequence = { from = "OBR-4" }', "ProcedureCodeSequence is a sequence; read it as authority, "),
        ('PixelData = { from = "PID-3" }', "PixelData has the VR OB or OW, which a worklist item cannot hold"),
        ('PatientID = { from = "PID-3.1", required = "yes" }', "PatientID: required must be true or false"),
        ('PatientSex = { from = "PID-8", default = "male" }', "PatientSex: the default holds other characters than"),
        ('PatientWeight = { from = "OBX-5", default = "heavy" }', "PatientWeight: the default is not a decimal number"),
    ],
)
def test_each_mistake_is_told(written: Written, line: str, expected: str) -> None:
    """A misspelt attribute, place, function or setting is told with its line and, where possible, the right word."""
    (mistake,) = mistakes(written(HEAD + line + "\n" + STEP))
    assert mistake.startswith(f"site.toml:3: {expected}")


def test_all_mistakes_at_once(written: Written) -> None:
    """Whoever corrects a mapping sees every mistake in one run, each with its own line."""
    text = (
        'hl7_versions = ["2.5.1"]\n[atributes]\n[attributes]\nPatientIdd = { from = "PID-3.1" }\n'
        'PatientName = { from = "PID-5", as = "nam" }\n\n[attributes.ScheduledProcedureStepSequence]\n'
        'Modality = { from = "OBR-99" }\n[stations]\nCT = "FAR TOO LONG A TITLE"\n[messages]\n"ORM^O01" = "no.hl7"\n'
    )
    found = mistakes(written(text))
    assert [mistake.split(":")[1] for mistake in found] == ["2", "4", "5", "8", "10", "12"]
    for mistake, word in zip(found, ("attributes", "PatientID", "name", "OBR-99", "16", "cannot be read"), strict=True):
        assert word in mistake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            HEAD,
            "site.toml:2: [attributes.ScheduledProcedureStepSequence] is missing; without it no modality finds a step",
        ),
        ("[attributes\n", "site.toml: Expected ']'"),
        ("attributes = 3\n", "site.toml:1: attributes must be a section of lines"),
        (HEAD + STEP + "[stations]\nCT = 3\n", "site.toml:6: CT must be an AE title or a list of them"),
        (HEAD.replace('"2.5.1"', "2.5") + STEP, "site.toml:1: hl7_versions must be a list of versions"),
    ],
)
def test_a_file_of_the_wrong_form(written: Written, text: str, expected: str) -> None:
    """A mapping that is no mapping is refused with what is wrong and where, never with a crash."""
    assert mistakes(written(text))[0].startswith(expected)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A mapping that cannot be read is one mistake with its name."""
    (mistake,) = mistakes(tmp_path / "none.toml")
    assert mistake.startswith("none.toml: cannot be read: ")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("MSH|^~\\&|{{ nonsense.name }}", "there is no value nonsense; known are "),
        ("MSH|{% if %}", "Expected an expression"),
    ],
)
def test_a_template_of_the_wrong_form(written: Written, tmp_path: Path, template: str, expected: str) -> None:
    """A template that names a value there is not, or is unfinished, is told with the line of the mapping."""
    (tmp_path / "t.hl7").write_text(template, encoding="utf-8")
    (mistake,) = mistakes(written(f'{HEAD}{STEP}[messages]\n"ORM^O01" = "t.hl7"\n'))
    assert mistake.startswith("site.toml:6: ")
    assert expected in mistake


def test_places_of_any_version_and_of_the_site(written: Written) -> None:
    """A place is sound when one of the site's versions has it; Z segments belong to the site and are always sound."""
    places = 'PatientID = { from = ["PID-3.1", "ZPI-2.1"] }\nStudyInstanceUID = { from = ["IPC-3.1", "ZDS-1.1"] }\n'
    text = f'hl7_versions = ["2.3.1", "2.5.1"]\n[attributes]\n{places}{STEP}'
    assert len(loader.load(written(text)).rules) == 2
    old = text.replace('"2.3.1", "2.5.1"', '"2.3.1"')
    (mistake,) = mistakes(written(old))
    assert mistake.startswith("site.toml:4: HL7 2.3.1 has no segment IPC")

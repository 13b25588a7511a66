"""Mapping files that extend each other: what is taken over, what is replaced, what is refused."""

from pathlib import Path

import pytest

from swf import config
from swf.errors import ConfigError
from swf.mapping import inbound, loader
from tests.mapping.conftest import SHIPPED, order

STEP = '[attributes.ScheduledProcedureStepSequence]\nModality = { from = "OBR-24" }\n'
BASE = f'[attributes]\nPatientID = {{ from = "PID-3.1" }}\nPatientSex = {{ from = "PID-8", as = "sex" }}\n{STEP}'
ALL = sorted(config.shipped_mappings().rglob("*.toml"))


def write(folder: Path, **files: str) -> Path:
    """Files of a folder, by name without ending; the path of the one called site."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder / "site.toml"


def mistakes(path: Path) -> list[str]:
    """What is wrong with a mapping, without the folder it lies in."""
    with pytest.raises(ConfigError) as refused:
        loader.load(path)
    return [mistake.replace(f"{path.parent}/", "") for mistake in refused.value.mistakes]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_shipped_mapping_is_sound(path: Path) -> None:
    """Every profile and example that comes with swf can be used as it is."""
    assert loader.load(path).messages.keys() == {"ORM^O01", "ORU^R01"}


def test_a_line_replaces_the_line_below(tmp_path: Path) -> None:
    """A site's file says only what is different; everything else is taken over, each line known by its own file."""
    site = write(tmp_path, base=BASE, site='extends = "base.toml"\n[attributes]\nPatientID = { from = "PID-2.1" }\n')
    identifier, sex = loader.load(site).rules
    assert (str(identifier.selectors[0]), identifier.path.name, identifier.line) == ("PID-2.1", "site.toml", 3)
    assert (sex.keyword, sex.path.name, sex.line) == ("PatientSex", "base.toml", 3)


def test_a_line_is_taken_away(tmp_path: Path) -> None:
    """`false` takes a line away, so that the attribute is not on the worklist at all."""
    site = write(tmp_path, base=BASE, site='extends = "base.toml"\n[attributes]\nPatientSex = false\n')
    assert [rule.keyword for rule in loader.load(site).rules] == ["PatientID"]


def test_the_later_of_several_wins(tmp_path: Path) -> None:
    """Of several files that are extended, the later wins; the stations of all are known."""
    site = write(
        tmp_path,
        base=f'{BASE}[stations]\nCT = "CT1"\nMR = "MR1"\n',
        other='[attributes]\nPatientID = { from = "PID-4.1" }\n[stations]\nCT = "CT2"\n',
        site='extends = ["base.toml", "other.toml"]\n',
    )
    mapping = loader.load(site)
    assert mapping.stations == {"CT": ("CT2",), "MR": ("MR1",)}
    assert str(mapping.rules[0].selectors[0]) == "PID-4.1"


def test_two_files_on_the_same_ground(tmp_path: Path) -> None:
    """Two files that extend the same one add up: the second does not undo what the first says differently."""
    site = write(
        tmp_path,
        base=f'{BASE}[[station_rules]]\nmodality = "CT"\nstations = "CT1"\n',
        one='extends = "base.toml"\n[attributes]\nPatientID = { from = "PID-2.1" }\n',
        two='extends = "base.toml"\n[attributes]\nPatientSex = false\n',
        site='extends = ["one.toml", "two.toml"]\n',
    )
    mapping = loader.load(site)
    assert [(rule.keyword, str(rule.selectors[0])) for rule in mapping.rules] == [("PatientID", "PID-2.1")]
    assert len(mapping.station_rules) == 1


def test_files_are_found_beside_the_line_that_names_them(tmp_path: Path) -> None:
    """A table named in a shipped file is found although the site's file lies elsewhere."""
    mapping = loader.load(write(tmp_path, site=f'extends = "{SHIPPED}"\n'))
    (step,) = inbound.steps(mapping, order(obr_24="NMR"), changing=False)
    assert step.step["Modality"] == "MR"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"site": 'extends = "none.toml"\n' + BASE}, "site.toml:1: none.toml: cannot be read: "),
        (
            {"site": f'extends = "base.toml"\n{BASE}', "base": 'extends = "site.toml"\n'},
            "base.toml:1: site.toml extends this file in turn; a file cannot extend itself",
        ),
        ({"site": f'extends = "site.toml"\n{BASE}'}, "site.toml:1: site.toml extends this file in turn"),
        ({"site": f"extends = 3\n{BASE}"}, "site.toml:1: extends must be the name of a mapping file"),
        (
            {"base": BASE, "site": 'extends = "base.toml"\n[attributes]\nPatientSecks = false\n'},
            "site.toml:3: there is no line PatientSecks to take away; did you mean PatientSex?",
        ),
        (
            {"base": BASE.replace("PID-8", "PID-88"), "site": 'extends = "base.toml"\n'},
            "base.toml:3: HL7 2.5.1 has no PID-88",
        ),
        (
            {"base": BASE, "site": 'extends = "base.toml"\nhl7_versions = ["2.3.1"]\n[attributes]\n'
             'StudyInstanceUID = { from = "IPC-3.1" }\n'},
            "site.toml:4: HL7 2.3.1 has no segment IPC",
        ),
        ({"site": f'{BASE}[identifiers]\naccession = "{{prefix}}"\n'}, "site.toml:7: an accession number without"),
        ({"site": f'{BASE}[identifiers]\nacession = "x"\n'}, "site.toml:7: [identifiers] has no line acession; did"),
        ({"site": f'{BASE}[catalogue]\nfile = "no.csv"\n'}, "site.toml:7: no.csv: there is no such file"),
        ({"site": f"station_rules = 3\n{BASE}"}, "site.toml:1: station_rules must be written as [[station_rules]]"),
        ({"site": f'{BASE}[[station_rules]]\nmodality = "CT"\n'}, "site.toml:6: a station rule must name stations"),
        (
            {"site": f'{BASE}[[station_rules]]\nmodalty = "CT"\nstations = "CT1"\n'},
            "site.toml:6: a station rule has no setting modalty; did you mean modality?",
        ),
    ],
)  # fmt: skip
def test_each_mistake_names_its_own_file(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    """A mistake is told with the file and line it stands in, whichever file extends it."""
    assert mistakes(write(tmp_path, **files))[0].startswith(expected)

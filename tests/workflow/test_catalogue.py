"""Orders that name no step: the site's catalogue, its numbers, and what a later message does to them (RAD-2, RAD-4)."""

from dataclasses import replace
from pathlib import Path

import pytest

from swf import config
from swf.mapping import loader
from tests.workflow.conftest import Department, request

ROWS = """code,procedure_code,procedure,modality,step,minutes
PETCT,PC1,PET-CT,CT,Low dose,10
PETCT,PC1,PET-CT,PT,PET body,25
TRAUMA,T1,CT head,CT,Head,10
TRAUMA,T2,CT abdomen,CT,Abdomen,15
"""


@pytest.fixture
def hospital(department: Department, tmp_path: Path) -> Department:
    """A department with a catalogue, and accession numbers with a check digit."""
    (tmp_path / "procedures.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "site.toml").write_text(
        f'extends = "{config.shipped_mappings() / "default.toml"}"\n[catalogue]\nfile = "procedures.csv"\n'
        '[identifiers]\naccession = "{prefix}{number:08}{check:luhn}"\n',
        encoding="utf-8",
    )
    department.site = replace(department.site, mapping=loader.load(tmp_path / "site.toml"))
    return department


def scheduled(department: Department) -> list[tuple[str, str, str]]:
    """Modality, id and start of every step on the worklist."""
    steps = sorted(
        (item.ScheduledProcedureStepSequence[0] for item in department.worklist()),
        key=lambda step: step.ScheduledProcedureStepID,
    )
    return [(step.Modality, step.ScheduledProcedureStepID, step.ScheduledProcedureStepStartTime) for step in steps]


BOTH = [("CT", "S1.1", "093000"), ("PT", "S1.2", "094000")]


def test_one_service_id_is_two_steps_of_one_study(hospital: Department) -> None:
    """A PET-CT is two items on the worklist, one after the other, in one study under one accession number."""
    assert hospital.order(*request(obr_4="PETCT", obr_24="")).code == "AA"
    assert scheduled(hospital) == BOTH
    first, second = hospital.worklist()
    for keyword in ("StudyInstanceUID", "RequestedProcedureID", "AccessionNumber"):
        assert first[keyword].value == second[keyword].value
    assert first.AccessionNumber == "SWF000000018"  # Luhn: 8 completes 00000001


def test_one_service_id_is_two_studies(hospital: Department) -> None:
    """A service of two requested procedures is two studies."""
    hospital.order(*request(obr_4="TRAUMA", obr_24=""))
    assert len({item.StudyInstanceUID for item in hospital.worklist()}) == 2
    assert {item.RequestedProcedureID for item in hospital.worklist()} == {"R1.1", "R1.2"}


def test_the_order_sent_again_makes_nothing_new(hospital: Department) -> None:
    """An order sent twice is on the worklist once, with all its steps."""
    for _ in range(2):
        hospital.order(*request(obr_4="PETCT", obr_24=""))
    assert scheduled(hospital) == BOTH


def test_a_change_moves_both_and_a_cancel_ends_both(hospital: Department) -> None:
    """A new time moves every step of the procedure, a change without one moves none, a cancel ends all."""
    hospital.order(*request(obr_4="PETCT", obr_24=""))
    hospital.order(*request(obr_4="PETCT", obr_24="", orc_1="XO", orc_7="^^^20260316140000"))
    moved = [("CT", "S1.1", "140000"), ("PT", "S1.2", "141000")]
    assert scheduled(hospital) == moved
    hospital.order(*request(obr_4="PETCT", obr_24="", orc_1="XO", orc_7=""))
    assert scheduled(hospital) == moved
    hospital.order(*request(obr_4="PETCT", obr_24="", orc_1="CA"))
    assert scheduled(hospital) == []

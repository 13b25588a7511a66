"""Golden pairs of every shipped profile: the order, the worklist items it becomes, the status message sent back.

What is right stands in fixtures/profiles; `--update-golden` writes it anew.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from swf import config
from swf.dicom import encoding, mpps
from swf.hl7 import dictionary, message, order_groups
from swf.hl7.header import read_header
from swf.mapping import inbound, loader, outbound
from swf.mapping.outbound import Envelope, Notice
from tests.conftest import FIXTURES

PROFILES = FIXTURES / "profiles"
MAPPINGS = {path.stem: path for path in config.shipped_mappings().rglob("*.toml")}
AT = datetime(2030, 5, 3, 9, 35, tzinfo=UTC)
ENVELOPE = Envelope(("SWF", "RAD"), ("HIS", "HOSP"), "1", "UNICODE UTF-8")


def items(name: str) -> list[dict[str, Any]]:
    """The worklist items the profile makes of its order."""
    raw = (PROFILES / f"{name}.hl7").read_bytes()
    content = message.parse(raw.decode(), read_header(raw))
    (group,) = order_groups.order_groups(content)
    return [step.item for step in inbound.steps(loader.load(MAPPINGS[name]), group, changing=False)]


def status(name: str, found: list[dict[str, Any]]) -> bytes:
    """What a destination is told when the first step begins."""
    template = loader.load(MAPPINGS[name]).messages["ORM^O01"]
    performed = mpps.Summary(
        status="IN PROGRESS",
        sop_instance_uid="1.2.3",
        performed_step_id="PPS1",
        performed_station="CT1",
        modality="CT",
        description="Head",
        started=datetime(2030, 5, 3, 9, 35, 12),
        ended=None,
        patient_id="4711",
        issuer_of_patient_id="HOSP",
        patient_name="DOE^JANE",
        study_instance_uids=(),
        series=(),
        discontinuation_reason=None,
    )
    notice = Notice([encoding.encode(item) for item in found], "IP", "I", performed, AT)
    return outbound.message(template, notice, ENVELOPE)


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_golden_pair_of_a_profile(name: str, pytestconfig: pytest.Config) -> None:
    """Each profile makes exactly these worklist items of its order, and tells this when the exam begins."""
    found = items(name)
    said = status(name, found)
    worklist, told = PROFILES / f"{name}.json", PROFILES / f"{name}.status.hl7"
    if pytestconfig.getoption("--update-golden"):
        worklist.write_text(json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        told.write_bytes(said)
    assert found == json.loads(worklist.read_text(encoding="utf-8"))
    assert said == told.read_bytes()


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_orders_conform(name: str) -> None:
    """The orders of the golden pairs are messages of their version of HL7; only what sites add is not in it."""
    text = (PROFILES / f"{name}.hl7").read_text(encoding="utf-8")
    assert [finding for finding in dictionary.check(text) if "has no segment DG1" not in finding] == []


def test_every_profile_has_its_pair() -> None:
    """No profile is shipped without an example of what it does."""
    assert {path.stem for path in Path(PROFILES).glob("*.json")} == MAPPINGS.keys()

"""What the hospital is told, word by word. What is right stands in fixtures/hl7_out, times and numbers made equal."""

import re

import pytest

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Received
from tests.conftest import FIXTURES, Scanner
from tests.journeys.conftest import Hospital

GOLDEN = FIXTURES / "hl7_out"
COMPLETED = his.Order(
    placer_number="8100",
    filler_number="F5500",
    accession="ACC1001",
    procedure_id="RP1001",
    step_ids=("SPS1001", "SPS1002"),
    study_uid="1.2.826.0.1.3680043.8.498.1001",
    name="D\xd6E^JANE^MARY^JR^DR",
)
DISCONTINUED = his.Order(
    patient_id="SIM4712",
    name="ROE^RICHARD",
    birth_date="19650704",
    sex="M",
    placer_number="8101",
    filler_number="F5501",
    accession="ACC1002",
    procedure_id="RP1002",
    step_ids=("SPS2001",),
    study_uid="1.2.826.0.1.3680043.8.498.1002",
)


def test_every_word_of_every_status(hospital: Hospital, modality: Scanner, pytestconfig: pytest.Config) -> None:
    """In progress, completed, discontinued: both messages of each are what the hospital agreed to receive."""
    scanner = modality("CT1")
    for order in (COMPLETED, DISCONTINUED):
        hospital.send(his.order_orm(order))
    scanner.complete(scanner.begin(*scanner.query(AccessionNumber="ACC1001")))
    hospital.told("8100", 2)
    scanner.discontinue(scanner.begin(*scanner.query(AccessionNumber="ACC1002")), "110505")
    hospital.told("8101", 2)
    begun, completed, _, discontinued = (hospital.received[place : place + 2] for place in (0, 2, 4, 6))
    for name, pair in (("in_progress", begun), ("completed", completed), ("discontinued", discontinued)):
        for kind, received in zip(("orm_o01", "oru_r01"), pair, strict=True):
            file = GOLDEN / f"{name}_{kind}.hl7"
            if pytestconfig.getoption("--update-golden"):
                file.write_bytes(equal(received).encode())
            assert equal(received) == file.read_bytes().decode()


def equal(received: Received) -> str:
    """The message with its own number, every time and every series made the same."""
    text = received.text.replace(received.control_id, "SWF000001")
    text = re.sub(r"(?<=\|)\d{14}(?=[|\r])", "20260316094800", text)
    return re.sub(r"(\|112002\^[^|]*\|\d+\|)[^|]*", r"\g<1>1.2.3.4.5", text)

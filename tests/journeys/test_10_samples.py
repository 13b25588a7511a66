"""Every sample message ends as it should: on a worklist, or honestly refused. What is right stands in fixtures/golden."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from swf.broker import Broker
from swf.extensions.simulator.modality import Modality
from swf.hl7 import message, mllp
from swf.hl7.header import read_header
from swf.net import mllp_client
from tests.conftest import FIXTURES, SAMPLES, MakeBroker, settings_for

GOLDEN = FIXTURES / "golden"
NAMES = sorted(file.stem for file in SAMPLES.glob("*.hl7"))
FURTHER_KEYS = (
    "IssuerOfAccessionNumberSequence",
    "IssuerOfAdmissionIDSequence",
    "IssueDateOfImagingServiceRequest",
    "IssueTimeOfImagingServiceRequest",
    "OrderEnteredBy",
    "OrderPlacerIdentifierSequence",
    "OrderFillerIdentifierSequence",
    "PatientAddress",
    "ReasonForRequestedProcedureCodeSequence",
    "ReasonForTheRequestedProcedure",
    "RequestingService",
)
Golden = dict[str, Any]


def golden(name: str) -> Golden:
    """What is right for the sample of that name."""
    found: Golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


REFUSED = [name for name in NAMES if golden(name)["answer"].get("code") != "AA"]
TAKEN = [name for name in NAMES if name not in REFUSED]


def play(broker: Broker, name: str) -> Golden:
    """Send the sample, after those that must come before it; what was answered, and what a modality then sees."""
    before = golden(name)["before"]
    for earlier in before:
        assert told(send(broker, earlier))["code"] == "AA"
    answer = told(send(broker, name)) if golden(name)["answer"] else unanswered(broker, name)
    items = Modality(*broker.dicom.address, "ANY").query(**{key: [] if "Seq" in key else "" for key in FURTHER_KEYS})  # type: ignore[arg-type]
    return {"before": before, "answer": answer, "worklist": [shown(item) for item in items]}


def send(broker: Broker, name: str) -> bytes:
    """The answer to the sample's very bytes."""
    return mllp_client.exchange(*broker.hl7.address, (SAMPLES / f"{name}.hl7").read_bytes(), 10.0)


def unanswered(broker: Broker, name: str) -> dict[str, str]:
    """Send a sample that is not answered: what comes back first is the answer to the message after it."""
    following = b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260316||QBP^Q22|AFTER|P|2.5.1\r"
    sample = (SAMPLES / f"{name}.hl7").read_bytes()
    first = mllp_client.exchange(*broker.hl7.address, sample + mllp.END + mllp.CR + mllp.START + following, 10.0)
    answer = told(first)
    return {} if answer["answers"] == "AFTER" else answer


def told(raw: bytes) -> dict[str, str]:
    """What an answer says: the code and, of a refusal, where and why (ERR-1 up to 2.4, ERR-2 and ERR-3 from 2.5)."""
    answer = message.parse(raw.decode(), read_header(raw))
    packed = answer.value("ERR", 1)
    said = {
        "code": answer.value("MSA", 1),
        "answers": answer.value("MSA", 2),
        "location": packed.rpartition("^")[0] if packed else answer.value("ERR", 2),
        "error": answer.value("ERR", 1, component=4) or answer.value("ERR", 3, component=1),
    }
    return {name: text for name, text in said.items() if text}


def shown(item: Dataset) -> dict[str, Any]:
    """The attributes of a worklist item that have a value."""
    found = {}
    for element in item:
        value = [shown(each) for each in element.value] if element.VR == "SQ" else str(element.value or "")
        if value:
            found[element.keyword] = value
    return found


@pytest.fixture(scope="module")
def quiet_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker on whose worklist nothing may ever appear."""
    broker = Broker(settings_for(tmp_path_factory.mktemp("quiet")))
    broker.start()
    yield broker
    broker.stop()


def test_there_is_a_golden_file_for_every_sample() -> None:
    """No sample is forgotten, and none is expected that does not exist."""
    assert sorted(file.stem for file in GOLDEN.glob("*.json")) == NAMES
    assert len(NAMES) == 27


@pytest.mark.parametrize("name", TAKEN)
def test_a_sample_is_carried_out(make_broker: MakeBroker, pytestconfig: pytest.Config, name: str) -> None:
    """The order, change or cancel is acknowledged, and the modality sees exactly what follows from it."""
    compare(name, play(make_broker(), name), pytestconfig)


@pytest.mark.parametrize("name", REFUSED)
def test_a_sample_is_refused(quiet_broker: Broker, pytestconfig: pytest.Config, name: str) -> None:
    """What we do not do is refused with its reason and the field at fault, and leaves no trace on the worklist.

    An acknowledgement that arrives as a message is not answered at all.
    """
    assert not golden(name)["worklist"]
    compare(name, play(quiet_broker, name), pytestconfig)


def compare(name: str, found: Golden, pytestconfig: pytest.Config) -> None:
    """Compare with the golden file, or write it when asked to."""
    if pytestconfig.getoption("--update-golden"):
        write(GOLDEN / f"{name}.json", found)
    assert found == golden(name)


def write(file: Path, found: Golden) -> None:
    """Write a golden file as people read it."""
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")

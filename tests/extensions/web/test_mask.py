"""What says who a patient is, or of what he or she suffers, is behind a mask on every page, and nobody searches behind it."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from swf import config
from swf.extensions.simulator.modality import Modality
from swf.extensions.web import hl7_view, mask
from swf.model.user import Role
from tests.extensions.web.conftest import NO_AUTHORITY, Operator
from tests.extensions.web.people import enrol, token

PLACE = re.compile(r"\b([A-Z][A-Z0-9]{2})(?:\[[^\]]*\])?-(\d+)")
# Physicians, and when the patient came in: masked in a message, where the field may hold anything.
SHOWN_ALL_THE_SAME = {
    "AdmittingDate",
    "AdmittingTime",
    "ConsultingPhysicianName",
    "PhysiciansOfRecord",
    "ReferringPhysicianIdentificationSequence",
    "ReferringPhysicianName",
}


@contextmanager
def program(operator: Operator, role: Role) -> Iterator[httpx.Client]:
    """A program with a token of that role, where people sign in."""
    key = token(operator.broker, f"a-{role}", role)
    with httpx.Client(base_url=operator.address, verify=NO_AUTHORITY, timeout=10) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        yield http


def _lines(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for name, line in table.items():
        if isinstance(line, dict) and "from" not in line:
            yield from _lines(line, (*path, name))
        else:
            yield "/".join((*path, name)), str(line)


def test_what_is_masked_in_a_message_is_masked_in_the_item_made_of_it() -> None:
    """A diagnosis, a note or a reason stays hidden on its way from the HL7 field into the attribute."""
    mapping = tomllib.loads((config.shipped_mappings() / "default.toml").read_text(encoding="utf-8"))
    told = {
        path
        for path, line in _lines(mapping["attributes"])
        if not mask.is_of_the_patient(path)
        and not all(hl7_view.is_harmless(segment, int(number)) for segment, number in PLACE.findall(line))
    }
    assert told == SHOWN_ALL_THE_SAME


def test_a_viewer_finds_no_message_by_what_is_hidden(operator: Operator) -> None:
    """Who may not see patients cannot guess their numbers and names piece by piece; who may finds by any text."""
    enrol(operator.broker, "jane", Role.ADMIN)
    order = operator.order(name="DOE^JANE", patient_id="SIM4711")
    with program(operator, Role.VIEWER) as viewer, program(operator, Role.OPERATOR) as other:
        for path in ("/api/v1/messages", "/api/v1/orders"):
            assert len(viewer.get(path, params={"q": order.accession}).json()) == 1
            assert len(other.get(path, params={"q": "SIM4711"}).json()) == 1
            assert viewer.get(path, params={"q": "SIM4711"}).json() == []
        assert viewer.get("/api/v1/messages", params={"q": "DOE^JA"}).json() == []
        asked = {"number": "DOE^JANE", "ae": "CT1"}
        known, unknown = (
            [each["rule"] for each in http.get("/api/v1/why", params=asked).json()["near"]] for http in (other, viewer)
        )
    assert (known, unknown) == (["message"], ["never arrived"])


def test_why_not_hides_what_a_device_asked_of_a_patient(operator: Operator) -> None:
    """The key that hides an order is named; neither the name that was typed at the device nor the patient's is told."""
    order = operator.order(name="DOE^JANE", patient_id="SIM4711")
    Modality(*operator.broker.dicom.address, "CT1").query(PatientName="ROE*", PatientID="SIM99")
    operator.broker.stop()  # the question is noted behind the answer; stopping writes it down
    operator.broker.start()
    again = Operator(operator.broker)
    answers = [
        again.http.get(path, params={"number": order.accession, "ae": "CT1"}) for path in ("/why", "/api/v1/why")
    ]
    again.http.close()
    for answer in answers:
        assert "key PatientName" in answer.text
        assert not [secret for secret in ("DOE", "ROE", "SIM4711", "SIM99") if secret in answer.text]

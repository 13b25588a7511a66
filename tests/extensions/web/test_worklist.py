"""The worklist as a station sees it: exactly what the door answers, and nothing of a patient unless asked for."""

from collections.abc import Callable
from typing import Any

from swf.dicom import listing
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from tests.extensions.web.conftest import Operator, readable

TAILORED = {"ae_title": "CT1", "character_set": ["ISO_IR 100"], "name_length": 16, "return_never": ["Allergies"]}


def _asked(operator: Operator, title: str = "CT1", **keys: str) -> list[Any]:
    """A device asks; its question is written down behind the answer."""
    items = Modality(*operator.broker.dicom.address, title).query(**keys)
    known = {"ae_title": title}
    assert any(known in _known(operator) for _ in range(400))
    return items


def _known(operator: Operator) -> list[dict[str, str]]:
    return [{"ae_title": each["name"]} for each in operator.json("/api/v1/today")["devices"] if each["at"]]


def test_it_is_exactly_what_the_door_answers(open_window: Callable[..., Operator]) -> None:
    """What the page shows whole, with the profile's tailoring, is what the device got over the network, value by value."""
    operator = open_window(modality=[TAILORED])
    order = his.Order(name="MÜLLER-LÜDENSCHEIDT^ЖАННА")
    assert operator.send(his.order_orm(order, character_set="UNICODE UTF-8")) == "AA"
    operator.order(modality="MR", station_ae="MR1")
    got = _asked(operator, Modality="CT")
    found = operator.json("/api/v1/worklist", ae="CT1")
    assert (len(got), len(found["entries"]), found["matching"]) == (1, 1, 1)
    step = found["entries"][0]["step"]
    revealed = operator.http.post(f"/api/v1/worklist/{step}/reveal", params={"ae": "CT1"}).json()
    assert revealed == got[0].to_json_dict()
    assert str(got[0].PatientName) != order.name
    assert found["asked"] == {"ScheduledProcedureStepSequence/Modality": "CT"}
    told = listing.attributes(got[0])
    assert found["entries"][0]["attributes"].items() < told.items()
    assert "PatientName" not in found["entries"][0]["attributes"]


def test_the_page_leads_to_order_dataset_and_reason(operator: Operator) -> None:
    """Each entry leads to its order and to the answer as it goes over the wire; what is kept back leads to why."""
    order = operator.order(name="DOE^JANE", patient_id="SIM4711")
    held = his.Order(code="^^", protocol="^^")
    assert operator.send(his.order_orm(held)) == "AA"
    page = operator.http.get("/worklist", params={"ae": "CT1"}).text
    assert "CT1 gets 1 entry, 1 kept back" in readable(page)
    assert f'href="/orders/{order.accession}"' in page
    assert 'href="/worklist/1?ae=CT1&amp;called=&amp;asks=last"' in page
    assert f'href="/why?number={held.accession}&amp;ae=CT1&amp;called="' in page
    assert "DOE" not in page
    assert "SIM4711" not in page


def test_a_dataset_is_shown_as_it_goes_over_the_wire(operator: Operator) -> None:
    """Tag, VR and value of each element; those of the patient after a click that is in the order's trace."""
    order = operator.order(name="DOE^JANE")
    masked = operator.http.get("/worklist/1", params={"ae": "CT1"}).text
    assert "(0008,0050) SH AccessionNumber " + order.accession in readable(masked)
    assert "(0040,0100) SQ ScheduledProcedureStepSequence 1 item" in readable(masked)
    assert "DOE" not in masked
    shown = operator.http.post("/worklist/1", params={"ae": "CT1"}).text
    assert "(0010,0010) PN PatientName DOE^JANE" in readable(shown)
    events = operator.json(f"/api/v1/orders/{order.accession}/trace")
    assert [each["by"] for each in events if each["event"] == "patient revealed"] == ["127.0.0.1, without login"]
    assert operator.http.get("/worklist/99", params={"ae": "CT1"}).status_code == 404


def test_what_a_device_asked_of_a_patient_is_masked(operator: Operator) -> None:
    """A device that searched by a patient's number leaves that number on no page."""
    operator.order(patient_id="SIM4711")
    _asked(operator, PatientID="SIM4711")
    page = operator.http.get("/worklist", params={"ae": "CT1"}).text
    assert "PatientID=•••••" in readable(page)
    assert "SIM4711" not in page + operator.http.get("/api/v1/worklist", params={"ae": "CT1"}).text


def test_a_stranger_is_told_what_would_happen(open_window: Callable[..., Operator]) -> None:
    """A title nobody configured would be rejected: the page says it before it shows the list it would get."""
    operator = open_window(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT01"}])
    page = operator.text("/worklist", ae="ct01")
    assert "It would get nothing: its association is rejected" in page
    assert "did you mean CT01" in page
    assert "ct01 gets an empty list" in page
    assert "Kept back" not in page


def test_without_a_station_there_is_the_question_alone(operator: Operator) -> None:
    """The page opens with its question."""
    assert "Filters in force" not in operator.text("/worklist")

"""Orders by hand in the window: the form, what it refuses, and the same for programs."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from swf import config
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.model.journal import Event
from swf.store import journal
from swf.store.database import Record
from tests.extensions.web.conftest import SCRIPT, Operator, readable

FORM = {
    "patient_id": "4711", "family": "DOE", "given": "JANE", "ideographic_family": "ドウ", "birth_date": "1980-02-29",
    "sex": "F", "procedure": "CTHEAD", "priority": "STAT", "start": "2026-03-16T09:30", "reason": "Fall",
}  # fmt: skip
JSON = {"patient_id": "4711", "name": "DOE^JANE", "procedure": "CTHEAD", "start": "2026-03-16T09:30"}


@pytest.fixture
def hospital(open_window: Callable[..., Operator], tmp_path: Path) -> Operator:
    """Somebody before the window of a site with a catalogue."""
    shipped = config.shipped_mappings()
    (tmp_path / "site.toml").write_text(
        f'extends = "{shipped / "default.toml"}"\n[catalogue]\nfile = "{shipped / "codes/procedures.csv"}"\n'
    )
    return open_window(mapping=str(tmp_path / "site.toml"))


def key_of(operator: Operator, path: str = "/orders/new") -> str:
    """The key of a fresh form."""
    return re.findall(r'name="key" value="(\w+)"', operator.http.get(path).text)[0]


def fill_in(operator: Operator, **fields: str) -> Any:
    """Send the form of a new order; the answer."""
    said = {"key": key_of(operator), **FORM, **fields}
    return operator.http.post("/orders/new", data={name: text for name, text in said.items() if text})


def revealed(operator: Operator) -> Sequence[Record]:
    """The journal's entries of patients that were shown."""
    with operator.broker.database.reading() as connection:
        return journal.recent(connection, limit=10, event=Event.PATIENT_REVEALED)


def test_an_order_is_made_with_the_form_and_is_on_the_scanners_list(hospital: Operator) -> None:
    """Filled in and sent, it leads to the order's page; the scanner has it; the trace begins by hand."""
    answer = fill_in(hospital)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/orders/SWF00000001"
    (item,) = Modality(*hospital.broker.dicom.address, "CT1").query()
    assert str(item.PatientName) == "DOE^JANE=ドウ"
    assert item.AccessionNumber == "SWF00000001"
    page = hospital.text("/orders/SWF00000001")
    assert "by hand → swf message received OMG^O19" in page
    assert "by 127.0.0.1, without login, did ordered by hand" in page


def test_a_refused_form_comes_back_as_it_was_filled_in(hospital: Operator) -> None:
    """Each mistake stands beside its field; nothing that was typed is lost, and a script that was typed stays text."""
    answer = fill_in(hospital, birth_date="2999-01-01", procedure="XYZ", reason=SCRIPT, start="")
    assert answer.status_code == 422
    wrong = set(re.findall(r'id="wrong-([\w.]+)"', answer.text))
    assert wrong == {"birth_date", "start", "procedure_text", "modality"}
    for text in ("4711", "DOE", "JANE", "ドウ", "XYZ", "2999-01-01", "&lt;script&gt;alert(1)&lt;/script&gt;"):
        assert f'value="{text}"' in answer.text
    assert '<option value="STAT" selected>' in answer.text
    assert SCRIPT not in answer.text
    assert hospital.json("/api/v1/orders") == []


def test_a_double_click_makes_one_order(hospital: Operator) -> None:
    """The same form sent twice leads to the same order."""
    key = key_of(hospital)
    first, second = fill_in(hospital, key=key), fill_in(hospital, key=key)
    assert first.headers["location"] == second.headers["location"]
    assert len(hospital.json("/api/v1/orders")) == 1
    changed = fill_in(hospital, key=key, reason="Something else")
    assert changed.status_code == 422
    assert "something else was done under this key before" in changed.text


def test_the_wrong_patients_number_is_noticed(hospital: Operator) -> None:
    """A known number with another name shows whose it is, which the journal keeps, and goes on only when confirmed."""
    fill_in(hospital)
    refused = fill_in(hospital, family="ROE", given="RICHARD", ideographic_family="")
    assert refused.status_code == 422
    assert "4711 is the number of DOE^JANE=ドウ , born 1980-02-29, F." in readable(refused.text)
    assert [row.event for row in revealed(hospital)] == ["patient revealed"]
    (seen,) = re.findall(r'name="confirmed" value="(\w+)"', refused.text)
    assert fill_in(hospital, family="ROE", given="RICHARD", ideographic_family="", confirmed=seen).status_code == 303


def test_a_known_patient_is_looked_up(hospital: Operator) -> None:
    """The number alone fills in the rest; an unknown number says so; what else was typed stays."""
    fill_in(hospital)
    found = hospital.http.post(
        "/orders/new", data={"patient_id": "4711", "do": "look up", "reason": "Cough", "key": "k"}
    )
    assert found.status_code == 200
    for text in ("DOE", "JANE", "ドウ", "1980-02-29", "Cough"):
        assert f'value="{text}"' in found.text
    assert '<option value="F" selected>' in found.text
    assert [row.detail["by"] for row in revealed(hospital)] == ["127.0.0.1, without login"]
    nobody = hospital.http.post("/orders/new", data={"patient_id": "999", "do": "look up"})
    assert "Nobody of that number is known yet." in readable(nobody.text)


def test_an_order_is_moved_and_cancelled_with_the_form(hospital: Operator) -> None:
    """What the form shows is how the order stands; what is changed is on the list; what is cancelled is not."""
    fill_in(hospital)
    page = hospital.http.get("/orders/SWF00000001/change").text
    assert 'name="start.S1.1" type="datetime-local" value="2026-03-16T09:30"' in page
    assert 'name="station.S1.1" type="text" value="CT1, CT2"' in page
    said = dict(re.findall(r'name="([\w.]+)"(?: type="[\w-]+")? value="([^"]*)"', page))
    moved = {**said, "start.S1.1": "2026-03-17T10:00", "station.S1.1": "CT9", "priority": "HIGH"}
    assert hospital.http.post("/orders/SWF00000001/change", data=moved).status_code == 303
    (item,) = Modality(*hospital.broker.dicom.address, "CT9").query()
    assert item.RequestedProcedurePriority == "HIGH"
    stale = hospital.http.post(
        "/orders/SWF00000001/change", data={**moved, "key": "k2", "start.S1.1": "2026-03-18T10:00"}
    )
    assert stale.status_code == 422
    assert "was changed meanwhile; look again" in readable(stale.text)
    without = hospital.http.post("/orders/SWF00000001/cancel", data={"key": "k3"})
    assert without.status_code == 422
    assert 'id="wrong-why"' in without.text
    assert hospital.http.post("/orders/SWF00000001/cancel", data={"key": "k3", "why": "Twice"}).status_code == 303
    assert Modality(*hospital.broker.dicom.address, "CT9").query() == []
    assert "the order was cancelled before" in hospital.text("/orders/SWF00000001/change")
    assert hospital.http.get("/orders/NONE/change").status_code == 404


def test_what_has_begun_says_why_it_stays(hospital: Operator) -> None:
    """An exam in progress: its fields are closed, with the reason, and there is no button to cancel."""
    fill_in(hospital)
    scanner = Modality(*hospital.broker.dicom.address, "CT1")
    scanner.begin(*scanner.query())
    page = hospital.http.get("/orders/SWF00000001/change").text
    assert "it is too late to cancel the order; step S1.1: it has begun" in readable(page)
    assert "/cancel" not in page
    late = hospital.http.post("/orders/SWF00000001/cancel", data={"key": "k", "why": "Twice"})
    assert late.status_code == 422
    assert "too late" in late.text


def test_programs_make_change_and_cancel_orders(open_window: Callable[..., Operator], tmp_path: Path) -> None:
    """The same as JSON: a key makes a repeat harmless, mistakes come by field, and the destination is told."""
    with Mis() as mis:
        host, port = mis.address
        operator = open_window(destination=[{"name": "mis", "host": host, "port": port, "send": ["ORM^O01"]}])
        said = {**JSON, "procedure_text": "CT head", "modality": "CT", "station": "CT1", "tell": True}
        made = [operator.http.post("/api/v1/orders", json=said, headers={"Idempotency-Key": "a"}) for _ in "ab"]
        assert [each.status_code for each in made] == [201, 201]
        assert made[0].json() == made[1].json()
        number = made[0].json()["accession_number"]
        wrong = operator.http.post("/api/v1/orders", json={**said, "name": "ROE^RICHARD", "accession": "A*"})
        assert (wrong.status_code, set(wrong.json()["fields"])) == (422, {"accession"})
        other = operator.http.post("/api/v1/orders", json={**said, "name": "ROE^RICHARD"}).json()
        assert other["person"]["name"] == "DOE^JANE"
        moved = operator.http.patch(f"/api/v1/orders/{number}", json={"start": "2026-03-17T10:00", "priority": "STAT"})
        assert moved.status_code == 200
        assert operator.http.patch(f"/api/v1/orders/{number}", json={"begin": "now"}).status_code == 422
        gone = operator.http.post(f"/api/v1/orders/{number}/cancel", json={"reason": "Twice"})
        assert gone.json()["status"] == "CA"
        assert operator.http.post(f"/api/v1/orders/{number}/cancel", json={"reason": "Twice"}).status_code == 409
        assert operator.http.patch(f"/api/v1/orders/{number}", json={"priority": "HIGH"}).status_code == 409
        assert operator.http.post("/api/v1/orders/none/cancel", json={"reason": "Twice"}).status_code == 409
        assert mis.wait_for(2)
        assert [re.findall(r"ORC\|SC\|[^|]*\|[^|]*\|\|(\w\w)", each.text) for each in mis.received] == [["SC"], ["CA"]]

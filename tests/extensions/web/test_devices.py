"""Devices: who calls and what came of it, who was turned away and what mends that, and whether a peer answers now."""

from collections.abc import Callable
from typing import Any

import pytest

from swf.errors import PeerError
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from tests.extensions.web.conftest import Operator, readable

GONE = {"name": "away", "host": "127.0.0.1", "port": 1}
CT1 = {"ae_title": "CT1", "aliases": ["CT1B"], "profile": "ct", "needs": ["PatientID"], "overdue_hours": 2}


def _door(operator: Operator, **other: Any) -> Modality:
    return Modality(*operator.broker.dicom.address, **{"ae_title": "CT1", **other})


def _device(operator: Operator, title: str, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """What is told of a device once that holds: what it asked is written down behind the answer."""
    for _ in range(400):
        answer = operator.http.get(f"/api/v1/devices/{title}")
        if answer.status_code == 200 and holds(answer.json()):
            found: dict[str, Any] = answer.json()
            return found
    raise AssertionError(title)


def test_a_device_with_all_there_is_to_tell(open_window: Callable[..., Operator]) -> None:
    """Its settings and where each comes from, what it asked and got, how fast, and what it reported, by any of its names."""
    operator = open_window(modality=[CT1], profile=[{"name": "ct", "days_ahead": 1, "days_behind": 1}])
    order = operator.order()
    scanner = _door(operator, ae_title="CT1B")
    scanner.begin(*scanner.query(Modality="CT"))
    _door(operator).query(PatientID="SIM4711", Modality="MR")
    found = _device(operator, "CT1B", lambda told: len(told["queries"]) == 2)
    in_force = {each["key"]: (each["value"], each["profile"]) for each in found["in_force"]}
    assert in_force == {
        "needs": (["PatientID"], ""),
        "days_ahead": (1, "ct"),
        "days_behind": (1, "ct"),
        "overdue_hours": (2.0, ""),
    }
    asked = [(each["ae_title"], each["answers"], each["status"]) for each in found["queries"]]
    assert asked == [("CT1", 0, "0000"), ("CT1B", 1, "0000")]
    assert found["queries"][0]["keys"] == {
        "PatientID": "•••••",
        "ScheduledProcedureStepSequence/Modality": "MR",
    }
    assert (found["device"]["ae_title"], found["device"]["well"], found["latency"]["runs"]) == ("CT1", True, 2)
    assert [row["accession_number"] for row in found["reports"]] == [order.accession]
    page = operator.http.get("/devices/CT1").text
    assert "why nothing?" in page
    assert "days_ahead 1 [[profile]] ct" in readable(page)
    assert "SIM4711" not in page


def test_who_was_turned_away_is_told_with_the_remedy(
    open_window: Callable[..., Operator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger, and a device that calls somebody else, are found with the reason and the line that lets them in."""
    monkeypatch.setattr("swf.jobs.refusal_recorder.PAUSE_S", 0.0)
    operator = open_window(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT01"}])
    port = operator.broker.dicom.address[1]
    for title, called in (("ct01", "SWF"), ("CT01", "PACS")):
        with pytest.raises(PeerError):
            Modality("127.0.0.1", port, title, called).echo()
    found = _device(operator, "ct01", lambda told: told["rejections"])
    assert not found["device"]["configured"]
    rejection = found["rejections"][0]
    assert (rejection["reason"], rejection["times"]) == ("calling AE title is not configured", 1)
    assert rejection["remedy"] == (
        'add it to the settings and reload: [[modality]] ae_title = "ct01" host = "127.0.0.1"; did you mean CT01?'
    )
    found = _device(operator, "CT01", lambda told: told["rejections"])
    assert found["rejections"][0]["remedy"] == "let CT01 call SWF in place of PACS"
    page = operator.text("/devices")
    assert "Turned away at the door" in page
    assert "let CT01 call SWF in place of PACS" in page
    assert "stranger" in page


def test_a_device_is_tested_by_a_click(open_window: Callable[..., Operator]) -> None:
    """One that answers is said to, with the time; one that is away is told as the system tells it; the journal keeps both."""
    other = open_window(dicom={"ae_title": "CT1"})  # a broker answers C-ECHO as any device does
    host, port = other.broker.dicom.address
    away = {"ae_title": "MR1", "host": "127.0.0.1", "port": 1}
    operator = open_window(
        store={"url": f"{other.broker.settings.store.url}2"},
        modality=[{"ae_title": "CT1", "host": host, "port": port}, away, {"ae_title": "US1"}],
    )
    assert "CT1 answers C-ECHO as CT1" in readable(operator.http.post("/devices/CT1").text)
    page = readable(operator.http.post("/devices/MR1").text)
    assert "MR1 no connection to 127.0.0.1:1: Connection refused" in page
    assert "To do: check that MR1 is switched on" in page
    assert operator.http.post("/api/v1/devices/CT1/echo").json()["well"] is True
    assert operator.http.post("/devices/US1").status_code == 404
    assert "Test it by C-ECHO" not in operator.text("/devices/US1")


def test_nobody_else_can_be_made_to_be_called(operator: Operator) -> None:
    """The window calls addresses of the settings alone: a name that is no peer is refused."""
    for path in ("/devices/10.0.0.1:22", "/lines/10.0.0.1:22", "/api/v1/lines/x/test", "/api/v1/devices/x/echo"):
        assert operator.http.post(path).status_code == 404
    assert operator.http.get("/devices/NOBODY").status_code == 404


def test_destinations_are_tested_without_a_word(open_window: Callable[..., Operator], mis: Mis) -> None:
    """A destination takes the connection and hears nothing; one that is away is told with what to look at."""
    host, port = mis.address
    operator = open_window(destination=[{"name": "mis", "host": host, "port": port}, GONE])
    page = readable(operator.http.post("/lines/mis").text)
    assert "mis takes a connection; nothing was sent" in page
    assert mis.received == []
    assert "check that away is switched on" in readable(operator.http.post("/lines/away").text)
    found = {each["peer"]["name"]: each for each in operator.json("/api/v1/lines")}
    assert (found["mis"]["waiting"], found["mis"]["parked"], found["mis"]["taken"]) == (0, 0, None)
    did = operator.http.post("/api/v1/lines/away/test").json()
    assert (did["well"], did["peer"]["kind"]) == (False, "destination")


def test_an_empty_house_says_so(operator: Operator) -> None:
    """Before anybody called and with nobody configured the page has a sentence for it."""
    page = operator.text("/devices")
    assert "No device is configured, and none has called." in page
    assert "Nobody is told anything." in page
    assert operator.json("/api/v1/devices") == []


def test_a_query_that_got_nothing_is_explained(operator: Operator) -> None:
    """From the device's page a click leads to the funnel of its query, the condition that leaves nothing, and what is near."""
    operator.order(patient_id="SIM4711")
    _door(operator).query(Modality="MR")
    _door(operator).query(PatientID="SIM4712")
    queries = _device(operator, "CT1", lambda told: len(told["queries"]) == 2)["queries"]
    page = operator.http.get("/devices/CT1").text
    assert f'href="/queries/{queries[1]["id"]}"' in page
    shown = operator.text(f"/queries/{queries[1]['id']}")
    assert "CT1 gets nothing: Modality leaves none of 1" in shown
    assert "What there is instead Modality Value Steps Near miss CT 1" in shown
    of_a_patient = operator.http.get(f"/queries/{queries[0]['id']}").text
    assert "PatientID leaves none of 1" in of_a_patient
    assert "SIM471" not in of_a_patient
    told = operator.json(f"/api/v1/queries/{queries[1]['id']}/why")
    assert (told["culprit"], told["funnel"][-1]["left"]) == ("Modality", 0)
    assert operator.http.get("/queries/999").status_code == 404

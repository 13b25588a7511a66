"""The simulator's page: off until the settings switch it on, never beside real patients, live while it plays."""

from collections.abc import Callable
from typing import Any

import pytest

from swf.extensions.simulator import playground
from swf.extensions.simulator.mis import Mis
from swf.model.journal import Event
from swf.store import journal
from tests.extensions.web.conftest import Operator

Open = Callable[..., Operator]
ON = {"simulator": {"enabled": True}}


def _wait(operator: Operator, kind: str, name: str, number: int) -> dict[str, Any]:
    """What is told of a run once it has counted so many."""
    for _ in range(500):
        (run,) = [each for each in operator.json("/api/v1/simulator")["runs"] if each["kind"] == kind]
        if run["counts"].get(name, 0) >= number:
            return dict(run)
    raise AssertionError(run)


def test_it_is_off(operator: Operator) -> None:
    """As the broker comes nothing can be simulated; the page says so, and what would switch it on."""
    text = operator.text("/simulator")
    assert "Nothing is simulated here. [simulator] enabled is false" in text
    assert "Let it play" not in text
    assert operator.json("/api/v1/simulator")["enabled"] is False
    refused = operator.http.post("/api/v1/simulator/his/start", json={})
    assert (refused.status_code, "enabled is false" in refused.text) == (409, True)


def test_a_day_in_the_window(open_window: Open) -> None:
    """HIS, scanners and MIS are started, counted and stopped; each action is in the journal with who did it."""
    with Mis() as free:
        address = free.address
    operator = open_window(
        simulator={"enabled": True, "mis_port": address[1]},
        destination=[{"name": "mis", "host": address[0], "port": address[1]}],
    )
    for kind in ("mis", "his", "modality"):
        wishes = {"rate": "max", "for": "5min", "profile": ""} if kind != "mis" else {}
        started = operator.http.post(f"/api/v1/simulator/{kind}/start", json=wishes)
        assert started.status_code == 200, started.text
    assert _wait(operator, "his", "seen on the list", 3)["findings"] == []
    assert _wait(operator, "modality", "begun", 2)["running"]
    assert _wait(operator, "mis", "accepted", 4)["findings"] == []
    assert "plays" in operator.text("/simulator")
    again = operator.http.post("/api/v1/simulator/his/start", json={})
    assert (again.status_code, "runs already" in again.text) == (409, True)
    for kind in ("his", "modality", "mis"):
        assert operator.http.post(f"/api/v1/simulator/{kind}/stop").status_code == 200
    assert {run["running"] for run in operator.json("/api/v1/simulator")["runs"]} == {False}
    assert {"start the simulated his", "stop the simulated mis"} <= _done(operator)


def _done(operator: Operator) -> set[str]:
    with operator.broker.database.reading() as connection:
        return {
            str(each.detail.get("did")) for each in journal.recent(connection, limit=500, event=Event.OPERATOR_ACTED)
        }


def test_a_form_starts_it(open_window: Open) -> None:
    """Without a script the form starts a HIS with the faults that are ticked."""
    operator = open_window(**ON)
    form = {"rate": "max", "for": "5min", "fault-duplicate": "on", "often": "1", "language": "ru"}
    answer = operator.http.post("/simulator/his/start", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/simulator")
    run = _wait(operator, "his", "accepted", 4)
    assert "duplicate=1" in run["title"]
    assert run["counts"]["with duplicate"] >= 2
    assert "Went wrong on purpose: duplicate" in operator.text("/simulator")


def test_never_beside_real_patients(open_window: Open) -> None:
    """A store that holds anybody who was not invented here refuses, whatever is typed."""
    operator = open_window(**ON)
    operator.order(issuer="HOSP")
    assert "The store holds patients who were not invented here." in operator.text("/simulator")
    assert operator.http.post("/api/v1/simulator/his/start", json={}).status_code == 409
    assert operator.json("/api/v1/simulator")["runs"] == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"destination": [{"name": "ris", "host": "10.0.0.5", "port": 2575}]}, "ris on another machine would be told"),
        ({"dicom": {"port": 0, "host": "0.0.0.0"}}, "Devices of other machines may ask"),
    ],
)
def test_never_where_others_could_be_told(open_window: Open, settings: Any, sentence: str) -> None:
    """A destination elsewhere, or a door for devices of other machines, refuses too; a test system is called one."""
    operator = open_window(**ON, **settings)
    assert sentence in operator.text("/simulator")
    assert operator.http.post("/api/v1/simulator/mis/start", json={}).status_code == 409


def test_it_stops_when_a_real_patient_comes(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sends a real order while it plays: everything that plays stops, and says why."""
    monkeypatch.setattr(playground, "GUARD_S", 0.02)
    operator = open_window(**ON)
    operator.http.post("/api/v1/simulator/his/start", json={"rate": "1/h"})
    _wait(operator, "his", "accepted", 1)
    operator.order(issuer="HOSP")
    runs = (operator.json("/api/v1/simulator")["runs"][0] for _ in range(500))
    stopped = next(run for run in runs if not run["running"])
    assert stopped["findings"] == ["The store holds patients who were not invented here."]


def test_a_test_system_is_called_one(open_window: Open) -> None:
    """With test_system it plays beside any patient, because somebody has said that nobody depends on the broker."""
    operator = open_window(simulator={"enabled": True, "test_system": True})
    operator.order(issuer="HOSP")
    assert operator.json("/api/v1/simulator")["objection"] == ""


def test_wishes_that_make_no_sense(open_window: Open) -> None:
    """What nobody can play is refused with what there is."""
    operator = open_window(**ON)
    for kind, wishes, sentence in (
        ("pacs", {}, "pacs cannot be simulated"),
        ("his", {"rate": "often"}, "write such as 10/min"),
        ("his", {"faults": ["lates=1"]}, "did you mean late?"),
        ("modality", {"station": "CT9"}, "CT9 is no simulated station"),
    ):
        answer = operator.http.post(f"/api/v1/simulator/{kind}/start", json=wishes)
        assert (answer.status_code, sentence in answer.text) == (409, True)


def test_it_ends_with_the_broker(open_window: Open) -> None:
    """A broker that stops takes its simulator with it."""
    operator = open_window(**ON)
    operator.http.post("/api/v1/simulator/his/start", json={"rate": "1/h"})
    _wait(operator, "his", "accepted", 1)
    simulated = operator.broker.simulator
    assert simulated is not None
    simulated.stop()
    assert [run["running"] for run in simulated.state()] == [False]

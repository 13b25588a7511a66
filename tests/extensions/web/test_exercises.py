"""Every exercise is really broken when it begins, and really solved by what its hints say."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swf import clock
from swf.extensions.simulator.exercises import EXERCISES, STATION
from swf.extensions.simulator.mis import Mis
from swf.model.delivery import DeliveryStatus
from tests.conftest import settings_for
from tests.extensions.web.conftest import Operator, readable

Open = Callable[..., Operator]


@pytest.fixture
def learner(open_window: Open) -> Operator:
    """Somebody who learns, before a broker that was set up for it."""
    with Mis() as free:
        port = free.address[1]
    to_mis = {
        "name": "mis",
        "host": "127.0.0.1",
        "port": port,
        "refusals_before_parking": 2,
        "retry_first_seconds": 0.05,
    }
    return open_window(simulator={"enabled": True, "mis_port": port}, destination=[to_mis])


def _begin(learner: Operator, name: str) -> dict[str, Any]:
    begun = learner.http.post(f"/api/v1/simulator/exercises/{name}/start")
    assert begun.status_code == 200, begun.text
    told: dict[str, Any] = begun.json()
    assert (told["name"], told["solved"]) == (name, False)
    assert told["missing"]
    return told


def _solved(learner: Operator) -> bool:
    told = learner.json("/api/v1/simulator/exercise")
    assert bool(told["missing"]) != told["solved"]
    assert learner.json("/api/v1/simulator")["objection"] == "", "nobody came in who was not invented"
    return bool(told["solved"])


def _changed(learner: Operator, told: dict[str, Any]) -> int:
    """What the form for changes answers when station and day of the order are put right in it."""
    accession = told["story"].partition("number ")[2].partition(",")[0]
    page = learner.http.get(f"/orders/{accession}/change").text
    said = dict(re.findall(r'name="([\w.]+)"(?: type="[\w-]+")? value="([^"]*)"', page))
    (step,) = [name.partition(".")[2] for name in said if name.startswith("station.")]
    right = {f"station.{step}": STATION, f"start.{step}": f"{clock.local(clock.now()):%Y-%m-%dT%H:%M}"}
    return learner.http.post(f"/orders/{accession}/change", data={**said, **right}).status_code


@pytest.mark.parametrize("name", ["missing", "room", "tomorrow"])
def test_an_order_nobody_sees(learner: Operator, name: str) -> None:
    """The scanner does not see the order; Why not? names a rule that hides it; the form for changes puts it right."""
    told = _begin(learner, name)
    accession = told["story"].partition("number ")[2].partition(",")[0]
    why = (learner.json("/api/v1/why", number=accession, ae=STATION) for _ in range(100))
    assert not all(each["seen"] for each in why), "what the scanner asked is noted a moment later"
    assert _changed(learner, told) == 303
    assert _solved(learner)


def test_the_message_nobody_can_read(learner: Operator, tmp_path: Path) -> None:
    """A source whose character set is known to be another one, and the message taken again, bring the right name."""
    _begin(learner, "letters")
    source = {"name": "his", "application": "HIS", "charset_override": "windows-1251"}
    learner.broker.reload(settings_for(tmp_path, simulator={"enabled": True}, source=[source]))
    (refused,) = learner.json("/api/v1/messages", refused=True)
    assert learner.http.post(f"/api/v1/messages/{refused['id']}/replay?really=1").status_code == 200
    assert _solved(learner)


def test_the_exam_without_an_order(learner: Operator) -> None:
    """The exam is linked by hand to the order that came later, and the scanner is not asked to do it again."""
    told = _begin(learner, "emergency")
    accession = told["story"].partition("has come: ")[2].partition(" ")[0]
    page = learner.http.get("/exams?only=UNRESOLVED").text
    uid = page.partition('href="/exams/')[2].partition('"')[0]
    linked = learner.http.post(f"/exams/{uid}/link", data={"accession": accession, "force": "1"})
    assert linked.status_code == 303
    assert _solved(learner)


def test_the_mis_does_not_know(learner: Operator) -> None:
    """What was refused for good is found among the deliveries and sent again; then the MIS knows."""
    _begin(learner, "refused")
    pages = (learner.http.get("/deliveries", params={"status": DeliveryStatus.PARKED}).text for _ in range(200))
    page = next(page for page in pages if 'href="/deliveries/' in page)
    number = page.partition('href="/deliveries/')[2].partition('"')[0]
    assert learner.http.post(f"/deliveries/{number}/retry").status_code == 303
    assert any(_solved(learner) for _ in range(200))


def test_the_pages_of_an_exercise(learner: Operator) -> None:
    """The exercises are listed; one that was begun tells its story and its hints, and whether it is solved."""
    listed = learner.text("/simulator")
    assert all(each.title in listed for each in EXERCISES.values())
    assert "No exercise was begun" in learner.text("/simulator/exercise")
    begun = learner.http.post("/simulator/exercises/missing/start", follow_redirects=True)
    text = readable(begun.text)
    assert "is not on the list" in text
    assert "Not solved yet: CT1 does not see the order." in text
    assert text.count("Hint ") == len(EXERCISES["missing"].hints)
    assert _changed(learner, learner.json("/api/v1/simulator/exercise")) == 303
    assert "Solved." in learner.text("/simulator/exercise")


def test_an_exercise_there_is_not(learner: Operator) -> None:
    """A name nobody knows is refused with what was meant."""
    refused = learner.http.post("/api/v1/simulator/exercises/misssing/start")
    assert (refused.status_code, "did you mean missing?" in refused.text) == (409, True)


def test_nothing_is_broken_where_the_simulator_is_off(operator: Operator) -> None:
    """A broker in use has no exercises."""
    assert operator.http.post("/api/v1/simulator/exercises/missing/start").status_code == 409
    assert operator.json("/api/v1/simulator/exercise") is None

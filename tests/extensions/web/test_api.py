"""For programs and supervisors: the same facts as JSON, health that is proven, figures without patients."""

import re
import threading
from typing import Any

import pytest

from swf.errors import StoreError
from swf.extensions.simulator import his
from tests.extensions.web.conftest import Operator


def test_every_route_for_programs_is_described(operator: Operator) -> None:
    """Whoever writes a client finds each route, with its parameters, in the OpenAPI document; pages are not in it."""
    described = operator.json("/api/v1/openapi.json")
    assert set(described["paths"]) == {
        "/api/v1/today",
        "/api/v1/statistics",
        "/api/v1/orders",
        "/api/v1/orders/{number}",
        "/api/v1/orders/{number}/cancel",
        "/api/v1/orders/{number}/trace",
        "/api/v1/why",
        "/api/v1/devices",
        "/api/v1/devices/{ae}",
        "/api/v1/devices/{ae}/echo",
        "/api/v1/issues",
        "/api/v1/issues/{key}/{act}",
        "/api/v1/queries/{number}/why",
        "/api/v1/lines",
        "/api/v1/lines/{name}/test",
        "/api/v1/worklist",
        "/api/v1/worklist/{step}/reveal",
        "/api/v1/messages",
        "/api/v1/messages/{number}",
        "/api/v1/messages/{number}/reveal",
        "/api/v1/messages/{number}/replay",
        "/api/v1/messages/compare",
        "/api/v1/messages/failed",
        "/api/v1/messages/failed/{key}/replay",
        "/api/v1/messages/failed/{key}/settle",
        "/api/v1/messages/failed/{key}/reopen",
        "/api/v1/deliveries",
        "/api/v1/deliveries/{number}",
        "/api/v1/deliveries/{number}/reveal",
        "/api/v1/deliveries/{number}/retry",
        "/api/v1/deliveries/{number}/skip",
        "/api/v1/destinations",
        "/api/v1/destinations/{name}/hold",
        "/api/v1/destinations/{name}/release",
        "/api/v1/exams",
        "/api/v1/exams/{uid}",
        "/api/v1/exams/{uid}/reveal",
        "/api/v1/exams/{uid}/link",
        "/api/v1/exams/{uid}/unlink",
        "/api/v1/exams/{uid}/end",
        "/api/v1/held",
        "/api/v1/me",
        "/api/v1/users",
        "/api/v1/users/{name}",
        "/api/v1/tokens",
        "/api/v1/tokens/{name}",
        "/api/v1/simulator",
        "/api/v1/simulator/exercise",
        "/api/v1/simulator/exercises/{name}/start",
        "/api/v1/simulator/{kind}/start",
        "/api/v1/simulator/{kind}/stop",
        "/api/v1/bench",
        "/api/v1/bench/look",
        "/api/v1/bench/difference",
        "/api/v1/bench/draft",
        "/api/v1/bench/discard",
        "/api/v1/bench/save",
        "/api/v1/bench/undo",
        "/api/v1/bench/reload",
        "/livez",
        "/readyz",
        "/metrics",
    }
    assert described["info"]["title"] == "swf"
    asked = {each["name"] for each in described["paths"]["/api/v1/messages"]["get"]["parameters"]}
    assert asked == {"q", "refused", "before", "after", "limit", "wait"}


def test_a_trace_is_what_the_command_tells(operator: Operator) -> None:
    """The trace of an order for programs begins with the message that brought it; of an unknown one it is 404."""
    order = operator.order()
    events = [each["event"] for each in operator.json(f"/api/v1/orders/{order.accession}/trace")]
    assert events == ["message received", "order created", "step scheduled"]
    assert operator.http.get("/api/v1/orders/none/trace").status_code == 404


def test_somebody_elses_test_may_wait_for_a_message(operator: Operator) -> None:
    """A program that sends through another system waits until the message is here, and no longer."""
    order = his.Order()
    later = threading.Timer(0.2, operator.send, [his.order_orm(order)])
    later.start()
    found = operator.json("/api/v1/messages", q=order.accession, wait="10s")
    later.join()
    assert [row["disposition"] for row in found] == ["APPLIED"]
    assert operator.json("/api/v1/messages", after=found[0]["id"]) == []


def test_an_order_is_told_whole_by_any_of_its_numbers(operator: Operator) -> None:
    """A program learns what is on the worklist and where each value came from; who the patient is stays behind the mask."""
    order = operator.order(name="DOE^JANE", patient_id="SIM4711")
    for number in (order.accession, order.placer_number, order.filler_number):
        found = operator.json(f"/api/v1/orders/{number}")
        assert [each["accession_number"] for each in found["orders"]] == [order.accession]
        assert operator.json(f"/api/v1/orders/{number}/trace")
    (step,) = found["steps"]
    told = {each["path"]: each for each in step["attributes"]}
    assert (step["step_id"], step["status"], step["flaws"]) == (order.step_ids[0], "SCHEDULED", [])
    assert told["AccessionNumber"]["value"] == order.accession
    assert told["AccessionNumber"]["origin"]["place"] == "OBR-18.1"
    assert told["PatientName"]["masked"]
    assert not [secret for secret in ("DOE", "SIM4711") if secret in str(found)]
    assert operator.http.get("/api/v1/orders/NOSUCH").status_code == 404


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
def test_a_question_that_makes_no_sense_is_refused(operator: Operator, limit: str) -> None:
    """Too much at once, or no number at all, is told as a mistake of the question."""
    assert operator.http.get("/api/v1/messages", params={"limit": limit}).status_code == 422


def test_it_is_ready_because_the_store_took_a_write(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready means that something was written just now; when the store refuses, it is not ready."""
    first, second = operator.json("/readyz")["written"], operator.json("/readyz")["written"]
    assert first < second

    def refuse(*_: Any) -> None:
        raise StoreError("the store did not commit: disk is full")

    monkeypatch.setattr(operator.broker.database, "run", refuse)
    answer = operator.http.get("/readyz")
    assert answer.status_code == 503
    assert "disk is full" in answer.text


def test_it_lives_while_every_part_does_its_work(operator: Operator) -> None:
    """A broker whose HL7 door is gone is not alive for a supervisor, who is told which part it is."""
    assert operator.http.get("/livez").json() == {"ailing": []}
    operator.broker.hl7.stop()
    answer = operator.http.get("/livez")
    assert answer.status_code == 503
    assert answer.json() == {"ailing": [operator.broker.hl7.name]}


def test_figures_tell_nothing_of_a_patient(operator: Operator) -> None:
    """Prometheus learns how many, never who: no name, no number of an order or a message is in a figure."""
    order = operator.order(name="DOE^JANE", patient_id="SIM4711")
    operator.send(his.cancel(his.Order()))
    figures = operator.http.get("/metrics").text
    assert 'swf_steps_today{status="SCHEDULED"} 1.0' in figures
    assert "swf_messages_today 2.0" in figures
    assert "swf_messages_refused_today 1.0" in figures
    assert not [each for each in ("DOE", "SIM4711", order.accession, order.placer_number) if each in figures]
    assert {*re.findall(r'(\w+)="', figures)} <= {"version", "status", "destination", "service", "disposition", "event"}


def test_what_nobody_had_thought_of_is_one_page(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, log_lines: Any
) -> None:
    """A fault of ours shows a page and a line in the log that hold nothing of a patient, and the window goes on."""

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("DOE^JANE")

    monkeypatch.setattr("swf.store.board.counts", fail)
    answer = operator.http.get("/")
    assert answer.status_code == 500
    assert "this page failed (KeyError)" in answer.text
    assert "DOE" not in answer.text + log_lines.getvalue()
    assert "page failed" in log_lines.getvalue()
    assert operator.http.get("/orders").status_code == 200

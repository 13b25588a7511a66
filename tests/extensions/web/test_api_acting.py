"""Programs put right what operators put right: deliveries, exams, users; and Prometheus counts what is done."""

from collections.abc import Callable

import httpx

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis, agreeable
from swf.extensions.simulator.modality import Modality
from swf.model.user import Role
from tests.extensions.web import people
from tests.extensions.web.conftest import NO_AUTHORITY, Operator
from tests.extensions.web.test_acting import _exam_without_order


def counted(operator: Operator, name: str, **labels: str) -> float:
    """A counter of /metrics."""
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    line = f"{name}_total{{{told}}} "
    return float(
        next(
            (each for each in operator.http.get("/metrics").text.splitlines() if each.startswith(line)), "0 0"
        ).split()[-1]
    )


def test_an_exam_is_linked_by_a_program(operator: Operator) -> None:
    """A program finds the exam and the order it may belong to, links, unlinks and ends it; the journal names the program."""
    uid, order = _exam_without_order(operator), operator.order(station_ae="CT9")
    key = people.token(operator.broker, "resolver", Role.OPERATOR)
    with httpx.Client(
        base_url=f"{operator.address}/api/v1/", verify=NO_AUTHORITY, headers={"Authorization": f"Bearer {key}"}
    ) as http:
        assert http.get("me").json() == {"by": "token resolver", "role": "operator"}
        (listed,) = http.get("exams", params={"only": "unresolved"}).json()
        assert (listed["sop_instance_uid"], listed["linked_to"]) == (uid, None)
        whole = http.get(f"exams/{uid}").json()
        assert [each["accession_number"] for each in whole["candidates"]] == [order.accession]
        assert "DOE" not in str(whole)
        assert "DOE^JANE" in http.post(f"exams/{uid}/reveal").json()["reported"].values()
        assert http.post(f"exams/{uid}/link", json={"accession_number": "NONE"}).status_code == 409
        linked = http.post(f"exams/{uid}/link", json={"accession_number": order.accession}).json()
        assert (linked["linked_to"], linked["linked"][0]["status"]) == (order.accession, "STARTED")
        assert http.post(f"exams/{uid}/unlink", json={}).json()["linked"] == []
        assert http.post(f"exams/{uid}/end", json={"how": "well"}).status_code == 422
        assert http.post(f"exams/{uid}/end", json={"how": "discontinued"}).json()["presumed"] == "DISCONTINUED"
        assert http.get("exams/1.2.3").status_code == 404
        assert http.get("exams", params={"only": "odd"}).status_code == 404
    acted = [row for row in operator.http.get("/metrics").text.splitlines() if 'event="operator acted"' in row]
    assert acted == ['swf_events_total{event="operator acted"} 3.0']


def test_a_parked_delivery_tries_again_for_a_program(open_window: Callable[..., Operator]) -> None:
    """What a destination refused is found, read on request and put back into its line."""
    with Mis(personality=lambda _: "AE") as mis:
        host, port = mis.address
        line = {"name": "mis", "host": host, "port": port, "refusals_before_parking": 1, "send": ["ORM^O01"]}
        operator = open_window(destination=[line])
        order, scanner = operator.order(name="DOE^JANE"), Modality(*operator.broker.dicom.address, "CT1")
        scanner.begin(*scanner.query())
        assert any(operator.json("/api/v1/deliveries", status="parked") for _ in range(400))
        (parked,) = operator.json("/api/v1/deliveries", status="parked")
        assert (parked["accession_number"], "DOE" in str(parked)) == (order.accession, False)
        assert operator.json("/api/v1/deliveries/1") == parked
        assert "DOE^JANE" in operator.http.post("/api/v1/deliveries/1/reveal").json()["message"]
        mis.personality = agreeable
        assert operator.http.post("/api/v1/deliveries/1/retry").status_code == 200
        assert any(operator.json("/api/v1/deliveries", status="delivered") for _ in range(400))
        assert operator.http.post("/api/v1/deliveries/1/retry").status_code == 409
        assert operator.http.get("/api/v1/deliveries/4711").status_code == 404
        assert counted(operator, "swf_events", event="delivery parked") == 1


def test_a_message_is_read_on_request(operator: Operator) -> None:
    """Without asking a program learns what became of a message; asked for, what it says, and the journal keeps that."""
    order = operator.order(name="DOE^JANE")
    assert operator.json("/api/v1/messages/1")["disposition"] == "APPLIED"
    assert operator.http.get("/api/v1/messages/2").status_code == 404
    told = operator.http.post("/api/v1/messages/1/reveal").json()
    assert "DOE^JANE" in told["message"]
    assert "MSA|AA" in told["acknowledgement"]
    changed = his.order_orm(order).replace(b"DOE^JANE", b"ROE^JANE")
    operator.send(changed.replace(b"|NW|", b"|XO|"))
    assert "ROE" not in operator.http.post("/api/v1/messages/1/replay").text
    assert operator.json("/api/v1/held") == []


def test_users_are_made_by_a_program(operator: Operator) -> None:
    """Who sets up a site makes its users and tokens by program; a mistake leaves everything as it was."""
    key = people.token(operator.broker, "setup", Role.ADMIN)
    with httpx.Client(
        base_url=f"{operator.address}/api/v1/", verify=NO_AUTHORITY, headers={"Authorization": f"Bearer {key}"}
    ) as http:
        new = {"name": "jane", "role": "admin", "password": people.PASSWORD}
        assert http.post("users", json={**new, "password": "short"}).status_code == 409
        assert http.post("users", json=new).status_code == 201
        assert http.post("users", json={**new, "name": "joe"}).status_code == 201
        assert http.post("users", json=new).status_code == 409
        assert http.patch("users/joe", json={"role": "viewer", "disabled": True}).status_code == 200
        both = {"role": "viewer", "disabled": True}
        assert http.patch("users/jane", json=both).status_code == 409
        assert http.patch("users/nobody", json=both).status_code == 404
        found = [(each["name"], each["role"], bool(each["disabled_at"])) for each in http.get("users").json()]
        assert found == [("jane", "admin", False), ("joe", "viewer", True)]
        made = http.post("tokens", json={"name": "ci", "role": "viewer"}).json()
        with httpx.Client(base_url=f"{operator.address}/api/v1/", verify=NO_AUTHORITY) as program:
            program.headers["Authorization"] = f"Bearer {made['token']}"
            assert program.get("me").json() == {"by": "token ci", "role": "viewer"}
            assert program.post("tokens", json={"name": "x", "role": "admin"}).status_code == 403
            assert http.delete("tokens/ci").status_code == 200
            assert program.get("me").status_code == 401
        assert http.delete("tokens/ci").status_code == 404
        assert [each["name"] for each in http.get("tokens").json()] == ["setup"]


def test_counters_only_grow(operator: Operator) -> None:
    """Messages, queries and events are counted from the start of the window, each once, however often one looks."""
    assert counted(operator, "swf_messages", disposition="APPLIED") == 0
    operator.order()
    operator.send(his.cancel(his.Order()))
    for _ in range(2):
        assert counted(operator, "swf_messages", disposition="APPLIED") == 1
    operator.order()
    assert counted(operator, "swf_messages", disposition="APPLIED") == 2
    assert counted(operator, "swf_events", event="message refused") == 1
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    for number in (1, 2):  # the same query again, which is one row
        scanner.query()
        assert any(counted(operator, "swf_worklist_queries", status="0000") == number for _ in range(400))
    assert counted(operator, "swf_worklist_queries", status="0000") == 2


def test_the_shapes_of_answers_are_described(operator: Operator) -> None:
    """A client can be generated: answers and refusals have named shapes, and that a token is shown is told."""
    described = operator.json("/api/v1/openapi.json")
    for route in ("/api/v1/exams/{uid}/link", "/api/v1/orders", "/api/v1/users"):
        told = next(iter(described["paths"][route].values()))
        assert told["security"] == [{"HTTPBearer": []}]
        refused = told["responses"]["403"]["content"]["application/json"]["schema"]
        assert refused == {"$ref": "#/components/schemas/Problem"}
    assert {"Order", "Delivery", "ExamWhole", "User"} <= set(described["components"]["schemas"])

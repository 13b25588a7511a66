"""What an operator puts right: parked deliveries, exams without an order, entries that are held."""

from collections.abc import Callable

from pydicom.dataset import Dataset

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis, agreeable
from swf.extensions.simulator.modality import Modality
from tests.extensions.web.conftest import Operator, readable


def _exam_without_order(operator: Operator, patient_id: str = "SIM4711") -> str:
    """A device reports an exam nobody ordered; its SOP Instance UID."""
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    item = Dataset()
    item.PatientName, item.PatientID, item.StudyInstanceUID = "DOE^JANE", patient_id, "1.2.3.4.5"
    item.ScheduledProcedureStepSequence = [Dataset()]
    item.ScheduledProcedureStepSequence[0].Modality = "CT"
    return scanner.begin(item)


def test_an_exam_without_an_order_is_linked_by_a_click(operator: Operator) -> None:
    """The list of what is to be resolved leads to the exam; linked to its order, the order is in progress."""
    uid = _exam_without_order(operator)
    order = operator.order(station_ae="CT9")
    assert 'href="/exams?only=UNRESOLVED"' in operator.http.get("/").text
    assert f'href="/exams/{uid}"' in operator.http.get("/exams", params={"only": "UNRESOLVED"}).text
    page = operator.http.get(f"/exams/{uid}").text
    assert "DOE" not in page
    assert f"Link to {order.accession}" in page
    done = operator.http.post(f"/exams/{uid}/link", data={"accession": order.accession}, follow_redirects=True)
    assert "No order yet." not in done.text
    assert operator.json("/api/v1/orders", q=order.accession)[0]["status"] == "IP"
    journal = operator.json(f"/api/v1/orders/{order.accession}/trace")
    assert "mpps linked" in {each["event"] for each in journal}
    back = operator.http.post(f"/exams/{uid}/unlink", data={"accession": order.accession}, follow_redirects=True)
    assert "No order yet." in back.text
    assert operator.json("/api/v1/orders", q=order.accession)[0]["status"] == "SC"


def test_an_exam_of_another_patient_is_not_linked_by_mistake(operator: Operator) -> None:
    """The patients differ: it is refused with a sentence, and nothing has happened, unless the operator insists."""
    uid, order = _exam_without_order(operator, "OTHER1"), operator.order()
    refused = operator.http.post(f"/exams/{uid}/link", data={"accession": order.accession})
    assert refused.status_code == 409
    assert "for another patient than the order" in refused.text
    assert operator.json("/api/v1/orders", q=order.accession)[0]["status"] == "SC"
    insisted = {"accession": order.accession, "force": "1"}
    assert operator.http.post(f"/exams/{uid}/link", data=insisted).status_code == 303
    assert operator.json("/api/v1/orders", q=order.accession)[0]["status"] == "IP"


def test_an_exam_its_device_left_open_is_ended(operator: Operator) -> None:
    """A scanner that was switched off never reports the end; the operator says how it was."""
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    order = operator.order()
    uid = scanner.begin(*scanner.query())
    done = operator.http.post(f"/exams/{uid}/end", data={"how": "discontinued"}, follow_redirects=True)
    assert "presumed discontinued" in readable(done.text)
    assert operator.json("/api/v1/orders", q=order.accession)[0]["status"] == "DC"


def test_what_an_exam_says_of_its_patient_is_shown_on_request(operator: Operator) -> None:
    """The report of a device holds a name; it is on the page only after a click that the journal keeps."""
    uid = _exam_without_order(operator)
    assert "SIM4711" not in operator.http.get(f"/exams/{uid}").text
    assert "SIM4711" in operator.http.post(f"/exams/{uid}/reveal").text


def test_a_parked_delivery_is_put_back_into_its_line(open_window: Callable[..., Operator]) -> None:
    """A destination that refused for good gets the message again after a click; who clicked is in the order's trace.

    What it was told names the patient, whom the page shows on request only.
    """
    with Mis(personality=lambda _: "AE") as mis:
        host, port = mis.address
        destination = {"name": "mis", "host": host, "port": port, "refusals_before_parking": 1, "send": ["ORM^O01"]}
        operator = open_window(destination=[destination])
        scanner = Modality(*operator.broker.dicom.address, "CT1")
        order = operator.order(name="DOE^JANE")
        scanner.begin(*scanner.query())
        assert any("parked" in operator.text("/deliveries/1") for _ in range(400))
        assert "DOE" not in operator.http.get("/deliveries/1").text
        assert "DOE^JANE" in readable(operator.http.post("/deliveries/1/reveal").text)
        mis.personality = agreeable
        assert operator.http.post("/deliveries/1/retry").status_code == 303
        assert any("delivered" in operator.text("/deliveries/1") for _ in range(400))
        assert operator.http.post("/deliveries/1/retry").status_code == 409
        events = operator.json(f"/api/v1/orders/{order.accession}/trace")
    acted = [each for each in events if each["event"] in ("patient revealed", "operator acted")]
    assert [each["by"] for each in acted] == ["127.0.0.1, without login"] * 2
    assert acted[1]["did"] == "retry"


def test_a_delivery_nobody_queued_is_not_here(operator: Operator) -> None:
    """A number of no delivery is 404; a list without deliveries says so."""
    assert operator.http.get("/deliveries/1").status_code == 404
    assert operator.http.post("/deliveries/1/retry").status_code == 409
    assert "Nothing was told to anybody yet." in operator.text("/deliveries")


def test_a_held_entry_says_what_is_wrong(operator: Operator) -> None:
    """An order without a description is kept from the list; the page names it, its flaw and the way to it."""
    order = his.Order(name="DOE^JANE", code="^^", protocol="^^")
    assert operator.send(his.order_orm(order)) == "AA"
    page = operator.http.get("/held").text
    assert f'href="/orders/{order.accession}"' in page
    assert "kept back" in page
    assert "DOE" not in page
    assert "Nothing is held." not in page
    assert "give it a value by hand, or a place or a default in the mapping" in page
    assert f'href="/orders/{order.accession}/change?order=1"' in page
    assert 'href="/bench?message=1#becomes"' in page
    assert operator.http.get(f"/orders/{order.accession}/change", params={"order": 1}).status_code == 200
    (told,) = operator.json("/api/v1/held")
    assert (told["message"], len(told["mends"])) == (1, 1)


def test_nothing_is_held_on_a_good_day(operator: Operator) -> None:
    """A list without entries says so."""
    operator.order()
    assert "Nothing is held." in operator.text("/held")
    assert "No modality has reported an exam yet." in operator.text("/exams")
    assert operator.http.get("/exams/1.2.3").status_code == 404
    assert operator.http.get("/exams", params={"only": "WRONG"}).status_code == 404


def test_an_address_that_takes_forms_only_leads_to_its_page(operator: Operator) -> None:
    """Who keeps the address behind a button, or reloads it in another tab, comes to the page it belongs to."""
    order = operator.order()
    for address, page in {
        "/messages/1/reveal": "/messages/1",
        "/bench/look": "/bench",
        "/issues/some/take": "/issues",
        "/destinations/mis/hold": "/deliveries",
        f"/orders/{order.accession}/cancel": f"/orders/{order.accession}",
        "/logout": "/",
    }.items():
        answer = operator.http.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, page), address
    assert operator.http.get("/api/v1/messages/1/reveal").status_code == 405


def test_no_number_is_too_long_to_be_told_no(operator: Operator) -> None:
    """A number no store has, or a word where a number belongs, is no page and no failure; a program learns where it erred."""
    for number in ("9" * 19, "9" * 5000, "-1", "abc"):
        for place in ("messages", "deliveries", "queries"):
            answer = operator.http.get(f"/{place}/{number}")
            assert answer.status_code == 404, (place, number)
            assert "there is no such page" in readable(answer.text)
        told = operator.http.get(f"/api/v1/messages/{number}")
        assert told.status_code == 422
        assert told.json()["error"].startswith("number: ")

"""An order's page: its whole life, where each value came from, and nobody's name before somebody asks for it."""

import re
from collections.abc import Callable

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.extensions.web import mask, trace_view
from swf.store.journal import Moment
from tests.extensions.web.conftest import PATIENCE_S, SCRIPT, Operator, readable


def test_the_page_tells_the_whole_life_of_an_order(open_window: Callable[..., Operator], mis: Mis) -> None:
    """Ordered, listed, begun, completed, told: every step is on one page, with who told whom, as picture and as list."""
    operator = open_window(mis)
    order = operator.order()
    scanner = Modality(*operator.broker.dicom.address, "CT1")
    scanner.complete(scanner.begin(*scanner.query()))
    mis.wait_for(lambda received: len(received) >= 4, PATIENCE_S)
    operator.broker.stop()  # what scanners were given is noted behind the answer; stopping writes it down
    operator.broker.start()
    again = Operator(operator.broker)
    html = again.http.get(f"/orders/{order.accession}").text
    rows = {
        line: _opened(again, html, line) for line in ("delivery acknowledged", "mpps completed", "worklist answered")
    }
    again.http.close()
    assert "ORM^O01" in rows["delivery acknowledged"]
    assert "COMPLETED" in rows["mpps completed"]
    assert "What is on the worklist" in rows["worklist answered"]
    page = readable(html)
    for told in (
        "HIS|HOSP → swf message received ORM^O01",
        "swf order created",
        "swf → CT1 worklist answered",
        "CT1 → swf mpps in progress",
        "CT1 → swf mpps completed",
        "swf step status SCHEDULED → STARTED",
        "swf → mis delivery acknowledged ORM^O01",
    ):
        assert told in page, page
    assert "between HIS|HOSP, swf, CT1, mis" not in page  # that is what a picture is called, not what is read


def _opened(operator: Operator, html: str, event: str) -> str:
    """What is read behind the link of the first line about that event."""
    line = next(row for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL) if event in row)
    found = re.search(r'href="([^"]*)"', line)
    assert found, line
    if found[1].startswith("#"):
        return readable(html[html.index(f'id="{found[1][1:]}"') :])
    return readable(operator.http.get(found[1]).raise_for_status().text)


def test_the_picture_has_a_lane_for_everybody(operator: Operator) -> None:
    """HIS and broker have a lane, and the arrow of the order goes from one to the other."""
    page = operator.http.get(f"/orders/{operator.order().accession}").text
    assert re.findall(r'class="lane-name"[^>]*>([^<]*)<', page) == ["HIS|HOSP", "swf"]
    assert page.count('<line class="arrow inward"') == 1


def test_an_order_is_found_by_any_of_its_numbers(operator: Operator) -> None:
    """The address of an order can be sent to a colleague; accession, placer and filler number lead to it alike."""
    order = operator.order()
    for number in (order.accession, order.placer_number, order.filler_number):
        assert f"Order {number}" in operator.text(f"/orders/{number}")


def test_each_value_names_its_field_and_its_line(operator: Operator) -> None:
    """Where the accession number came from is one look: OBR-18 of message 1, by that line of the mapping."""
    order = operator.order()
    page = operator.text(f"/orders/{order.accession}")
    assert re.search(rf"AccessionNumber {order.accession} OBR-18.1 text default.toml:\d+", page)
    assert re.search(r"ScheduledProcedureStepSequence / ScheduledProcedureStepStatus SCHEDULED the step's status", page)


def test_a_value_that_was_corrected_names_the_correction(operator: Operator) -> None:
    """After a change the value is traced to the message that brought it, not to the first one."""
    order = operator.order(code="CTABD^CT abdomen^99SIM")
    changed = his.Order(**{**order.__dict__, "code": "CTTHX^CT thorax^99SIM"})
    assert operator.send(his.change(changed)) == "AA"
    page = operator.http.get(f"/orders/{order.accession}").text
    rows = {readable(row).split(" ")[0]: row for row in page.split("<tr>")}
    assert 'href="/messages/2"' in rows["RequestedProcedureDescription"]
    assert "CT thorax" in rows["RequestedProcedureDescription"]


def test_a_patient_is_masked_until_somebody_asks(operator: Operator) -> None:
    """Name, number and birth date are on the page only after a click, and the journal keeps who clicked."""
    order = operator.order(name="DOE^JANE", patient_id="SIM4711")
    address = f"/orders/{order.accession}"
    before = operator.http.get(address).text
    assert not [secret for secret in ("DOE", "SIM4711", "19800229") if secret in before]
    after = operator.http.post(address)
    assert after.headers["cache-control"] == "no-store"
    assert all(secret in after.text for secret in ("DOE^JANE", "SIM4711", "19800229"))
    assert "patient revealed by 127.0.0.1, without login" in operator.text(address)


def test_a_name_that_is_a_script_stays_a_name(operator: Operator) -> None:
    """Whoever sends a script as a patient's name sees it as text, on every page that shows it."""
    order = operator.order(name=f"{SCRIPT}^JANE", code=f"C1^{SCRIPT}^99SIM")
    for method, path in (("GET", "/"), ("POST", f"/orders/{order.accession}"), ("POST", "/messages/1/reveal")):
        page = operator.http.request(method, path).text
        assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_number_nobody_knows_leads_on(operator: Operator) -> None:
    """A number with a typing mistake finds what was perhaps meant, and where else to look; the address says 404."""
    order = operator.order(accession="A7000123")
    page = operator.text("/orders", q="A700123")
    assert "Nothing is known of A700123" in page
    assert f"Perhaps meant: {order.accession}" in page
    assert operator.http.get("/orders/A700123").status_code == 404


def test_the_list_of_orders_is_searched_by_number_patient_and_status(operator: Operator) -> None:
    """An order is found by its numbers and by its patient's; nobody else's is shown beside it."""
    first, second = operator.order(patient_id="SIM1"), operator.order(patient_id="SIM2")
    assert operator.send(his.cancel(second)) == "AA"
    everything = operator.text("/orders")
    assert first.accession in everything
    assert second.accession in everything
    for search in (first.accession, first.placer_number, first.filler_number, "SIM1"):
        found = operator.json("/api/v1/orders", q=search)
        assert [row["accession_number"] for row in found] == [first.accession]
    assert [row["status"] for row in operator.json("/api/v1/orders", status="CA")] == ["CA"]


def test_what_says_who_a_patient_is() -> None:
    """The mask knows an attribute of the patient wherever it stands in an item."""
    assert mask.is_of_the_patient("PatientName")
    assert mask.is_of_the_patient("OtherPatientIDsSequence/PatientID")
    assert mask.is_of_the_patient("RequestedProcedureCodeSequence/PatientComments")
    assert not mask.is_of_the_patient("ScheduledProcedureStepSequence/Modality")


def test_a_trace_of_nothing_is_a_picture_of_nothing() -> None:
    """An order about which nothing is known but that it is there has a page all the same."""
    assert trace_view.lines([], {}) == []
    assert trace_view.picture([], trace_view.lanes([], trace_view.devices_of(list[Moment]()))).marks == []

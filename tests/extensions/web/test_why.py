"""Why not? The page names the rule that hides an order from a station, and what mends it."""

from collections.abc import Callable

from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from tests.extensions.web.conftest import Operator, readable


def test_an_order_that_is_seen_is_said_to_be_seen(operator: Operator) -> None:
    """Where nothing hides the order the page says so, and shows every rule it passed."""
    order = operator.order()
    page = operator.text("/why", number=order.accession, ae="CT1")
    assert f"CT1 sees {order.accession}" in page
    assert "hides it" not in page
    assert "passes status SCHEDULED since" in page


def test_the_rule_that_hides_stands_first_with_what_to_do(operator: Operator) -> None:
    """A cancelled order is hidden by its status; that line comes first and says what to do."""
    order = operator.order()
    assert operator.send(his.cancel(order)) == "AA"
    page = operator.text("/why", number=order.accession, ae="CT1")
    assert f"CT1 does not see {order.accession}: status" in page
    assert page.index("hides it status CANCELLED") < page.index("passes caller")
    assert "To do: let the HIS send the order anew" in page
    assert f"by message {2}" in page


def test_the_funnel_shows_where_the_list_becomes_empty(operator: Operator) -> None:
    """A device that asks for another modality loses every step at that key, and the page shows it in numbers."""
    order = operator.order(modality="CT")
    Modality(*operator.broker.dicom.address, "MR1").query(Modality="MR")
    operator.broker.stop()  # the question is noted behind the answer; stopping writes it down
    operator.broker.start()
    again = Operator(operator.broker)
    page = again.text("/why", number=order.accession, ae="MR1")
    again.http.close()
    assert "hides it key Modality CT is not among MR" in page
    assert "1 every step" in page
    assert "0 query key Modality: MR" in page


def test_whom_a_device_asked_for_stays_behind_the_mask(operator: Operator) -> None:
    """A device asks for one patient: the page and programs learn which key hides the order, and no name and no number."""
    order = operator.order()
    Modality(*operator.broker.dicom.address, "MR1").query(PatientID="0815-SECRET", PatientName="secret*")
    operator.broker.stop()
    operator.broker.start()
    again = Operator(operator.broker)
    page = again.text("/why", number=order.accession, ae="MR1")
    answer = str(again.json("/api/v1/why", number=order.accession, ae="MR1"))
    again.http.close()
    for told in (page, answer):
        assert "key PatientID" in told
        assert "••••• is not among •••••" in told
        assert "PatientName: •••••" in told
        for secret in ("SECRET", "secret", order.patient_id, order.name.lower()):
            assert secret not in told


def test_a_stranger_among_devices_is_named(open_window: Callable[..., Operator]) -> None:
    """A device whose name has a small letter too many is told from the one that was meant."""
    operator = open_window(dicom={"host": "0.0.0.0"}, modality=[{"ae_title": "CT01"}])
    order = operator.order()
    page = operator.text("/why", number=order.accession, ae="ct01")
    assert "hides it caller no [[modality]] calls with ct01" in page
    assert "did you mean CT01" in page


def test_a_number_nobody_knows_says_what_came_near(operator: Operator) -> None:
    """An order that never arrived is told from one that was refused: the page names the message and its reason."""
    cancel = his.cancel(his.Order(accession="A7000123"))
    assert operator.send(cancel) == "AE"
    assert "message 1" in operator.text("/why", number="A7000123", ae="CT1")
    assert "hides it never arrived" in operator.text("/why", number="NOSUCH99", ae="CT1")


def test_the_same_for_programs(operator: Operator) -> None:
    """What the page says a program can ask too, with a name for every value."""
    order = operator.order()
    found = operator.json("/api/v1/why", number=order.accession, ae="CT1")
    assert found["seen"] is True
    assert {finding["rule"] for finding in found["steps"][0]["findings"]} >= {"caller", "status", "asked"}


def test_without_a_question_there_is_no_answer(operator: Operator) -> None:
    """The page opens with its question alone."""
    assert "Tell me" in operator.http.get("/why").text
    assert "hides it" not in readable(operator.http.get("/why", params={"number": "A1"}).text)

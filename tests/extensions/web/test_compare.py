"""Two versions of one order beside each other."""

from dataclasses import replace

from swf.extensions.simulator import his
from tests.extensions.web.conftest import Operator, readable


def test_two_versions_of_an_order_are_held_against_each_other(operator: Operator) -> None:
    """From the order's page to what its change changed: fields by name, attributes of the list, patients masked."""
    order = operator.order(name="DOE^JANE")
    changed = replace(order, name="ROE^JANE", code="C2^CT thorax^99SIM")
    assert operator.send(his.order_orm(changed).replace(b"ORC|NW", b"ORC|XO")) == "AA"
    assert 'action="/messages/compare"' in operator.http.get(f"/orders/{order.accession}").text
    assert '<option value="1">' in operator.http.get("/messages/2").text
    page = operator.http.get("/messages/compare", params={"one": 1, "other": 2}).text
    assert "ORC-1 Order control NW XO" in readable(page)
    assert "RequestedProcedureDescription" in page
    assert order.accession in page
    assert "PID-5 Patient name ••••• •••••" in readable(page)
    assert not [secret for secret in ("DOE", "ROE") if secret in page]
    shown = operator.http.post("/messages/compare", data={"one": "1", "other": "2"}).text
    assert "PatientName DOE^JANE ROE^JANE" in readable(shown)
    assert all("patient revealed" in operator.text(f"/messages/{number}") for number in (1, 2))
    told = operator.json("/api/v1/messages/compare", one=1, other=2)
    assert ("PID-5", True) in {(each["place"], each["masked"]) for each in told["fields"]}
    assert told["orders"] == [order.accession]


def test_what_cannot_be_compared_says_so(operator: Operator) -> None:
    """A message that is not there, one nobody can read, and one held against itself: each is answered with a sentence."""
    operator.order()
    operator.send(b"MSH|^~\\&|HIS|||||ORM^O01|1|P|2.3.1|||||||nonsense\rPID|1\r")
    assert operator.http.get("/messages/compare", params={"one": 1, "other": 9}).status_code == 404
    unreadable = operator.http.get("/messages/compare", params={"one": 1, "other": 2})
    assert (unreadable.status_code, "cannot be read" in unreadable.text) == (409, True)
    operator.send(his.order_orm(his.Order(accession="ACC-LONGER-THAN-16")))
    assert "Message 3: OBR^1^18" in operator.text("/messages/compare", one=1, other=3)
    same = operator.text("/messages/compare", one=1, other=1)
    assert "Not a field differs." in same
    assert "It makes the same of both" in same

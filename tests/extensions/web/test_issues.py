"""Issues: what is wrong, what mends it, and who has it."""

import dataclasses
import re
from collections.abc import Callable

from swf.extensions.simulator import his
from tests.extensions.web.conftest import Operator, readable


def _refused(operator: Operator, among: int = 1) -> str:
    """A message is refused; the key of the issue."""
    assert operator.send(his.cancel(his.Order())) == "AE"
    issues = operator.json("/api/v1/issues")
    assert len(issues) == among
    return next(str(each["key"]) for each in issues if each["kind"] == "messages refused")


def test_a_good_day_says_so(operator: Operator) -> None:
    """Where nothing is wrong the page says that all is well."""
    operator.order()
    assert "All is well" in operator.text("/issues")
    assert operator.json("/api/v1/issues") == []


def test_an_issue_leads_to_what_mends_it(operator: Operator) -> None:
    """Cause, remedy and the way there; mended it is gone by itself."""
    flawed = his.Order(code="^^", protocol="^^")
    assert operator.send(his.order_orm(flawed)) == "AA"
    key = _refused(operator, among=3)
    page = operator.http.get("/issues").text
    assert "To do: mend mapping or sender" in readable(page)
    (way,) = re.findall(r'href="(/messages/failed/\w+)"', page)
    assert operator.http.get(way).status_code == 200
    assert "1 entry is kept from every list: RequestedProcedureDescription" in readable(page)
    assert 'href="/held"' in page
    mended = dataclasses.replace(flawed, code="CTABD^CT abdomen^99SIM", protocol="PABD^Abdomen^99SIM")
    assert operator.send(his.change(mended)) == "AA"
    assert [each["key"] for each in operator.json("/api/v1/issues")] == [key]


def test_somebody_takes_it_notes_and_gives_it_back(operator: Operator) -> None:
    """Who has it and what is known of it is on the page; the journal keeps each word."""
    key = _refused(operator)
    assert operator.http.post(f"/issues/{key}/take").status_code == 303
    operator.http.post(f"/issues/{key}/remark", data={"text": "<b>HIS is told</b>"})
    page = operator.http.get("/issues").text
    assert "127.0.0.1, without login has it" in page
    assert "&lt;b&gt;HIS is told&lt;/b&gt;" in page
    operator.http.post(f"/issues/{key}/give-back")
    assert "login has it" not in operator.text("/issues")
    assert operator.http.post(f"/issues/{key}/burn").status_code == 404
    assert operator.http.post("/issues/0123/take").status_code == 409


def test_a_snoozed_issue_is_out_of_the_way(operator: Operator) -> None:
    """It is not on the list, is counted below it, and comes back when it is woken."""
    key = _refused(operator)
    operator.http.post(f"/issues/{key}/snooze", data={"hours": "8"})
    page = operator.text("/issues")
    assert "messages refused" not in page
    assert "1 is snoozed" in page
    assert "not shown until" in operator.text("/issues", snoozed="1")
    operator.http.post(f"/issues/{key}/snooze", data={"hours": "no number"})
    assert "messages refused" in operator.text("/issues")


def test_the_same_for_programs(operator: Operator) -> None:
    """A program reads what the page shows, and may say the same."""
    key = _refused(operator)
    post = operator.http.post
    assert post(f"/api/v1/issues/{key}/take").json() == {"done": "take"}
    assert post(f"/api/v1/issues/{key}/remark", json={"text": "known"}).status_code == 200
    assert post(f"/api/v1/issues/{key}/snooze", json={"hours": 2}).status_code == 200
    assert post(f"/api/v1/issues/{key}/snooze", json={"hours": -1}).status_code == 422
    (issue,) = operator.json("/api/v1/issues")
    assert (issue["owner"], issue["remark"]) == ("127.0.0.1, without login", "known")
    assert issue["snoozed_until"] > issue["since"]


def test_a_part_that_does_not_work_is_an_issue(open_window: Callable[..., Operator]) -> None:
    """A door of the broker that is closed, and a configured device nobody has heard of."""
    operator = open_window(modality=[{"ae_title": "CT1"}])
    operator.broker.hl7.stop()
    found = {each["kind"]: each for each in operator.json("/api/v1/issues")}
    assert found["part ailing"]["subject"] == "hl7 listener"
    assert (found["device silent"]["page"], found["device silent"]["severity"]) == ("/devices/CT1", "note")

"""Failed messages by cause: one mistake, one line, one click."""

from collections.abc import Callable
from pathlib import Path

from swf.extensions.simulator import his
from tests.extensions.web.conftest import Operator, readable


def test_a_cause_is_tried_replayed_and_gone(open_window: Callable[..., Operator], tmp_path: Path) -> None:
    """Two orders and a cancel fail: two causes. The mapping is mended; a trial tells, a click applies both orders."""
    site = tmp_path / "site.toml"
    site.write_text('extends = "swf:default.toml"\n')
    operator = open_window(mapping=str(site))
    for number in range(2):
        order = his.Order(name="DOE^JANE", accession=f"ACC-LONGER-THAN-16-{number}{number}")
        assert operator.send(his.order_orm(order)) == "AE"
    assert operator.send(his.cancel(his.Order())) == "AE"
    (first, second) = operator.json("/api/v1/messages/failed")
    assert (first["messages"], first["sample"], second["messages"]) == (2, 2, 1)
    page = operator.http.get("/messages/failed").text
    assert f'href="/messages/failed/{first["key"]}"' in page
    assert "DOE" not in page
    here = f"/messages/failed/{first['key']}"
    assert "0 of 2 would be applied" in readable(operator.http.post(f"{here}/replay").text)
    site.write_text('extends = "swf:default.toml"\n[attributes]\nAccessionNumber = { from = "OBR-3.1" }\n')
    assert operator.http.post("/bench/reload").status_code == 303
    assert "2 of 2 would be applied. Nothing was done yet." in readable(operator.http.post(f"{here}/replay").text)
    assert operator.json("/api/v1/orders") == []
    done = readable(operator.http.post(f"{here}/replay", data={"really": "1"}).text)
    assert "2 of 2 were taken again and are applied now." in done
    assert len(operator.json("/api/v1/orders")) == 2
    assert [each["key"] for each in operator.json("/api/v1/messages/failed")] == [second["key"]]


def test_a_cause_is_dealt_with_by_a_remark(operator: Operator) -> None:
    """A HIS that sends the cancel of a test order: somebody says so, and the list names who and what."""
    operator.send(his.cancel(his.Order()))
    (cause,) = operator.json("/api/v1/messages/failed")
    here = f"/messages/failed/{cause['key']}"
    assert operator.http.post(f"{here}/settle", data={"remark": ""}).status_code == 409
    assert operator.http.post(f"{here}/settle", data={"remark": "a test order"}).status_code == 303
    assert "dealt with 127.0.0.1, without login" in operator.text("/messages/failed")
    assert "a test order" in operator.text(here)
    operator.send(his.cancel(his.Order()))
    assert [each["remark"] for each in operator.json("/api/v1/messages/failed")] == ["", "a test order"]
    assert operator.http.post(f"/api/v1{here}/settle", json={"remark": "again"}).status_code == 200
    assert operator.http.post(f"{here}/reopen").status_code == 303
    assert [each["messages"] for each in operator.json("/api/v1/messages/failed")] == [2]
    assert operator.http.post(f"/api/v1{here}/reopen").status_code == 409
    assert operator.http.get("/messages/failed/none").status_code == 409


def test_a_good_day_has_no_causes(operator: Operator) -> None:
    """Where every message had an effect the page says so; half a message cannot be taken again."""
    operator.order()
    assert "Every message had an effect." in operator.text("/messages/failed")

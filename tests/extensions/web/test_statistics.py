"""The page of statistics: pictures with figures beneath, the same for programs and as typed."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from swf import clock
from swf.cli import app
from swf.extensions.simulator import his
from swf.extensions.simulator.modality import Modality
from swf.extensions.web.pages import statistics as page
from swf.workflow import statistics
from tests.extensions.web.conftest import Operator, readable


def test_a_morning_in_pictures_and_figures(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two orders, an exam, a refused message: the page, the API and the command tell the same, and nothing of anybody."""
    assert "No order came." in operator.text("/statistics")
    scanner, orders = Modality(*operator.broker.dicom.address, "CT1"), [operator.order(), operator.order()]
    operator.send(his.cancel(his.Order()))
    scanner.complete(scanner.begin(*scanner.query(AccessionNumber=orders[0].accession)), images=1)
    soon = clock.now() + timedelta(minutes=1)
    operator.broker.database.run(lambda transaction: statistics.count(transaction, soon))
    for days in (1, 7, 30):
        html = operator.http.get("/statistics", params={"days": days}).text
        assert len(re.findall(r'<rect class="bar" [^>]*><title>[^<]*: 2</title>', html)) == 1
        assert "style=" not in html
        text = readable(html)
        assert "2 orders, at most 2" in text
        assert "applied 2" in text
        assert "refused 1" in text
        assert orders[0].accession not in html
    found = operator.json("/api/v1/statistics", days=7)
    assert len(found["orders_per_hour"]) > 24
    assert found["exams"] == {
        "CT": {day: int(day == f"{clock.local(clock.now()):%Y-%m-%d}") for day in found["exams"]["CT"]}
    }
    assert found["times"]["wait"]["CT"]["cases"] == found["times"]["exam"]["CT"]["cases"] == 1
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swf.toml").write_text(f'[store]\nurl = "{operator.broker.settings.store.url}"\n', encoding="utf-8")
    typed = CliRunner().invoke(app, ["statistics", "--days", "7", "--json"])
    assert json.loads(typed.stdout) == [found]
    assert "2 orders in 1 days" in CliRunner().invoke(app, ["statistics", "--days", "1"]).stdout


def test_bars_are_as_high_as_they_are_many() -> None:
    """The highest bar fills the frame, none is beyond it, and no two lie on each other."""
    drawn = page.chart({"2026-11-22T08": 5, "2026-11-22T09": 0, "2026-11-22T10": 10}, 300, 100)
    assert [(bar.many, bar.y, bar.height) for bar in drawn.bars] == [(5, 50, 50), (0, 100, 0), (10, 0, 100)]
    assert [bar.x + bar.width <= after.x for bar, after in zip(drawn.bars, drawn.bars[1:], strict=False)] == [
        True,
        True,
    ]
    assert drawn.bars[-1].x + drawn.bars[-1].width <= 300
    assert page.chart({}, 300, 100).bars == []

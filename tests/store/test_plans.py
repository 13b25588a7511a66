"""How SQLite looks for what every message asks of the store."""

import importlib
import pkgutil
import re
from pathlib import Path

from sqlalchemy import event

from swf import store
from swf.config import Settings
from swf.store import inquiry, messages, orders
from swf.store.database import Database
from swf.store.prepared import Prepared
from swf.workflow import intake, site
from tests.conftest import SAMPLES


def prepared() -> list[Prepared]:
    """Every statement that is compiled once."""
    modules = [importlib.import_module(f"swf.store.{found.name}") for found in pkgutil.iter_modules(store.__path__)]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Prepared)]


def test_an_order_is_taken_as_quickly_after_years_as_on_the_first_day(tmp_path: Path) -> None:
    """Whatever a message makes the broker look for is found by an index; nothing reads every order there ever was."""
    opened = Database(f"sqlite:///{tmp_path}/swf.db")
    opened.migrate()
    here = site.load(Settings())
    for sample in sorted(SAMPLES.glob("*.hl7")):
        intake.receive(opened, here, sample.read_bytes(), "127.0.0.1")
    asked = {
        sql
        for each in prepared()
        for sql in each.sql
        if sql.startswith(("SELECT", "UPDATE", "DELETE")) and "%(" not in sql
    }
    with opened.reading() as connection:
        found = {sql: _plan(connection, sql) for sql in asked}
    opened.close()
    assert len(found) > 10
    assert {sql: plan for sql, plan in found.items() if any(step.startswith("SCAN") for step in plan)} == {}


def test_an_order_is_found_by_any_number_without_reading_the_others(tmp_path: Path) -> None:
    """Whoever types an accession, placer or filler number into the window waits no longer after years."""
    opened = Database(f"sqlite:///{tmp_path}/swf.db")
    opened.migrate()
    with opened.reading() as connection:
        asked = str(orders.numbered("A1").compile(connection, compile_kwargs={"literal_binds": True}))
        plan = _plan(connection, asked)
    opened.close()
    assert [step for step in plan if step.startswith("SCAN order") or step == "SCAN order"] == []
    assert {"ix_order_accession_number", "order_by_placer", "order_by_filler"} <= set(
        re.findall(r"INDEX (\w+)", "".join(plan))
    )


def test_refused_messages_are_found_among_years_of_others(tmp_path: Path) -> None:
    """Whoever looks for what was refused, by a list or by the number of an order, reads those few messages only."""
    opened = Database(f"sqlite:///{tmp_path}/swf.db")
    opened.migrate()
    asked: list[str] = []
    with opened.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2]))
        messages.recent(connection, limit=5, refused_only=True)
        inquiry.messages_with(connection, "A1", among=9, limit=5, refused_only=True)
        plans = [_plan(connection, sql) for sql in asked if sql.startswith("SELECT")]
    opened.close()
    assert len(plans) == 2
    for plan in plans:
        assert any("INDEX message_without_effect" in step for step in plan), plan
        assert "SCAN message" not in plan


def _plan(connection: object, sql: str) -> list[str]:
    """The tables it reads, and how; temporary results are small."""
    driver = connection.connection.driver_connection  # type: ignore[attr-defined]
    rows = driver.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))
    return [row[3] for row in rows if "anon_" not in row[3]]

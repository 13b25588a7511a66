"""An order that would stop a strict scanner's list is held, seen by an operator, and released by its correction (RAD-5)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from swf import config
from swf.broker import Broker
from swf.cli import app
from swf.extensions.simulator.modality import Modality
from tests.conftest import MakeBroker
from tests.journeys.conftest import Hospital

MAPPING = """
extends = "{default}"
[attributes]
ReferringPhysicianName = {{ from = "PV1-8[*]", as = "person", every = true }}
[stations]
"*" = []
"""

MENDS = "give it a value by hand, or a place or a default in the mapping"


def order(number: str, station: str = "CT1", control: str = "NW", physicians: str = "7^ROE^RICHARD") -> bytes:
    """An order with or without a station."""
    lines = (
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261101||OMI^O23^OMI_O23|{number}{control}{station}|P|2.5.1",
        f"PID|||P{number}^^^HOSP^MR||DOE^JANE||19800229|F",
        f"PV1||O||||||{physicians}",
        f"ORC|{control}|{number}^HIS||||",
        "TQ1|1||||||20261122093000|||R",
        f"OBR|1|{number}^HIS||C1^Examination^99SIM",
        f"IPC|{number}|RP{number}|1.2.3.{number[1:]}|S{number}|CT|P1^Protocol^99SIM|||{station}",
    )
    return "\r".join((*lines, "")).encode()


@pytest.fixture
def site(make_broker: MakeBroker, tmp_path: Path) -> Callable[..., Broker]:
    """A broker whose mapping knows no station for orders without one."""
    default = config.shipped_mappings() / "default.toml"
    (tmp_path / "site.toml").write_text(MAPPING.format(default=default), encoding="utf-8")
    return lambda **changes: make_broker(mapping=str(tmp_path / "site.toml"), **changes)


def seen(broker: Broker) -> list[str]:
    """The accession numbers a scanner is shown."""
    return sorted(str(item.AccessionNumber) for item in Modality(*broker.dicom.address, "CT1").query())


def told(folder: Path, broker: Broker, *words: str, hold: str = "") -> list[dict[str, Any]]:
    """What a command says with --json of the broker's store."""
    settings = folder / "look.toml"
    settings.write_text(f'[store]\nurl = "{broker.settings.store.url}"\n{hold}', encoding="utf-8")
    result = CliRunner().invoke(app, [*words, "--json", "--config", str(settings)])
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_it_is_held_until_it_is_corrected(
    site: Callable[..., Broker], connected: Callable[[Broker], Hospital], tmp_path: Path
) -> None:
    """No list is spoiled, no order is lost: the operator sees which is held and why, and the correction releases it."""
    broker = site()
    hospital = connected(broker)
    assert [hospital.send(order(number, station)).code for number, station in (("A1", "CT1"), ("A2", ""))] == ["AA"] * 2
    assert seen(broker) == ["A1"]
    (line,) = told(tmp_path, broker, "held")
    assert (line["accession_number"], line["step_id"], line["shown"]) == ("A2", "SA2", False)
    attribute = "ScheduledProcedureStepSequence/ScheduledStationAETitle"
    assert line["flaws"] == [{"kind": "missing", "attribute": attribute, "text": "is missing (type 1)", "mends": MENDS}]
    assert hospital.send(order("A2", "CT2", "XO")).code == "AA"
    assert seen(broker) == ["A1", "A2"]
    assert told(tmp_path, broker, "held", "--all") == []
    events = [(each["event"], each.get("flaws")) for each in told(tmp_path, broker, "trace", "A2")]
    assert ("step flawed", [f"{attribute} is missing (type 1)"]) in events
    assert ("step mended", None) in events
    assert "step flawed" not in [each["event"] for each in told(tmp_path, broker, "trace", "A1")]


def test_two_values_where_one_may_be_are_held(
    site: Callable[..., Broker], connected: Callable[[Broker], Hospital], tmp_path: Path
) -> None:
    """A second referring physician, for whom an entry has no place, shows in the list of what is held."""
    broker = site()
    connected(broker).send(order("A1", physicians="7^ROE^RICHARD~8^POE^EVA"))
    assert seen(broker) == []
    (line,) = told(tmp_path, broker, "held")
    assert [(flaw["kind"], flaw["attribute"]) for flaw in line["flaws"]] == [("backslash", "ReferringPhysicianName")]


def test_a_site_may_show_it_all_the_same(
    site: Callable[..., Broker], connected: Callable[[Broker], Hospital], tmp_path: Path
) -> None:
    """Where no scanner minds, a flawed entry is shown, and still listed for who wants to mend it."""
    broker = site(worklist={"hold_for": ["backslash"]})
    connected(broker).send(order("A2", ""))
    assert seen(broker) == ["A2"]
    hold = '[worklist]\nhold_for = ["backslash"]\n'
    assert told(tmp_path, broker, "held", hold=hold) == []
    assert [line["shown"] for line in told(tmp_path, broker, "held", "--all", hold=hold)] == [True]


def test_it_lacks_what_one_scanner_needs(
    site: Callable[..., Broker], connected: Callable[[Broker], Hospital], tmp_path: Path
) -> None:
    """Only the strict scanner is not shown it; the operator sees from whom it is kept and for want of what."""
    strict = {"ae_title": "CT1", "needs": ["ReferringPhysicianName"]}
    broker = site(modality=[strict])
    hospital = connected(broker)
    assert [hospital.send(order("A1")).code, hospital.send(order("A2", physicians="")).code] == ["AA"] * 2
    assert seen(broker) == ["A1"]
    assert len(Modality(*broker.dicom.address, "CT2").query()) == 2
    settings = '[[modality]]\nae_title = "CT1"\nneeds = ["ReferringPhysicianName"]\n'
    (line,) = told(tmp_path, broker, "held", hold=settings)
    assert (line["accession_number"], line["shown"], line["withheld_from"]) == ("A2", True, ["CT1"])
    reason = {
        "kind": "needed",
        "attribute": "ReferringPhysicianName",
        "text": "has no value, and CT1 needs one",
        "mends": MENDS,
    }
    assert line["flaws"] == [reason]
    assert hospital.send(order("A2", control="XO")).code == "AA"
    assert seen(broker) == ["A1", "A2"]
    assert told(tmp_path, broker, "held", hold=settings) == []

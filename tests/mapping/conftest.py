"""Orders as the mapping sees them, and mappings written for a test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from swf import config
from swf.hl7 import message, order_groups
from swf.hl7.header import read_header
from swf.hl7.order_groups import OrderGroup
from swf.mapping import inbound, loader
from swf.mapping.inbound import MappedStep
from swf.mapping.rules import SiteMapping

SHIPPED = config.shipped_mappings() / "default.toml"


def groups(*segments: str, delimiters: str = "|^~\\&") -> list[OrderGroup]:
    """The orders of a message with these segments."""
    text = "\r".join([f"MSH{delimiters}|HIS|HOSP|||20260315083000||ORM^O01|1|P|2.3.1", *segments, ""])
    return order_groups.order_groups(message.parse(text, read_header(text.encode())))


SEGMENTS = ("PID", "PD1", "PV1", "DG1", "AL1", "ORC", "TQ1", "OBR", "NTE", "OBX", "IPC", "ZDS")


def order(**fields: str) -> OrderGroup:
    """An order for an invented patient; fields are written like pid_5 or obr_18, `""` included."""
    return groups(*segments(**fields))[0]


def segments(**fields: str) -> list[str]:
    """The segments of such an order."""
    values = {"pid_3": "4711^^^HOSP", "pid_5": "DOE^JANE", "orc_1": "NW", "orc_2": "8100", "obr_4": "CT^CT head"}
    values |= {"orc_7": "^^^20260316093000", **fields}
    names = dict.fromkeys(key[:3].upper() for key in values)
    ranked = sorted(names, key=SEGMENTS.index)
    return [_segment(name, values) for name in ranked]


def _segment(name: str, values: dict[str, str]) -> str:
    numbered = {int(key[4:]): value for key, value in values.items() if key.startswith(name.lower())}
    return "|".join([name, *(numbered.get(number, "") for number in range(1, max(numbered) + 1))])


@pytest.fixture(scope="session")
def shipped() -> SiteMapping:
    """The mapping that comes with swf."""
    return loader.load(SHIPPED)


@pytest.fixture(scope="session")
def mapped(shipped: SiteMapping) -> Callable[..., MappedStep]:
    """Maps an order of one step with the shipped mapping; fields as for `order`."""

    def step(*, changing: bool = False, **fields: str) -> MappedStep:
        (only,) = inbound.steps(shipped, order(**fields), changing=changing)
        return only

    return step


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a mapping file."""

    def write(text: str) -> Path:
        file = tmp_path / "site.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


Mapped = Callable[..., MappedStep]
Written = Callable[[str], Path]

"""Start times as a device in another zone shows them, over midnight and over the change of the clocks."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from swf.dicom import zones

AZORES = ZoneInfo("Atlantic/Azores")


def _in_berlin(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("day", "time", "shown"),
    [
        ("20261122", "093000", ("20261122", "073000")),
        ("20260701", "093000", ("20260701", "073000")),
        ("20261122", "013000", ("20261121", "233000")),
        ("20260101", "0030", ("20251231", "2230")),
        ("20261122", "093000.250", ("20261122", "073000.250")),
        ("20260329", "013000", ("20260328", "233000")),
        ("20260329", "033000", ("20260329", "013000")),
        ("20261122", "", ("20261122", "")),
        ("20261399", "0930", ("20261399", "0930")),
    ],
)
def test_a_time_of_the_site_on_the_clock_of_a_device(day: str, time: str, shown: tuple[str, str]) -> None:
    """A scanner two hours behind shows each exam at the moment it is meant for, on the day it is there."""
    assert zones.in_zone(day, time, AZORES, _in_berlin) == shown

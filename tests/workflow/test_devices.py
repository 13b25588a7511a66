"""What is told of devices: their latency, and what is in force for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swf.config import Settings
from swf.workflow import devices
from swf.workflow.devices import InForce, Latency


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        ([], None),
        ([7], Latency(7, 7, 1)),
        ([1, 100], Latency(1, 100, 2)),
        (range(1, 101), Latency(50, 95, 100)),
        ([1] * 95 + [1000] * 5, Latency(1, 1, 100)),
        ([1] * 94 + [1000] * 6, Latency(1, 1000, 100)),
    ],
)
def test_latency_is_by_the_nearest_rank(milliseconds: list[int], expected: Latency | None) -> None:
    """A few slow answers show in p95 once they are more than five in a hundred."""
    assert devices.latency(milliseconds) == expected


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=300))
def test_latency_is_one_that_was_measured(milliseconds: list[int]) -> None:
    """Both figures are answers that happened, and no fewer than half, or 95 of 100, were as fast."""
    found = devices.latency(milliseconds)
    assert found is not None
    assert {found.p50, found.p95} <= set(milliseconds)
    for share, value in ((0.5, found.p50), (0.95, found.p95)):
        assert sum(each <= value for each in milliseconds) >= share * len(milliseconds)
        assert sum(each < value for each in milliseconds) < share * len(milliseconds)


def test_what_is_in_force_names_its_place() -> None:
    """The device's own word counts before its profile's, that before what the profile extends; others follow `default`."""
    settings = Settings(
        modality=[{"ae_title": "CT1", "profile": "ct", "days_ahead": 3, "mpps": "strict"}],
        profile=[
            {"name": "ct", "extends": "default", "days_ahead": 2, "days_behind": 2},
            {"name": "default", "days_behind": 9, "name_groups": 1},
        ],
    )
    assert sorted(devices.in_force(settings, "CT1")) == [
        InForce("days_ahead", 3, ""),
        InForce("days_behind", 2, "ct"),
        InForce("mpps", "strict", ""),
        InForce("name_groups", 1, "default"),
    ]
    assert [each.key for each in devices.in_force(settings, "MR1")] == ["days_behind", "name_groups"]

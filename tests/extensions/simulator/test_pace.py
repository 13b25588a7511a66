"""How often something is sent, and how often something goes wrong: as it is typed, and as it comes out."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf import errors
from swf.extensions.simulator import faults, pace


@pytest.mark.parametrize(
    ("text", "shape", "first"),
    [
        ("2/s", "steady", [0.0, 0.5, 1.0]),
        ("60/min", "steady", [0.0, 1.0, 2.0]),
        ("24/day", "steady", [0.0, 3600.0, 7200.0]),
        ("max", "steady", [0.0, 0.0, 0.0]),
    ],
)
def test_steady(text: str, shape: str, first: list[float]) -> None:
    """Each comes as long after the one before as the rate says."""
    assert list(itertools.islice(pace.pace(text, shape).moments(), 3)) == pytest.approx(first)


def test_bursts() -> None:
    """Ten come at once, then none until the mean is right again."""
    moments = list(itertools.islice(pace.pace("1/s", "bursts").moments(), 21))
    assert moments == [*[0.0] * 10, *[10.0] * 10, 20.0]


@settings(max_examples=30, deadline=None)
@given(hour=st.floats(min_value=0, max_value=23.99), a_day=st.integers(min_value=24, max_value=5000))
def test_a_hospitals_day(hour: float, a_day: int) -> None:
    """Over a day as many come as were asked for, never back in time, and more of them at ten than at three."""
    moments = itertools.takewhile(lambda moment: moment < 86400, pace.pace(f"{a_day}/day", "day").moments(hour))
    seen = list(moments)
    assert seen == sorted(seen)
    assert abs(len(seen) - a_day) <= 1
    hours = [int(hour + moment / 3600) % 24 for moment in seen]
    assert hours.count(10) >= hours.count(3)


@pytest.mark.parametrize(
    ("text", "shape"), [("ten", "steady"), ("0/s", "steady"), ("5/week", "steady"), ("1/s", "sine")]
)
def test_rates_nobody_can_keep(text: str, shape: str) -> None:
    """What is no rate is refused with an example of one."""
    with pytest.raises(errors.ConfigError, match="write"):
        pace.pace(text, shape)


def test_spans() -> None:
    """A span is a number with its unit."""
    assert [pace.seconds(text) for text in ("30s", "5min", "2h", "1.5")] == [30, 300, 7200, 1.5]
    with pytest.raises(errors.ConfigError):
        pace.seconds("soon")


def test_rates_of_faults() -> None:
    """A fault is typed with its rate; `all` is every one of its kind; alone it always happens."""
    typed = faults.faults("his", ["all=0.1", "late=0", "cancel"])
    assert (typed.rates["duplicate"], typed.rates["late"], typed.rates["cancel"]) == (0.1, 0, 1)
    with pytest.raises(errors.ConfigError) as refused:
        faults.faults("mis", ["duplicates=0.1", "ae=2"])
    assert len(refused.value.mistakes) == 2


def test_a_rate_that_is_changed_moves_no_other_fault() -> None:
    """Whoever turns one fault off sees all the others in the same places."""
    with_late, without = (faults.faults("his", ["all=0.3", f"late={rate}"]) for rate in (0.3, 0))
    for seed in range(50):
        drawn, fewer = (each.drawn(random.Random(seed)) for each in (with_late, without))  # noqa: S311
        assert drawn - {"late"} == fewer

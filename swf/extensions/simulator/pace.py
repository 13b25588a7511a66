"""How often something is sent: a mean rate, and whether it comes evenly, in bursts, or as a hospital's day has it."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from swf.errors import ConfigError

Shape = Literal["steady", "bursts", "day"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
BURST = 10
_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0}
_SPANS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0}
_HOUR_S = 3600.0
# How busy each hour of a radiology's day is beside the mean of the day: nights are quiet, mornings are not.
DAY = (
    *(0.15, 0.1, 0.1, 0.1, 0.1, 0.2, 0.6, 1.6, 2.7, 2.8, 2.7, 2.4),
    *(1.7, 2.0, 2.1, 1.7, 1.1, 0.6, 0.35, 0.25, 0.2, 0.15, 0.15, 0.15),
)


@dataclass(frozen=True)
class Pace:
    """So many a second on average; 0 is as fast as they are answered."""

    a_second: float
    shape: Shape = "steady"

    def moments(self, hour: float = 0.0) -> Iterator[float]:
        """When each is due, in seconds from the start, which is at this hour of the day (8.5 is half past eight)."""
        if self.a_second == 0:
            return itertools.repeat(0.0)
        if self.shape == "bursts":
            return (count // BURST * BURST / self.a_second for count in itertools.count())
        return self._of_a_day(hour) if self.shape == "day" else (count / self.a_second for count in itertools.count())

    def _of_a_day(self, hour: float) -> Iterator[float]:
        """Each is due when so much of the day's work has passed: the sum of what the hours are worth."""
        passed, begins, worth = 0.0, 0.0, 0.0
        length = (1.0 - hour % 1.0) * _HOUR_S
        busy = DAY[int(hour) % 24] * 24 / sum(DAY) * self.a_second
        place = int(hour)
        for count in itertools.count():
            while worth + busy * (length - passed) < count:
                worth += busy * (length - passed)
                begins, passed, length, place = begins + length, 0.0, _HOUR_S, place + 1
                busy = DAY[place % 24] * 24 / sum(DAY) * self.a_second
            passed += (count - worth) / busy
            worth = count
            yield begins + passed


def pace(text: str, shape: str = "steady") -> Pace:
    """`10/min`, `2/s`, `600/h`, `400/day` or `max`; raises ConfigError."""
    found = next((each for each in SHAPES if each == shape), None)
    if found is None:
        raise ConfigError([f"{shape} is no shape of a rate; write {', '.join(SHAPES)}"])
    if text == "max":
        return Pace(0.0)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)/(\w+)", text.strip())
    if match is None or match[2] not in _UNITS or float(match[1]) == 0:
        raise ConfigError([f"{text} is no rate; write such as 10/min, 2/s, 600/h, 400/day, or max"])
    return Pace(float(match[1]) / _UNITS[match[2]], found)


def seconds(text: str) -> float:
    """`30s`, `5min`, `2h` or a number of seconds; raises ConfigError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(\w*)", text.strip())
    if match is None or match[2] not in _SPANS:
        raise ConfigError([f"{text} is no span of time; write such as 30s, 5min or 2h"])
    return float(match[1]) * _SPANS[match[2]]

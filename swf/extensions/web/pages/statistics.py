"""Statistics: how many orders and exams, how long each way took, from the counts the broker keeps of its journal.

Pictures are drawn here as SVG, and what they show stands beneath in figures.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from swf import clock
from swf.extensions.web import rendering
from swf.extensions.web.language import N_
from swf.extensions.web.rooms import Rooms
from swf.workflow import statistics

_HOURLY = 7  # days that are shown by the hour
_WIDTH, _HEIGHT, _GAP = 720, 160, 1
_HOURS = 24
_WAYS = tuple(
    zip(
        statistics.WAYS,
        (N_("Order to exam start"), N_("Exam start to exam end"), N_("Status to delivered")),
        strict=True,
    )
)
_WORDS = {"message applied": N_("applied"), "message refused": N_("refused"), "message repeated": N_("repeated")}


class Bar(NamedTuple):
    """One bar of a picture: which period, how many, and its place."""

    period: str
    many: int
    x: float
    y: float
    width: float
    height: float


class Chart(NamedTuple):
    """Bars in a frame; `ticks` are the periods named below it, each with its place."""

    width: int
    height: int
    bars: list[Bar]
    most: int
    total: int
    ticks: list[tuple[float, str]]


def routes(rooms: Rooms) -> APIRouter:
    """The page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/statistics")
    def page(days: int = 7) -> HTMLResponse:
        return rendering.answer("statistics.html", **shown(rooms, days))

    return router


def shown(rooms: Rooms, days: int) -> dict[str, Any]:
    """What the page shows of the last days."""
    with rooms.database.reading() as connection:
        found = statistics.figures(connection, clock.now(), days)
    days = found["days"]
    hourly = days <= _HOURLY
    orders = _by_day(found["orders_per_hour"]) if not hourly else found["orders_per_hour"]
    exams = {modality: chart(by_day, _WIDTH // 3, 36) for modality, by_day in found["exams"].items()}
    longest = {way: max([each["p90"] for each in found["times"][way].values()] or [0]) for way, _title in _WAYS}
    return {
        "ranges": statistics.RANGES,
        "days": days,
        "hourly": hourly,
        "orders": chart(orders, _WIDTH, _HEIGHT),
        "ways": [(way, title, longest[way] or 1) for way, title in _WAYS],
        "times": found["times"],
        "modalities": sorted({name for way, _title in _WAYS for name in found["times"][way]}),
        "exams": exams,
        "messages": [(_WORDS.get(name, name), count) for name, count in found["messages"].items()],
        "deliveries": found["deliveries"],
    }


def _by_day(hours: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for hour, count in hours.items():
        found[hour[:10]] = found.get(hour[:10], 0) + count
    return found


def chart(counts: Mapping[str, int], width: int, height: int) -> Chart:
    """Bars of these counts, the highest as high as the frame."""
    most = max(counts.values(), default=0)
    step = width / max(len(counts), 1)
    bars = []
    for number, (period, count) in enumerate(counts.items()):
        tall = round(count / most * height, 1) if most else 0.0
        bars.append(
            Bar(period, count, round(number * step, 2), height - tall, round(max(step - _GAP, step * 0.6), 2), tall)
        )
    return Chart(width, height, bars, most, sum(counts.values()), _ticks(list(counts), step))


def _ticks(periods: Sequence[str], step: float) -> list[tuple[float, str]]:
    """Every sixth hour of one day, each midnight of several, every fifth day of a month."""
    by_hour = bool(periods) and "T" in periods[0]
    if by_hour and len(periods) > _HOURS:
        return [(n * step, rendering.day(period[:10])) for n, period in enumerate(periods) if period.endswith("T00")]
    if by_hour:
        return [(n * step, f"{period[11:]}:00") for n, period in enumerate(periods) if n % 6 == 0]
    return [(n * step, rendering.day(period)) for n, period in enumerate(periods) if n % 5 == 0]

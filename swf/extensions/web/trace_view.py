"""The life of an order as a picture and as a list: who told whom what, when, and how long that took."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from swf.extensions.web import language, rendering
from swf.extensions.web.language import N_
from swf.model.journal import Event
from swf.store.journal import Moment

BROKER = "swf"
_RECEIVED, _ANSWERED = N_("message received"), N_("worklist answered")
# The key of the detail that names who told us
_CAME_FROM = {
    _RECEIVED: "from",
    Event.MPPS_IN_PROGRESS: "ae_title",
    Event.MPPS_CHANGED: "ae_title",
    Event.MPPS_COMPLETED: "ae_title",
    Event.MPPS_DISCONTINUED: "ae_title",
    Event.MPPS_REFUSED: "ae_title",
    Event.IMAGES_AVAILABLE: "ae_title",
}
# … and who was told
_WENT_TO = {
    _ANSWERED: "ae_title",
    Event.DELIVERY_ACKNOWLEDGED: "destination",
    Event.DELIVERY_FAILED: "destination",
    Event.DELIVERY_PARKED: "destination",
}
_BAD = frozenset(
    {
        Event.DELIVERY_FAILED,
        Event.DELIVERY_PARKED,
        Event.MESSAGE_REFUSED,
        Event.MPPS_REFUSED,
        Event.STEP_FLAWED,
        Event.WARNING,
        Event.MPPS_OVERDUE,
    }
)
_LANE, _ROW, _HEAD, _LEFT = 190, 34, 44, 100


class Line(NamedTuple):
    """One thing that happened. `gap` is the seconds since the one before; `sender` and `receiver` are lanes.

    What it can be looked up by is 0 or "" where it has none: the rows of its message and delivery, its exam, its step.
    """

    at: datetime
    gap: float
    event: str
    sender: str
    receiver: str
    text: str
    message: int
    mpps: str
    delivery: int
    step: str
    bad: bool


class Mark(NamedTuple):
    """A line of the picture: from x to x2 at y; a dot where both are the same."""

    x: int
    x2: int
    y: int
    label: str
    time: str
    bad: bool
    inward: bool


class Picture(NamedTuple):
    """Lanes and marks with their places, for SVG."""

    width: int
    height: int
    lanes: list[tuple[str, int]]
    marks: list[Mark]


def lines(moments: Sequence[Moment], deliveries: Mapping[str, int]) -> list[Line]:
    """The moments of a trace, each with who told whom and how long after the one before; `deliveries` are rows by MSH-10."""
    befores = [moments[0].at, *(moment.at for moment in moments)] if moments else []
    return [_line(moment, before, deliveries) for moment, before in zip(moments, befores, strict=False)]


def _line(moment: Moment, before: datetime, deliveries: Mapping[str, int]) -> Line:
    detail = dict(moment.detail)
    sender = str(detail.pop(_CAME_FROM.get(moment.event, ""), "")) or BROKER
    receiver = str(detail.pop(_WENT_TO.get(moment.event, ""), "")) or BROKER
    message, mpps = int(detail.pop("message", 0)), str(detail.pop("mpps", ""))
    delivery = deliveries.get(str(detail.get("control_id")), 0) if "destination" in moment.detail else 0
    step = str(detail.get("step_id", ""))
    bad = moment.event in _BAD or detail.get("answer") in ("AE", "AR", "CE", "CR")
    gap = (moment.at - before).total_seconds()
    return Line(moment.at, gap, moment.event, sender, receiver, text(detail), message, mpps, delivery, step, bad)


_WORDS = {
    "accession_number": N_("accession number"),
    "accession_numbers": N_("accession numbers"),
    "acknowledgement": N_("acknowledgement"),
    "answer": N_("answer"),
    "attempts": N_("attempts"),
    "by": N_("by"),
    "code": N_("code"),
    "control": N_("order control"),
    "control_id": N_("control id"),
    "day": N_("day"),
    "delivery": N_("delivery"),
    "destination": N_("destination"),
    "did": N_("did"),
    "dose": N_("dose"),
    "filler": N_("filler number"),
    "first": N_("first"),
    "flaws": N_("flaws"),
    "images": N_("images"),
    "last_heard": N_("last heard"),
    "modality": N_("modality"),
    "now": N_("now"),
    "patient": N_("patient"),
    "placer": N_("placer number"),
    "protocols": N_("protocols"),
    "reason": N_("reason"),
    "refused": N_("refused"),
    "result_status": N_("result status"),
    "series": N_("series"),
    "start": N_("start"),
    "station": N_("station"),
    "status": N_("status"),
    "step_id": N_("step id"),
    "steps": N_("steps"),
    "times": N_("times"),
    "told": N_("told"),
    "warning": N_("warning"),
    "was": N_("was"),
}
"""What the keys of a detail are called; one that is not here is called as it is written."""


def text(detail: dict[str, Any]) -> str:
    """The detail of an event in one line."""
    if "from" in detail and "to" in detail:
        rest = {name: value for name, value in detail.items() if name not in ("from", "to")}
        detail = {"changed": f"{detail['from']} → {detail['to']}", **rest}
    return ", ".join(_said(name, value) for name, value in detail.items() if value not in ("", None))


def _said(name: str, value: object) -> str:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    word = language.told(_WORDS.get(name, name.replace("_", " ")))
    shown = language.told(value) if name == "text" else language.reason(str(value)) if name == "reason" else str(value)
    return shown if name in ("text", "type", "changed") else word if value is True else f"{word} {shown}"


def lanes(found: Iterable[Line], devices: Iterable[str]) -> list[str]:
    """Who takes part: senders of messages, we, devices, then whom we tell."""
    told = list(found)
    machines = set(devices)
    left = dict.fromkeys(line.sender for line in told if line.sender != BROKER and line.sender not in machines)
    middle = dict.fromkeys(name for line in told for name in (line.sender, line.receiver) if name in machines)
    right = dict.fromkeys(line.receiver for line in told if line.receiver not in {BROKER, *machines})
    return [*left, BROKER, *middle, *(name for name in right if name not in left)]


def devices_of(moments: Iterable[Moment]) -> set[str]:
    """The AE titles a trace names."""
    return {str(moment.detail["ae_title"]) for moment in moments if moment.detail.get("ae_title")}


def picture(found: Sequence[Line], names: Sequence[str]) -> Picture:
    """The picture: an arrow for what went between two, a dot for what happened here."""
    places = {name: _LEFT + _LANE // 2 + number * _LANE for number, name in enumerate(names)}
    marks = [
        Mark(
            places[line.sender],
            places[line.receiver],
            _HEAD + _ROW * number + _ROW // 2,
            _label(line),
            rendering.duration(line.gap),
            line.bad,
            line.receiver == BROKER,
        )
        for number, line in enumerate(_drawn(found))
    ]
    return Picture(_LEFT + _LANE * len(names) + 20, _HEAD + _ROW * len(marks) + 10, list(places.items()), marks)


_LONGEST_LABEL = 30


def _label(line: Line) -> str:
    event = language.word(line.event)
    words = f"{event}: {line.text}" if line.sender == line.receiver else event
    return words if len(words) <= _LONGEST_LABEL else f"{words[: _LONGEST_LABEL - 1]}…"


def _drawn(found: Iterable[Line]) -> Iterator[Line]:
    """What a picture needs: everything but that something was queued, which its delivery says."""
    return (line for line in found if line.event != Event.DELIVERY_QUEUED)

"""Today: what is to be done by modality and status, what waits, failed or is held, and who was heard of when.

It shows no names, so that it can hang on a wall.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from swf import clock
from swf.config import Settings
from swf.dicom import flaws
from swf.dicom.terms import StepStatus
from swf.extensions.web import language, rendering, streams
from swf.extensions.web.language import _, ngettext
from swf.extensions.web.live import Shown
from swf.extensions.web.rooms import Rooms
from swf.store import board
from swf.store import deliveries as delivery_store
from swf.store.database import Record, Transaction
from swf.workflow import stations

STEPS_SHOWN = 200
_LATE = timedelta(minutes=5)
_DAY = "%Y%m%d"


class Card(NamedTuple):
    """A number that should be small; `to_do` is where to go or what to type when it is not."""

    title: str
    number: int
    sentence: str
    href: str
    to_do: str


class Seen(NamedTuple):
    """A device or destination: whether all is well, when it was last heard of, and by what."""

    name: str
    kind: str
    well: bool
    at: datetime | None
    what: str


def routes(rooms: Rooms) -> APIRouter:
    """The front page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def today(modality: str | None = None, status: str = "") -> HTMLResponse:
        return rendering.answer("today.html", **overview(rooms, modality, status))

    @router.get("/board")
    async def live(request: Request, modality: str | None = None, status: str = "") -> Response:
        key = (language.current(), "" if modality is None else f"={modality}", status)
        return streams.answer(request, Shown(key, lambda: _board(rooms, modality, status)))

    return router


def _board(rooms: Rooms, modality: str | None, status: str) -> str:
    """What moves on the page; the same for whoever reads that language."""
    return rendering.page("board.html", **overview(rooms, modality, status))


def overview(rooms: Rooms, modality: str | None = None, status: str = "") -> dict[str, Any]:
    """Everything the page shows."""
    settings = rooms.site().settings
    midnight, first, last = day()
    with rooms.database.reading() as connection:
        devices = list(_devices(connection, settings))
        counts = board.counts(connection, first, last)
        rows = board.steps(connection, first, last, modality=modality, status=status, limit=STEPS_SHOWN)
        found = {
            "cards": list(_cards(connection, settings, midnight, first)),
            "devices": devices,
            "destinations": list(_destinations(connection, settings)),
            "received": board.messages_since(connection, midnight)[0],
            "without_time": board.without_time(connection),
        }
    held_for = flaws.mask(settings.worklist.hold_for)
    return found | {
        "day": midnight,
        "ailing": list(rooms.ailing()),
        "statuses": list(StepStatus),
        "matrix": _matrix(counts),
        "totals": _totals(counts),
        "rows": [{"row": row, "held": bool(row.flaws & held_for)} for row in rows],
        "shown": STEPS_SHOWN,
        "names": {each.name for each in devices},
        "modality": modality,
        "status": status,
    }


def day() -> tuple[datetime, str, str]:
    """When this day began by the site's clock, and it and the next as YYYYMMDD."""
    local = clock.local(clock.now())
    midnight = datetime.combine(local.date(), time(), local.tzinfo)
    return midnight, f"{midnight:{_DAY}}", f"{midnight + timedelta(days=1):{_DAY}}"


def _matrix(counts: Iterable[Record]) -> dict[str, dict[str, int]]:
    """Modality → status → how many."""
    found: dict[str, dict[str, int]] = {}
    for row in sorted(counts, key=lambda row: row.modality):
        found.setdefault(row.modality, {})[row.status] = row.steps
    return found


def _totals(counts: Iterable[Record]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in counts:
        found[row.status] = found.get(row.status, 0) + row.steps
    return found


def _cards(connection: Transaction, settings: Settings, midnight: datetime, first: str) -> Iterable[Card]:
    refused = board.messages_since(connection, midnight)[1]
    yield Card(_("Messages refused"), refused, _("today had no effect"), "/messages?refused=1", "")
    held = board.held(connection, flaws.mask(settings.worklist.hold_for))
    yield Card(_("Entries held"), held, _("are kept from every list for a flaw"), "/held", "")
    yield Card(
        _("Exams without order"), board.unresolved(connection), _("wait to be linked"), "/exams?only=UNRESOLVED", ""
    )
    yield Card(
        _("Exams overdue"), board.overdue(connection), _("have not reported their end"), "/exams?only=OVERDUE", ""
    )
    yield Card(
        _("Left from before"), board.left_over(connection, first), _("steps of earlier days are still open"), "", ""
    )


def _devices(connection: Transaction, settings: Settings) -> Iterable[Seen]:
    """Every device of the settings, and who else has asked or reported."""
    asked = {row.ae_title: row for row in board.last_queries(connection)}
    reported = board.last_reports(connection)
    own = {each.ae_title: (each.ae_title, *each.aliases) for each in settings.modality}
    for title in sorted({*asked, *reported}):
        if stations.device_of(settings, title) is None:
            own[title] = (title,)
    for name, titles in own.items():
        yield _device(name, [asked[each] for each in titles if each in asked], [reported.get(each) for each in titles])


def _device(name: str, asked: list[Record], reported: list[datetime | None]) -> Seen:
    query = max(asked, key=lambda row: row.last_at, default=None)
    report = max((at for at in reported if at), default=None)
    if report and (query is None or report > query.last_at):
        return Seen(name, _("device"), True, report, _("reported a step (MPPS)"))
    if query is None:
        return Seen(name, _("device"), False, None, _("has not asked for a list yet"))
    answers = ngettext("%(n)s entry", "%(n)s entries", query.answers)
    well = query.status in ("0000", "A700")
    what = _("asked for a list: %(answers)s, status %(status)s", answers=answers, status=query.status)
    return Seen(name, _("device"), well, query.last_at, what)


def _destinations(connection: Transaction, settings: Settings) -> Iterable[Seen]:
    holds = delivery_store.held(connection)
    for each in (*settings.destination, *settings.relay):
        hold = holds.get(each.name)
        waiting, oldest, parked, taken, error = board.line(connection, each.name)
        late = oldest is not None and clock.now() - oldest > _LATE
        told = [
            _("held by %(who)s: %(reason)s", who=hold.by, reason=hold.reason) if hold else "",
            ngettext("%(n)s waits", "%(n)s wait", waiting) if waiting else _("nothing waits"),
            _("%(parked)s parked", parked=parked) if parked else "",
            error,
        ]
        yield Seen(
            each.name, _("destination"), not (hold or late or parked or error), taken, ", ".join(filter(None, told))
        )

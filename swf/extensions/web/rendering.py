"""Templates to pages: everything that comes from a message or a store is text, never markup."""

import json as _json
from datetime import datetime
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi.responses import HTMLResponse, Response

from swf import clock
from swf.extensions.web import forms, visitor
from swf.store.database import Record

_AGES = ((86400, "d"), (3600, "h"), (60, "min"))
_SOON = 2
_PAGES = (
    ("/", "Today"),
    ("/orders", "Orders"),
    ("/why", "Why not?"),
    ("/messages", "Messages"),
    ("/deliveries", "Deliveries"),
    ("/exams", "Exams"),
    ("/held", "Held"),
)


def page(template: str, **values: Any) -> str:
    """The page of that template."""
    return _ENVIRONMENT.get_template(template).render(pages=_PAGES, now=clock.now(), **values)


def answer(template: str, code: int = 200, **values: Any) -> HTMLResponse:
    """The same, as an answer."""
    return HTMLResponse(page(template, **values), code)


def json(value: object, code: int = 200) -> Response:
    """An answer for programs."""
    return Response(_json.dumps(value, default=_jsonable, ensure_ascii=False), code, media_type="application/json")


def named(row: Record, *without: str) -> dict[str, Any]:
    """A row with a name for every value."""
    return {name: value for name, value in row._mapping.items() if name not in without}  # noqa: SLF001  the documented way


def _jsonable(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def moment(value: datetime | None) -> str:
    """A point in time by the site's clock; of today only the time."""
    if value is None:
        return ""
    local = clock.local(value)
    return f"{local:%H:%M:%S}" if local.date() == clock.local(clock.now()).date() else f"{local:%Y-%m-%d %H:%M:%S}"


def exact(value: datetime) -> str:
    """To the millisecond, with its day."""
    return f"{clock.local(value):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def age(value: datetime | None) -> str:
    """How long ago, in one unit."""
    return "never" if value is None else f"{duration((clock.now() - value).total_seconds())} ago"


def duration(seconds: float) -> str:
    """A span in the unit people would use."""
    if seconds < _SOON:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    return next((f"{seconds / size:.0f} {unit}" for size, unit in _AGES if seconds >= size * _SOON), f"{seconds:.0f} s")


def start(value: str) -> str:
    """YYYYMMDDHHMMSS, as far as it goes, for people."""
    day, time = value[:8], value[8:12]
    shown = f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == len("YYYYMMDD") else day
    return f"{shown} {time[:2]}:{time[2:]}" if len(time) == len("HHMM") else shown


def part(value: str) -> str:
    """A text as one part of an address."""
    return quote(value, safe="")


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("swf.extensions.web"),
    autoescape=True,
    extensions=[forms.Guarded],
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(moment=moment, exact=exact, age=age, duration=duration, start=start, part=part)
_ENVIRONMENT.globals.update(may=visitor.may, may_post=visitor.may_post, csrf=visitor.csrf)

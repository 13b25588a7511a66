"""Templates to pages: everything that comes from a message or a store is text, never markup."""

import json as _json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
from fastapi.responses import HTMLResponse, Response

from swf import clock
from swf.extensions.web import forms, language, roles, visitor
from swf.extensions.web.language import N_, _
from swf.extensions.web.visitor import Visitor
from swf.store.database import Record

_AGES = ((86400, N_("d")), (3600, N_("h")), (60, N_("min")), (1, N_("s")))
_UNDER_A_SECOND = N_("ms")
_SOON = 2
_DAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip


class Page(NamedTuple):
    """A page people go to; `key` is what opens it after `g`."""

    href: str
    title: str
    key: str


class Group(NamedTuple):
    """Pages that belong together; a group of one has no title."""

    title: str
    pages: tuple[Page, ...]


PAGES = (
    Group("", (Page("/", N_("Today"), "t"),)),
    Group(
        N_("Work"),
        (
            Page("/orders", N_("Orders"), "o"),
            Page("/orders/new", N_("New order"), "n"),
            Page("/worklist", N_("Worklist"), "l"),
            Page("/exams", N_("Exams"), "e"),
            Page("/held", N_("Held"), "h"),
            Page("/why", N_("Why not?"), "w"),
        ),
    ),
    Group(
        N_("Messages"),
        (
            Page("/messages", N_("Messages"), "m"),
            Page("/bench", N_("Mapping bench"), "b"),
            Page("/deliveries", N_("Deliveries"), "d"),
        ),
    ),
    Group(
        N_("System"),
        (
            Page("/issues", N_("Issues"), "i"),
            Page("/devices", N_("Devices"), "v"),
            Page("/statistics", N_("Statistics"), "s"),
            Page("/simulator", N_("Simulator"), "y"),
            Page("/users", N_("Users"), "u"),
        ),
    ),
)


def page(template: str, **values: Any) -> str:
    """The page of that template."""
    return _ENVIRONMENT.get_template(template).render(
        groups=_groups(),
        now=clock.now(),
        language=language.current(),
        languages=language.NAMES,
        back=language.here(),
        **values,
    )


def _groups() -> list[Group]:
    """The pages whoever asks may look at."""
    who = visitor.current()
    seen = (group._replace(pages=tuple(each for each in group.pages if _may_see(who, each))) for group in PAGES)
    return [group for group in seen if group.pages]


def _may_see(who: Visitor, page: Page) -> bool:
    return who.may(roles.needed("GET", page.href))


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
    return f"{local:%H:%M:%S}" if local.date() == clock.local(clock.now()).date() else f"{date(local)} {local:%H:%M:%S}"


def exact(value: datetime) -> str:
    """To the millisecond, with its day."""
    local = clock.local(value)
    return f"{date(local)} {local:%H:%M:%S.%f}"[:-3]


def date(value: datetime) -> str:
    """A day, in figures."""
    return value.strftime(_("%Y-%m-%d"))


def weekday(value: datetime) -> str:
    """The name of a day."""
    return _(_DAYS[value.weekday()])


def age(value: datetime | None) -> str:
    """How long ago, in one unit, none smaller than a second."""
    if value is None:
        return _("never")
    return _("%(span)s ago", span=_span(max((clock.now() - value).total_seconds(), 1)))


def duration(seconds: float) -> str:
    """A span in the unit people would use."""
    if seconds < _SOON:
        return f"{max(seconds, 0) * 1000:.0f} {_(_UNDER_A_SECOND)}"
    return _span(seconds)


def _span(seconds: float) -> str:
    size, unit = next((age for age in _AGES if seconds >= age[0] * _SOON), _AGES[-1])
    return f"{seconds / size:.0f} {_(unit)}"


def start(value: str) -> str:
    """YYYYMMDDHHMMSS, as far as it goes, for people."""
    day, time = value[:8], value[8:12]
    shown = day
    if len(day) == len("YYYYMMDD"):
        with suppress(ValueError):
            shown = date(datetime.strptime(day, "%Y%m%d"))
    return f"{shown} {time[:2]}:{time[2:]}" if len(time) == len("HHMM") else shown


def day(value: str) -> str:
    """The day and month of YYYY-MM-DD."""
    return datetime.fromisoformat(value).strftime(_("%m-%d"))


def hour(value: str) -> str:
    """The time of day in YYYYMMDDHHMMSS, to the minute; "" when there is none."""
    return f"{value[8:10]}:{value[10:12]}" if len(value) >= len("YYYYMMDDHHMM") else ""


def part(value: str) -> str:
    """A text as one part of an address."""
    return quote(value, safe="")


def _when_shown(text: Callable[..., str]) -> Callable[..., str]:
    """A filter that is asked anew for every page: of a constant Jinja would keep what it said in the first language."""

    @jinja2.pass_context
    def filtered(_page: jinja2.runtime.Context, *values: Any) -> str:
        return text(*values)

    return filtered


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("swf.extensions.web"),
    autoescape=True,
    extensions=["jinja2.ext.i18n", forms.Guarded],
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.policies["ext.i18n.trimmed"] = True
_ENVIRONMENT.install_gettext_callables(**language.calls(), newstyle=True)  # type: ignore[attr-defined]  # the extension's
for _filter in (
    moment,
    exact,
    date,
    weekday,
    age,
    duration,
    start,
    day,
    hour,
    language.told,
    language.reason,
    language.word,
):
    _ENVIRONMENT.filters[_filter.__name__] = _when_shown(_filter)
_ENVIRONMENT.filters["part"] = part
_ENVIRONMENT.globals.update(visitor=visitor.current, may=visitor.may, may_post=visitor.may_post, csrf=visitor.csrf)

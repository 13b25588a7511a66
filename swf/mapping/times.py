"""TS and DTM as days and hours of the site, also when cut short, with an offset, or written oddly (HL7 2.5.1 2.A.77).

What a time says beyond doubt is kept, and what had to be left out is told (`remark`): of hour 24 the day, of second 60
the minute, of zeros nothing. No day and no hour is ever invented.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from swf import clock
from swf.mapping.selectors import Source

_COMPACT = re.compile(r"(?P<day>\d{8})(?:T?(?P<time>\d{2}(?:\d{2}(?:\d{2}(?:\.\d+)?)?)?))?\s*(?P<zone>[+-]\d{4}|Z)?")
_DASHED = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d.*|$)|)")
_ZEROS = re.compile(r"0{4,}(?:\.0+)?\s*(?:[+-]0000|Z)?")
_NUMBERS = itemgetter(slice(4), slice(4, 6), slice(6, 8), slice(8, 10), slice(10, 12), slice(12, 14))
_NO_HOUR, _NO_SECOND = "24", "60"
_SECONDS = slice(4, 6)
_LONGEST = 64  # characters, with every fraction and blank anybody writes


class Written(NamedTuple):
    """A time as it is written, whatever its zone: the moment, whether it has an hour, its offset, what was left out."""

    moment: datetime
    has_hour: bool
    zone: str
    left_out: str


def date(source: Source) -> str:
    """TS or DTM to DA, in the zone of the site; nothing for less than a whole day, since no day is invented."""
    moment = _local(source)
    return moment.strftime("%Y%m%d") if moment else ""


def time(source: Source) -> str:
    """TS or DTM to TM, in the zone of the site; midnight for a day without a time, which a worklist cannot leave out."""
    moment = _local(source)
    return moment.strftime("%H%M%S") if moment else ""


def time_of_day(source: Source) -> str:
    """TS or DTM to TM as `time`, but nothing for a day without a time."""
    written = read(_text(source))
    return time(source) if written and written.has_hour else ""


def birth_date(source: Source) -> str:
    """TS or DTM to DA as it is written: nobody is born on another day because the sender is elsewhere."""
    written = read(_text(source))
    return written.moment.strftime("%Y%m%d") if written else ""


def birth_time(source: Source) -> str:
    """TS or DTM to TM as it is written, nothing for a day without a time."""
    written = read(_text(source))
    return written.moment.strftime("%H%M%S") if written and written.has_hour else ""


def remark(source: Source) -> str:
    """What an operator should know of how the time was read, behind the name of its place; mostly nothing."""
    text = _text(source)
    if _ZEROS.fullmatch(text):
        return "is all zeros and counts as empty"
    written = read(text)
    return written.left_out if written else ""


def instant(text: str, zone: str) -> datetime | None:
    """The moment in UTC that a time means, by the clock of `zone`, else of the site, when it names no offset.

    None for a day without an hour, and for an hour that comes twice or never when clocks are changed.
    """
    written = read(text.strip())
    if written is None or not written.has_hour:
        return None
    try:
        home = _offset(written.zone) if written.zone else ZoneInfo(zone) if zone else None
        shown = [written.moment.replace(fold=fold) for fold in (0, 1)]
        first, second = ((each.replace(tzinfo=home) if home else clock.of_site(each)).astimezone(UTC) for each in shown)
    except (ValueError, OverflowError):
        return None
    return first if first == second else None


def _text(source: Source) -> str:
    """The time itself: up to HL7 2.5 a second component may tell its precision."""
    return (source.text() if source.subcomponent else source.component_text(1)).strip()


def _local(source: Source) -> datetime | None:
    """The moment by the clock of the site; none when there is no such day."""
    written = read(_text(source))
    if written is None:
        return None
    try:
        zone = _zone_of(written, source) if written.has_hour else None
        return clock.local(written.moment.replace(tzinfo=zone)) if zone is not None else written.moment
    except (ValueError, OverflowError):  # no such zone, or beyond the calendar
        return None


def read(text: str) -> Written | None:
    """What a TS spells; none when there is no such day or hour."""
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _read(text: str) -> Written | None:
    found = _COMPACT.fullmatch(_compact(text))
    if found is None:
        return None
    digits, left_out = (found["time"] or "").partition(".")[0], ""
    if digits[:2] == _NO_HOUR:
        digits, left_out = "", "has the hour 24, which no day has; only the day was taken"
    elif digits[_SECONDS] == _NO_SECOND:
        digits, left_out = digits[:4], "has the second 60, which no minute has; only the minute was taken"
    try:
        year, month, day, hour, minute, second = _NUMBERS(found["day"] + digits.ljust(6, "0"))
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None
    return Written(moment, bool(digits), found["zone"] or "", left_out)


def _compact(text: str) -> str:
    """`2026-03-16T09:30:00+01:00` without dashes and colons; whatever else it is as it came."""
    if not _DASHED.match(text):
        return text
    return text[:10].replace("-", "") + text[10:].replace(":", "").lstrip()


def _zone_of(written: Written, source: Source) -> tzinfo | None:
    """The zone of a time: its own offset, else the sender's; none when the sender lives by the clock of the site."""
    if written.zone:
        return _offset(written.zone)
    home = ZoneInfo(source.segment.zone) if source.segment.zone else None
    return (_sent_from(source.segment.sent_at, home) if source.segment.sent_at else None) or home


def _sent_from(sent_at: str, home: tzinfo | None) -> tzinfo | None:
    """The offset of MSH-7, unless it is that of the sender's own zone then: such a sender lives by that zone's clock, and
    what it books beyond the change to summer time is at that hour by the clock on the wall, whatever the offset was when
    it was sent.
    """
    sent = read(sent_at)
    if sent is None or not sent.zone:
        return None
    try:
        zone = _offset(sent.zone)
        there = sent.moment.replace(tzinfo=zone)
        at_home = there.astimezone(home) if home else clock.local(there)
        return None if at_home.utcoffset() == zone.utcoffset(None) else zone
    except (ValueError, OverflowError):  # a header nobody can read must not cost the order its time
        return None


def _offset(text: str) -> timezone:
    if text == "Z":
        return timezone.utc  # noqa: UP017  the class is needed, not its alias
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-offset if text[0] == "-" else offset)

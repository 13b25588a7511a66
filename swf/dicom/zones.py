"""The time zone of a query: its dates and times in the site's time (RAD-5; PS3.4 C.2.2.2.5 and C.4.1.1.3.2).

A modality that declares Timezone Offset From UTC (0008,0201) means its keys in that zone; the store holds the site's
local time. Where both clocks show the same, as they nearly always do, nothing changes.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from swf.dicom.matching import START_DATE, START_TIME, DateTimeRange, Equal, Predicate, Range

Local = Callable[[datetime], datetime]
"""An aware moment in the zone of the site (`swf.clock.local`)."""

_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})")
_FORM = "%Y%m%d%H%M%S"
_FIRST, _LAST = "000000", "235959"


def offset(text: str) -> timedelta | None:
    """What (0008,0201) says, such as +0100; None for anything that is no offset."""
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 14 or int(found[3]) > 59:  # noqa: PLR2004  the earth has no more
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == "-" else size


def offset_at(start: str, local: Local) -> str:
    """(0008,0201) of the site at the local moment `start`, YYYYMMDD with or without HHMMSS; "" when that is none."""
    try:
        moment = datetime.strptime((start + _FIRST)[:14], _FORM)
    except ValueError:
        return ""
    # a zone tells its offset for moments that are aware: the site's own of that day is near enough to ask with
    near = local(moment.replace(tzinfo=UTC))
    ours = local((moment - (near.utcoffset() or timedelta())).replace(tzinfo=UTC))
    return ours.strftime("%z")[:5]


def in_site_time(predicates: Sequence[Predicate], theirs: tzinfo, local: Local) -> list[Predicate]:
    """`predicates` of a query whose clock is in the zone `theirs`, in the site's time.

    Days become the moments between which they lie. A time without a day stays, since it is at no moment.
    """
    found = _moments(predicates)
    if found is None:
        return list(predicates)
    asked, moments = found
    try:
        low, high = (_moved(each, theirs, local) for each in (moments.low, moments.high))
    except (ValueError, OverflowError):  # a day the calendar does not have matches nothing, in any zone
        return list(predicates)
    if (low, high) == (moments.low, moments.high):
        return list(predicates)
    return [*(each for each in predicates if each not in asked), DateTimeRange(low, high)]


def _moments(predicates: Sequence[Predicate]) -> tuple[list[Predicate], DateTimeRange] | None:
    """What is asked about the start, and between which two moments that is; None when it cannot be said so."""
    combined = [each for each in predicates if isinstance(each, DateTimeRange)]
    if combined:
        return list(combined), combined[0]
    days = [each for each in predicates if not isinstance(each, DateTimeRange) and each.column == START_DATE]
    times = [each for each in predicates if not isinstance(each, DateTimeRange) and each.column == START_TIME]
    if len(days) != 1 or len(times) > 1:
        return None
    day, time = _ends(days[0]), _ends(times[0]) if times else (_FIRST, _LAST)
    if day is None or time is None or (times and day[0] != day[1]):
        return None
    low = day[0] and day[0] + (time[0] or _FIRST)
    high = day[1] and day[1] + (time[1] or _LAST)
    return [*days, *times], DateTimeRange(low, high)


def _ends(predicate: Predicate) -> tuple[str, str] | None:
    if isinstance(predicate, Range):
        return predicate.low, predicate.high
    if isinstance(predicate, Equal) and len(predicate.values) == 1:
        return predicate.values[0], predicate.values[0]
    return None


def in_zone(day: str, time: str, theirs: tzinfo, local: Local) -> tuple[str, str]:
    """A day and a time of the site as clocks in the zone `theirs` show them; as they are when there is no such moment."""
    ours = offset(offset_at(day + time, local)) if day and time else None
    if ours is None:
        return day, time
    digits = time.partition(".")[0]
    moment = datetime.strptime((day + digits + _FIRST)[:14], _FORM).replace(tzinfo=timezone(ours)).astimezone(theirs)
    return f"{moment:%Y%m%d}", f"{moment:%H%M%S}"[: len(digits)] + time[len(digits) :]


def _moved(moment: str, theirs: tzinfo, local: Local) -> str:
    if not moment:
        return ""
    return local(datetime.strptime(moment, _FORM).replace(tzinfo=theirs)).strftime(_FORM)

"""The only reader of the wall clock. Every time in the store is UTC; every time on a wire is the site's."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_zone: tzinfo | None = None


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    """`moment` in the zone of the site, which HL7 and DICOM peers without an offset are taken to mean."""
    return moment.astimezone(_zone)


def of_site(shown: datetime) -> datetime:
    """The aware moment at which the clock of the site shows `shown`; of an hour that comes twice the one `fold` means."""
    return shown.replace(tzinfo=_zone) if _zone else shown.astimezone()


def use_zone(name: str) -> None:
    """Make the zone of that name the site's; the machine's own when it is empty. Raises ZoneInfoNotFoundError."""
    global _zone  # noqa: PLW0603 - a process has one site, as a machine has one zone
    _zone = ZoneInfo(name) if name else None


def is_zone(name: str) -> bool:
    """Whether `use_zone` would take the name."""
    try:
        return not name or bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False

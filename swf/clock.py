"""The only reader of the wall clock. Every time in the store is UTC; every time on a wire is the site's."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    """`moment` in the zone of this machine, the zone HL7 and DICOM peers without an offset are taken to mean."""
    return moment.astimezone()

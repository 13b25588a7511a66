"""What devices are not shown for want of a value their profile demands (`needs`): the operator's list of it (RAD-5).

The list of each configured device is read as it would be for a query without keys.
"""

from datetime import datetime
from typing import NamedTuple

from pydicom.dataset import Dataset

from swf.config import Settings
from swf.dicom.flaws import Flaw
from swf.sentence import say
from swf.store.database import Transaction
from swf.workflow import stations
from swf.workflow.stations import Station

ANYBODY = "*"
"""Stands for every device without a [[modality]] of its own, whose profile is the one called default."""

MENDS = {
    Flaw.MISSING: say("give it a value by hand, or a place or a default in the mapping"),
    Flaw.BACKSLASH: say("change the value by hand, or read it by another function in the mapping"),
    Flaw.LENGTH: say("shorten it by hand, or read a shorter field in the mapping"),
    Flaw.CHARACTER: say("change the value by hand, or let the sender leave the character out"),
    Flaw.FORM: say("write it by hand as the standard wants it, or read it by another function in the mapping"),
    Flaw.LOST: say("declare the sender's character set in its [[source]] and take the message again"),
}
"""What mends each kind of flaw."""


class Lack(NamedTuple):
    """A device that is not shown a step, and what it needs of it."""

    ae_title: str
    attributes: tuple[str, ...]


def of(connection: Transaction, settings: Settings, now: datetime) -> dict[int, list[Lack]]:
    """By step row, from whom it is kept and why; the rows in the order of the lists."""
    found: dict[int, list[Lack]] = {}
    for title in (*(device.ae_title for device in settings.modality), ANYBODY):
        station = stations.find(settings, title, "")
        for row, lacking in _lacking(connection, station, now) if station.answers.needs else ():
            found.setdefault(row, []).append(Lack(title, lacking))
    return found


def _lacking(connection: Transaction, station: Station, now: datetime) -> list[tuple[int, tuple[str, ...]]]:
    asked = stations.clauses(station, stations.read_query(station, Dataset()), now)
    rows = [(row.id, tuple(stations.lacks(station, row.dataset))) for row in stations.rows(connection, station, asked)]
    return [(row, lacking) for row, lacking in rows if lacking]

"""Figures for Prometheus, read from the store when they are asked for: nothing about one patient or one order.

Labels are names of the configuration and defined terms of the standard alone, so that their number is known.
"""

from collections.abc import Iterable, Iterator
from importlib import metadata

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from swf import clock
from swf.dicom import flaws
from swf.dicom.terms import StepStatus
from swf.extensions.web.counting import Counting
from swf.extensions.web.pages import today
from swf.extensions.web.rooms import Rooms
from swf.store import board


class Figures(Collector):
    """One reading for each scrape."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._counting = Counting(rooms.database)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read to be registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Everything there is to tell."""
        yield _gauge(
            "swf_build_info", "Version of this program.", ["version"], [((metadata.version("swf-broker"),), 1)]
        )
        ailing = list(self._rooms.ailing())
        yield _gauge(
            "swf_service_ailing", "Services that do not do their work.", ["service"], [((n,), 1) for n in ailing]
        )
        yield from self._lines()
        yield from self._day()
        yield from self._counting.collect()

    def _lines(self) -> Iterator[GaugeMetricFamily]:
        settings, now = self._rooms.site().settings, clock.now()
        with self._rooms.database.reading() as connection:
            lines = {each.name: board.line(connection, each.name) for each in (*settings.destination, *settings.relay)}
        waiting = [((name,), found[0]) for name, found in lines.items()]
        oldest = [((name,), (now - found[1]).total_seconds() if found[1] else 0) for name, found in lines.items()]
        parked = [((name,), found[2]) for name, found in lines.items()]
        yield _gauge("swf_outbox_depth", "Messages that wait for a destination.", ["destination"], waiting)
        yield _gauge("swf_outbox_oldest_seconds", "How long the first of them has waited.", ["destination"], oldest)
        yield _gauge("swf_parked", "Messages a destination refused for good.", ["destination"], parked)

    def _day(self) -> Iterator[GaugeMetricFamily]:
        settings = self._rooms.site().settings
        midnight, first, last = today.day()
        with self._rooms.database.reading() as connection:
            came, without_effect = board.messages_since(connection, midnight)
            counts = board.counts(connection, first, last)
            held = board.held(connection, flaws.mask(settings.worklist.hold_for))
            unresolved, overdue = board.unresolved(connection), board.overdue(connection)
        steps = dict.fromkeys(StepStatus, 0)
        for row in counts:
            steps[StepStatus(row.status)] += row.steps
        yield _gauge("swf_messages_today", "Messages that came since midnight.", [], [((), came)])
        yield _gauge("swf_messages_refused_today", "Those of them without effect.", [], [((), without_effect)])
        by_status = [((str(status),), count) for status, count in steps.items()]
        yield _gauge("swf_steps_today", "Steps scheduled for today.", ["status"], by_status)
        yield _gauge("swf_entries_held", "Entries kept from every list for a flaw.", [], [((), held)])
        yield _gauge("swf_mpps_unresolved", "Performed steps that wait to be linked.", [], [((), unresolved)])
        yield _gauge("swf_mpps_overdue", "Performed steps whose end is overdue.", [], [((), overdue)])


def _gauge(
    name: str, meaning: str, labels: list[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for told, value in values:
        family.add_metric(list(told), value)
    return family

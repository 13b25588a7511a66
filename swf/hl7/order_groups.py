"""The orders of a message: what each can see, its own segments and those of its patient and visit (hl7v2.md §7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from swf.hl7.message import NULL, Message, Segment, Shape, by_name


@dataclass(slots=True)
class OrderGroup:
    """What one order can see: its own segments and, by names it does not have itself, those of its patient and visit.

    Notes on the patient stand under `PID.NTE`, so that they are never taken for notes on the order.
    """

    segments: dict[str, list[Segment]]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        segments = self.segments.get(name)
        return segments[0] if segments else None

    def all(self, name: str) -> list[Segment]:
        """Every segment of that name, in order."""
        return self.segments.get(name, [])

    def shape(self) -> Shape:
        """Which fields of which segments say anything; messages of one kind and sender are much alike in it."""
        return tuple([(name, *[each.said() for each in segments]) for name, segments in self.segments.items()])


_VISIT = frozenset({"PD1", "PV1", "PV2"})
_IDENTIFIERS = ((("OBR", 19),), (("ORC", 2), ("OBR", 2)), (("ORC", 3), ("OBR", 3)))
"""What tells that two orders are one requested procedure: its id, the placer's number, the filler's number."""


def order_groups(message: Message) -> list[OrderGroup]:
    """The orders of a message, by a flat walk that no message structure can upset (hl7v2.md §7).

    A new ORC, or an OBR after an OBR, starts an order; the second OBR shares what the ORC brought. What stands before
    the first order belongs to all of them, and so does a visit that comes late. A PID after an order starts another
    patient, who shares nothing with the one before but MSH.
    """
    groups = [group for patient in _patients(message.segments) for group in _orders(patient)]
    studies = message.all("ZDS")
    if len(studies) == 1:
        _share_study(groups, studies)
    return groups


def _patients(segments: list[Segment]) -> list[list[Segment]]:
    """The segments of each patient, MSH in front."""
    patients: list[list[Segment]] = [[]]
    ordered = False
    for segment in segments:
        if segment.name == "PID" and ordered:
            patients.append(segments[:1])
            ordered = False
        ordered = ordered or segment.name in {"ORC", "OBR"}
        patients[-1].append(segment)
    return patients


def _orders(segments: list[Segment]) -> list[OrderGroup]:
    """The orders of one patient."""
    head, *orders = _cut(segments)
    shared = by_name(head)
    shared["PID.NTE"] = shared.pop("NTE", [])
    shared.pop("ZDS", None)
    late = by_name(segment for order in orders for segment in order if segment.name in _VISIT)
    groups = []
    common: dict[str, list[Segment]] = {}
    for order in orders:
        if order[0].name == "ORC":
            common = by_name(takewhile(lambda segment: segment.name != "OBR", order))
        groups.append(OrderGroup({**late, **shared, **common, **by_name(order)}))
    return groups


def _cut(segments: list[Segment]) -> list[list[Segment]]:
    """The segments before the first order, then those of each order."""
    pieces: list[list[Segment]] = [[]]
    described = True  # an OBR now would be the next order's
    for segment in segments:
        if segment.name == "ORC" or (segment.name == "OBR" and described):
            pieces.append([])
            described = False
        described = described or segment.name == "OBR"
        pieces[-1].append(segment)
    return pieces


def _share_study(groups: list[OrderGroup], study: list[Segment]) -> None:
    """Give the message's only ZDS to every order of its requested procedure (RAD-4: one ZDS ends the message)."""
    owners = [group for group in groups if group.first("ZDS")]
    for group in groups:
        if len(groups) == 1 or any(_same_procedure(group, owner) for owner in owners):
            group.segments.setdefault("ZDS", study)


def _same_procedure(one: OrderGroup, other: OrderGroup) -> bool:
    """The first identifier that both carry decides."""
    for fields in _IDENTIFIERS:
        mine, theirs = _identifier(one, fields), _identifier(other, fields)
        if mine and theirs:
            return mine == theirs
    return False


def _identifier(group: OrderGroup, fields: Iterable[tuple[str, int]]) -> tuple[str, str] | None:
    """Number and namespace of the first of `fields` that holds a number."""
    for name, field in fields:
        segment = group.first(name)
        if segment and segment.value(field, component=1) not in {"", NULL}:
            return segment.value(field, component=1), segment.value(field, component=2)
    return None

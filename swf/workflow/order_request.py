"""Which order a group of a message means, and what every action on it shares (RAD-2, RAD-3, RAD-4, RAD-13).

A request is one message being carried out; it remembers what it has done so far for the journal.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition, MappingError, UnknownOrder
from swf.hl7.message import Message
from swf.hl7.order_groups import OrderGroup
from swf.mapping import inbound, rules
from swf.mapping.inbound import MappedStep
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders
from swf.store.database import Record, Transaction
from swf.store.journal import Entry
from swf.workflow import identifiers, patients, states, steps
from swf.workflow.site import Site
from swf.workflow.states import StepEvent

_REQUIRED_FIELD = 101


@dataclass(slots=True)
class Request:
    """One message being carried out: what it has done so far."""

    transaction: Transaction
    site: Site
    message: Message
    at: datetime
    entries: list[Entry] = field(default_factory=list)
    positions: Counter[int] = field(default_factory=Counter)  # order → steps without an id seen in this message
    created: set[int] = field(default_factory=set)
    afresh: bool = False

    def note(self, event: Event, order: int, **detail: object) -> None:
        """Remember something for the journal."""
        self.entries.append(Entry(event, order, detail=detail))


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a group names its order: (number, issuer) of placer and filler, the accession number, where it stands."""

    placer: tuple[str, str]
    filler: tuple[str, str]
    accession: str
    sequence: int


def numbers_of(request: Request, group: OrderGroup, sequence: int) -> Numbers:
    """How a group names its order; MappingError when it names none."""
    item = inbound.order_numbers(request.site.mapping, group)
    placer, filler = identifiers.order_numbers(item, request.message.header)
    accession = str(item.get("AccessionNumber", ""))
    if not (placer[0] or filler[0] or accession):
        raise MappingError(
            "the order has no number: ORC-2 and ORC-3 are empty", location=f"ORC^{sequence}^2", code=_REQUIRED_FIELD
        )
    return Numbers(placer, filler, accession, sequence)


def find(request: Request, numbers: Numbers) -> Record | None:
    """The order by its placer number, else its filler number; by its accession only when it has no other number."""
    ours = request.site.settings.site.name
    found = orders.find(request.transaction, placer=numbers.placer, filler=numbers.filler, ours=ours)
    if found is None and not (numbers.placer[0] or numbers.filler[0]):
        same = orders.of_accession(request.transaction, numbers.accession)
        return same[0] if len(same) == 1 else None
    if found is not None and numbers.placer[0] and found.placer_order_number not in ("", numbers.placer[0]):
        raise IdentifierConflict(
            "the filler order number belongs to another placer order", location=f"ORC^{numbers.sequence}^3"
        )
    return found


def by_filler(request: Request, numbers: Numbers) -> Record | None:
    """The order of that filler number; one we gave may come back without saying whose it is."""
    ours = request.site.settings.site.name
    return orders.find(request.transaction, placer=("", ""), filler=numbers.filler, ours=ours)


def known_order(request: Request, group: OrderGroup, sequence: int) -> Record:
    """The order a group names; UnknownOrder without one, IdentifierConflict when it is another patient's."""
    numbers = numbers_of(request, group, sequence)
    order = find(request, numbers)
    if order is None:
        raise unknown(numbers)
    refuse_other_patient(request, group, order)
    return order


def unknown(numbers: Numbers) -> UnknownOrder:
    """The error of an order nobody knows, at the number that named it."""
    field = 2 if numbers.placer[0] else 3
    return UnknownOrder(say("no order of that number is known"), location=f"ORC^{numbers.sequence}^{field}")


def refuse_other_patient(request: Request, group: OrderGroup, order: Record) -> None:
    """IdentifierConflict when the group's patient is not the order's; a group without a patient says nothing."""
    pid = group.first("PID")
    if pid is None or not pid.value(3, 1, 1):
        return  # a cancel may come with nothing but its order number
    known = patients.find(request.transaction, request.site, patients.described(request.site, {"PID": [pid]}).item)
    if known is None or known.id != order.patient:
        raise of_another_patient(group)


def of_another_patient(group: OrderGroup) -> IdentifierConflict:
    """The error of an order number that belongs to somebody else's order."""
    return IdentifierConflict(
        "the order number belongs to an order of another patient", location=place(group, "PID", 3)
    )


def place(group: OrderGroup, name: str, field: int) -> str:
    """Where the group's segment of that name stands in the message, and a field of it."""
    segment = group.first(name)
    return f"{name}^{segment.sequence if segment else 1}^{field}"


def step_place(group: OrderGroup) -> str:
    """Where the group names its scheduled procedure step."""
    return place(group, "IPC", 4) if group.first("IPC") else place(group, "OBR", 20)


def mapped_steps(request: Request, group: OrderGroup, *, changing: bool) -> list[MappedStep]:
    """The steps of a group, each under the patient identifier the site prefers.

    A change by hand says which order is meant in our own words for whose its numbers are, and renumbers nothing.
    """
    mapped = inbound.steps(request.site.mapping, group, changing=changing)
    for step in mapped:
        patients.prefer_own_identifier(request.site, step.item)
        for keyword in rules.ORDER_NUMBERS if changing and request.site.by_hand else ():
            step.item.pop(keyword, None)
    return mapped


def chosen_steps(request: Request, group: OrderGroup, order: Record) -> list[Record]:
    """The steps a group means: those it names, else all. Ids the sender never told us cannot be meant otherwise."""
    mapped = mapped_steps(request, group, changing=True)
    names = {name for step in mapped if (name := step.step.get("ScheduledProcedureStepID"))}
    scheduled = orders.family_steps(request.transaction, order)
    named = [row for row in scheduled if row.step_id in names]
    if names and not named and not all(row.own_identifiers for row in scheduled):
        raise UnknownOrder(say("the order has no step of that id"), location=step_place(group))
    return named or scheduled


def move(request: Request, order: Record, chosen: list[Record], event: StepEvent, sequence: int) -> None:
    """Let `event` happen to the chosen steps, and the order follow; IllegalTransition when one of them may not."""
    for row in chosen:
        try:
            status = states.after(StepStatus(row.status), event)
        except IllegalTransition as error:
            raise IllegalTransition(f"step {row.step_id}: {error}", location=f"ORC^{sequence}^1") from error
        request.entries += steps.set_status(request.transaction, row, status, request.at)
        if event in (StepEvent.HOLD, StepEvent.RELEASE):
            steps.hold(request.transaction, row, on_hold=event is StepEvent.HOLD)
    for number in dict.fromkeys([*(row.order for row in chosen), order.id]):
        settle(request.transaction, number, request.at, request.entries)


def settle(transaction: Transaction, number: int, at: datetime, entries: list[Entry]) -> None:
    """Give order row `number` the status its steps, and those of its children, amount to, and its parent in turn.

    What there is to journal is added to `entries`.
    """
    order = orders.one(transaction, number)
    status = states.order_status(row.status for row in orders.family_steps(transaction, order))
    if status != order.status:
        orders.change(transaction, number, status=status, updated_at=at)
        entries.append(Entry(Event.ORDER_STATUS, number, detail={"from": order.status, "to": status}))
    if order.parent is not None:
        settle(transaction, order.parent, at, entries)


def note_warnings(request: Request, order: Record, mapped: MappedStep) -> None:
    """What had to be changed to make the step fit, for the journal."""
    for text in mapped.warnings:
        request.note(Event.WARNING, order.id, text=text)

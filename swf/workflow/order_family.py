"""Parent and child orders: the children are performed, the parent is what they are of (RAD-2; ORC-1 PA and CH, ORC-8, OBR-29).

A parent whose children are scheduled is not scheduled itself: the patient comes for them. What ends, holds or releases
the parent does so to its children, and the parent's status is what theirs amount to.
"""

from typing import NamedTuple

from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition
from swf.hl7.message import Message
from swf.hl7.order_groups import OrderGroup, order_groups
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders
from swf.store.database import Record
from swf.workflow import order_content, order_control, order_request, states, steps
from swf.workflow.order_request import Request
from swf.workflow.states import OrderStatus, StepEvent

PARENT = (("ORC", 8),)
"""Where a replacement names the order it replaces."""

_OF_CHILD = (("ORC", 8), ("OBR", 29))
_PA, _CH = "PA", "CH"
_CLOSED = (OrderStatus.CANCELLED, OrderStatus.DISCONTINUED)
_NOBODY = ("", "")


class _Name(NamedTuple):
    """A way to read the parent's number: as placer's and filler's (number, issuer)."""

    placer: tuple[str, str]
    filler: tuple[str, str]


def take_parent(request: Request, group: OrderGroup, sequence: int) -> None:
    """PA: the order is made known; only without children, here or before, it is scheduled like any other."""
    numbers = order_request.numbers_of(request, group, sequence)
    order = order_request.find(request, numbers)
    if order is None and _brings_children(request.message, sequence):
        order_content.create(request, group, numbers, scheduled=False)
    elif order is not None and order.is_parent:
        order_request.refuse_other_patient(request, group, order)
        order_content.learn_numbers(request, order, numbers)
        request.note(Event.ORDER_CHANGED, order.id, changed=False)
    else:
        order_content.take(request, group, sequence)


def take_child(request: Request, group: OrderGroup, sequence: int) -> None:
    """CH: an order like any other, linked to the parent it names; one nobody knows yet is kept by its number.

    Raises IdentifierConflict for a parent of another patient, for a circle and for a child of another parent,
    IllegalTransition for a parent that was cancelled.
    """
    order_content.take(request, group, sequence)
    child = order_request.known_order(request, group, sequence)
    parent = _parent(request, group, child, sequence)
    if parent is None:
        text = "a child order whose parent (ORC-8, OBR-29) is not named; it is scheduled by itself"
        request.note(Event.WARNING, child.id, text=text)
    elif child.parent != parent.id:
        _refuse(request, child, parent, sequence)
        _link(request, child, parent)


def named(request: Request, group: OrderGroup, places: tuple[tuple[str, int], ...]) -> Record | None:
    """The order that is named at the first of these places that names one we know."""
    for name in _names(request.message, group, places):
        found = orders.find(request.transaction, placer=name.placer, filler=name.filler)
        if found is not None:
            return found
    return None


# ---- who is whose ----


def _names(message: Message, group: OrderGroup, places: tuple[tuple[str, int], ...]) -> list[_Name]:
    """The readings of a parent's number: placer's and filler's in subcomponents, else one number with its namespace."""
    sender = f"{message.header.sending_application}@{message.header.sending_facility}"
    found = []
    for name, field in places:
        segment = group.first(name)
        if segment is None or not segment.raw(field):
            continue
        pair = [(segment.value(field, 1, part, 1), segment.value(field, 1, part, 2) or sender) for part in (1, 2)]
        plain = (segment.value(field, 1, 1), segment.value(field, 1, 2) or sender)
        found += [_Name(pair[0], pair[1]), _Name(plain, plain)]
    return found


def _parent(request: Request, group: OrderGroup, child: Record, sequence: int) -> Record | None:
    """The parent's row: by ORC-8 or OBR-29, else that of the PA before it; none when neither names one."""
    if any((segment := group.first(name)) and segment.raw(field) for name, field in _OF_CHILD):
        return named(request, group, _OF_CHILD) or _announced(request, group, child)
    before = [each for each in _numbered(request.message) if each[0] < sequence]
    number, parent = next((each for each in reversed(before) if order_control.pair(each[1])[0] == _PA), (0, None))
    return order_request.known_order(request, parent, number) if parent else None


def _announced(request: Request, group: OrderGroup, child: Record) -> Record | None:
    """A row for a parent that comes later, when ORC-8 says beyond doubt which of its numbers it names."""
    for name, field in _OF_CHILD:
        segment = group.first(name)
        text = segment.raw(field) if segment else ""
        subcomponents, second = "&" in text, bool(segment and segment.value(field, 1, 2))
        if not text or (second and not subcomponents):
            continue
        placer, filler, *_ = _names(request.message, group, ((name, field),))[0]
        row = orders.add(
            request.transaction,
            patient=child.patient,
            identity=child.identity,
            placer_order_number=placer[0],
            placer_issuer=placer[1] if placer[0] else "",
            filler_order_number=filler[0],
            filler_issuer=filler[1] if filler[0] else "",
            accession_number="",
            status=OrderStatus.SCHEDULED,
            created_at=request.at,
            updated_at=request.at,
        )
        request.note(Event.ORDER_CREATED, row.id, accession_number="")
        return row
    return None


def _numbered(message: Message) -> list[tuple[int, OrderGroup]]:
    """The orders of a message, each with the number of its ORC."""
    return [(orc.sequence, group) for group in order_groups(message) if (orc := group.first("ORC"))]


def _brings_children(message: Message, sequence: int) -> bool:
    """Whether children follow the PA in ORC number `sequence`, before another parent does."""
    controls = [order_control.pair(group)[0] for number, group in _numbered(message) if number > sequence]
    return bool(controls) and controls[0] == _CH


def _refuse(request: Request, child: Record, parent: Record, sequence: int) -> None:
    place = f"ORC^{sequence}^8"
    if parent.patient != child.patient:
        raise IdentifierConflict(say("the parent order is another patient's"), location=place)
    if child.parent is not None:
        raise IdentifierConflict(say("the order is a child of another order"), location=place)
    if parent.id in (child.id, *orders.descendants(request.transaction, child.id)):
        raise IdentifierConflict(say("an order cannot be its own parent"), location=place)
    if parent.status in _CLOSED:
        text = f"the parent order's status is {parent.status}; what is to be done after all needs a new order"
        raise IllegalTransition(text, location=place)


# ---- what follows ----


def _link(request: Request, child: Record, parent: Record) -> None:
    orders.change(request.transaction, child.id, parent=parent.id)
    orders.change(request.transaction, parent.id, is_parent=True)
    request.note(Event.ORDER_LINKED, child.id, parent=_number(parent))
    request.note(Event.ORDER_LINKED, parent.id, child=_number(child))
    if any(row.on_hold for row in orders.family_steps(request.transaction, parent)):
        _move(request, child, StepEvent.HOLD)
    _move(request, parent, StepEvent.CANCEL)
    order_request.settle(request.transaction, child.id, request.at, request.entries)


def _move(request: Request, order: Record, event: StepEvent) -> None:
    """Let `event` happen to an order's own steps, as far as it can: what has begun or ended stays as it is."""
    for row in orders.steps(request.transaction, order.id):
        after = states.TRANSITIONS[event].get(StepStatus(row.status))
        if after is not None:
            request.entries += steps.set_status(request.transaction, row, after, request.at)
            steps.hold(request.transaction, row, on_hold=event is StepEvent.HOLD)


def _number(order: Record) -> str:
    return str(order.placer_order_number or order.filler_order_number)

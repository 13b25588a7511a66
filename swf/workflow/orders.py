"""Orders: new, change, cancel, discontinue, hold, replace (RAD-2, RAD-3, RAD-4, RAD-13; ORM^O01, OMG^O19, OMI^O23).

A message may hold several orders, an order several steps; all of them are done, or none. What an order does not
mention stays. An order number belongs to one patient and a Study Instance UID to one patient, for ever.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from pydicom.dataset import Dataset

from swf.dicom import columns, mpps
from swf.dicom.terms import StepStatus
from swf.errors import IdentifierConflict, IllegalTransition, MappingError, MessageError, UnknownOrder
from swf.hl7.message import Message
from swf.hl7.order_groups import OrderGroup, order_groups
from swf.mapping import inbound, rules
from swf.model.journal import Event
from swf.sentence import say
from swf.store import orders
from swf.store.database import Transaction
from swf.store.journal import Entry
from swf.workflow import (
    identifiers,
    lateness,
    notices,
    order_content,
    order_control,
    order_family,
    order_request,
    states,
    steps,
    unscheduled,
)
from swf.workflow.notices import Change
from swf.workflow.order_control import Action
from swf.workflow.order_family import PARENT
from swf.workflow.order_request import Request
from swf.workflow.site import Site
from swf.workflow.states import OrderStatus, StepEvent

_SEGMENT_SEQUENCE, _REQUIRED_FIELD, _UNABLE = 100, 101, 207
_ACCEPTED = ("AA", "CA")
_ASSIGNED = "NA"
_REPLACEMENT = "RO"
_WITHOUT_EFFECT = (Action.RECORD, Action.REPORT)
_SETTLED = (StepStatus.COMPLETED, StepStatus.CANCELLED)


def apply(transaction: Transaction, site: Site, message: Message, at: datetime, *, afresh: bool = False) -> list[Entry]:
    """Do what every order of `message` asks; what there is to journal of it.

    `afresh` is for a message that is taken once more after the mapping was changed: a new order that is known already
    then gets the defaults and the stations of the mapping as if it came for the first time.
    Raises MappingError, UnknownOrder, IdentifierConflict or IllegalTransition, each with the place in the message;
    the caller then undoes all of it.
    """
    request = Request(transaction, site, message, at, afresh=afresh)
    groups = order_groups(message)
    if not groups:
        raise MappingError(say("the message holds no order (ORC or OBR)"), location="ORC^1", code=_SEGMENT_SEQUENCE)
    _refuse_stray_patients(message, groups)
    for number, group in enumerate(groups, start=1):
        orc = group.first("ORC")
        sequence = orc.sequence if orc else number
        action = order_control.action(group, sequence)
        before = len(request.entries)
        _ACTIONS[action](request, group, sequence)
        if action not in _WITHOUT_EFFECT and not afresh and not site.by_hand:  # what its sender said last is still that
            touched = dict.fromkeys(entry.order for entry in request.entries[before:] if entry.order)
            older = [number for number in touched if number not in request.created]
            said = order_content.said(request, group) if older else None
            request.entries += lateness.of_orders(transaction, site, said, older, f"ORC^{sequence}^9") if said else ()
    request.entries += unscheduled.orders_came(transaction, site, request.created, at)
    return request.entries


def _refuse_stray_patients(message: Message, groups: Sequence[OrderGroup]) -> None:
    """An order is for the one patient before it, and a patient has an order behind; else whose it is would be a guess."""
    named = [group.first("PID") for group in groups]
    stray = next((pid for pid in message.all("PID") if pid not in named), None)
    if stray is not None:
        location = f"PID^{stray.sequence}"
        raise MappingError(
            "two patients stand together, one without an order", location=location, code=_SEGMENT_SEQUENCE
        )


def take_reply(transaction: Transaction, site: Site, message: Message, at: datetime) -> list[Entry]:
    """ORR^O02, ORG^O20: the placer answers a filler's order; NA brings its number (RAD-3).

    Raises UnknownOrder when a number is assigned to an order nobody knows.
    """
    request = Request(transaction, site, message, at)
    accepted = message.value("MSA", 1).strip().upper() in _ACCEPTED
    for number, group in enumerate(order_groups(message), start=1):
        orc = group.first("ORC")
        if accepted and order_control.pair(group)[0] == _ASSIGNED:
            _assign(request, group, orc.sequence if orc else number)
        else:
            _note_reply(request, group)
    return request.entries


def _change(request: Request, group: OrderGroup, sequence: int) -> None:
    numbers = order_request.numbers_of(request, group, sequence)
    order = order_request.find(request, numbers)
    if order is None:
        raise order_request.unknown(numbers)
    order_content.revise(request, group, order, numbers)


def _new_held(request: Request, group: OrderGroup, sequence: int) -> None:
    """An order that is on hold from its beginning; what has begun or ended by now is not held."""
    order_content.take(request, group, sequence)
    order = order_request.known_order(request, group, sequence)
    allowed = states.TRANSITIONS[StepEvent.HOLD]
    chosen = [row for row in order_request.chosen_steps(request, group, order) if row.status in allowed]
    order_request.move(request, order, chosen, StepEvent.HOLD, sequence)


def _begin(request: Request, group: OrderGroup, sequence: int) -> None:
    """In progress: of an order that is so already, and of which no step is named, nothing new is said.

    The step it speaks of may be done by now; it must not be the next one that begins.
    """
    order = order_request.known_order(request, group, sequence)
    chosen = order_request.chosen_steps(request, group, order)
    if order.status == OrderStatus.IN_PROGRESS and len(chosen) == len(orders.family_steps(request.transaction, order)):
        _record(request, group, sequence)
    else:
        _end(request, group, sequence, StepEvent.START)


def _finish(request: Request, group: OrderGroup, sequence: int) -> None:
    _change(request, group, sequence)
    _end(request, group, sequence, StepEvent.COMPLETE)


def _end(request: Request, group: OrderGroup, sequence: int, event: StepEvent) -> None:
    order = order_request.known_order(request, group, sequence)
    chosen = order_request.chosen_steps(request, group, order)
    if event is not StepEvent.CANCEL:  # what is done or was cancelled stays so; the rest of the order moves
        chosen = [row for row in chosen if row.status not in _SETTLED] or chosen
    order_request.move(request, order, chosen, event, sequence)


def _release(request: Request, group: OrderGroup, sequence: int) -> None:
    """What is held is listed again; what waits for an appointment as well is no longer held, and waits on."""
    order = order_request.known_order(request, group, sequence)
    chosen = [row for row in order_request.chosen_steps(request, group, order) if row.status not in _SETTLED]
    unbooked = [row for row in chosen if steps.is_unbooked(row)]
    if unbooked and not any(row.on_hold for row in chosen):
        raise IllegalTransition(
            "the appointment of the order was cancelled; book it again, or send the order with a time",
            location=f"ORC^{sequence}^1",
        )
    for row in unbooked:
        steps.hold(request.transaction, row, on_hold=False)
        text = "no longer on hold; it still waits for an appointment"
        request.note(Event.WARNING, row.order, step_id=row.step_id, text=text)
    order_request.move(request, order, [row for row in chosen if row not in unbooked], StepEvent.RELEASE, sequence)


def _partly(request: Request, group: OrderGroup, sequence: int) -> None:
    """Some results: of several open steps only those that are named are done, the others are still to be performed."""
    order = order_request.known_order(request, group, sequence)
    chosen = order_request.chosen_steps(request, group, order)
    still_open = [row for row in chosen if not states.is_closed(row.status)]
    if len(still_open) > 1 and len(chosen) == len(orders.family_steps(request.transaction, order)):
        _record(request, group, sequence)
    else:
        order_request.move(request, order, still_open or chosen, StepEvent.COMPLETE, sequence)


def _replace(request: Request, group: OrderGroup, sequence: int) -> None:
    """The order in ORC-8 gives way to this one; a message with RO in it names the old order and the new one apart."""
    control, _ = order_control.pair(group)
    orc = group.all("ORC")[0]
    if orc.raw(8):
        _give_way(request, group, sequence)
    elif control != _REPLACEMENT and _brings_replacement(request.message):
        _end(request, group, sequence, StepEvent.CANCEL)
        return
    order_content.take(request, group, sequence)


def _brings_replacement(message: Message) -> bool:
    return any(orc.value(1).strip().upper() == _REPLACEMENT for orc in message.all("ORC"))


def _give_way(request: Request, group: OrderGroup, sequence: int) -> None:
    old = order_family.named(request, group, PARENT)
    numbers = order_request.numbers_of(request, group, sequence)
    new = order_request.find(request, numbers)
    if old is None:
        text = "the order that is replaced (ORC-8) is not known"
        request.entries.append(Entry(Event.WARNING, new.id if new else None, detail={"text": text}))
    elif new is None or old.id != new.id:
        order_request.refuse_other_patient(request, group, old)
        request.note(Event.ORDER_CHANGED, old.id, replaced_by=numbers.placer[0] or numbers.filler[0])
        order_request.move(request, old, orders.family_steps(request.transaction, old), StepEvent.CANCEL, sequence)


def _assign(request: Request, group: OrderGroup, sequence: int) -> None:
    """NA: the placer's number of an order that is known by its filler's (RAD-3)."""
    numbers = order_request.numbers_of(request, group, sequence)
    order = order_request.by_filler(request, numbers)
    if order is None:
        raise UnknownOrder(say("no order of that filler number is known"), location=f"ORC^{sequence}^3")
    if not numbers.placer[0]:
        raise MappingError(
            say("the number that is assigned is missing"), location=f"ORC^{sequence}^2", code=_REQUIRED_FIELD
        )
    owner = orders.find(request.transaction, placer=numbers.placer, filler=("", ""))
    if order.placer_order_number not in ("", numbers.placer[0]) or (owner and owner.id != order.id):
        raise IdentifierConflict(
            say("the order or the number belongs to another already"), location=f"ORC^{sequence}^2"
        )
    order_request.refuse_other_patient(request, group, order)
    order_content.learn_numbers(request, order, numbers)
    told = inbound.order_numbers(request.site.mapping, group)
    placer = {name: told[name] for name in (rules.PLACER, rules.PLACER_AUTHORITY) if name in told}
    for row in orders.steps(request.transaction, order.id):
        stored = columns.merge(row.dataset, placer)
        steps.rewrite(request.transaction, row, stored, request.at, own_identifiers=row.own_identifiers)
    request.note(Event.NUMBER_ASSIGNED, order.id, placer_order_number=numbers.placer[0])


def _note_reply(request: Request, group: OrderGroup) -> None:
    """A reply that assigns nothing: what it says stands in the journal, with the order when it is known."""
    told = inbound.order_numbers(request.site.mapping, group)
    placer, filler = identifiers.order_numbers(told, request.message.header)
    order = orders.find(request.transaction, placer=placer, filler=filler)
    control, status = order_control.pair(group)
    detail = {"acknowledgement": request.message.value("MSA", 1), "control": control, "status": status}
    request.entries.append(Entry(Event.STATUS_RECEIVED, order.id if order else None, detail=detail))


def _record(request: Request, group: OrderGroup, sequence: int) -> None:
    order = order_request.known_order(request, group, sequence)
    control, status = order_control.pair(group)
    request.note(Event.STATUS_RECEIVED, order.id, control=control, status=status)


def _report(request: Request, group: OrderGroup, sequence: int) -> None:
    """Tell the order's present status, or that of each of its children, to every destination that takes order messages."""
    order = order_request.known_order(request, group, sequence)
    children = orders.descendants(request.transaction, order.id) if order.is_parent else []
    for number in children or [order.id]:
        every = orders.steps(request.transaction, number)
        change = Change(number, every, every, mpps.summary(Dataset()), request.at)
        queued = notices.status(request.transaction, request.site, change)
        if not queued and request.site.source.reply != "application":
            raise MessageError(
                "there is no destination that is told ORM^O01", location=f"ORC^{sequence}^1", code=_UNABLE
            )
        request.note(Event.STATUS_REQUESTED, number, status=orders.one(request.transaction, number).status)
        request.entries += queued


_ACTIONS: dict[Action, Callable[[Request, OrderGroup, int], None]] = {
    Action.NEW: order_content.take,
    Action.NEW_HELD: _new_held,
    Action.PARENT: order_family.take_parent,
    Action.CHILD: order_family.take_child,
    Action.CHANGE: _change,
    Action.FINISH: _finish,
    Action.CANCEL: partial(_end, event=StepEvent.CANCEL),
    Action.DISCONTINUE: partial(_end, event=StepEvent.DISCONTINUE),
    Action.COMPLETE: partial(_end, event=StepEvent.COMPLETE),
    Action.PARTLY: _partly,
    Action.START: _begin,
    Action.HOLD: partial(_end, event=StepEvent.HOLD),
    Action.RELEASE: _release,
    Action.REPLACE: _replace,
    Action.ASSIGN: _assign,
    Action.RECORD: _record,
    Action.REPORT: _report,
}

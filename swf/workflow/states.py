"""Every status of a step and an order, and every lawful step between them; nothing else changes a status.

Two kinds of events meet here. What a message asks for (cancel, complete, hold, arrive) can be refused. What a modality
reports (MPPS) has happened and can not: a fact moves even a cancelled step, but never reopens a completed one, because
an appended acquisition adds to an exam that is done (RAD-6, RAD-7; RAD-2, RAD-13).
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

from swf.dicom.terms import PerformedStatus, StepStatus
from swf.errors import IllegalTransition


class OrderStatus(StrEnum):
    """Order status, HL7 table 0038."""

    SCHEDULED = "SC"
    IN_PROGRESS = "IP"
    HELD = "HD"
    COMPLETED = "CM"
    CANCELLED = "CA"
    DISCONTINUED = "DC"


class StepEvent(StrEnum):
    """What can happen to a scheduled step."""

    CANCEL = "cancel"
    DISCONTINUE = "discontinue"
    COMPLETE = "complete"
    START = "start"
    ARRIVE = "arrive"
    LEAVE = "leave"
    HOLD = "hold"
    RELEASE = "release"
    PERFORMING = "performing"
    PERFORMED = "performed"
    ABANDONED = "abandoned"
    WRONG_ENTRY = "wrong entry"
    DISOWNED = "disowned"


_S, _E = StepStatus, StepEvent
_OPEN = (_S.SCHEDULED, _S.ARRIVED, _S.READY)
_CLOSED = (_S.COMPLETED, _S.CANCELLED, _S.DISCONTINUED)

# event → {status before: status after}; a pair that is not here is refused
TRANSITIONS: dict[StepEvent, dict[StepStatus, StepStatus]] = {
    _E.CANCEL: dict.fromkeys((*_OPEN, _S.HELD, _S.CANCELLED), _S.CANCELLED),
    _E.DISCONTINUE: dict.fromkeys((*_OPEN, _S.HELD, _S.STARTED, _S.DISCONTINUED), _S.DISCONTINUED),
    _E.COMPLETE: dict.fromkeys((*_OPEN, _S.HELD, _S.STARTED, _S.COMPLETED), _S.COMPLETED),
    _E.START: dict.fromkeys((*_OPEN, _S.HELD, _S.STARTED), _S.STARTED),
    _E.ARRIVE: {_S.SCHEDULED: _S.ARRIVED, _S.ARRIVED: _S.ARRIVED, _S.READY: _S.READY},
    _E.LEAVE: {_S.SCHEDULED: _S.SCHEDULED, _S.ARRIVED: _S.SCHEDULED},
    _E.HOLD: dict.fromkeys((*_OPEN, _S.HELD), _S.HELD),
    _E.RELEASE: {**{status: status for status in _OPEN}, _S.HELD: _S.SCHEDULED},
    _E.PERFORMING: {**dict.fromkeys(_S, _S.STARTED), _S.COMPLETED: _S.COMPLETED},
    _E.PERFORMED: dict.fromkeys(_S, _S.COMPLETED),
    _E.ABANDONED: {**dict.fromkeys(_S, _S.DISCONTINUED), _S.COMPLETED: _S.COMPLETED, _S.CANCELLED: _S.CANCELLED},
    _E.WRONG_ENTRY: {
        **dict.fromkeys(_S, _S.SCHEDULED),
        _S.HELD: _S.HELD,
        _S.COMPLETED: _S.COMPLETED,
        _S.CANCELLED: _S.CANCELLED,
        _S.DISCONTINUED: _S.DISCONTINUED,
    },
    _E.DISOWNED: {
        **{status: status for status in _S},
        **dict.fromkeys((_S.STARTED, _S.COMPLETED, _S.DISCONTINUED), _S.SCHEDULED),
    },
}


def after(status: StepStatus, event: StepEvent) -> StepStatus:
    """The status of a step after `event`; raises IllegalTransition naming the statuses that would have allowed it."""
    allowed = TRANSITIONS[event]
    if status not in allowed:
        names = ", ".join(allowed)
        raise IllegalTransition(f"a step that is {status} cannot take the event {event}; it would have to be {names}")
    return allowed[status]


def performed_event(statuses: Collection[str], *, wrong_entry: bool) -> StepEvent:
    """What everything performed for one step amounts to: one in progress outweighs one completed, that one abandoned."""
    if PerformedStatus.IN_PROGRESS in statuses:
        return StepEvent.PERFORMING
    if PerformedStatus.COMPLETED in statuses:
        return StepEvent.PERFORMED
    if not statuses:
        return StepEvent.DISOWNED
    return StepEvent.WRONG_ENTRY if wrong_entry else StepEvent.ABANDONED


def order_status(steps: Iterable[str]) -> OrderStatus:
    """The status of an order from those of all its steps."""
    found = frozenset(steps)
    if not found - {_S.CANCELLED}:
        return OrderStatus.CANCELLED
    if found & {_S.STARTED}:
        return OrderStatus.IN_PROGRESS
    if found & set(_OPEN):
        return OrderStatus.IN_PROGRESS if _S.COMPLETED in found else OrderStatus.SCHEDULED
    if _S.HELD in found:
        return OrderStatus.HELD
    return OrderStatus.COMPLETED if _S.COMPLETED in found else OrderStatus.DISCONTINUED


def result_status(order: OrderStatus, steps: Iterable[str]) -> str:
    """OBR-25, HL7 table 0123: never F, which would mean that a report exists."""
    if order is OrderStatus.IN_PROGRESS:
        return "A" if _S.COMPLETED in frozenset(steps) else "I"
    return {
        OrderStatus.SCHEDULED: "S",
        OrderStatus.HELD: "S",
        OrderStatus.COMPLETED: "R",
        OrderStatus.CANCELLED: "X",
        OrderStatus.DISCONTINUED: "X",
    }[order]


def is_closed(status: str) -> bool:
    """Whether a step has come to an end."""
    return status in _CLOSED

"""ORC-1 and ORC-5 to what is done with an order: one table (RAD-2, RAD-3, RAD-4, RAD-13; HL7 tables 0119 and 0038).

Liberal: a status counts only where a row names it, and `ANY` stands for every other one, also for none.
"""

from enum import StrEnum

from swf.errors import MappingError
from swf.hl7.order_groups import OrderGroup
from swf.sentence import say

ANY = "*"
_REQUIRED_FIELD, _TABLE_VALUE = 101, 103


class Action(StrEnum):
    """What can be done with an order."""

    NEW = "made, or brought up to date when it is known"
    NEW_HELD = "made, or brought up to date, and held: not on the worklist until it is released"
    PARENT = "made known; its children are scheduled in its place, without any it is scheduled itself"
    CHILD = "made, or brought up to date, under its parent"
    CHANGE = "brought up to date"
    FINISH = "brought up to date, and its steps are completed"
    CANCEL = "cancelled, unless it has begun"
    DISCONTINUE = "discontinued, as far as it is not done"
    COMPLETE = "completed"
    PARTLY = "completed as far as the message names its steps"
    START = "in progress"
    HOLD = "held: not on the worklist until it is released"
    RELEASE = "back on the worklist"
    REPLACE = "taken, and the order it replaces is cancelled"
    ASSIGN = "given its placer order number"
    RECORD = "left as it is; the status is kept in the journal"
    REPORT = "left as it is; its status is told to the destinations"


_STATUS = {
    "": Action.RECORD,
    "SC": Action.RECORD,
    "IP": Action.START,
    "A": Action.PARTLY,
    "CM": Action.COMPLETE,
    "DC": Action.DISCONTINUE,
    "CA": Action.CANCEL,
    "RP": Action.CANCEL,
    "HD": Action.HOLD,
    "ER": Action.RECORD,
}
_CHANGED = {"CM": Action.FINISH, "CA": Action.CANCEL, "DC": Action.DISCONTINUE, ANY: Action.CHANGE}

TABLE: dict[tuple[str, str], Action] = {
    ("NW", "HD"): Action.NEW_HELD,
    ("NW", ANY): Action.NEW,
    ("SN", "HD"): Action.NEW_HELD,
    ("SN", ANY): Action.NEW,
    ("PA", ANY): Action.PARENT,
    ("CH", ANY): Action.CHILD,
    **{("XO", status): action for status, action in _CHANGED.items()},
    **{("XX", status): action for status, action in _CHANGED.items()},
    ("CA", ANY): Action.CANCEL,
    ("OC", ANY): Action.CANCEL,
    ("DC", ANY): Action.DISCONTINUE,
    ("OD", ANY): Action.DISCONTINUE,
    ("HD", ANY): Action.HOLD,
    ("OH", ANY): Action.HOLD,
    ("RL", ANY): Action.RELEASE,
    ("OE", ANY): Action.RELEASE,
    ("RP", ANY): Action.REPLACE,
    ("RQ", ANY): Action.REPLACE,
    ("RU", ANY): Action.REPLACE,
    ("RO", ANY): Action.REPLACE,
    ("NA", ANY): Action.ASSIGN,
    **{("SC", status): action for status, action in _STATUS.items()},
    **{("SR", status): action for status, action in _STATUS.items()},
    ("SR", ""): Action.REPORT,
    ("SS", ANY): Action.REPORT,
}


def action(group: OrderGroup, sequence: int) -> Action:
    """What the order control of `group`, the ORC number `sequence`, asks for.

    Raises MappingError, which names the pairs that would have been taken.
    """
    control, status = pair(group)
    location = f"ORC^{sequence}^1"
    if not control:
        raise MappingError(say("ORC-1 (order control) is empty"), location=location, code=_REQUIRED_FIELD)
    found = TABLE.get((control, status)) or TABLE.get((control, ANY))
    if found is None:
        raise MappingError(_refusal(control, status), location=location, code=_TABLE_VALUE)
    return found


def pair(group: OrderGroup) -> tuple[str, str]:
    """ORC-1 and ORC-5 of a group; empty where it says nothing."""
    orc = group.first("ORC")
    return (orc.value(1).strip().upper(), orc.value(5).strip().upper()) if orc else ("", "")


def _refusal(control: str, status: str) -> str:
    same = [pair for pair in TABLE if pair[0] == control]
    asked = f"{control} with status {status}" if same else control
    return f"order control {asked} is not taken here; taken are {', '.join(map(_shown, same or TABLE))}"


def _shown(pair: tuple[str, str]) -> str:
    control, status = pair
    return control if status == ANY else f"{control}/{status or 'none'}"

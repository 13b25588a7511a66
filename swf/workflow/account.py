"""What becomes of a message, told before or after it came: what the mapping makes of it and what the workflow adds (RAD-2).

Both are found by doing it: the mapping with notes taken, the workflow in a store that forgets the trial.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from swf import clock
from swf.errors import MessageError
from swf.hl7.header import read_header
from swf.hl7.message import Message
from swf.hl7.order_groups import OrderGroup
from swf.mapping import explain
from swf.mapping.explain import Explanation
from swf.model.journal import Event
from swf.sentence import say
from swf.store.database import Transaction
from swf.workflow import intake, order_control, orders, replay, routing
from swf.workflow.order_control import Action
from swf.workflow.replay import Steps
from swf.workflow.site import Site

_COLUMNS = ("attribute", "value", "from", "function", "line", "why_empty")
_NEW = frozenset({Action.NEW, Action.NEW_HELD, Action.PARENT, Action.CHILD, Action.REPLACE})
_NONE_CAME = say("generated: the message brings none")
GENERATED = {
    "ScheduledProcedureStepStatus": say("the step's status"),
    "AccessionNumber": _NONE_CAME,
    "FillerOrderNumberImagingServiceRequest": _NONE_CAME,
    "LocalNamespaceEntityID": _NONE_CAME,
    "RequestedProcedureID": _NONE_CAME,
    "ScheduledProcedureStepID": _NONE_CAME,
    "StudyInstanceUID": _NONE_CAME,
}
"""What the workflow adds to an item, and why."""

_STORED = say("stored before")


class _Tried(NamedTuple):
    """The steps of every order a message is about, once it was applied, and the ids of those it made."""

    steps: Steps
    made: set[str]


Run = Callable[[Callable[[Transaction], _Tried]], _Tried]


def of(site: Site, raw: bytes, peer: str, run: Run) -> dict[str, Any]:
    """What becomes of a message, for people and programs: what the mapping makes of it, and what the workflow adds.

    `run` carries the message out in some store: `Database.run`, or `Database.rehearse` to leave no trace.
    """
    header = read_header(raw)
    site = site.for_source(header, peer)
    found: dict[str, Any] = {"control_id": header.control_id, "type": header.type, "items": [], "added": []}
    try:
        content, _ = intake.read(site, raw, header)
        items = mapped(site, content)
        found["items"] = [_shown(item) for item in items]
        refusal = next((item.refusal for item in items if item.refusal), "")
        if not refusal:
            found["added"] = list(_added(items, run(lambda transaction: _tried(transaction, site, raw, peer))))
    except MessageError as error:
        refusal = intake.reason(error)
    return found | {"refusal": refusal}


def mapped(site: Site, content: Message) -> list[Explanation]:
    """What the mapping makes of a message: steps of orders, or a patient; nothing of a message that names others' steps."""
    if routing.use_case(content.header, site) is orders.apply:
        return explain.orders(site.mapping, content, changing=changes_an_order)
    return [explain.patient(site.mapping, content)] if content.header.message_code == "ADT" else []


def changes_an_order(group: OrderGroup) -> bool:
    """Whether a group of a message changes an order there is, which leaves defaults out and requires nothing."""
    orc = group.first("ORC")
    return order_control.action(group, orc.sequence if orc else 1) not in _NEW


def _shown(item: Explanation) -> dict[str, Any]:
    lines = [dict(zip(_COLUMNS, finding, strict=True)) for finding in item.findings]
    return {"title": item.title, "warnings": item.warnings, "lines": lines}


def _tried(transaction: Transaction, site: Site, raw: bytes, peer: str) -> _Tried:
    entries = replay.carry_out(transaction, site, raw, peer, clock.now())
    made = {str(entry.detail["step_id"]) for entry in entries if entry.event == Event.STEP_SCHEDULED}
    return _Tried(replay.steps_of(transaction, replay.orders_of(entries)), made)


def _added(items: Iterable[Explanation], tried: _Tried) -> Iterator[dict[str, str]]:
    """What the stored steps hold beyond what the mapping said."""
    said = {line for item in items for line in item.listed.items()}
    for step_id, attributes in tried.steps.values():
        for attribute, value in attributes.items():
            if (attribute, value) not in said:
                why = _why(attribute, is_new=step_id in tried.made)
                yield {"step_id": step_id, "attribute": attribute, "value": value, "why": why}


def _why(attribute: str, *, is_new: bool) -> str:
    generated = GENERATED.get(attribute.rpartition("/")[2])
    if generated is None:
        return _STORED
    return (
        generated if is_new else say("stored before; %(generated)s, unless an earlier message did", generated=generated)
    )

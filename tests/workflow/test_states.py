"""The law of states: the whole table, line by line."""

import itertools

import pytest

from swf.dicom.terms import PerformedStatus, StepStatus
from swf.errors import IllegalTransition
from swf.hl7 import terms
from swf.workflow import states
from swf.workflow.states import OrderStatus, StepEvent

# What a step becomes by each event, in the order of COLUMNS; "-" is refused
ASKED = ("cancel", "discontinue", "complete", "start", "arrive", "leave", "hold", "release")
COLUMNS = (*ASKED, "performing", "performed", "abandoned", "wrong entry", "disowned")
LAW = {
    "SCHEDULED": "CANCELLED DISCONTINUED COMPLETED STARTED ARRIVED SCHEDULED HELD SCHEDULED"
    " STARTED COMPLETED DISCONTINUED SCHEDULED SCHEDULED",
    "ARRIVED": "CANCELLED DISCONTINUED COMPLETED STARTED ARRIVED SCHEDULED HELD ARRIVED"
    " STARTED COMPLETED DISCONTINUED SCHEDULED ARRIVED",
    "READY": "CANCELLED DISCONTINUED COMPLETED STARTED READY - HELD READY STARTED COMPLETED DISCONTINUED SCHEDULED READY",
    "HELD": "CANCELLED DISCONTINUED COMPLETED STARTED - - HELD SCHEDULED STARTED COMPLETED DISCONTINUED HELD HELD",
    "STARTED": "- DISCONTINUED COMPLETED STARTED - - - - STARTED COMPLETED DISCONTINUED SCHEDULED SCHEDULED",
    "COMPLETED": "- - COMPLETED - - - - - COMPLETED COMPLETED COMPLETED COMPLETED SCHEDULED",
    "CANCELLED": "CANCELLED - - - - - - - STARTED COMPLETED CANCELLED CANCELLED CANCELLED",
    "DISCONTINUED": "- DISCONTINUED - - - - - - STARTED COMPLETED DISCONTINUED DISCONTINUED SCHEDULED",
}
EXPECTED = [
    (status, event, after) for status, line in LAW.items() for event, after in zip(COLUMNS, line.split(), strict=True)
]
BY_MESSAGE = tuple(map(StepEvent, ASKED))
IP, CM, DC = PerformedStatus.IN_PROGRESS, PerformedStatus.COMPLETED, PerformedStatus.DISCONTINUED


def test_the_table_is_whole() -> None:
    """There is a rule for every status a step can have and everything that can happen to it."""
    assert {(status, event) for status, event, _ in EXPECTED} == set(itertools.product(StepStatus, StepEvent))


@pytest.mark.parametrize(("status", "event", "after"), EXPECTED)
def test_what_becomes_of_a_step(status: str, event: str, after: str) -> None:
    """A step changes only as the law says, and what the law does not know is refused with the reason."""
    if after == "-":
        with pytest.raises(IllegalTransition, match=f"a step that is {status} cannot take the event {event}"):
            states.after(StepStatus(status), StepEvent(event))
    else:
        assert states.after(StepStatus(status), StepEvent(event)) == after


@pytest.mark.parametrize("status", [StepStatus.COMPLETED, StepStatus.CANCELLED, StepStatus.DISCONTINUED])
def test_no_message_reopens_a_closed_step(status: StepStatus) -> None:
    """Whatever a hospital system sends, a step that has ended does not come back to a worklist."""
    assert states.is_closed(status)
    for event in BY_MESSAGE:
        allowed = states.TRANSITIONS[event]
        assert allowed.get(status, status) == status


@pytest.mark.parametrize("event", [event for event in StepEvent if event is not StepEvent.DISOWNED])
def test_nothing_but_an_operator_reopens_a_completed_step(event: StepEvent) -> None:
    """An exam that is done stays done, even when a modality adds to it or abandons a repeat; a mistaken link is undone."""
    assert states.TRANSITIONS[event].get(StepStatus.COMPLETED, StepStatus.COMPLETED) == StepStatus.COMPLETED


@pytest.mark.parametrize(
    ("performed", "wrong_entry", "event"),
    [
        ([IP], False, "performing"),
        ([CM], False, "performed"),
        ([DC], False, "abandoned"),
        ([DC], True, "wrong entry"),
        ([CM, IP], False, "performing"),
        ([DC, IP], True, "performing"),
        ([CM, DC], False, "performed"),
        ([CM, DC], True, "performed"),
    ],
)
def test_several_reports_for_one_step(performed: list[str], wrong_entry: bool, event: str) -> None:
    """Of several reports for one step, one in progress outweighs one completed, and that one an abandoned one."""
    assert states.performed_event(performed, wrong_entry=wrong_entry) == event


@pytest.mark.parametrize(
    ("steps", "order", "result"),
    [
        ("SCHEDULED", "SC", "S"),
        ("ARRIVED READY", "SC", "S"),
        ("SCHEDULED CANCELLED", "SC", "S"),
        ("SCHEDULED DISCONTINUED", "SC", "S"),
        ("HELD", "HD", "S"),
        ("HELD CANCELLED", "HD", "S"),
        ("HELD SCHEDULED", "SC", "S"),
        ("HELD COMPLETED", "HD", "S"),
        ("STARTED", "IP", "I"),
        ("STARTED SCHEDULED", "IP", "I"),
        ("STARTED COMPLETED", "IP", "A"),
        ("COMPLETED SCHEDULED", "IP", "A"),
        ("COMPLETED", "CM", "R"),
        ("COMPLETED CANCELLED", "CM", "R"),
        ("COMPLETED DISCONTINUED", "CM", "R"),
        ("CANCELLED", "CA", "X"),
        ("DISCONTINUED", "DC", "X"),
        ("DISCONTINUED CANCELLED", "DC", "X"),
    ],
)
def test_an_order_is_what_its_steps_are(steps: str, order: str, result: str) -> None:
    """The hospital is told one status for an order, made of all its steps (tables 0038 and 0123), never F."""
    status = states.order_status(steps.split())
    assert (status, states.result_status(status, steps.split())) == (order, result)


def test_every_status_is_one_of_hl7() -> None:
    """A receiver finds each status we tell in its own tables."""
    assert {str(status) for status in OrderStatus} <= terms.ORDER_STATUS.keys()
    for status in OrderStatus:
        assert states.result_status(status, []) in terms.RESULT_STATUS.keys() - {"F"}

"""Stored messages are taken again after a mapping was mended: nothing twice, nothing lost, nothing hidden."""

from pathlib import Path
from typing import Any

import pytest

from swf import config
from swf.config import Settings
from swf.dicom import encoding
from swf.mapping import loader
from swf.store import journal, messages
from swf.store.database import Record
from swf.workflow import replay
from swf.workflow.replay import Outcome
from swf.workflow.site import Site
from tests.workflow.conftest import Department, Found, order_message, request


@pytest.fixture
def mended(tmp_path: Path) -> "Mended":
    """Gives a department a mapping in which lines were replaced."""
    return Mended(tmp_path)


class Mended:
    """The shipped mapping with other lines."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "mended.toml"

    def __call__(self, department: Department, **lines: str) -> None:
        """Lines of attributes by keyword, and of stations by modality."""
        stations = {name: line for name, line in lines.items() if name.isupper()}
        attributes = {name: line for name, line in lines.items() if name not in stations}
        text = [f'extends = "{config.shipped_mappings() / "default.toml"}"']
        for section, own in (("attributes", attributes), ("stations", stations)):
            text += [f"[{section}]", *(f"{name} = {line}" for name, line in own.items())]
        self._file.write_text("\n".join([*text, ""]), "utf-8")
        department.site = Site(department.site.settings, loader.load(self._file))


def again(department: Department, *numbers: int, dry_run: bool = False) -> list[Outcome]:
    """Replay these messages."""
    with department.database.reading() as connection:
        rows = [messages.one(connection, number) for number in numbers]
    known: list[Record] = [row for row in rows if row is not None]
    return replay.replay_all(department.database, department.site, known, dry_run=dry_run)


def everything(department: Department) -> dict[str, Any]:
    """All that a replay may change."""
    return {table: department.rows(table) for table in ("message", "order", "step", "journal", "delivery")}


LONG = "ACC-LONGER-THAN-16"


def test_a_refused_message_is_applied_after_the_mapping_was_mended(department: Department, mended: Mended) -> None:
    """The order that was refused is on the worklist, and the answer its sender got is still what was kept."""
    answer = department.receive_raw(order_message("C1", *request(obr_18=LONG)))
    mended(department, AccessionNumber='{ from = "OBR-19.1" }')
    (outcome,) = again(department, 1)
    assert (outcome.before, outcome.after, outcome.refusal) == ("REFUSED", "APPLIED", "")
    assert [item.AccessionNumber for item in department.worklist()] == ["SWF00000001"]
    (row,) = department.rows("message")
    assert (row.disposition, row.reason, row.ack_code, bytes(row.acknowledgement)) == ("APPLIED", "", "AE", answer)
    assert [kind for kind, _ in department.events()][:3] == ["message refused", "message replayed", "order created"]


def test_a_sender_that_sends_it_again_is_told_that_it_is_taken(department: Department, mended: Mended) -> None:
    """After a replay the same message sent anew is acknowledged with AA, not with the refusal of the first time."""
    text = order_message("C1", *request(obr_18=LONG))
    assert department.receive(text).code == "AE"
    mended(department, AccessionNumber='{ from = "OBR-19.1" }')
    again(department, 1)
    assert department.receive(text).code == "AA"
    assert len(department.worklist()) == 1
    assert len(department.rows("order")) == 1


def test_an_applied_message_changes_its_items_and_makes_none(department: Department, mended: Mended) -> None:
    """A corrected line reaches the order that is stored, defaults and stations included; there is still one order."""
    department.order(*request(obr_30="WALK", obr_24=""))
    (before,) = department.worklist()
    mended(
        department,
        RequestedProcedureComments='{ from = "OBR-30" }',
        ReasonForTheRequestedProcedure='{ default = "none given" }',
    )
    (outcome,) = again(department, 1)
    (after,) = department.worklist()
    assert (after.RequestedProcedureComments, after.ReasonForTheRequestedProcedure) == ("WALK", "none given")
    assert (after.StudyInstanceUID, after.AccessionNumber) == (before.StudyInstanceUID, before.AccessionNumber)
    assert len(department.rows("order")) == len(department.rows("step")) == 1
    assert {change.attribute: change.after for change in outcome.changes} == {
        "RequestedProcedureComments": "WALK",
        "ReasonForTheRequestedProcedure": "none given",
    }


def test_an_order_moves_to_the_station_it_was_meant_for(department: Department, mended: Mended) -> None:
    """After CT orders were given to CT1, a replay brings the orders that wait to CT1."""
    department.order(*request())
    mended(department, CT='"CT1"')
    again(department, 1)
    (item,) = department.worklist()
    assert item.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "CT1"


def test_a_replay_twice_changes_nothing_more(department: Department, mended: Mended) -> None:
    """Who replays a message a second time changes nothing; only the journal tells that it was done."""
    department.order(*request(obr_30="WALK"))
    mended(department, RequestedProcedureComments='{ from = "OBR-30" }')
    again(department, 1)
    steps = [row.dataset for row in department.rows("step")]
    (outcome,) = again(department, 1)
    assert (outcome.refusal, outcome.changes) == ("", ())
    assert [row.dataset for row in department.rows("step")] == steps
    assert len(department.events("message replayed")) == 2
    with department.database.reading() as connection:
        told = [moment.event for moment in journal.trace(connection, "SWF00000001")]
    assert told.count("message replayed") == 2


def test_a_message_still_refused_says_why_now(department: Department, mended: Mended) -> None:
    """A mapping mended in the wrong place leaves the message refused, with the reason of today."""
    department.order(*request(obr_18=LONG))
    mended(department, AccessionNumber='{ from = "OBR-21", required = true }')
    (outcome,) = again(department, 1)
    assert outcome.after == "REFUSED"
    assert outcome.refusal == "OBR^1^21: AccessionNumber is required and OBR-21 is empty"
    (row,) = department.rows("message")
    assert (row.disposition, row.reason) == ("REFUSED", outcome.refusal)
    assert not department.rows("order")


def test_what_was_done_stays_when_its_replay_is_refused(department: Department, mended: Mended) -> None:
    """A worse mapping takes no order off the worklist: the message keeps its effect and says so, the journal tells all."""
    department.order(*request())
    before = department.rows("step")
    mended(department, PatientID='{ from = "PID-4.1", required = true }')
    (outcome,) = again(department, 1)
    assert (outcome.after, outcome.refusal[:9]) == ("APPLIED", "PID^1^4: ")
    assert [row.status for row in department.rows("step")] == [row.status for row in before]
    assert department.rows("message")[0].disposition == "APPLIED"
    assert department.events("message replayed")[-1][1]["refused"] == outcome.refusal


def test_a_later_message_keeps_the_last_word(department: Department) -> None:
    """An order moved to the afternoon is not moved back by a replay of its first message, unless both are replayed."""
    department.order(*request())
    department.order(*request(orc_1="XO", orc_7="^^^20260316150000"))
    state = everything(department)
    (outcome,) = again(department, 1)
    assert outcome.refusal.endswith("replay them too: 2")
    assert department.rows("step") == state["step"]
    assert [each.refusal for each in again(department, 1, 2)] == ["", ""]
    (item,) = department.worklist()
    assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime == "150000"


def test_a_later_message_that_is_refused_now_keeps_its_word(department: Department, mended: Mended) -> None:
    """When the mapping of today refuses the later message, the earlier one does not undo what the later one did."""
    department.order(*request(obr_21="HEAD"))
    department.order(*request(orc_1="XO", orc_7="^^^20260316150000", obr_21="LONGER-THAN-SIXTEEN"))
    steps = department.rows("step")
    mended(department, RequestedProcedureID='{ from = "OBR-21" }')
    first, second = again(department, 1, 2)
    assert "is never cut" in second.refusal
    assert first.refusal.endswith("replay them too: 2")
    assert department.rows("step") == steps
    assert [row.disposition for row in department.rows("message")] == ["APPLIED", "APPLIED"]


def test_a_sender_that_is_not_admitted_is_not_let_in_by_a_replay(found: Found) -> None:
    """A message refused because of its sender stays refused until that sender is admitted."""
    his = {"name": "his", "application": "HIS", "hosts": ["10.0.0.0/8"]}
    department = found(source=[his])
    assert department.order(*request()).code != "AA"
    (outcome,) = again(department, 1)
    assert (outcome.after, department.rows("order")) == ("REFUSED", [])
    admitted = Settings(source=[{**his, "hosts": ["192.0.2.1"]}])
    department.site = Site(admitted, department.site.mapping)
    assert again(department, 1)[0].after == "APPLIED"


def test_a_dry_run_tells_and_changes_nothing(department: Department, mended: Mended) -> None:
    """What would change is told before anything does, also for messages that build on one another."""
    department.order(*request(obr_18=LONG))
    department.order(*request(orc_1="XO", obr_30="WALK"))
    mended(department, AccessionNumber='{ from = "OBR-19.1" }')
    state = everything(department)
    first, second = again(department, 1, 2, dry_run=True)
    assert [outcome.after for outcome in (first, second)] == ["APPLIED", "APPLIED"]
    assert ("S1.1", "PatientTransportArrangements", "", "WALK") in second.changes
    assert everything(department) == state


def test_a_finished_exam_is_not_opened_again(department: Department, mended: Mended) -> None:
    """A replay corrects what is stored of a finished exam and leaves it finished."""
    department.order(*request(obr_30="WALK"))
    department.end(department.begin(*department.worklist()))
    mended(department, RequestedProcedureComments='{ from = "OBR-30" }')
    (outcome,) = again(department, 1)
    assert (outcome.refusal, department.steps()) == ("", [("S1.1", "COMPLETED")])
    assert encoding.text(department.rows("step")[0].dataset, "RequestedProcedureComments") == "WALK"


def test_a_cancelled_order_stays_cancelled(department: Department) -> None:
    """The first message of an order that was cancelled since is refused when it is replayed."""
    department.order(*request())
    department.order(*request(orc_1="CA"))
    first, second = again(department, 1, 2)
    assert "needs a new order number" in first.refusal
    assert department.steps() == [("S1.1", "CANCELLED")]
    assert second.after == "APPLIED"


def test_a_patient_message_is_replayed(department: Department, mended: Mended) -> None:
    """An ADT message is taken again by the lines of today too."""
    department.order(*request())
    department.adt("A08", "PID|||4711^^^HOSP||DOE^JANE||19720411|F|||MAIN STREET 1")
    mended(department, PatientComments='{ from = "PID-11.1" }')
    (outcome,) = again(department, 2)
    assert outcome.refusal == ""
    assert department.worklist()[0].PatientComments == "MAIN STREET 1"

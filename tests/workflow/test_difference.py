"""What two mappings make of the same messages, before one of them counts."""

from pathlib import Path

import pytest

from swf.config import Settings
from swf.store import messages
from swf.workflow import difference
from swf.workflow import site as sites
from swf.workflow.difference import Difference
from swf.workflow.site import Site
from tests.workflow.conftest import Department, order_message, request

TOO_LONG = "ACC-LONGER-THAN-16"


def mapped_by(folder: Path, lines: str) -> Site:
    """A site whose mapping has these lines on top of what came with swf."""
    file = folder / f"site{len(list(folder.iterdir()))}.toml"
    file.write_text(f'extends = "swf:default.toml"\n[attributes]\n{lines}\n')
    return sites.load(Settings(mapping=str(file)))


def compared(department: Department, then: Site) -> Difference:
    """The difference over everything that came."""
    with department.database.reading() as connection:
        return difference.of(department.site, then, messages.newest(connection, difference.MOST))


def came(department: Department, control_id: str, placer: str, **fields: str) -> None:
    """An order is sent, whatever becomes of it."""
    department.receive(order_message(control_id, *request(placer, **fields)))


def test_attributes_are_counted_over_messages(department: Department, tmp_path: Path) -> None:
    """Two of three orders would get another accession number: it is told how many, which, before and after."""
    came(department, "1", "8100", obr_18="ACC1", obr_3="F1")
    came(department, "2", "8101", obr_18="ACC2", obr_3="F2")
    came(department, "3", "8102", obr_18="F3", obr_3="F3")
    found = compared(department, mapped_by(tmp_path, 'AccessionNumber = { from = "OBR-3.1" }'))
    assert (found.looked, found.read) == (3, 3)
    (group,) = found.groups
    assert (group.attribute, group.messages, set(group.pairs)) == (
        "AccessionNumber",
        2,
        {("ACC1", "F1", 1), ("ACC2", "F2", 1)},
    )
    assert [each.message for each in found.compared] == [2, 1]
    assert found.compared[0].changes == (difference.Changed(1, "AccessionNumber", "ACC2", "F2"),)


def test_who_would_be_refused_is_told(department: Department, tmp_path: Path) -> None:
    """An order that is listed now and would be refused by the draft stands out; it counts for no attribute."""
    came(department, "1", "8100", obr_18="ACC1")
    found = compared(department, mapped_by(tmp_path, 'AccessionNumber = { from = "OBR-3.1", required = true }'))
    (only,) = found.compared
    assert (only.broken, only.mended, found.groups) == (True, False, [])
    assert "AccessionNumber is required" in only.after_refusal


def test_a_refused_message_is_tried_by_the_draft(department: Department, tmp_path: Path) -> None:
    """A refused order the draft can read is tried: it would be applied; a cancel of an unknown order still would not."""
    came(department, "1", "8100", obr_18=TOO_LONG, obr_3="F1")
    came(department, "2", "8199", orc_1="CA", obr_18=TOO_LONG, obr_3="F2")
    then = mapped_by(tmp_path, 'AccessionNumber = { from = "OBR-3.1" }')
    found = compared(department, then)
    with department.database.reading() as connection:
        rows = messages.newest(connection, 9)
    trials = difference.tried(department.database, then, found, rows)
    assert {each.message: each.refusal for each in trials}[1] == ""
    assert all(each.refusal for each in trials if each.message == 2)
    assert department.rows("order") == []


def test_a_draft_that_changes_nothing_says_so(department: Department, tmp_path: Path) -> None:
    """Messages nobody can read, and those no mapping reads, are looked at and make no difference."""
    came(department, "1", "8100")
    department.receive_raw("MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ZZZ^Z01|9|P|2.3.1\rZZZ|1\r")
    department.receive_raw("no message at all")
    found = compared(department, mapped_by(tmp_path, 'PatientMotherBirthName = { from = "PID-6", as = "name" }'))
    assert (found.looked, found.read, found.compared) == (3, 1, ())


@pytest.mark.parametrize("event", ["ADT^A08", "ADT^A04"])
def test_what_is_said_of_a_patient_is_compared_too(department: Department, tmp_path: Path, event: str) -> None:
    """A change of a patient's line shows in the messages that are about the patient alone."""
    came(department, "1", "8100")
    department.receive_raw(
        f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||{event}|7|P|2.3.1\rPID|||4711^^^HOSP||DOE^JANE^ANN||19720411|F\r"
    )
    found = compared(department, mapped_by(tmp_path, 'PatientSex = { from = "PID-5.1" }'))
    assert {each.message: each.changes[0].attribute for each in found.compared} == {1: "PatientSex", 2: "PatientSex"}

"""A hundred messages that fail for one mistake are one thing to be mended."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from swf import clock
from swf.config import Settings
from swf.errors import Overtaken
from swf.workflow import failures
from swf.workflow import site as sites
from swf.workflow.failures import Cause
from tests.workflow.conftest import Department, order_message, request

JANE = (datetime(2026, 3, 16, tzinfo=UTC), "jane")


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (
            "OBR^2^18: OBR[2]-18.1 is longer than 16 characters (20); it goes into AccessionNumber and an identifier is never cut",
            "OBR-18: OBR[2]-18.1 is longer than … characters (…); it goes into AccessionNumber and an identifier is never cut",
        ),
        ("PID^1^3: PatientID is required and PID-3.1 is empty", "PID-3: PatientID is required and PID-3.1 is empty"),
        ("messages that came later changed the same order; replay them too: 2, 37, 411", "messages that came later changed the same order; replay them too: …"),
        ("The character set 'KOI-9' is not known", "The character set … is not known"),
        ("ORC^1: step S8100.1: a step that is COMPLETED cannot take it", "ORC: step …: a step that is COMPLETED cannot take it"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_cause_is_a_reason_without_its_numbers(reason: str, cause: str) -> None:
    """What differs from message to message is taken out; the field at fault stays, for it is the cause."""
    assert failures.template(reason) == cause


def causes(department: Department) -> list[Cause]:
    """What is to be seen of failures."""
    with department.database.reading() as connection:
        return failures.found(connection)


def failing(department: Department, *placers: str) -> None:
    """Orders that are refused for their accession numbers, each longer than the one before."""
    for number, placer in enumerate(placers):
        department.order(*request(placer, obr_18="ACC-LONGER-THAN-16" + "X" * number, obr_3=f"F{placer}"))


def test_failures_are_grouped_by_cause(department: Department) -> None:
    """Three orders refused for one field are one cause; a cancel of an unknown order and half a message are others."""
    failing(department, "1", "2", "3")
    department.order(*request("9", orc_1="CA"))
    department.receive_raw("no message at all")
    first, *others = causes(department)
    assert (len(first.rows), first.reason.partition(":")[0], first.type) == (3, "OBR-18", "ORM^O01")
    assert (first.oldest.id, first.newest.id, first.settled) == (1, 3, None)
    assert [len(each.rows) for each in others] == [1, 1]


def test_what_would_succeed_is_taken_again_together(department: Department, tmp_path: Path) -> None:
    """After the mapping is mended a trial says how many would be applied and why the others not; then those are."""
    failing(department, "1", "2", "3")
    department.receive(order_message("C9", *request("4", obr_18="ACC-LONGER-THAN-16")))
    (cause,) = causes(department)
    file = tmp_path / "site.toml"
    file.write_text(
        'extends = "swf:default.toml"\n[attributes]\nAccessionNumber = { from = "OBR-3.1", required = true }\n'
    )
    mended = sites.load(Settings(mapping=str(file)))
    trial = failures.taken_again(department.database, mended, cause.key, JANE, really=False)
    assert (trial.applied, trial.left, department.rows("order")) == (3, 0, [])
    assert trial.refusals == [("OBR-3: AccessionNumber is required and OBR-3.1 is empty", 1)]
    done = failures.taken_again(department.database, mended, cause.key, JANE, really=True)
    assert (done.applied, len(department.rows("order"))) == (3, 3)
    ((_, told),) = department.events("operator acted")
    assert told["by"] == "jane"
    assert told["did"].startswith("replay 3 messages that failed alike: OBR-18")
    (left,) = causes(department)
    assert [row.id for row in left.rows] == [4]


def test_a_cause_is_dealt_with_until_it_comes_again(department: Department) -> None:
    """With a remark it goes to the end of the list and nothing is deleted; the next such message raises it anew."""
    failing(department, "1", "2")
    (cause,) = causes(department)
    with pytest.raises(Overtaken, match="remark"):
        department.database.run(lambda transaction: failures.settle(transaction, cause.key, " ", *JANE))
    department.database.run(lambda transaction: failures.settle(transaction, cause.key, "HIS sends anew", *JANE))
    (settled,) = causes(department)
    assert settled.settled is not None
    assert (settled.settled.remark, settled.settled.by, len(settled.rows)) == ("HIS sends anew", "jane", 2)
    failing(department, "3")
    opened, over = causes(department)
    assert (opened.settled, len(opened.rows), len(over.rows)) == (None, 1, 2)
    department.database.run(lambda transaction: failures.reopen(transaction, cause.key, clock.now(), "john"))
    assert [(each.settled, len(each.rows)) for each in causes(department)] == [(None, 3)]
    with pytest.raises(Overtaken):
        department.database.run(lambda transaction: failures.reopen(transaction, cause.key, clock.now(), "john"))
    with pytest.raises(Overtaken):
        failures.taken_again(department.database, department.site, "nothing", JANE, really=True)

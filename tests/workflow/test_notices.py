"""Who is told what, and that it is queued with the change it tells of (RAD-3)."""

import pytest

from swf import clock
from swf.extensions.simulator import modality
from swf.store.database import Transaction
from swf.workflow import mpps
from swf.workflow.mpps import Report
from tests.workflow.conftest import MIS, Department, Found, request

PAIR = [
    "ORC|NW|8100^HIS",
    "OBR|1|8100^HIS||CTABD^CT abdomen^99HIS",
    "IPC|ACC1|RP1|1.2.840.99.1|SPS1|CT|||^^^20260316|CT1",
    "IPC|ACC1|RP1|1.2.840.99.1|SPS2|CT|||^^^20260316|CT1",
]


def test_every_status_of_an_order(department: Department) -> None:
    """The hospital is told the status of the whole order and how far its result is, by both kinds of messages."""
    department.order(*PAIR)
    first, second = department.worklist()
    department.end(department.begin(first, uid="1.1"))
    department.end(department.begin(second, uid="1.2"))
    orders = [line for line in department.told() if line[0] == "ORM^O01"]
    results = [line for line in department.told() if line[0] == "ORU^R01"]
    assert [line[2:] for line in orders] == [["IP", "I"], ["IP", "A"], ["IP", "A"], ["CM", "R"]]
    assert [line[3] for line in results] == ["I", "A", "A", "R"]


@pytest.mark.parametrize(
    ("reason", "status"), [("110505", ["DC", "X"]), ("110514", ["SC", "S"])], ids=["abandoned", "wrong entry"]
)
def test_an_exam_that_did_not_happen(department: Department, reason: str, status: list[str]) -> None:
    """An abandoned exam is told as discontinued, a wrong entry as scheduled again."""
    department.order(*request())
    department.end(department.begin(*department.worklist()), "DISCONTINUED", reason)
    assert department.told()[-2][2:] == status


def test_each_order_of_a_group_is_told(department: Department) -> None:
    """One acquisition for two orders is told once for each, under its own number and accession."""
    department.order(*request("1^HIS", obr_18="ACC1"), *request("2^HIS", obr_18="ACC2"))
    department.end(department.begin(*department.worklist()))
    assert [line[:3] for line in department.told() if line[0] == "ORM^O01"] == [
        ["ORM^O01", "1", "IP"],
        ["ORM^O01", "2", "IP"],
        ["ORM^O01", "1", "CM"],
        ["ORM^O01", "2", "CM"],
    ]
    accessions = [bytes(row.payload).split(b"\rOBR|")[1].split(b"|")[17] for row in department.rows("delivery")]
    assert accessions == [b"ACC1", b"ACC1", b"ACC2", b"ACC2"] * 2


def test_each_destination_gets_what_it_asked_for(found: Found) -> None:
    """Every destination has a line of its own, with the messages it wants, in its own character set."""
    billing = {**MIS, "name": "billing", "send": ["ORU^R01"], "charset": "8859/1", "application": "BILL"}
    department = found(destination=[MIS, billing])
    department.order(*request(), name="D\xd6E^JANE")
    department.begin(*department.worklist())
    rows = [(row.destination, row.type) for row in department.rows("delivery")]
    assert rows == [("mis", "ORM^O01"), ("mis", "ORU^R01"), ("billing", "ORU^R01")]
    payload = bytes(department.rows("delivery")[-1].payload)
    assert b"|BILL|" in payload
    assert b"|8859/1\r" in payload
    assert b"D\xd6E^JANE" in payload
    assert len({row.control_id for row in department.rows("delivery")}) == 3


def test_a_name_the_destination_cannot_read(found: Found) -> None:
    """When a receiver's character set lacks a letter of the name, the exam goes on and the operator is warned, no `?`."""
    department = found(destination=[{**MIS, "charset": "ASCII"}, {**MIS, "name": "pacs"}])
    department.order(*request(), name="D\xd6E^JANE")
    department.begin(*department.worklist())
    assert [row.destination for row in department.rows("delivery")] == ["pacs", "pacs"]
    assert all("U+00D6" in text for text in department.warnings())
    assert len(department.warnings()) == 2


def test_nobody_to_tell(found: Found) -> None:
    """A site without destinations works all the same."""
    department = found(destination=[])
    department.order(*request())
    department.end(department.begin(*department.worklist()))
    assert department.steps() == [("S1.1", "COMPLETED")]
    assert not department.told()


def test_a_change_undone_tells_nobody(department: Department) -> None:
    """What is told is queued in the transaction of the change: when that is undone, nothing is left in the queue."""
    department.order(*request())
    report = Report("CT1", "1.2.3.4", modality.in_progress((department.worklist()[0],), "CT1"))

    def undone(transaction: Transaction) -> None:
        mpps.create(transaction, department.site, report, clock.now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        department.database.run(undone)
    assert not department.told()
    assert department.steps() == [("S1.1", "SCHEDULED")]
    department.create(report.sop_instance_uid, report.dataset)
    assert len(department.told()) == 2

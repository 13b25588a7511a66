"""What becomes of a message is told without a trace."""

import pytest

from swf import clock
from swf.errors import MessageError
from swf.workflow import account
from tests.workflow.conftest import Department, order_message, request


def test_an_account_tells_what_the_workflow_adds(department: Department) -> None:
    """The numbers the broker gives an order are shown beside what its message said, and nothing is left behind."""
    raw = order_message("C1", *request()).encode()
    told = account.of(department.site, raw, "", department.database.rehearse)
    added = {line["attribute"]: line["why"] for line in told["added"]}
    assert added["AccessionNumber"].startswith("generated")
    assert added["StudyInstanceUID"].startswith("generated")
    assert (told["refusal"], told["control_id"]) == ("", "C1")
    assert not any(department.rows(table) for table in ("message", "order", "step", "journal"))
    department.receive(raw)
    stored = account.of(department.site, raw, "", department.database.rehearse)["added"]
    assert all(line["why"].startswith("stored before") for line in stored)
    assert [row.id for row in department.rows("message")] == [1]


def test_an_account_tells_why_a_message_is_refused(department: Department) -> None:
    """Bytes nobody can read, a type nobody takes, an order nobody knows: each account gives the reason an operator would find."""
    change = order_message("C1", *request(orc_1="XO")).encode()
    foreign = change.replace(b"ORM^O01", b"ZZZ^Z01")
    for raw in (b"garbage", foreign, change):
        refusal = account.of(department.site, raw, "", department.database.rehearse)["refusal"]
        department.receive_raw(raw)
        assert refusal == department.rows("message")[-1].reason


def test_trying_undoes_itself(department: Department) -> None:
    """A message that is only tried and refused leaves the store as usable as before."""
    with pytest.raises(MessageError):
        department.database.rehearse(lambda transaction: account._tried(transaction, department.site, b"garbage", ""))
    assert department.order(*request()).code == "AA"
    assert clock.now() >= department.rows("message")[0].received_at


def test_a_patient_message_is_told(department: Department) -> None:
    """What an ADT message says of the patient is shown, and what it says of nobody's order is not missed."""
    raw = b"MSH|^~\\&|ADT|HOSP|||20260315||ADT^A08|A1|P|2.3.1\rEVN||20260315\rPID|||4711^^^HOSP||DOE^JANE||19720411|F\r"
    told = account.of(department.site, raw, "", department.database.rehearse)
    (item,) = told["items"]
    assert next(line for line in item["lines"] if line["attribute"] == "PatientName")["value"] == "DOE^JANE"


def test_a_report_is_no_order(department: Department) -> None:
    """A report that has arrived is about steps the broker knows; the mapping makes nothing of it, and nothing is refused."""
    department.order(*request("8100^HIS"))
    header = b"MSH|^~\\&|HIS|HOSP|||20260315||ORU^R01|R1|P|2.3.1"
    raw = b"\r".join([header, b"PID|||4711^^^HOSP||DOE^JANE", b"OBR|1|8100^HIS||CT^CT" + b"|" * 21 + b"F", b""])
    told = account.of(department.site, raw, "", department.database.rehearse)
    assert (told["items"], told["refusal"]) == ([], "")

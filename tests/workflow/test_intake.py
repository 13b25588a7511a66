"""A message arrives: kept, done and answered, in this order, or honestly refused."""

import contextlib
import re
import sqlite3
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import make_url

from tests.workflow.conftest import Department, Found, order_message, request

ORDER = order_message("C1", *request())


def test_no_answer_before_the_commit(department: Department) -> None:
    """As long as the store cannot commit nobody is told AA; once they are, everyone else sees the order."""
    answers: list[bytes] = []
    answered = threading.Event()

    def send() -> None:
        answers.append(department.receive_raw(ORDER))
        answered.set()

    with contextlib.closing(sqlite3.connect(make_url(department.database.url).database or "")) as other:
        other.execute("BEGIN IMMEDIATE")
        sender = threading.Thread(target=send)
        sender.start()
        assert not answered.wait(0.2)
        other.rollback()
        assert answered.wait(10)
        sender.join()
        assert b"MSA|AA|C1" in answers[0]
        assert other.execute("SELECT step_id, status FROM scheduled_procedure_step").fetchall() == [
            ("S1.1", "SCHEDULED")
        ]
        assert other.execute("SELECT acknowledgement FROM message").fetchall() == [(answers[0],)]


def test_a_refused_message_is_kept_as_it_came(department: Department) -> None:
    """A message nobody can use is refused with the place of its mistake, and an operator can read all of it."""
    raw = order_message("C1", *request(obr_18="ACC-LONGER-THAN-16")).encode("latin-1")
    answer = department.receive(raw)
    (row,) = department.rows("message")
    assert (answer.code, answer.control_id, answer.error_code) == ("AE", "C1", "102")
    assert (bytes(row.raw), row.disposition, row.ack_code) == (raw, "REFUSED", "AE")
    assert row.reason.startswith("OBR^1^18: ")
    assert not department.rows("order")
    assert [kind for kind, _ in department.events()] == ["message refused"]


def test_a_failing_store_keeps_nothing_and_says_so(department: Department) -> None:
    """While the disk is full the sender is told to try again (AR 207), and no half of an order stays behind."""
    fill_disk = "PRAGMA max_page_count = 1"
    with department.database.transaction() as transaction:
        transaction.exec_driver_sql(fill_disk)
    answers = [department.receive(order_message(f"C{number}", *request(), "NTE|||" + "x" * 9000)) for number in (1, 2)]
    assert [(answer.code, answer.error_code) for answer in answers] == [("AR", "207")] * 2
    with department.database.transaction() as transaction:
        transaction.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert not department.rows("message")
    assert not department.rows("order")
    assert department.receive(ORDER).code == "AA"


def test_a_repeat_gets_the_earlier_answer_and_has_no_effect(department: Department) -> None:
    """A sender that lost our answer sends again, gets the very same bytes, and nothing happens twice."""
    first = department.receive_raw(ORDER)
    later = ORDER.replace("20260315083000", "20260315090000")
    steps, journal = department.rows("step"), len(department.rows("journal"))
    assert department.receive_raw(ORDER) == first
    assert department.receive_raw(later) == first
    assert department.rows("step") == steps
    assert len(department.rows("message")) == 1
    assert [kind for kind, _ in department.events()[journal:]] == ["message repeated"] * 2


def test_repeats_at_the_same_moment(department: Department) -> None:
    """The same message on several connections at once makes one order and gets one answer."""
    answers: list[bytes] = []
    senders = [threading.Thread(target=lambda: answers.append(department.receive_raw(ORDER))) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert len(department.rows("order")) == 1


@pytest.mark.parametrize(
    "other",
    [
        ORDER.replace("DOE^JANE", "DOE^JANET"),
        ORDER.replace("|HIS|HOSP|", "|HIS2|HOSP|"),
        ORDER.replace("|C1|", "|C2|"),
    ],
    ids=["other content", "other sender", "other number"],
)
def test_not_every_resemblance_is_a_repeat(department: Department, other: str) -> None:
    """A message with another content, sender or number is a message of its own, even if one of them is the same."""
    department.receive(ORDER)
    assert department.receive(other).code == "AA"
    assert len(department.rows("message")) == 2


def test_a_number_used_again_is_done_and_noted(department: Department) -> None:
    """An order under a number that another one had is carried out, and its trace warns that the number came twice."""
    department.receive(ORDER)
    again = order_message("C1", *request("8200^HIS"))
    assert department.receive(again).code == "AA"
    warned = [row for row in department.rows("journal") if row.event == "warning"]
    assert [row.order for row in warned] == [department.rows("order")[1].id]
    assert "C1 was used before" in warned[0].detail["text"]
    for repeat in (ORDER, again):
        assert department.receive(repeat).code == "AA"
    assert len(department.rows("message")) == 2
    assert len(department.warnings()) == 1


def test_a_batch_sent_again(department: Department) -> None:
    """A message keeps its identity with and without the envelope of a batch around it."""
    envelope = "FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r"
    first = department.receive_raw(envelope + ORDER)
    assert department.receive_raw(ORDER) == first
    assert len(department.rows("order")) == 1


def test_a_message_without_number_is_never_a_repeat(department: Department) -> None:
    """Without a control id two messages cannot be told to be one, so both are carried out."""
    for _ in range(2):
        assert department.receive(ORDER.replace("|C1|", "||")).code == "AA"
    assert len(department.rows("message")) == 2


def test_a_refused_message_may_come_again(department: Department) -> None:
    """Sent before its order a cancel is refused; the same bytes are taken once the order is there."""
    cancel = order_message("C9", "ORC|CA|8100^HIS")
    assert department.receive(cancel).code == "AE"
    department.receive(ORDER)
    assert department.receive(cancel).code == "AA"
    assert department.steps() == [("S1.1", "CANCELLED")]


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("DFT^P03|C1|P|2.3.1", ("AR", "C1", "200")),
        ("|C1|P|2.3.1", ("AR", "C1", "200")),
        ("ADT^A99|C1|P|2.3.1", ("AR", "C1", "201")),
        ("ORM^O02|C1|P|2.5.1", ("AR", "C1", "201")),
        ("ORM^O01|C1|T|2.3.1", ("AR", "C1", "202")),
        ("ORM^O01|C1|D|2.5.1", ("AR", "C1", "202")),
        ("ADT^A08|C1|P|2.5.1", ("AE", "C1", "101")),
        ("ORM|C1||2.2", ("AE", "C1", "100")),
    ],
)
def test_what_is_not_taken_here(department: Department, header: str, answer: tuple[str, str, str]) -> None:
    """A type, event or processing id we do not take is rejected with its own code, and is kept for the operator."""
    given_answer = department.receive(f"MSH|^~\\&|HIS|HOSP|SWF|RAD|20260315||{header}\rZXX|1\r")
    assert (given_answer.code, given_answer.control_id, given_answer.error_code) == answer
    assert [row.disposition for row in department.rows("message")] == ["REFUSED"]


def test_processing_ids_can_be_opened(found: Found) -> None:
    """A site that is being set up may take training messages."""
    department = found(hl7={"processing_ids": "PT"})
    assert department.receive(ORDER.replace("|P|2.3.1", "|T|2.3.1")).code == "AA"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=40).map(lambda noise: b"MSH|^~\\&|HIS|HOSP|||||ORM^O01|N1|P|2.3.1\rPID|||" + noise),
        st.binary(max_size=40).map(lambda noise: ORDER.encode().replace(b"8100^HIS", noise)),
    )
)
def test_garbage_is_kept_and_answered(department: Department, raw: bytes) -> None:
    """Whatever bytes arrive, they are kept as they came and get an answer that says what became of them."""
    before = len(department.rows("message"))
    answer = department.receive_raw(raw)
    assert answer.startswith(b"MSH")
    assert re.search(rb"\rMSA.(AA|AE|AR).", answer)
    added = department.rows("message")[before:]
    assert [bytes(row.raw) for row in added] in ([raw], [])
    assert added or b"MSA|AA" in answer  # only a repeat is not kept twice


def test_a_wrong_character_set_is_refused(department: Department) -> None:
    """A name whose bytes contradict the declared character set is refused and never shown garbled."""
    raw = ORDER.replace("|2.3.1\r", "|2.3.1||||||8859/1\r").replace("JANE", "JÄNE").encode()
    answer = department.receive(raw)
    assert (answer.code, answer.error_code) == ("AE", "102")
    assert not department.worklist()


def test_one_commit_for_message_effect_and_answer(department: Department) -> None:
    """An order, its message, its trace and its answer reach the disk in one commit, so no crash can part them."""
    commits: list[object] = []
    engine = department.database._writer
    event.listen(engine, "commit", commits.append)
    department.receive(ORDER)
    assert len(commits) == 1
    (row,) = department.rows("message")
    assert b"MSA|AA|C1" in bytes(row.acknowledgement)
    assert {entry.message for entry in department.rows("journal")} == {row.id}


def test_lines_that_are_no_segments_are_told(department: Department) -> None:
    """What was read as part of the segment before it stands in the story of the order; a wrapped line loses nothing."""
    assert department.order(*request(obr_13="first\rsecond\rthird")).code == "AA"
    (item,) = department.worklist()
    assert item.MedicalAlerts == "first second third"
    assert department.warnings() == [
        "2 lines of the message are no segments; each was read as part of the one before it"
    ]


def test_an_order_whose_segment_is_miswritten_is_not_lost_in_silence(department: Department) -> None:
    """The second order of a message is not taken for text of the first: the sender learns of it, and nothing is half done."""
    answer = department.order(*request(), "orc|NW|8101^HIS", "OBR||8101^HIS||CT^CT")
    assert (answer.code, answer.error_code) == ("AE", "100")
    assert not department.rows("order")

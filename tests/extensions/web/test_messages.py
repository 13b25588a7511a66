"""Messages: what came, what became of it, and taking it again without fear."""

from collections.abc import Callable
from pathlib import Path

from swf import config
from swf.extensions.simulator import his
from swf.extensions.web import hl7_view
from swf.extensions.web.mask import MASK
from tests.extensions.web.conftest import Operator, readable

CANCEL = (
    b"MSH|^~\\&|HIS|HOSP|SWF|RAD|20261122||ORM^O01|BAD1|P|2.3.1\r"
    b"PID|||77^^^HOSP||DOE^JOHN\rORC|CA|NOPE1^HIS\rOBR|1|NOPE1^HIS\r"
)


def test_messages_are_listed_and_searched(operator: Operator) -> None:
    """The newest stands first; any text in a message finds it, and those without effect can be seen alone."""
    order = operator.order()
    assert operator.send(CANCEL) == "AE"
    assert [row["id"] for row in operator.json("/api/v1/messages")] == [2, 1]
    assert [row["id"] for row in operator.json("/api/v1/messages", q=order.accession)] == [1]
    assert [row["id"] for row in operator.json("/api/v1/messages", refused=True)] == [2]
    assert [row["id"] for row in operator.json("/api/v1/messages", before=2)] == [1]
    page = operator.text("/messages", refused=1)
    assert "BAD1" in page
    assert "refused" in page
    assert "No such message." in operator.text("/messages", q="nobody ever wrote this")


def test_a_message_shows_its_fields_by_name_and_hides_the_patient(operator: Operator) -> None:
    """Each field has its name from the standard; PID is masked until somebody asks, which the journal keeps."""
    operator.order(name="DOE^JANE", patient_id="SIM4711")
    before = operator.http.get("/messages/1").text
    assert 'title="OBR-18 Placer field 1' in before
    assert 'title="PID-5 Patient name"' in before
    assert not [secret for secret in ("DOE", "SIM4711", "19800229") if secret in before]
    after = operator.http.post("/messages/1/reveal").text
    assert all(secret in readable(after) for secret in ("DOE^JANE", "SIM4711", "19800229"))
    assert "patient revealed by 127.0.0.1, without login" in operator.text("/messages/1")


def test_what_is_not_known_to_be_harmless_is_masked() -> None:
    """A segment of the site's own, a note, a result or a line that is no segment may name anybody: all are hidden."""
    raw = (
        b"MSH|^~\\&|HIS||||2026||ORU^R01|1|P|2.5\rPID|1||4711\rZXY|1|Jane Doe\rNTE|1|L|Jane Doe\r"
        b"OBX|1|TX|1^Text||Jane Doe\rNK1|1|Doe^John\rMRG|4712\rOBR|1||||||||||||Jane Doe\r"
    )
    shown = "".join(field.text for line in hl7_view.lines(raw, revealed=False) for field in line.fields)
    assert not [secret for secret in ("Jane", "Doe", "4711", "4712") if secret in shown]
    assert hl7_view.lines(b"Jane Doe", revealed=False) == [hl7_view.Line("", [], MASK)]
    assert hl7_view.lines(b"Jane Doe", revealed=True) == [hl7_view.Line("", [], "Jane Doe")]


def test_escapes_are_shown_as_sent_and_as_meant() -> None:
    r"""`\T\` on the wire is `&` for people; both are shown."""
    raw = b"MSH|^~\\&|HIS\\T\\Co||||2026||ORM^O01|1|P|2.5\r"
    field = next(each for each in hl7_view.lines(raw, revealed=False)[0].fields if each.place == "MSH-3")
    assert (field.text, field.meaning) == ("HIS\\T\\Co", "HIS&Co")


def test_a_message_is_downloaded_as_it_came(operator: Operator) -> None:
    """The very bytes leave, under a name that says which message, and that somebody took them is kept."""
    operator.send(CANCEL)
    answer = operator.http.post("/messages/1/download")
    assert answer.content == CANCEL
    assert answer.headers["content-disposition"] == 'attachment; filename="message-1.hl7"'
    assert "patient revealed" in operator.text("/messages/1")


def test_a_replay_is_tried_first_and_changes_nothing(open_window: Callable[..., Operator], tmp_path: Path) -> None:
    """After the mapping was mended a trial shows what would change, hides the patient, and leaves the order alone."""
    mapping = tmp_path / "site.toml"
    mapping.write_text(f'extends = "{config.shipped_mappings() / "default.toml"}"\n')
    operator = open_window(mapping=str(mapping))
    order = operator.order(name="DOE^JANE")
    trial = readable(operator.http.post("/messages/1/replay").text)
    assert "It would be applied, and would change nothing. Nothing was done yet." in trial
    with mapping.open("a") as more:
        more.write(
            '[attributes]\nRequestedProcedureDescription = { from = "OBR-19.1" }\nPatientName = { from = "PID-3.1" }\n'
        )
    operator.broker.reload(operator.broker.settings)
    page = operator.http.post("/messages/1/replay").text
    assert f"RequestedProcedureDescription CT abdomen {order.procedure_id}" in readable(page)
    assert "PatientName ••••• •••••" in readable(page)
    assert "DOE" not in page
    assert "operator acted" not in operator.text("/messages/1")
    assert "CT abdomen" in operator.text(f"/orders/{order.accession}")


def test_a_refused_message_is_taken_once_the_mapping_is_mended(
    open_window: Callable[..., Operator], tmp_path: Path
) -> None:
    """An order whose accession number is too long is refused; the mapping is mended, and a click puts it on the list."""
    mapping = tmp_path / "site.toml"
    mapping.write_text(f'extends = "{config.shipped_mappings() / "default.toml"}"\n')
    operator = open_window(mapping=str(mapping))
    order = his.Order(accession="ACC-LONGER-THAN-16")
    assert operator.send(his.order_orm(order)) == "AE"
    assert "It would be refused" in readable(operator.http.post("/messages/1/replay").text)
    with mapping.open("a") as more:
        more.write('[attributes]\nAccessionNumber = { from = "OBR-3.1" }\n')
    operator.broker.reload(operator.broker.settings)
    done = readable(operator.http.post("/messages/1/replay", data={"really": "1"}).text)
    assert "It was taken again: refused before, applied now." in done
    assert "operator acted by 127.0.0.1, without login, did replay" in operator.text("/messages/1")
    (found,) = operator.json("/api/v1/orders", q=order.placer_number)
    assert (found["accession_number"], found["status"]) == (order.filler_number, "SC")


def test_an_older_message_has_not_the_last_word(operator: Operator) -> None:
    """A message that was overtaken by a later one says so in a trial and for programs, and nothing is undone by it."""
    order = his.Order()
    assert operator.send(his.cancel(order)) == "AE"
    assert operator.send(his.order_orm(order)) == "AA"
    assert "replay them too: 2" in readable(operator.http.post("/messages/1/replay").text)
    done = operator.http.post("/api/v1/messages/1/replay", params={"really": True}).json()
    assert (done["before"], done["after"]) == ("REFUSED", "REFUSED")
    assert operator.json("/api/v1/orders", q=order.accession)[0]["status"] == "SC"


def test_a_form_without_end_is_refused(operator: Operator) -> None:
    """Nobody fills the memory of the broker through a form."""
    operator.send(CANCEL)
    answer = operator.http.post("/messages/1/replay", content=b"a" * 100_000)
    assert answer.status_code == 413
    assert "too long" in answer.text


def test_a_message_nobody_sent_is_not_here(operator: Operator) -> None:
    """A number of no message is answered with 404 and a sentence, by every way to a message."""
    for method, path in (("GET", "/messages/7"), ("POST", "/messages/7/reveal"), ("POST", "/messages/7/replay")):
        answer = operator.http.request(method, path)
        assert answer.status_code == 404
        assert "there is no message 7" in answer.text


def test_what_the_mapping_makes_of_a_message_stands_beside_it(operator: Operator) -> None:
    """Field and attribute on one page: where the accession number came from, by which line; the patient stays masked."""
    order = operator.order(name="DOE^JANE")
    page = operator.text("/messages/1")
    assert "What the mapping makes of it now" in page
    assert f"AccessionNumber {order.accession} OBR-18.1 text default.toml:" in page
    assert "DOE" not in page
    assert "PatientName" in page

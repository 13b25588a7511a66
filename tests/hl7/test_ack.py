"""Acknowledgements: everybody gets an answer that can be matched, read and acted upon."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf import errors
from swf.hl7 import ack, dictionary
from swf.hl7.header import read_header

SAMPLES = Path(__file__).parents[2] / "fixtures" / "samples"
AT = datetime(2026, 3, 15, 8, 30, 1, tzinfo=timezone(timedelta(hours=1)))
MISSING = errors.MappingError("PID-3 is missing", location="PID^1^3")
EVENT = errors.UnsupportedMessage("Trigger event Z99 is not accepted", location="MSH^1^9^2", code=201)


def answer(raw: bytes, *problems: errors.MessageError | errors.StoreError, codec: str | None = None) -> str:
    """The acknowledgement of `raw`, as text."""
    made = ack.acknowledge(read_header(raw), control_id="SWF000900", at=AT, errors=problems, codec=codec)
    return made.decode("latin-1")


def header(version: str, **other: str) -> bytes:
    """An order's header of that version."""
    fields = {"control": "HIS000001", "type": "ORM^O01", "charset": ""} | other
    return (
        f"MSH|^~\\&|HIS^1.2^ISO|HOSP|SWF|RAD|20260315||{fields['type']}|{fields['control']}|P|{version}"
        f"||||||{fields['charset']}\r"
    ).encode()


def test_positive_acknowledgement() -> None:
    """A taken order is answered AA under its own number, sender and receiver exchanged."""
    assert answer(header("2.3.1")) == (
        "MSH|^~\\&|SWF|RAD|HIS^1.2^ISO|HOSP|20260315083001||ACK^O01|SWF000900|P|2.3.1\rMSA|AA|HIS000001\r"
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.2", "ACK"),
        ("2.3", "ACK"),
        ("2.3.1", "ACK^O01"),
        ("2.4", "ACK^O01^ACK"),
        ("2.5.1^RUS", "ACK^O01^ACK"),
        ("2.9", "ACK^O01^ACK"),
        ("", "ACK^O01"),
        ("rubbish", "ACK^O01"),
    ],
)
def test_type_of_the_answer_by_version(version: str, expected: str) -> None:
    """The answer's type is written as the sender's version of HL7 writes it, and the version is echoed."""
    told = read_header(answer(header(version)).encode())
    assert "^".join(part for part in (told.message_code, told.trigger_event, told.structure) if part) == expected
    assert told.version_text == (version or "2.3.1")


def test_errors_up_to_2_4() -> None:
    """Old receivers find the field at fault in ERR-1."""
    told = answer(header("2.3.1"), MISSING, errors.StoreError("disk full")).split("\r")
    assert told[1] == "MSA|AR|HIS000001|PID-3 is missing"
    assert told[2] == ("ERR|PID^1^3^101&Required field missing&HL70357~^^^207&Application internal error&HL70357")


def test_errors_from_2_5() -> None:
    """Newer receivers find place, code, severity and our sentence in an ERR each."""
    told = answer(header("2.5.1"), MISSING, EVENT).split("\r")
    assert told[1] == "MSA|AR|HIS000001|PID-3 is missing"
    assert told[2] == "ERR||PID^1^3|101^Required field missing^HL70357|E||||PID-3 is missing"
    assert told[3] == ("ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E||||Trigger event Z99 is not accepted")


def test_severity_of_the_answer() -> None:
    """Wrong content is AE; a wrong type, or a store that cannot write now, is AR."""
    assert "MSA|AE|" in answer(header("2.5.1"), MISSING)
    assert "MSA|AR|" in answer(header("2.5.1"), EVENT)
    assert "MSA|AR|" in answer(header("2.5.1"), errors.StoreError("database is locked"))
    assert "MSA|AR|" in answer(header("2.5.1"), *[MISSING] * 9, EVENT)


@pytest.mark.parametrize(("version", "count"), [("2.5.1", 5), ("2.3.1", 1)])
def test_at_most_five_errors(version: str, count: int) -> None:
    """A hopeless message is not answered with a book."""
    told = answer(header(version), *[MISSING] * 9)
    assert told.count("\rERR|") == count
    assert told.count("Required field missing") == 5


def test_the_zone_is_written_from_2_5() -> None:
    """The time of the answer carries its offset where receivers expect one."""
    assert "|20260315083001+0100|" in answer(header("2.5.1"))
    assert "|20260315083001|" in answer(header("2.3.1"))


@pytest.mark.parametrize("control", ["", "A" * 200, "A^B", "A\\S\\B", " 7 ", "\xd6\xc4"])
def test_the_number_is_echoed_as_it_came(control: str) -> None:
    """The sender's message number comes back byte for byte, so that the answer can be matched."""
    raw = header("2.5.1", control=control).decode().encode("latin-1")
    told = ack.acknowledge(read_header(raw), control_id="1", at=AT)
    assert told.split(b"\r")[1].split(b"|")[2] == control.encode("latin-1")


def test_control_bytes_are_not_echoed() -> None:
    """Framing bytes in a header never get into the answer's framing."""
    raw = b"MSH|^~\\&|H\x0bI\x1cS|\x01|||2026||ORM^O01|7\x0b8|P|2.3.1\r"
    told = answer(raw)
    assert "|HIS|" in told
    assert "MSA|AA|78\r" in told
    assert answer(header("2.3.1"), errors.MappingError("a\x01b\x7f")).split("\r")[1] == "MSA|AE|HIS000001|ab\x7f"


def test_an_unusable_header_cannot_add_fields() -> None:
    """A header without usable delimiters is answered in the standard ones, its text kept to its field."""
    raw = b"MSH$abc$A|B$C$D$E$2026$$ORM$7|8$P$2.3.1\r"
    told = answer(raw, errors.UnreadableMessage("unusable")).split("\r")
    assert told[0] == "MSH|^~\\&|D|E|AB|C|20260315083001||ACK|SWF000900|P|2.3.1"
    assert told[1] == "MSA|AE|78|unusable"


def test_own_delimiters_and_character_set() -> None:
    """The answer is written in the sender's delimiters and character set, and says so."""
    raw = "MSH$%~\\&$HIS$KÖ&1$SWF$RAD$2026$$ORM%O01$7$P$2.5$$$$$$8859/1\r".encode("latin-1")
    problem = errors.MappingError("MÜLLER $5 | x", location="PID^1^5^1")
    told = ack.acknowledge(read_header(raw), control_id="1", at=AT, errors=[problem])
    lines = told.decode("latin-1").split("\r")
    assert lines[0] == "MSH$%~\\&$SWF$RAD$HIS$KÖ&1$20260315083001+0100$$ACK%O01%ACK$1$P$2.5$$$$$$8859/1"
    assert lines[1] == "MSA$AE$7$MÜLLER 5 | x"
    assert lines[2] == "ERR$$PID%1%5%1%1$101%Required field missing%HL70357$E$$$$MÜLLER \\F\\5 | x"


def test_the_operators_line_is_short_and_plain() -> None:
    """The words an operator reads are one line of at most eighty characters without separators."""
    told = answer(header("2.3.1"), errors.MappingError("OBR^1|4\r\n" + "x" * 200)).split("\r")[1]
    words = told.removeprefix("MSA|AE|HIS000001|")
    assert words.startswith("OBR 1 4 xxx")
    assert len(words) == 80


def test_a_character_the_receiver_does_not_have() -> None:
    """An answer never fails for a letter of an error text."""
    assert "MSA|AE|HIS000001|??? missing" in answer(header("2.3.1"), errors.MappingError("Имя missing"), codec="ascii")


def test_short_encoding_characters() -> None:
    """A sender without subcomponents or repetitions gets codes it can read."""
    told = answer(b"MSH|^|HIS||||2026||ORM^O01|7|P|2.3\r", MISSING, MISSING).split("\r")
    assert told[2] == "ERR|PID^1^3^101"


@given(st.binary(max_size=120), st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_even_garbage_gets_an_answer(noise: bytes, words: str) -> None:
    """Whatever came, the answer is a well-formed message that another HL7 reader can take apart."""
    for raw in (noise, b"MSH|^~\\&|" + noise, b"MSH" + noise):
        problem = errors.UnreadableMessage(words.encode("utf-8", "ignore").decode(), location="PID^1^5")
        made = ack.acknowledge(read_header(raw), control_id="1", at=AT, errors=[problem])
        assert b"\x0b" not in made
        assert b"\x1c" not in made
        assert made.count(b"\r") == 3
        assert made.endswith(b"\r")
        told = ack.read_acknowledgement(made)
        assert told.code == "AE"
        assert not told.accepted
        assert told.error_code == "102"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.hl7")), ids=lambda path: path.stem)
@pytest.mark.parametrize("problems", [(), (MISSING, EVENT)], ids=["AA", "AR"])
def test_answers_conform(path: Path, problems: tuple[errors.MessageError, ...]) -> None:
    """The answer to every sample conforms to the sender's version of HL7, by an independent dictionary."""
    assert dictionary.check(answer(path.read_bytes(), *problems)) == []


@pytest.mark.parametrize(
    ("conditions", "after_success", "after_failure"),
    [
        ("|", (False, True), (False, True)),
        ("AL|NE", (True, False), (True, False)),
        ("AL|AL", (True, True), (True, False)),
        ("NE|AL", (False, True), (False, True)),
        ("NE|NE", (False, False), (False, False)),
        ("ER|SU", (False, True), (True, False)),
        ("SU|ER", (True, False), (False, True)),
        ("|ER", (False, False), (False, True)),
        ("al|??", (True, True), (True, False)),
    ],
)
def test_what_is_due_in_enhanced_mode(
    conditions: str, after_success: tuple[bool, bool], after_failure: tuple[bool, bool]
) -> None:
    """In enhanced mode the sender says itself which answers it wants; in original mode it always gets one."""
    told = read_header(f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ORM^O01|1|P|2.5.1|||{conditions}\r".encode())
    assert ack.due(told, enhanced=True, failed=False)[:2] == after_success
    assert ack.due(told, enhanced=True, failed=True) == (*after_failure, False)
    for failed in (False, True):
        assert ack.due(told, enhanced=False, failed=failed) == (False, True, False)


@pytest.mark.parametrize(
    ("conditions", "due"),
    [
        ("|", (False, True, False)),
        ("AL|NE", (True, False, False)),
        ("AL|AL", (True, True, True)),
        ("AL|ER", (True, True, True)),
        ("SU|ER", (True, True, True)),
        ("ER|ER", (False, True, True)),
        ("NE|AL", (False, True, True)),
        ("AL|SU", (True, False, False)),
        ("NE|NE", (False, False, False)),
    ],
)
def test_what_is_due_for_a_message_that_was_kept_and_could_not_be_used(
    conditions: str, due: tuple[bool, bool, bool]
) -> None:
    """Where an application acknowledgement tells of the failure the message itself is accepted; elsewhere CE tells."""
    told = read_header(f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ORM^O01|1|P|2.5.1|||{conditions}\r".encode())
    assert ack.due(told, enhanced=True, failed=True, kept=True) == due


@pytest.mark.parametrize("code", ["ACK^O01", "ACK", "MCF"])
@pytest.mark.parametrize(("condition", "success", "failure"), [("", 0, 0), ("NE", 0, 0), ("AL", 1, 1), ("ER", 0, 1)])
@pytest.mark.parametrize("enhanced", [True, False])
def test_acknowledgements_are_not_acknowledged(
    *, code: str, condition: str, success: int, failure: int, enhanced: bool
) -> None:
    """Two systems never acknowledge each other's acknowledgements for ever; one that asks to be accepted is."""
    told = read_header(f"MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||{code}|1|P|2.5.1|||{condition}|AL\r".encode())
    assert ack.due(told, enhanced=enhanced, failed=False) == (success, False, False)
    assert ack.due(told, enhanced=enhanced, failed=True) == (failure, False, False)


def test_an_acknowledgement_that_is_a_message_of_its_own() -> None:
    """An application acknowledgement that travels alone asks to be accepted, and for nothing more."""
    made = ack.acknowledge(read_header(header("2.5.1")), control_id="1", at=AT, conditions=("AL", "NE"))
    again = read_header(made)
    assert (again.accept_ack, again.application_ack) == ("AL", "NE")
    assert dictionary.check(made.decode()) == []


@pytest.mark.parametrize(("problems", "code"), [((), "CA"), ((MISSING,), "CE"), ((EVENT,), "CR")])
def test_accept_acknowledgements(problems: tuple[errors.MessageError, ...], code: str) -> None:
    """An accept acknowledgement says CA, CE or CR where an application says AA, AE or AR."""
    made = ack.acknowledge(read_header(header("2.5.1")), control_id="1", at=AT, errors=problems, accept=True)
    assert made.split(b"\r")[1].startswith(f"MSA|{code}|HIS000001".encode())


# ---------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "23_ack_ae_231",
            ack.Acknowledgement("AE", "HIS000001", "Required field missing: PID-3", "101", accepted=False),
        ),
        (
            "24_ack_ar_251",
            ack.Acknowledgement(
                "AR", "HIS000601", "Trigger event Z99 is not accepted by this receiver", "201", accepted=False
            ),
        ),
        ("17_rad4_ori_251", ack.Acknowledgement("AA", "SWF000600", "", "", accepted=True)),
    ],
)
def test_reading_the_sample_answers(name: str, expected: ack.Acknowledgement) -> None:
    """A receiver's answer says whether it took the message, which one, and why not."""
    assert ack.read_acknowledgement((SAMPLES / f"{name}.hl7").read_bytes()) == expected


@pytest.mark.parametrize(
    ("code", "accepted"),
    [
        ("AA", True),
        ("CA", True),
        (" aa ", True),
        ("AE", False),
        ("AR", False),
        ("CE", False),
        ("CR", False),
        ("", False),
    ],
)
def test_what_counts_as_accepted(code: str, accepted: bool) -> None:
    """Only AA and CA say that the message was taken."""
    told = ack.read_acknowledgement(f"MSH|^~\\&|MIS|||||ACK|1|P|2.3\rMSA|{code}|7|\r".encode())
    assert (told.accepted, told.control_id) == (accepted, "7")


def test_an_answer_in_own_delimiters_line_ends_and_character_set() -> None:
    """A receiver's own delimiters, line ends and mislabelled letters do not hide its answer."""
    raw = "MSH:;~\\&:MIS:::::ACK:1:P:2.3::::::UTF-8\nMSA:AE:7:Größe:::204;x\n".encode("latin-1")
    assert ack.read_acknowledgement(raw) == ack.Acknowledgement("AE", "7", "Größe", "204", accepted=False)


@pytest.mark.parametrize("raw", [b"", b"OK", b"<ack/>", b"MSH|^~\\&|MIS|||||ACK|1|P|2.3\r", b"MSA|AA|7\r"])
def test_what_is_no_answer(raw: bytes) -> None:
    """Bytes that are no acknowledgement never count as one."""
    with pytest.raises(errors.UnreadableMessage):
        ack.read_acknowledgement(raw)

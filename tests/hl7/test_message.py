"""Reading ER7: every value where the sender put it, every byte kept, every order with its own patient."""

import json
import string
import time
from pathlib import Path
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.errors import UnreadableMessage
from swf.hl7 import charset
from swf.hl7.header import STANDARD, Delimiters, read_header
from swf.hl7.message import NULL, Message, Segment, parse, unescape
from swf.hl7.order_groups import order_groups

FIXTURES = Path(__file__).parents[2] / "fixtures"
SAMPLES = sorted((FIXTURES / "samples").glob("*.hl7"))
WELL_FORMED = sorted(FIXTURES.rglob("*.hl7"))
ROWS: dict[str, dict[str, list[str]]] = json.loads((FIXTURES / "appendix_b.json").read_text("utf-8"))
MSH = "MSH|^~\\&|HIS|HOSP|SWF|RAD|20260101||ORM^O01|1|P|2.3.1"
words = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=6)


def read(text: str, codec: str = "utf-8") -> Message:
    """The message in `text`."""
    return parse(text, read_header(text.encode(codec)), codec)


def order(*segments: str) -> Message:
    """A message of these segments, MSH in front."""
    return read("\r".join([MSH, *segments, ""]))


def load(path: Path) -> Message:
    """A sample, decoded as it declares."""
    raw = path.read_bytes()
    header = read_header(raw)
    text, codec = charset.decode(raw, header)
    return parse(text, header, codec)


def differences(message: Message) -> list[str]:
    """Where hl7apy, reading flat, sees another value than the reader."""
    oracle = parse_message(message.text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    found = []
    for segment, other in zip(message.segments, oracle.children, strict=True):
        seen: dict[str, int] = {}
        for field in other.children:
            seen[field.name] = repetition = seen.get(field.name, 0) + 1
            number = int(field.name.rsplit("_", 1)[1])
            if (segment.name, number) in {("MSH", 1), ("MSH", 2)}:
                continue
            if segment.value(number, repetition) != unescape(field.to_er7()):  # the library leaves escapes as they are
                found.append(f"{field.name}: {segment.value(number, repetition)!r} {field.to_er7()!r}")
            for position, component in enumerate(field.children, start=1):
                place = _place(component, position)
                parts = {_place(part, inner): part.to_er7() for inner, part in enumerate(component.children, start=1)}
                for inner, part in (parts or {1: component.to_er7()}).items():
                    if segment.value(number, repetition, place, inner) != unescape(part):
                        found.append(f"{field.name}.{place}.{inner}")
    return found


def _place(part: Any, position: int) -> int:
    """Which component or subcomponent a part is; those that are empty are not among the others."""
    return int(part.name.rsplit("_", 1)[1]) if "_" in (part.name or "") else position


# ---------------------------------------------------------------------------------------------- samples and oracle


def test_the_samples_are_there() -> None:
    """The twenty-four sample messages of the profile are part of the project."""
    assert len(SAMPLES) == 27


@pytest.mark.parametrize("path", WELL_FORMED, ids=lambda path: path.stem)
def test_samples_read_as_the_oracle_reads_them(path: Path) -> None:
    """Every value of every message of the project is what an independent HL7 library reads, and not a character is lost."""
    message = load(path)
    assert differences(message) == []
    assert "".join(f"{segment.text}\r" for segment in message.segments) == message.text.rstrip("\r") + "\r"


MOVED = {"RequestedProcedureCodeSequence"}
"""A code with its version in OBR-44 (CWE from 2.7 on), which the library moves to another component."""


@pytest.mark.parametrize("row", sorted(ROWS.keys() - MOVED))
def test_the_fields_of_appendix_b_read_as_the_oracle_reads_them(row: str) -> None:
    """Each field that the mapping knows, with its repetitions and subcomponents, is what the independent library reads."""
    segments = [line for line in ROWS[row]["message"] if not line.startswith("MSH")]
    assert segments
    assert differences(read("\r".join([MSH.replace("2.3.1", "2.5.1"), *segments, ""]))) == []


@given(
    st.lists(st.lists(words, min_size=1, max_size=4), min_size=1, max_size=3),
    st.lists(words, min_size=1, max_size=5),
    st.lists(words, min_size=1, max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_generated_messages_read_as_the_oracle_reads_them(
    identifiers: list[list[str]], name: list[str], provider: list[str]
) -> None:
    """Repetitions, components and subcomponents stand where an independent library finds them."""
    repeated = "~".join("^".join(parts) for parts in identifiers)
    message = order(
        f"PID|||{repeated}||{'^'.join(name)}",
        f"OBR|1|8100^HIS||CT^CT head^99HIS||||||||||||||||||||||||||||{'&'.join(provider)}",
    )
    assert differences(message) == []
    assert message.first("PID").repetitions(3) == len(identifiers)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n|", exclude_categories=["Cs", "Cc"])), max_size=8))
@settings(max_examples=100, deadline=None)
def test_fields_keep_their_position(fields: list[str]) -> None:
    """Whatever stands in the fields, each is read at its own number and the text is kept exactly."""
    text = f"{MSH}\rZZZ|{'|'.join(fields)}\r"
    message = read(text)
    assert message.text == text
    assert [message.first("ZZZ").raw(number) for number in range(1, len(fields) + 1)] == fields
    assert "".join(f"{segment.text}\r" for segment in message.segments) == text


# ------------------------------------------------------------------------------------------------------- the header


def test_header_of_an_order() -> None:
    """Who sent what to whom is read from the first segment."""
    header = read_header(SAMPLES[14].read_bytes())
    assert header.type == "OMI^O23"
    assert header.structure == "OMI_O23"
    assert (header.sending_application, header.sending_facility) == ("SWF", "RAD")
    assert (header.receiving_application, header.receiving_facility) == ("IM", "RAD")
    assert (header.control_id, header.processing_id, header.version) == ("SWF000600", "P", "2.5.1")
    assert header.at == "20260315090000+0100"
    assert header.charsets == ("UNICODE UTF-8",)
    assert header.recognised


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_the_header_reader_never_fails(noise: bytes) -> None:
    """No bytes whatever can keep a sender from getting an answer."""
    for raw in (noise, b"MSH" + noise, b"MSH|^~\\&|" + noise, b"FHS|\rMSH|" + noise):
        header = read_header(raw)
        assert isinstance(header.type, str)
        assert header.recognised == (not header.fault)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"MSH",
        b"MSH|",
        b"MSH||HIS",
        b"MSH|^~\\&#!$|HIS",
        b"MSHA^~\\&AHIS",
        b"MSH\x01^~\\&",
        b"MSH|abcd|HIS",
        b"MSH|^ ~|HIS",
        b"<order/>",
        b"{}",
        b"GET / HTTP/1.1",
        b"msh|^~\\&|HIS",
        b"PID|||1",
    ],
)
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    """XML, JSON, a browser or a torn header is refused with a reason."""
    header = read_header(raw)
    assert not header.recognised
    with pytest.raises(UnreadableMessage, match=r"MSH"):
        parse(raw.decode("latin-1"), header)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("^~\\&", STANDARD),
        ("^~\\&#", STANDARD),
        ("^~\\\\&", STANDARD),
        ("^~\\", Delimiters("|", "^", "~", "\\", "")),
        ("^~", Delimiters("|", "^", "~", "", "")),
        ("^", Delimiters("|", "^", "", "", "")),
    ],
)
def test_declared_encoding_characters(encoding: str, expected: Delimiters) -> None:
    """Delimiters are those the message declares; one it does not declare separates nothing."""
    header = read_header(f"MSH|{encoding}|HIS|||||||7|P|2.5".encode())
    assert header.delimiters == expected
    assert header.control_id == "7"


def test_undeclared_separators_separate_nothing() -> None:
    """An ampersand in a procedure name stays text where no subcomponents are declared."""
    message = read("MSH|^~\\|HIS|||||ORM^O01|1|P|2.3\rOBR|1|||CT^Chest & abdomen\\F\\A\r")
    assert message.value("OBR", 4, 1, 2) == "Chest & abdomen|A"
    bare = read("MSH|^|HIS|||||ORM^O01|1|P|2.3\rPID|||1~2||C:\\F\\\r")
    assert bare.value("PID", 3) == "1~2"
    assert bare.first("PID").repetitions(3) == 1
    assert bare.value("PID", 5) == "C:\\F\\"


def test_a_senders_own_delimiters() -> None:
    """A sender with other separators is understood all the same."""
    message = read("MSH$%~\\&$HIS$HOSP$$$2026$$ORM%O01$9$P$2.3\rPID$$$1%%%A&B$$O|NEIL%JANE\r")
    assert message.header.type == "ORM^O01"
    assert message.value("PID", 5) == "O|NEIL%JANE"
    assert message.value("PID", 3, 1, 4, 2) == "B"


@pytest.mark.parametrize(
    ("field", "code", "event"),
    [
        ("ORM", "ORM", ""),
        ("ORM^O01", "ORM", "O01"),
        ("ORM^O01^", "ORM", "O01"),
        (" orm ^ o01 ", "ORM", "O01"),
        ("ORM^O01^WRONG", "ORM", "O01"),
        ("", "", ""),
    ],
)
def test_message_types_as_they_come(field: str, code: str, event: str) -> None:
    """A message type padded or in small letters is the same type."""
    header = read_header(f"MSH|^~\\&|A|B|C|D|2026||{field}|1|P|2.3".encode())
    assert (header.message_code, header.trigger_event) == (code, event)


@pytest.mark.parametrize(
    ("field", "version"), [("", ""), ("2.5.1^RUS", "2.5.1"), ("2.5 ", "2.5"), ("V2.5", "V2.5"), ("2.9", "2.9")]
)
def test_versions_as_they_come(field: str, version: str) -> None:
    """The version is read without its country and kept as it came."""
    header = read_header(f"MSH|^~\\&|A|B|C|D|2026||ORM^O01|1|P^T|{field}|||AL|NE||8859/1~ISO IR87".encode())
    assert (header.version, header.version_text) == (version, field)
    assert (header.processing_id, header.processing_text) == ("P", "P^T")
    assert (header.accept_ack, header.application_ack) == ("AL", "NE")
    assert header.charsets == ("8859/1", "ISO IR87")


def test_several_messages_are_never_read_as_one() -> None:
    """Two messages that were not parted are refused by the first one's number: their patients must not mix."""
    text = f"{MSH}\rPID|||1\r{MSH}\rPID|||2\r"
    header = read_header(text.encode())
    assert header.control_id == "1"
    with pytest.raises(UnreadableMessage, match="several messages"):
        parse(text, header)


def test_batch_segments_are_no_part_of_a_message() -> None:
    """A message in the envelope of a batch is read like any other."""
    text = f"FHS|^~\\&\rBHS|^~\\&\r{MSH}\rPID|||1\rBTS|1\rFTS|1\r"
    read = parse(text, read_header(text.encode()))
    assert [segment.name for segment in read.segments] == ["MSH", "PID"]
    assert (read.text, read.header.control_id) == (text, "1")


# ----------------------------------------------------------------------------------------------------- segment ends


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\r\r", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("tail", ["", "end", "\n\r"])
def test_line_ends(end: str, tail: str) -> None:
    """Whatever a sender ends its lines with, with or without the last one, the segments are the same."""
    text = end.join([MSH, "PID|||1", "ORC|NW", "ZDS|1.2"]) + (end if tail == "end" else tail)
    assert [segment.text for segment in read(text).segments] == [MSH, "PID|||1", "ORC|NW", "ZDS|1.2"]


def test_a_line_feed_in_a_report_is_text() -> None:
    """Where segments end with CR, a line feed belongs to the text."""
    assert order("NTE|1||first\nsecond").value("NTE", 3) == "first\nsecond"


def test_a_stray_line_continues_the_segment_before() -> None:
    """A carriage return typed into a text, or wrapped base64, does not tear the segment apart."""
    message = order("OBX|1|ED|PDF||QUJD", "REVG", "R0hJ|||F", "PID3|x", "ORC|NW")
    assert [segment.name for segment in message.segments] == ["MSH", "OBX", "ORC"]
    assert message.value("OBX", 5) == "QUJD\rREVG\rR0hJ"
    assert "".join(f"{segment.text}\r" for segment in message.segments) == message.text


@pytest.mark.parametrize("line", ["orc|NW|2", "Orc|NW|2", " ORC|NW|2", "\tORC|NW|2", "ORC |NW|2", "\xa0ORC\xa0|NW|2"])
def test_a_segment_whose_name_is_miswritten_is_refused(line: str) -> None:
    """A second order whose line begins wrongly is not taken for text of the first, where nobody would ever find it."""
    with pytest.raises(UnreadableMessage, match="line 4 seems to be a segment ORC") as refused:
        read(f"{MSH}\rORC|NW|1\rOBR|1|1\r{line}\rOBR|2|2\r")
    assert (refused.value.location, refused.value.code) == ("ORC^1", 100)


def test_lines_that_are_no_segments_are_counted() -> None:
    """How many lines were read as part of the segment before them is known."""
    assert read(f"{MSH}\rOBX|1|ED|||SGVs\rbG8h\rIQ==\r\rZZZZ|1\rNTE|1\r").joined == 3
    assert read(f"{MSH}\r\rNTE|1\r").joined == 0


def test_bytes_before_the_header() -> None:
    """A mark or a blank line before the header does no harm."""
    message = read(f"\ufeff\r\n {MSH}\rPID|||1\r")
    assert [segment.text for segment in message.segments] == [MSH, "PID|||1"]


# ----------------------------------------------------------------------------------------------------------- values


def test_parts_of_a_field() -> None:
    """Repetitions, components and subcomponents are counted from 1, and what is not there is empty."""
    message = order("PID|||1^^^A&1.2&ISO~2||DOE^JANE^^^^^L", "OBR|1|||CT^\\T\\\\S\\^99|" + "|" * 27 + "9&TECH&TOM")
    patient = message.first("PID")
    assert patient.repetitions(3) == 2
    assert patient.repetitions(4) == 0
    assert patient.value(3) == "1^^^A&1.2&ISO"
    assert patient.value(3, 2) == "2"
    assert patient.value(3, 1, 4) == "A"
    assert patient.value(3, 1, 4, 3) == "ISO"
    assert patient.value(3, 1, 4, 4) == patient.value(3, 3) == patient.value(3, 1, 9) == patient.value(99) == ""
    assert patient.value(3, 0) == patient.value(-1) == patient.value(3, 2, 2) == ""
    assert patient.value(3, 2, 1, 1) == "2"
    assert message.value("OBR", 4, 1, 2) == "&^"
    assert message.value("OBR", 32) == "9&TECH&TOM"
    assert message.value("OBR", 32, subcomponent=2) == "TECH"
    assert message.value("XXX", 1) == ""
    assert message.all("XXX") == []
    assert patient.last == 5


def test_delimiters_can_be_read_as_fields() -> None:
    """MSH counts its separator as the first field."""
    header = order().first("MSH")
    assert (header.value(1), header.value(2), header.value(3), header.value(9, 1, 2)) == ("|", "^~\\&", "HIS", "O01")
    assert (header.raw(1), header.repetitions(2), header.value(2, 2)) == ("|", 1, "")


def test_a_deleted_value_is_not_an_empty_one() -> None:
    """`""` in a field, component, subcomponent or date says delete, and is told apart from nothing."""
    message = order('PID|""||1^^^""&X||DOE^JANE^^^""||""')
    assert message.value("PID", 1) == message.value("PID", 7) == NULL
    assert message.value("PID", 5, 1, 5) == message.value("PID", 3, 1, 4) == NULL
    assert message.value("PID", 2) == ""


def test_padding_and_leading_zeros_are_kept() -> None:
    """Numbers come as they were written."""
    assert order("OBX|0001|NM|||1,5 ").value("OBX", 1) == "0001"
    assert order("OBX|0001|NM|||1,5 ").value("OBX", 5) == "1,5 "


def test_extra_fields_and_components_keep_their_position() -> None:
    """What goes beyond the standard stays where the sender put it."""
    message = order("PID|||1^^^^MR^^^^X^^Y" + "|" * 57 + "sixty")
    assert message.value("PID", 60) == "sixty"
    assert message.value("PID", 3, 1, 9) == "X"
    assert message.value("PID", 3, 1, 11) == "Y"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\F\\S\\T\\R\\E\\P" + "\\", "|^&~\\#"),
        (r"one\.br\two", "one\ntwo"),
        (r"\.BR\ ".strip(), "\n"),
        (r"\.sp3\x\.sk 2\y", "\n\n\nx  y"),
        (r"\.sp\ ".strip(), "\n"),
        (r"\.sp+2\ ".strip(), "\n\n"),
        (r"\.ce\Title\.in+4\\.ti-2\\.fi\\.nf" + "\\", "\nTitle"),
        (r"\H\bold\N\plain", "boldplain"),
        (r"\X0D\ ".strip(), "\r"),
        (r"\X000d\ ".strip(), "\r"),
        (r"\X00d\ ".strip(), "\r"),
        (r"\xC3BC\ ".strip(), "ü"),
        (r"\XFF\ ".strip(), r"\XFF" + "\\"),
        (r"\X\x", r"\X\x"),
        (r"\XZZ\x", r"\XZZ\x"),
        (r"C:\dir\file", r"C:\dir\file"),
        (r"C:\dir\F\x", r"C:\dir|x"),
        (r"\E\F\E\ ".strip(), r"\F" + "\\"),
        (r"open \F", r"open \F"),
        (r"\Zkeep\\C2842\\M2842" + "\\", r"\Zkeep\\C2842\\M2842" + "\\"),
        (r"\f\ ".strip(), r"\f" + "\\"),
    ],
)
def test_escape_sequences(text: str, expected: str) -> None:
    """Escape sequences are resolved once, and a backslash that is none stays a backslash."""
    assert unescape(text) == expected


@pytest.mark.parametrize("count", ["4000000000", "999999999999999999999999"])
def test_an_escape_sequence_is_no_memory_bomb(count: str) -> None:
    """A request for four billion empty lines is not granted."""
    assert len(unescape(f"\\.sp{count}\\")) <= 100


def test_hexadecimal_text_is_read_in_the_messages_character_set() -> None:
    """Characters sent as hexadecimal digits are letters of the message's own alphabet."""
    assert read(f"{MSH}\rNTE|1||\\XC8\\\r", "cp1251").value("NTE", 3) == "И"


def test_escape_letters_name_the_messages_own_delimiters() -> None:
    """The letters of an escape sequence mean the separators in use."""
    assert unescape(r"\F\\S" + "\\", Delimiters("$", "%", "~", "\\", "&")) == "$%"
    assert unescape(r"\T" + "\\", Delimiters("|", "^", "~", "\\", "")) == r"\T" + "\\"
    assert unescape("#F#", Delimiters("|", "^", "~", "#", "&")) == "|"


# ----------------------------------------------------------------------------------------------------------- orders


def placers(message: Message) -> list[str]:
    """ORC-2 of each order."""
    return [group.first("ORC").value(2) if group.first("ORC") else "" for group in order_groups(message)]


def test_two_orders_of_one_patient() -> None:
    """Each order of a message sees its own lines and the patient they share."""
    groups = order_groups(
        order(
            "PID|||1", "NTE|1||patient", "PV1||O", "AL1|1", "ORC|NW|A", "OBR|1|A", "NTE|1||order", "ORC|NW|B", "OBR|1|B"
        )
    )
    assert [group.first("OBR").value(2) for group in groups] == ["A", "B"]
    assert all(group.first("PID").value(3) == "1" for group in groups)
    assert all(group.first("PV1") and group.first("AL1") and group.first("MSH") for group in groups)
    assert [group.all("NTE")[0].value(3) if group.all("NTE") else None for group in groups] == ["order", None]
    assert [note.value(3) for note in groups[1].all("PID.NTE")] == ["patient"]


def test_two_procedures_under_one_order() -> None:
    """A second procedure line under one order belongs to the same order, with the order's timing."""
    groups = order_groups(order("PID|||1", "ORC|NW|A", "TQ1|1", "OBR|1|A", "NTE|1||x", "OBR|2|A", "OBR|3|A"))
    assert len(groups) == 3
    assert [group.first("ORC").value(2) for group in groups] == ["A", "A", "A"]
    assert all(group.first("TQ1") for group in groups)
    assert [len(group.all("NTE")) for group in groups] == [1, 0, 0]


def test_orders_without_one_of_their_lines() -> None:
    """An order line without control, and a cancellation without procedure, are orders."""
    assert len(order_groups(order("PID|||1", "OBR|1|A", "OBR|2|B"))) == 2
    cancelled = order_groups(order("ORC|CA|A", "ORC|CA|B"))
    assert [group.first("OBR") for group in cancelled] == [None, None]
    assert order_groups(order("PID|||1")) == []


def test_a_visit_that_comes_late_belongs_to_all_orders() -> None:
    """A visit sent after the orders is still the visit of all of them."""
    groups = order_groups(order("PID|||1", "ORC|NW|A", "OBR|1", "ORC|NW|B", "OBR|1", "PV1||O|WARD"))
    assert [group.first("PV1").value(3) for group in groups] == ["WARD", "WARD"]


def test_patients_never_mix() -> None:
    """An order after a second patient belongs to that patient and nobody else."""
    groups = order_groups(
        order("PID|||1", "PV1||I", "AL1|1", "ORC|NW|A", "OBR|1", "PID|||2", "ORC|NW|B", "OBR|1", "ZDS|1.2")
    )
    assert [group.first("PID").value(3) for group in groups] == ["1", "2"]
    assert groups[1].first("PV1") is None
    assert groups[1].first("AL1") is None
    assert groups[0].first("ZDS") is None
    assert groups[1].first("MSH") is groups[0].first("MSH")


def test_imaging_lines_stay_with_their_order() -> None:
    """Imaging and timing lines are kept in any message type."""
    groups = order_groups(order("ORC|NW|A", "TQ1|1", "OBR|1", "IPC|ACC1", "IPC|ACC1", "ORC|NW|B", "OBR|1", "IPC|ACC2"))
    assert [len(group.all("IPC")) for group in groups] == [2, 1]


def test_thirty_orders_in_one_message() -> None:
    """A message with thirty orders is thirty orders."""
    assert placers(order(*[line for n in range(30) for line in (f"ORC|NW|{n}", f"OBR|1|{n}")])) == [
        str(n) for n in range(30)
    ]


def numbered(placer: str, filler: str, procedure: str) -> tuple[str, str]:
    """ORC and OBR of an order with these numbers."""
    return f"ORC|NW|{placer}|{filler}", f"OBR|1|{placer}|{filler}" + "|" * 16 + procedure


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (("A", "1", "RP1"), ("A", "1", "RP1"), True),
        (("A", "1", "RP1"), ("B", "2", "RP1"), True),
        (("A", "1", "RP1"), ("A", "1", "RP2"), False),
        (("A", "1", ""), ("A", "2", ""), True),
        (("A", "", "RP1"), ("A", "", ""), True),
        (("", "1", ""), ("", "1", ""), True),
        (("A", "1", ""), ("", "1", ""), True),
        (("A", "1", ""), ("B", "1", ""), False),
        (("A^X", "", ""), ("A^Y", "", ""), False),
        (("", "", ""), ("", "", ""), False),
        (('""', "", ""), ('""', "", ""), False),
    ],
)
def test_who_shares_the_study(first: tuple[str, str, str], second: tuple[str, str, str], *, shared: bool) -> None:
    """Steps of one requested procedure share its study; other procedures never do."""
    groups = order_groups(order("PID|||1", *numbered(*first), *numbered(*second), "ZDS|1.2.3"))
    assert groups[1].first("ZDS").value(1) == "1.2.3"
    assert (groups[0].first("ZDS") is not None) == shared


def test_each_order_keeps_its_own_study() -> None:
    """Where every order brings its study, none is exchanged."""
    groups = order_groups(order(*numbered("A", "1", "RP"), "ZDS|1.1", *numbered("A", "1", "RP"), "ZDS|1.2"))
    assert [group.first("ZDS").value(1) for group in groups] == ["1.1", "1.2"]
    one_missing = order_groups(
        order(*numbered("A", "1", "RP"), "ZDS|1.1", *numbered("A", "1", "RP"), "ZDS|1.2", *numbered("A", "1", "RP"))
    )
    assert one_missing[2].first("ZDS") is None


def test_a_study_before_the_only_order() -> None:
    """A study named before the only order is that order's study; before two it is nobody's."""
    assert order_groups(order("ZDS|1.1", *numbered("A", "1", "RP")))[0].first("ZDS").value(1) == "1.1"
    undecided = order_groups(order("ZDS|1.1", *numbered("A", "1", "RP"), *numbered("B", "1", "RP2")))
    assert [group.first("ZDS") for group in undecided] == [None, None]


# ------------------------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    "hostile",
    [
        f"{MSH}\rPID|||{'~'.join('1' * 4000)}\r",
        f"{MSH}\rPID|||{'^' * 16_000}x\r",
        f"{MSH}\r" + "OBX|1|ST|||x\r" * 10_000,
        f"{MSH}\r" + "OBR|1|A\r" * 5_000,
        f"{MSH}\rOBX|1|ED|||{'QUJD' * 1_300_000}\r",
        f"{MSH}\rNTE|1||" + "\\" * 1_000_000 + "\r",
        f"{MSH}\rNTE|1||" + "\\X" * 500_000 + "\r",
        f"{MSH}\r" + "stray\r" * 100_000,
        f"{MSH}\r" + "\r" * 200_000,
    ],
    ids=["repetitions", "components", "segments", "orders", "base64", "backslashes", "hexadecimal", "stray", "blank"],
)
def test_hostile_sizes_take_bounded_time(hostile: str) -> None:
    """A monstrous message cannot hold up the orders behind it."""
    started = time.process_time()
    message = read(hostile)
    order_groups(message)
    for segment in message.segments[-1:]:
        segment.value(3)
        segment.value(3, 2, 3)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("filling", ["PID\r", "\r", "\n", "PID|1\r\n", "ab\r"])
def test_a_message_of_millions_of_lines(filling: str) -> None:
    """Ten megabytes of tiny lines are refused before they cost memory or time."""
    text = f"{MSH}\r" + filling * (10 * 2**20 // len(filling))
    header = read_header(text.encode())
    started = time.process_time()
    with pytest.raises(UnreadableMessage, match="more than 50000 segments"):
        parse(text, header)
    assert time.process_time() - started < 0.5


def test_a_segment_shows_its_text() -> None:
    """An engineer sees the segment's text when looking at it."""
    assert repr(Segment("PID|||1", STANDARD)) == "Segment('PID|||1')"

"""The simulated HIS: its orders are real messages, whatever is written into them."""

import dataclasses
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf import errors
from swf.extensions.simulator import his
from swf.hl7 import charset, dictionary, message
from swf.hl7.header import read_header

ORDER = his.Order(
    patient_id="4711",
    name="DÖE^JANE",
    placer_number="P1",
    filler_number="F1",
    accession="A1",
    procedure_id="RP1",
    step_ids=("S1", "S2"),
    study_uid="2.25.1",
    start=datetime(2026, 3, 16, 9, 30, 0),
)


def _read(raw: bytes) -> message.Message:
    header = read_header(raw)
    return message.parse(charset.decode(raw, header)[0], header)


def _fields(read: message.Message, *places: tuple[str, int, int]) -> list[str]:
    return [read.value(segment, field, component=component) for segment, field, component in places]


@pytest.mark.parametrize(("name", "codec"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8")])
def test_order_in_the_old_version(name: str, codec: str) -> None:
    """An order of two steps is an ORM^O01 with two ORC and OBR and one study, in the character set it declares."""
    raw = his.order_orm(ORDER, character_set=name)
    assert "DÖE^JANE".encode(codec) in raw
    read = _read(raw)
    assert [segment.name for segment in read.segments] == ["MSH", "PID", "PV1", "ORC", "OBR", "ORC", "OBR", "ZDS"]
    assert read.header.type == "ORM^O01"
    assert (read.header.version, read.header.charsets) == ("2.3.1", (name,))
    patient = _fields(read, ("PID", 3, 1), ("PID", 3, 4), ("PID", 5, 1), ("PID", 5, 2), ("PID", 8, 0))
    assert patient == ["4711", "HOSP", "DÖE", "JANE", "F"]
    assert _fields(read, ("ORC", 1, 0), ("ORC", 2, 1), ("ORC", 5, 0), ("ORC", 7, 4)) == [
        "NW",
        "P1",
        "SC",
        "20260316093000",
    ]
    for segment, step_id in zip(read.all("OBR"), ORDER.step_ids, strict=True):
        assert [segment.value(field) for field in (18, 19, 20, 24)] == ["A1", "RP1", step_id, "CT"]
        assert [segment.value(4, component=number) for number in (1, 4)] == ["CTABD", "PABD"]
    assert _fields(read, ("ZDS", 1, 1), ("ZDS", 1, 4)) == ["2.25.1", "DICOM"]


def test_order_in_the_new_version() -> None:
    """The same order is an OMI^O23 with one ORC, TQ1 and OBR, and an IPC for each step."""
    read = _read(his.order_omi(ORDER))
    assert [segment.name for segment in read.segments] == ["MSH", "PID", "PV1", "ORC", "TQ1", "OBR", "IPC", "IPC"]
    assert (read.header.type, read.header.structure, read.header.version) == ("OMI^O23", "OMI_O23", "2.5.1")
    assert read.value("TQ1", 7) == "20260316093000"
    for segment, step_id in zip(read.all("IPC"), ORDER.step_ids, strict=True):
        assert [segment.value(field) for field in (1, 2, 3, 4, 5, 9)] == ["A1", "RP1", "2.25.1", step_id, "CT", "CT1"]


def test_order_conforms() -> None:
    """The OMI^O23 passes the conformance checker."""
    assert dictionary.check(his.order_omi(ORDER).decode()) == []


def test_change_and_cancel() -> None:
    """A change and a cancellation name the same order, study and steps."""
    later = dataclasses.replace(ORDER, start=datetime(2026, 3, 17, 10, 0, 0))
    changed, cancelled = _read(his.change(later)), _read(his.cancel(ORDER))
    assert _fields(changed, ("ORC", 1, 0), ("ORC", 5, 0), ("ORC", 7, 4)) == ["XO", "SC", "20260317100000"]
    assert [segment.value(1) for segment in cancelled.all("ORC")] == ["CA", "CA"]
    for read in (changed, cancelled):
        assert _fields(read, ("ORC", 2, 1), ("OBR", 20, 0), ("ZDS", 1, 1)) == ["P1", "S1", "2.25.1"]


def test_every_order_has_numbers_of_its_own() -> None:
    """Orders made without numbers never collide, and every message has a control id of its own."""
    first, second = his.Order(), his.Order()
    for number in ("placer_number", "filler_number", "accession", "procedure_id", "step_ids", "study_uid"):
        assert getattr(first, number) != getattr(second, number)
        assert max(map(len, first.step_ids)) <= 16
    assert _read(his.order_orm(first)).header.control_id != _read(his.order_orm(first)).header.control_id


def test_name_outside_the_character_set() -> None:
    """A name the declared character set cannot hold is refused, never garbled."""
    with pytest.raises(errors.MappingError):
        his.order_orm(dataclasses.replace(ORDER, name="山田^太郎"), character_set="8859/1")


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="^"), min_size=1, max_size=40))
def test_any_text_stays_in_its_field(text: str) -> None:
    """Whatever a name contains, the message keeps its segments and the other fields."""
    read = _read(his.order_orm(dataclasses.replace(ORDER, name=text), character_set="UNICODE UTF-8"))
    assert [segment.name for segment in read.segments] == ["MSH", "PID", "PV1", "ORC", "OBR", "ORC", "OBR", "ZDS"]
    assert _fields(read, ("PID", 7, 0), ("ZDS", 1, 1)) == ["19800229", "2.25.1"]

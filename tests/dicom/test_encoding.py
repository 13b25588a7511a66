"""The stored worklist item: written, picked apart and merged as any DICOM software would (PS3.5)."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from swf.dicom import encoding

ITEM: dict[str, Any] = {
    "PatientName": "Müller^Jürgen",
    "PatientID": "P1",
    "MedicalAlerts": ["PACEMAKER", "LATEX"],
    "PregnancyStatus": "4",
    "StudyInstanceUID": "1.2.3",
    "ReferencedStudySequence": [],
    "ScheduledProcedureStepSequence": [
        {
            "Modality": "CT",
            "ScheduledProtocolCodeSequence": [{"CodeValue": "HEAD"}, {"CodeValue": "NECK", "CodeMeaning": "Шея"}],
        }
    ],
}

LETTERS = st.characters(codec="utf-8", exclude_characters="\\=^", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"])
WORD = st.text(LETTERS, min_size=1, max_size=16)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "PatientName": st.builds("{}^{}".format, WORD, WORD),
    "PatientID": WORD,
    "AccessionNumber": WORD | st.just(""),
    "MedicalAlerts": st.lists(WORD, min_size=2, max_size=3),
    "Modality": st.sampled_from(["CT", "MR", "US"]),
    "PatientWeight": st.sampled_from(["71.5", "8"]),
    "PregnancyStatus": st.sampled_from(["1", "65535"]),
    "StudyInstanceUID": st.sampled_from(["1.2", "1.2.3", "2.25.1234"]),
    "ScheduledProcedureStepStartDate": st.just("20261122"),
    "ScheduledProcedureStepStartTime": st.sampled_from(["0900", "090000"]),
    "AdditionalPatientHistory": st.text(LETTERS, max_size=200),
    "UniversalEntityID": WORD,
}
SEQUENCES = st.sampled_from(["ScheduledProcedureStepSequence", "RequestedProcedureCodeSequence"])
PLAIN = st.fixed_dictionaries({}, optional=LEAVES)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.builds(
        lambda plain, keyword, items: {**plain, keyword: items}, PLAIN, SEQUENCES, st.lists(inner, max_size=2)
    ),
    max_leaves=4,
)


def as_pydicom(item: dict[str, Any]) -> Dataset:
    """The item as a pydicom dataset."""
    dataset = Dataset()
    for keyword, value in item.items():
        tag, vr = encoding.layout(keyword)[:2]
        if vr == "SQ":
            value = Sequence([as_pydicom(each) for each in value])  # noqa: PLW2901 - the value as pydicom wants it
        dataset.add_new(tag, vr, int(value) if vr == "US" else value)
    return dataset


def written_by_pydicom(item: dict[str, Any]) -> bytes:
    """The item as pydicom writes it."""
    dataset = as_pydicom(item)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


@settings(max_examples=150, deadline=None)
@given(NESTED)
def test_an_item_is_written_as_other_dicom_software_writes_it(item: dict[str, Any]) -> None:
    """The bytes we keep for an order are the bytes any other DICOM software would have written."""
    assert encoding.encode(item) == written_by_pydicom(item)


@settings(max_examples=100, deadline=None)
@given(NESTED)
def test_an_item_is_read_as_it_was_written(item: dict[str, Any]) -> None:
    """What is stored of an order comes back unchanged."""
    dataset = encoding.decode(encoding.encode(item))
    del dataset.SpecificCharacterSet
    assert dataset == as_pydicom(item)


def test_the_character_set_is_always_declared() -> None:
    """No stored name is ever of unknown script."""
    assert encoding.decode(encoding.encode({})).SpecificCharacterSet == "ISO_IR 192"
    assert encoding.decode(encoding.encode({"SpecificCharacterSet": "ISO_IR 100"})).SpecificCharacterSet == "ISO_IR 192"


@settings(max_examples=100, deadline=None)
@given(NESTED, NESTED)
def test_a_change_replaces_what_it_names_and_nothing_else(before: dict[str, Any], changes: dict[str, Any]) -> None:
    """A changed order keeps everything the change does not speak of."""
    assert encoding.merge(encoding.encode(before), changes) == encoding.encode(before | changes)


@settings(max_examples=50, deadline=None)
@given(NESTED)
def test_an_element_can_be_taken_out(item: dict[str, Any]) -> None:
    """An attribute that is withdrawn is gone, and only that one."""
    tag = encoding.layout("PatientID").tag
    left = {keyword: value for keyword, value in item.items() if keyword != "PatientID"}
    assert encoding.without(encoding.encode(item), [tag]) == encoding.encode(left)


def test_elements_are_found_where_they_begin_and_end() -> None:
    """Every element of a stored item is found without decoding it."""
    stored = encoding.encode(ITEM)
    spans = encoding.elements(stored)
    assert list(spans) == sorted(spans)
    assert b"".join(stored[begin:end] for begin, end in spans.values()) == stored


@pytest.mark.parametrize("length", range(1, 40))
def test_a_stored_item_cut_short_is_noticed(length: int) -> None:
    """A damaged item is never answered as if it were whole."""
    stored = encoding.encode(ITEM)
    with pytest.raises(ValueError, match="cut short"):
        encoding.elements(stored[:-length])


def test_a_sequence_that_is_none_is_noticed() -> None:
    """Damage inside a sequence is noticed too."""
    with pytest.raises(ValueError, match="no item"):
        encoding.items(struct.pack("<HHL", 0x0008, 0x0100, 0))
    with pytest.raises(ValueError, match="cut short"):
        encoding.items(encoding.item_bytes(b"12345678")[:-2])


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Müller^Jürgen"),
        ("MedicalAlerts", "PACEMAKER"),
        ("PregnancyStatus", "4"),
        ("StudyInstanceUID", "1.2.3"),
        ("AccessionNumber", ""),
        ("ScheduledProcedureStepSequence", ""),
    ],
)
def test_a_single_value_can_be_read_from_a_stored_item(keyword: str, value: str) -> None:
    """One value of a stored order is read without unpacking the rest."""
    assert encoding.text(encoding.encode(ITEM), keyword) == value


def test_lines_of_a_comment_are_kept_with_their_backslashes() -> None:
    """A comment is one value, however many backslashes stand in it."""
    stored = encoding.encode({"ImagingServiceRequestComments": "left \\ right"})
    assert encoding.text(stored, "ImagingServiceRequestComments") == "left \\ right"


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({"PatientNmae": "x"}, "not a keyword"),
        ({"PixelData": "x"}, "VR"),
        ({"PregnancyStatus": "70000"}, "range"),
        ({"PregnancyStatus": "yes"}, "invalid literal"),
        ({"ScheduledProcedureStepSequence": "text"}, "items"),
    ],
)
def test_what_cannot_be_written_is_refused(item: dict[str, Any], complaint: str) -> None:
    """A mistake in a mapping is told with its reason instead of reaching a scanner."""
    with pytest.raises(ValueError, match=complaint):
        encoding.encode(item)


@pytest.mark.parametrize(
    ("keyword", "value", "complaint"),
    [
        ("AccessionNumber", "A" * 16, None),
        ("AccessionNumber", "A" * 17, "longer than 16"),
        ("AccessionNumber", "Ж" * 16, None),
        ("AccessionNumber", "A\\B", "backslash"),
        ("AccessionNumber", "A\tB", "control"),
        ("PatientID", "\u0085", "control"),
        ("PatientID", "\ud800", "control"),
        ("ScheduledStationAETitle", "A" * 17, "longer than 16"),
        ("StudyInstanceUID", "1.2.03", "UID"),
        ("StudyInstanceUID", "1." + "9" * 63, "longer than 64"),
        ("PatientName", "M" * 64 + "=" + "M" * 64, None),
        ("PatientName", "M" * 65, "longer than 64"),
        ("PatientName", "A^B^C^D^E^F", "components"),
        ("PatientName", "A=B=C=D", "groups"),
        ("PatientBirthDate", "20240229", None),
        ("PatientBirthDate", "20230229", "date"),
        ("PatientBirthDate", "2023", "date"),
        ("PatientBirthDate", "2023.01.01", "date"),
        ("PatientBirthDate", "2024 229", "date"),
        ("ScheduledProcedureStepStartTime", "090000.123456", None),
        ("ScheduledProcedureStepStartTime", "0900", None),
        ("ScheduledProcedureStepStartTime", "2400", "time"),
        ("ScheduledProcedureStepStartTime", "09:00", "time"),
        ("Modality", "ct", "capital"),
        ("PatientSex", "M", None),
        ("PatientWeight", "71.5", None),
        ("PatientWeight", "71,5", "decimal"),
        ("PregnancyStatus", "3", None),
        ("PregnancyStatus", "-1", "whole number"),
        ("PatientAge", "042Y", None),
        ("PatientAge", "42", "age"),
        ("ScheduledProcedureStepModificationDateTime", "20261122093000+0100", None),
        ("ScheduledProcedureStepModificationDateTime", "2026-11-22", "date and time"),
        ("ImagingServiceRequestComments", "two\r\nlines \\ with a stroke", None),
        ("ImagingServiceRequestComments", "bell\a", "control"),
        ("ImagingServiceRequestComments", "x" * 10241, "longer than 10240"),
        ("PatientID", "", None),
    ],
)
def test_a_value_is_judged_by_its_representation(keyword: str, value: str, complaint: str | None) -> None:
    """A value that would spoil a scanner's whole list is found when the order arrives."""
    found = encoding.violations(keyword, value)
    assert (complaint is None and not found) or (complaint is not None and any(complaint in each for each in found))


@pytest.mark.parametrize(
    ("keyword", "value", "cleaned"),
    [
        ("RequestedProcedureDescription", " CT\r\nhead \a\\ neck ", "CT head / neck"),
        ("ImagingServiceRequestComments", "one\r\ntwo \\ three\a", "one\r\ntwo \\ three"),
        ("AccessionNumber", " A\\1\t ", "A\\1\t"),
        ("PatientBirthDate", " 20260101 ", "20260101"),
    ],
)
def test_text_is_cleaned_and_identifiers_are_left_alone(keyword: str, value: str, cleaned: str) -> None:
    """Stray characters go from a description, but a number is never turned into another number."""
    assert encoding.clean(keyword, value) == cleaned


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["RequestedProcedureDescription", "PatientState", "ImagingServiceRequestComments"]), st.text())
def test_cleaned_and_cut_text_always_fits(keyword: str, value: str) -> None:
    """Any text a hospital sends ends as one a scanner can show."""
    assert encoding.violations(keyword, encoding.cut(keyword, encoding.clean(keyword, value))) == []


def test_a_long_name_is_cut_in_each_of_its_groups() -> None:
    """A name too long for a scanner is cut in each script by itself."""
    cut = encoding.cut("PatientName", f"{'A' * 63}^{'B' * 9}={'Ж' * 70}")
    assert cut == f"{'A' * 63}={'Ж' * 64}"
    assert encoding.violations("PatientName", cut) == []


@pytest.mark.parametrize(
    "keyword", ["AccessionNumber", "PatientID", "StudyInstanceUID", "PatientBirthDate", "Modality"]
)
def test_an_identifier_is_never_cut(keyword: str) -> None:
    """A number that does not fit is refused; half of it could be another patient's."""
    with pytest.raises(ValueError, match="never cut"):
        encoding.cut(keyword, "1" * 99)


def test_identifiers_are_known() -> None:
    """What names a patient, an order or a station counts as an identifier, a description does not."""
    assert all(map(encoding.is_identifier, ["AccessionNumber", "ScheduledProcedureStepID", "AdmissionID"]))
    assert not encoding.is_identifier("RequestedProcedureDescription")


def test_a_uid_is_padded_with_nul_and_text_with_a_space() -> None:
    """Padding is what every scanner expects."""
    assert encoding.contents(encoding.encode({"StudyInstanceUID": str(UID("1.2.3"))}))[0x0020000D] == b"1.2.3\0"
    assert encoding.contents(encoding.encode({"PatientID": "ABC"}))[0x00100020] == b"ABC "

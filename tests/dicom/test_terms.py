"""Defined terms, status codes and the attribute table agree with the standard's own lists."""

from pydicom import datadict
from pydicom.sr.codedict import codes

from swf.dicom import attributes, encoding, matching, status, terms


def test_every_modality_of_the_standard_is_known() -> None:
    """No modality that DICOM lists is taken for a mistake."""
    listed = {getattr(codes.cid29, name).value for name in codes.cid29.dir()}
    assert listed <= terms.MODALITIES


def test_the_reasons_for_discontinuation_are_those_of_the_standard() -> None:
    """A reason the modality gives is shown in the words of the standard."""
    listed = {
        concept.value: concept.meaning
        for group in (codes.cid9300, codes.cid9301, codes.cid9302)
        for concept in (getattr(group, name) for name in group.dir())
        if concept.scheme_designator == "DCM"
    }
    assert listed == terms.DISCONTINUATION_REASONS
    assert listed.keys() >= terms.PUTS_BACK
    assert terms.WRONG_ENTRY in terms.PUTS_BACK


def test_finished_and_cancelled_steps_are_not_listed() -> None:
    """A scanner is not offered what is done or called off."""
    assert terms.StepStatus.STARTED in terms.LISTED
    assert not terms.LISTED & {"COMPLETED", "CANCELLED", "DISCONTINUED"}


def test_every_status_of_both_services_is_described_once() -> None:
    """The conformance statement can print each status with its meaning."""
    for table in (status.WORKLIST, status.PERFORMED_STEP):
        numbers = [row.code for row in table]
        assert len(numbers) == len(set(numbers))
        assert all(row.meaning for row in table)
        assert all(datadict.tag_for_keyword(field) for row in table for field in row.fields)
    assert {row.code for row in status.WORKLIST} >= {0x0000, 0xFF00, 0xFF01, 0xFE00, 0xA700, 0xA900, 0xC000}


def test_the_attribute_table_names_real_attributes_once() -> None:
    """Each key of the worklist stands in the table once, under the sequences it belongs to."""
    rows = [(row.path, row.keyword) for row in attributes.TABLE]
    assert len(rows) == len(set(rows))
    assert all(encoding.layout(row.keyword).tag for row in attributes.TABLE)
    above = {f"{path}/{keyword}".lstrip("/") for path, keyword in rows if encoding.layout(keyword).vr == "SQ"}
    assert {row.path for row in attributes.TABLE} - {""} <= above


def test_every_key_a_server_must_match_has_a_column() -> None:
    """All keys DICOM and IHE require of a worklist server are matched in the database."""
    required = {
        row.keyword for row in attributes.TABLE if row.matching == "R" and encoding.layout(row.keyword).vr != "SQ"
    }
    by_ihe = {"AccessionNumber", "RequestedProcedureID", "AdmissionID", "ScheduledProcedureStepLocation"}
    matched = {row.keyword for row in attributes.columns().values()}
    assert required | by_ihe <= matched
    assert len({row.column for row in attributes.columns().values()}) == len(attributes.columns())


def test_the_columns_of_the_combined_range_are_those_of_the_table() -> None:
    """A range of dates with a range of times finds the columns it is about."""
    assert {matching.START_DATE, matching.START_TIME} <= {row.column for row in attributes.columns().values()}

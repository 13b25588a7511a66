"""What a strict modality would choke on, found in the item as it is stored (PS3.4 K.6-1, PS3.5 6.2)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import encoding, flaws
from swf.dicom.flaws import Flaw

SPS = "ScheduledProcedureStepSequence"
STEP: dict[str, Any] = {
    "ScheduledStationAETitle": ["CT1", "CT2"],
    "ScheduledProcedureStepStartDate": "20261122",
    "ScheduledProcedureStepStartTime": "0930",
    "Modality": "CT",
    "ScheduledProcedureStepID": "S1",
    "ScheduledProcedureStepDescription": "Head",
}
ITEM: dict[str, Any] = {
    "PatientName": "DOE^JANE=山田^太郎",
    "PatientID": "P1",
    "StudyInstanceUID": "1.2.3",
    "RequestedProcedureID": "RP1",
    "RequestedProcedureCodeSequence": [{"CodeValue": "C1", "CodeMeaning": "Head"}],
    "MedicalAlerts": ["PACEMAKER", "LATEX"],
    "PregnancyStatus": "4",
    "ImagingServiceRequestComments": "one line\r\nanother \\ line",
}


def stored(step: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """The item with some attributes changed, and of its step too; None takes one away."""
    whole = {**ITEM, **changes, SPS: [{k: v for k, v in {**STEP, **(step or {})}.items() if v is not None}]}
    return encoding.encode({keyword: value for keyword, value in whole.items() if value is not None})


def test_a_good_entry_has_no_flaw() -> None:
    """Several stations, several alerts, lines in a comment and a name in two scripts are as they should be."""
    assert flaws.of(stored()) == []
    assert flaws.bits(stored()) == 0


@pytest.mark.parametrize(
    ("item", "flaw", "told"),
    [
        (stored(PatientName=None), Flaw.MISSING, "PatientName is missing (type 1)"),
        (stored(PatientID=""), Flaw.MISSING, "PatientID is missing (type 1)"),
        (stored(StudyInstanceUID=None), Flaw.MISSING, "StudyInstanceUID is missing (type 1)"),
        (stored(RequestedProcedureID=" "), Flaw.MISSING, "RequestedProcedureID is missing (type 1)"),
        (stored({"Modality": ""}), Flaw.MISSING, f"{SPS}/Modality is missing (type 1)"),
        (stored({"ScheduledStationAETitle": None}), Flaw.MISSING, f"{SPS}/ScheduledStationAETitle is missing (type 1)"),
        (
            stored({"ScheduledProcedureStepStartTime": ""}),
            Flaw.MISSING,
            f"{SPS}/ScheduledProcedureStepStartTime is missing (type 1)",
        ),
        (
            stored({"ScheduledProcedureStepDescription": None}),
            Flaw.MISSING,
            f"{SPS}/ScheduledProcedureStepDescription is missing, and so is ScheduledProtocolCodeSequence (type 1C)",
        ),
        (
            stored(RequestedProcedureCodeSequence=[]),
            Flaw.MISSING,
            "RequestedProcedureDescription is missing, and so is RequestedProcedureCodeSequence (type 1C)",
        ),
        (
            stored(ReferencedStudySequence=[{"ReferencedSOPClassUID": "1.2"}]),
            Flaw.MISSING,
            "ReferencedStudySequence/ReferencedSOPInstanceUID is missing (type 1)",
        ),
        (stored(PatientID="A\\B"), Flaw.BACKSLASH, "PatientID holds a backslash"),
        (stored(AccessionNumber="A" * 17), Flaw.LENGTH, "AccessionNumber is longer than 16 characters (17)"),
        (stored(PatientName="Ä" * 65), Flaw.LENGTH, "PatientName is longer than 64 characters (65)"),
        (stored({"ScheduledStationName": "R" * 17}), Flaw.LENGTH, f"{SPS}/ScheduledStationName is longer than 16 "),
        (
            stored(RequestedProcedureCodeSequence=[{"CodeValue": "C1", "CodeMeaning": "M" * 65}]),
            Flaw.LENGTH,
            "RequestedProcedureCodeSequence/CodeMeaning is longer than 64 characters (65)",
        ),
        (stored(PatientComments="a\x1bb"), Flaw.CHARACTER, "PatientComments holds a control character"),
        (stored(RequestedProcedureDescription="a\nb"), Flaw.CHARACTER, "RequestedProcedureDescription holds a control"),
        (stored(PatientBirthDate="1980-02-29"), Flaw.LENGTH, "PatientBirthDate is longer than 8 characters (10)"),
        (stored(PatientBirthDate="19800230"), Flaw.FORM, "PatientBirthDate is not a date YYYYMMDD"),
        (stored(PatientSex="f"), Flaw.FORM, "PatientSex holds other characters than capital letters"),
        (stored(StudyInstanceUID="1.02"), Flaw.FORM, "StudyInstanceUID is not a valid UID"),
        (stored(PatientName="A^B^C^D^E^F"), Flaw.FORM, "PatientName has more than 5 components in a group"),
        (stored({"ScheduledProcedureStepStartTime": "25"}), Flaw.FORM, f"{SPS}/ScheduledProcedureStepStartTime is not"),
        (stored(PatientName="M\ufffdLLER"), Flaw.LOST, "PatientName holds the sign of a letter that was lost"),
    ],
)
def test_a_flaw_is_named(item: bytes, flaw: Flaw, told: str) -> None:
    """An operator reads which attribute is wrong and in which way, and never the patient's value of it."""
    found = [each for each in flaws.of(item) if str(each).startswith(told)]
    assert [each.flaw for each in found] == [flaw]
    assert flaws.bits(item) & flaws.mask([flaw])


def test_every_flaw_of_an_entry_is_named() -> None:
    """Who corrects an order learns of everything that is wrong with it at once."""
    item = stored({"Modality": None, "ScheduledStationName": "R" * 17}, PatientID="A\\B", PatientSex="f")
    assert [(each.flaw, each.attribute) for each in flaws.of(item)] == [
        (Flaw.BACKSLASH, "PatientID"),
        (Flaw.FORM, "PatientSex"),
        (Flaw.MISSING, f"{SPS}/Modality"),
        (Flaw.LENGTH, f"{SPS}/ScheduledStationName"),
    ]
    assert flaws.bits(item) == flaws.mask([Flaw.BACKSLASH, Flaw.FORM, Flaw.MISSING, Flaw.LENGTH])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(ITEM.keys() - {"PregnancyStatus"})), st.text(max_size=70))
def test_anything_that_can_be_stored_can_be_judged(keyword: str, text: str) -> None:
    """Whatever comes to stand in an entry, the list of flaws is made and repeats nothing of it."""
    try:
        item = stored(**{keyword: [{"CodeValue": text}] if keyword.endswith("Sequence") else text})
    except UnicodeEncodeError:
        return  # half a letter is not stored in the first place, nor is a UID that is none
    found = flaws.of(item)
    assert flaws.bits(item) == flaws.mask({each.flaw for each in found})
    assert not any(len(text) > 20 and text in str(each) for each in found)

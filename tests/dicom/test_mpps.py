"""What a modality may report of a performed step, and what is kept of it (PS3.4 F.7.2, table F.7.2-1)."""

from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom import dsutils

from swf import errors
from swf.dicom import encoding, mpps, mpps_rules, mpps_table, terms

STATUS, STEPS, SERIES = mpps_table.STATUS, mpps_table.SCHEDULED_STEPS, mpps_table.SERIES
REASON = "PerformedProcedureStepDiscontinuationReasonCodeSequence"


def dataset(**values: Any) -> Dataset:
    """A dataset of keywords; lists of dictionaries become items."""
    made = Dataset()
    for keyword, value in values.items():
        nested = isinstance(value, list) and encoding.layout(keyword).vr == "SQ"
        setattr(made, keyword, [dataset(**item) for item in value] if nested else value)
    return made


SCHEDULED = {
    "StudyInstanceUID": "1.2.3",
    "ReferencedStudySequence": [],
    "AccessionNumber": "A1",
    "RequestedProcedureID": "RP1",
    "RequestedProcedureDescription": "CT head",
    "ScheduledProcedureStepID": "S1",
    "ScheduledProcedureStepDescription": "Head",
    "ScheduledProtocolCodeSequence": [],
    "PlacerOrderNumberImagingServiceRequest": "PL1",
}
PERFORMED_SERIES = {
    "PerformingPhysicianName": "ROE^RICHARD",
    "ProtocolName": "HEAD",
    "OperatorsName": "",
    "SeriesInstanceUID": "1.2.3.4",
    "SeriesDescription": "",
    "RetrieveAETitle": "",
    "ReferencedImageSequence": [
        {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": "1.2.3.4.5"},
        {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": "1.2.3.4.6"},
    ],
    "ReferencedNonImageCompositeSOPInstanceSequence": [],
}
END = {"PerformedProcedureStepEndDate": "20261122", "PerformedProcedureStepEndTime": "093015.5"}


def created(**changes: Any) -> Dataset:
    """A faultless N-CREATE with `changes`; None takes an attribute away."""
    values: dict[str, Any] = {
        STEPS: [SCHEDULED],
        "PatientName": "DOE^JANE",
        "PatientID": "P1",
        "IssuerOfPatientID": "HOSPITAL",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "ReferencedPatientSequence": [],
        "PerformedProcedureStepID": "PPS1",
        "PerformedStationAETitle": "CT1",
        "PerformedStationName": "",
        "PerformedLocation": "",
        "PerformedProcedureStepStartDate": "20261122",
        "PerformedProcedureStepStartTime": "0900",
        STATUS: "IN PROGRESS",
        "PerformedProcedureStepDescription": "CT head",
        "PerformedProcedureTypeDescription": "",
        "ProcedureCodeSequence": [],
        "PerformedProcedureStepEndDate": "",
        "PerformedProcedureStepEndTime": "",
        REASON: [],
        "Modality": "CT",
        "StudyID": "",
        "PerformedProtocolCodeSequence": [],
        SERIES: [],
    }
    values.update(changes)
    return dataset(**{keyword: value for keyword, value in values.items() if value is not None})


def test_a_faultless_report_is_taken_without_a_word() -> None:
    """A modality that follows the standard raises no warning."""
    assert mpps_rules.check_create(created()) == []


TYPE_1 = [row.keyword for row in mpps_table.TABLE if not row.path and row.on_create == "1" and row.keyword != STEPS]


def test_the_required_attributes_are_those_of_the_table() -> None:
    """Table F.7.2-1 demands these of a new report."""
    assert set(TYPE_1) == {
        "PerformedProcedureStepID",
        "PerformedStationAETitle",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        STATUS,
        "Modality",
    }


@pytest.mark.parametrize("keyword", TYPE_1)
def test_a_required_attribute_that_is_missing_is_named(keyword: str) -> None:
    """The modality is told which attribute it left out (0120)."""
    with pytest.raises(errors.MissingAttribute) as refusal:
        mpps_rules.check_create(created(**{keyword: None}))
    assert refusal.value.keywords == (keyword,)
    assert refusal.value.dimse_status == 0x0120


@pytest.mark.parametrize("keyword", TYPE_1)
def test_a_required_attribute_that_is_empty_is_named(keyword: str) -> None:
    """The modality is told which attribute it left empty (0121)."""
    with pytest.raises(errors.MissingValue) as refusal:
        mpps_rules.check_create(created(**{keyword: ""}))
    assert refusal.value.keywords == (keyword,)
    assert refusal.value.dimse_status == 0x0121


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED", "STARTED", "IN_PROGRESS", "in progress"])
def test_a_step_begins_in_progress_and_in_no_other_state(status: str) -> None:
    """A report that begins with its end is refused (0106)."""
    with pytest.raises(errors.InvalidValue) as refusal:
        mpps_rules.check_create(created(**{STATUS: status}))
    assert refusal.value.keywords == (STATUS,)
    assert refusal.value.dimse_status == 0x0106


@pytest.mark.parametrize("steps", [None, [], [{}]])
def test_unscheduled_work_is_never_refused(steps: Any) -> None:
    """An emergency nobody ordered is recorded, with a note for the operator."""
    warnings = mpps_rules.check_create(created(**{STEPS: steps}))
    assert any("nothing was scheduled" in each for each in warnings)
    assert mpps.references(created(**{STEPS: steps})) == []


def test_a_scheduled_step_without_a_study_is_refused() -> None:
    """A step that is named must say which study it made."""
    item = {keyword: value for keyword, value in SCHEDULED.items() if keyword != "StudyInstanceUID"}
    with pytest.raises(errors.MissingAttribute) as refusal:
        mpps_rules.check_create(created(**{STEPS: [SCHEDULED, item]}))
    assert refusal.value.keywords == ("StudyInstanceUID",)


@pytest.mark.parametrize(
    ("keyword", "error"), [("ProtocolName", errors.MissingAttribute), ("SeriesInstanceUID", errors.MissingAttribute)]
)
def test_a_series_must_say_what_it_is(keyword: str, error: type[Exception]) -> None:
    """A series without its number or protocol is refused."""
    series = {name: value for name, value in PERFORMED_SERIES.items() if name != keyword}
    with pytest.raises(error):
        mpps_rules.check_create(created(**{SERIES: [series]}))


TYPE_2 = [row for row in mpps_table.TABLE if row.on_create == "2" and not row.path]


@pytest.mark.parametrize("keyword", [row.keyword for row in TYPE_2])
def test_what_real_modalities_leave_out_is_only_noted(keyword: str) -> None:
    """A scanner that omits what may be empty anyway can report its work."""
    assert mpps_rules.check_create(created(**{keyword: None})) == [f"{keyword} is absent (type 2)"]


def test_values_that_cannot_be_read_are_noted() -> None:
    """An odd date or number does not lose the report."""
    item = {**SCHEDULED, "StudyInstanceUID": "1.02"}
    warnings = mpps_rules.check_create(created(PerformedProcedureStepStartDate="2026.11.22", **{STEPS: [item]}))
    assert len([each for each in warnings if "StartDate" in each]) >= 1
    assert "StudyInstanceUID is not a valid UID" in warnings
    assert not any("1.02" in each for each in warnings)


# ---- N-SET ----


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
def test_a_step_that_has_what_its_end_needs_ends(status: str) -> None:
    """Completed and discontinued steps are closed when times and series are there."""
    changes = dataset(**{STATUS: status, SERIES: [PERFORMED_SERIES]}, **END)
    assert mpps_rules.check_set(created(), changes) == []
    assert mpps.summary(mpps_rules.merge(created(), changes)).status == status


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, {"PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime", SERIES}),
        ({**END}, {SERIES}),
        ({**END, SERIES: []}, {SERIES}),
        ({**END, SERIES: [{**PERFORMED_SERIES, "ProtocolName": ""}]}, {"ProtocolName"}),
        ({**END, SERIES: [PERFORMED_SERIES, {"ProtocolName": "X"}]}, {"SeriesInstanceUID"}),
        ({SERIES: [PERFORMED_SERIES], "PerformedProcedureStepEndDate": "20261122"}, {"PerformedProcedureStepEndTime"}),
    ],
)
def test_a_step_does_not_end_half_reported(status: str, changes: dict[str, Any], missing: set[str]) -> None:
    """A step without its end time or series stays in progress, and the modality is told why (0121)."""
    with pytest.raises(errors.MissingValue) as refusal:
        mpps_rules.check_set(created(), dataset(**{STATUS: status}, **changes))
    assert set(refusal.value.keywords) == missing
    assert refusal.value.dimse_status == 0x0121


def test_what_was_reported_before_counts_for_the_end() -> None:
    """Series reported while the step ran need not be sent again to end it."""
    running = mpps_rules.merge(created(), dataset(**{SERIES: [PERFORMED_SERIES]}, **END))
    assert mpps_rules.check_set(running, dataset(**{STATUS: "COMPLETED"})) == []


@pytest.mark.parametrize("final", sorted(terms.FINAL))
@pytest.mark.parametrize("again", [{STATUS: "IN PROGRESS"}, {STATUS: "COMPLETED"}, {}])
def test_an_ended_step_stays_as_it_ended(final: str, again: dict[str, Any]) -> None:
    """Nobody changes a finished report (0110 with A710)."""
    with pytest.raises(errors.StepClosed) as refusal:
        mpps_rules.check_set(created(**{STATUS: final}), dataset(**again))
    assert refusal.value.error_id == 0xA710
    assert refusal.value.dimse_status == 0x0110


@pytest.mark.parametrize(("status", "error"), [("", errors.MissingValue), ("DONE", errors.InvalidValue)])
def test_an_unknown_state_is_refused(status: str, error: type[Exception]) -> None:
    """A state the standard does not know changes nothing."""
    with pytest.raises(error):
        mpps_rules.check_set(created(), dataset(**{STATUS: status}))


@pytest.mark.parametrize("changes", [{}, {STATUS: "IN PROGRESS"}, {"PerformedProcedureStepDescription": "more"}])
def test_a_running_step_may_be_updated(changes: dict[str, Any]) -> None:
    """A scanner may report while it works, or say once more that it does."""
    assert mpps_rules.check_set(created(), dataset(**changes)) == []


FIXED = [row.keyword for row in mpps_table.TABLE if not row.path and row.on_set == "-"]


@pytest.mark.parametrize("keyword", FIXED)
def test_who_and_what_was_begun_cannot_be_changed(keyword: str) -> None:
    """Patient, order, station and start of a running step are fixed (0106)."""
    sequence = encoding.layout(keyword).vr == "SQ"
    value = [{"StudyInstanceUID": "9.9", "AccessionNumber": "X"}] if sequence else "19990101"
    with pytest.raises(errors.InvalidValue) as refusal:
        mpps_rules.check_set(created(), dataset(**{keyword: value}))
    assert refusal.value.keywords == (keyword,)


@pytest.mark.parametrize("keyword", FIXED)
def test_saying_the_same_again_is_no_change(keyword: str) -> None:
    """A scanner that repeats its whole report is not refused for it."""
    stored = created()
    again = Dataset()
    if keyword in stored:
        again[keyword] = created()[keyword]
    assert mpps_rules.check_set(stored, again) == []
    assert mpps_rules.merge(stored, again) == mpps_rules.merge(stored, Dataset())


def test_padding_makes_no_difference() -> None:
    """A blank behind a number is not another number."""
    assert mpps_rules.check_set(created(), dataset(PatientID="P1 ")) == []


def test_a_fixed_attribute_sent_empty_keeps_its_value() -> None:
    """A scanner that forgets the patient half-way does not take the report away from them."""
    changes = dataset(PatientID="")
    assert mpps_rules.check_set(created(), changes) == ["PatientID is sent empty and keeps its value"]
    assert mpps_rules.merge(created(), changes).PatientID == "P1"


def test_an_attribute_that_was_never_created_is_taken_and_noted() -> None:
    """A reason for stopping is kept although the scanner had not announced one."""
    reason = [
        {"CodeValue": "110514", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Incorrect worklist entry selected"}
    ]
    assert mpps_rules.check_set(created(**{REASON: None}), dataset(**{REASON: reason})) == [
        f"{REASON} was never created"
    ]
    merged = mpps_rules.merge(created(), dataset(**{REASON: reason}))
    assert mpps.summary(merged).discontinuation_reason == mpps.Reason(
        "110514", "DCM", "Incorrect worklist entry selected"
    )


def test_a_sequence_is_replaced_whole() -> None:
    """The last list of series a scanner sends is the one that counts."""
    second = {**PERFORMED_SERIES, "SeriesInstanceUID": "1.2.3.9"}
    merged = mpps_rules.merge(created(**{SERIES: [PERFORMED_SERIES]}), dataset(**{SERIES: [second]}))
    assert [item.SeriesInstanceUID for item in merged[SERIES].value] == ["1.2.3.9"]


def _received(values: Dataset, character_set: str, *, implicit: bool) -> Dataset:
    values.SpecificCharacterSet = character_set
    raw = dsutils.encode(values, implicit, True)
    assert raw is not None
    received: Dataset = dsutils.decode(BytesIO(raw), implicit, True)
    return received


@pytest.mark.parametrize("implicit", [True, False])
def test_reports_in_different_character_sets_become_one(implicit: bool) -> None:
    """Names from a Latin-1 report and a Cyrillic update stand side by side, unharmed, also in nested items."""
    series = {**PERFORMED_SERIES, "OperatorsName": "Иванов^Пётр"}
    stored = mpps.encode(_received(created(PatientName="Müller^Jürgen"), "ISO_IR 100", implicit=implicit))
    changes = _received(dataset(**{SERIES: [series]}), "ISO_IR 144", implicit=implicit)
    merged = mpps.decode(mpps.encode(mpps_rules.merge(mpps.decode(stored), changes)))
    assert merged.SpecificCharacterSet == "ISO_IR 192"
    assert merged.PatientName == "Müller^Jürgen"
    assert merged[SERIES][0].OperatorsName == "Иванов^Пётр"
    assert "Иванов".encode() in mpps.encode(merged)


def _mislabelled(character_set: str) -> Dataset:
    """A name in Latin-1 under another declaration."""
    raw = dsutils.encode(_received(created(PatientName="M\u00fcller"), "ISO_IR 100", implicit=True), True, True)
    assert raw is not None
    received: Dataset = dsutils.decode(BytesIO(raw.replace(b"ISO_IR 100", character_set.encode())), True, True)
    return received


@pytest.mark.filterwarnings("ignore:(Failed to decode|Unknown encoding):UserWarning")
@pytest.mark.parametrize(
    ("character_set", "named"), [("ISO_IR 192", "PatientName"), ("ISO_IR 999", "SpecificCharacterSet")]
)
def test_a_wrong_character_set_is_told(character_set: str, named: str) -> None:
    """Names that cannot be read are taken and written down, or refused by who is held to the letter (0106)."""
    received = _mislabelled(character_set)
    warnings = mpps_rules.check_create(received)
    assert warnings == [f"{named} is not in the character set the report declares"]
    assert mpps_rules.check_set(created(), dataset(PatientID="P1")) == []
    with pytest.raises(errors.InvalidValue) as refusal:
        mpps_rules.check_create(received, "strict")
    assert refusal.value.keywords == (named,)
    assert mpps.decode(mpps.encode(received)).SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize("implicit", [True, False])
def test_a_report_is_stored_as_it_came(implicit: bool) -> None:
    """Nothing of a report is lost on its way into the store and back."""
    received = _received(created(**{SERIES: [PERFORMED_SERIES]}), "ISO_IR 192", implicit=implicit)
    assert mpps.decode(mpps.encode(received)) == received
    assert mpps.encode(mpps.decode(mpps.encode(received))) == mpps.encode(received)


@pytest.mark.parametrize("nested", [False, True])
def test_one_bad_number_does_not_lose_the_report(nested: bool) -> None:
    """A number that cannot be read is left out and named; the rest of the report is kept."""
    received = created(**{SERIES: [PERFORMED_SERIES]})
    tag = Tag(0x00189306)
    place = received[SERIES].value[0] if nested else received
    place[tag] = RawDataElement(tag, "FD", 4, b"half", 0, is_implicit_VR=True, is_little_endian=True)
    left_out = ["SingleCollimationWidth cannot be read and is left out"]
    assert mpps_rules.check_create(received) == left_out
    assert mpps_rules.check_set(created(), received) == left_out
    assert mpps.decode(mpps.encode(received)) == mpps_rules.merge(created(**{SERIES: [PERFORMED_SERIES]}), Dataset())


def test_text_that_is_no_number_is_kept_as_it_came() -> None:
    """A weight in words is stored in words."""
    tag = Tag(0x00101030)
    received = created()
    received[tag] = RawDataElement(tag, "DS", 6, b"heavy ", 0, is_implicit_VR=True, is_little_endian=True)
    assert mpps_rules.check_create(received) == []
    assert mpps.decode(mpps.encode(received)).get_item(tag).value == b"heavy "


# ---- what is read from a report ----


def test_a_group_of_steps_names_every_order_it_belongs_to() -> None:
    """Two orders done in one go are both told."""
    second = {**SCHEDULED, "ScheduledProcedureStepID": "S2", "AccessionNumber": "A2"}
    assert mpps.references(created(**{STEPS: [SCHEDULED, second]})) == [
        mpps.Reference("1.2.3", "A1", "RP1", "S1", "PL1", ""),
        mpps.Reference("1.2.3", "A2", "RP1", "S2", "PL1", ""),
    ]


def test_a_report_is_summed_up() -> None:
    """Who, where, when and what of an examination are read from its report."""
    done = mpps_rules.merge(created(), dataset(**{STATUS: "COMPLETED", SERIES: [PERFORMED_SERIES]}, **END))
    assert mpps.summary(done) == mpps.Summary(
        status="COMPLETED",
        sop_instance_uid="",
        performed_step_id="PPS1",
        performed_station="CT1",
        modality="CT",
        description="CT head",
        started=datetime(2026, 11, 22, 9, 0),
        ended=datetime(2026, 11, 22, 9, 30, 15),
        patient_id="P1",
        issuer_of_patient_id="HOSPITAL",
        patient_name="DOE^JANE",
        study_instance_uids=("1.2.3",),
        series=(mpps.Series("1.2.3.4", "HEAD", 2),),
        discontinuation_reason=None,
    )


@pytest.mark.parametrize(("day", "time"), [("", "0900"), ("20261122", ""), ("tomorrow", "0900"), ("20261322", "0900")])
def test_a_time_that_cannot_be_read_is_unknown(day: str, time: str) -> None:
    """An unreadable start is shown as unknown, never as another time."""
    odd = created(PerformedProcedureStepStartDate=day, PerformedProcedureStepStartTime=time)
    assert mpps.summary(odd).started is None


def test_an_empty_report_can_be_summed_up() -> None:
    """Even a report that says nothing can be shown."""
    assert mpps.summary(Dataset()).series == ()


def test_the_table_names_real_attributes_once() -> None:
    """Each attribute of table F.7.2-1 stands in our table once."""
    rows = [(row.path, row.keyword) for row in mpps_table.TABLE]
    assert len(rows) == len(set(rows))
    assert all(encoding.layout(row.keyword).tag for row in mpps_table.TABLE)


# ---- strict and lenient ----


TYPE_2_OR_1 = [row.keyword for row in mpps_table.TOP if row.on_create != "3"]


@pytest.mark.parametrize("keyword", TYPE_2_OR_1)
def test_a_strict_judge_wants_the_whole_table(keyword: str) -> None:
    """Held to the letter, a scanner that omits what may be empty, or the scheduled step, is told which it was."""
    with pytest.raises(errors.MissingAttribute) as refusal:
        mpps_rules.check_create(created(**{keyword: None}), "strict")
    assert refusal.value.keywords == (keyword,)


def test_a_strict_judge_takes_what_is_faultless() -> None:
    """A scanner that follows the standard passes every measure without a word."""
    changes = dataset(**{STATUS: "COMPLETED", SERIES: [PERFORMED_SERIES]}, **END)
    for rules in ("strict", "standard", "lenient"):
        assert mpps_rules.check_create(created(), rules) == []
        assert mpps_rules.check_set(created(), changes, rules) == []


@pytest.mark.parametrize("keyword", [name for name in TYPE_1 if name != STATUS])
@pytest.mark.parametrize("value", [None, ""])
def test_a_lenient_judge_notes_what_is_missing(keyword: str, value: str | None) -> None:
    """An old scanner that leaves out even what is required is taken, and what it left out is written down."""
    (warning,) = mpps_rules.check_create(created(**{keyword: value}), "lenient")
    assert warning == f"{keyword} is {'empty' if value == '' else 'absent'} (type 1)"


@pytest.mark.parametrize(
    ("told", "taken"),
    [(None, "IN PROGRESS"), ("", "IN PROGRESS"), ("in progress", "IN PROGRESS"), ("IN_PROGRESS", "IN PROGRESS")],
)
def test_a_lenient_judge_reads_a_misspelt_begin(told: str | None, taken: str) -> None:
    """A status that can only be meant one way is read that way, and said so."""
    sent = created(**{STATUS: told})
    repaired, warnings = mpps_rules.repaired(sent, creating=True)
    assert (repaired[STATUS].value, len(warnings)) == (taken, 1)
    assert mpps_rules.check_create(repaired, "lenient") == []
    assert sent.get(STATUS) == told  # what is passed on to others stays as it came


@pytest.mark.parametrize(("told", "taken"), [("Completed", "COMPLETED"), ("complete ", "COMPLETED"), ("DONE", "DONE")])
def test_a_lenient_judge_does_not_guess(told: str, taken: str) -> None:
    """A word that could mean anything stays what it is, and is refused."""
    repaired, _ = mpps_rules.repaired(dataset(**{STATUS: told}), creating=False)
    assert repaired[STATUS].value == taken


@pytest.mark.parametrize("rules", ["strict", "standard", "lenient"])
def test_nobody_begins_with_the_end(rules: mpps_rules.Rules) -> None:
    """Whatever the measure, a report cannot begin COMPLETED, and an ended one is not changed."""
    with pytest.raises(errors.InvalidValue):
        mpps_rules.check_create(created(**{STATUS: "COMPLETED"}), rules)
    with pytest.raises(errors.StepClosed):
        mpps_rules.check_set(created(**{STATUS: "COMPLETED"}), Dataset(), rules)


def test_a_lenient_judge_lets_a_step_end_half_reported() -> None:
    """The exam is over even when the scanner names neither time nor series; both gaps are written down."""
    warnings = mpps_rules.check_set(created(), dataset(**{STATUS: "COMPLETED"}), "lenient")
    gaps = ("PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime", SERIES)
    assert warnings == [f"{name} is missing although the step has ended" for name in gaps]


@pytest.mark.parametrize("keyword", ["PatientID", "PerformedStationAETitle"])
def test_a_lenient_judge_keeps_what_may_not_change(keyword: str) -> None:
    """A scanner that sends another patient half-way does not move the report there, and is not refused either."""
    changes = dataset(**{keyword: "OTHER"})
    warnings = mpps_rules.check_set(created(), changes, "lenient")
    assert warnings == [f"{keyword} may not be changed and keeps its value"]
    assert mpps_rules.merge(created(), changes)[keyword].value == created()[keyword].value


def test_a_strict_judge_refuses_what_was_never_created() -> None:
    """Held to the letter, a scanner may only change what it created (0105)."""
    changes = dataset(CommentsOnThePerformedProcedureStep="late")
    with pytest.raises(errors.NoSuchAttribute) as refusal:
        mpps_rules.check_set(created(), changes, "strict")
    assert (refusal.value.keywords, refusal.value.dimse_status) == (("CommentsOnThePerformedProcedureStep",), 0x0105)
    assert mpps_rules.check_set(created(), changes) == ["CommentsOnThePerformedProcedureStep was never created"]


def test_a_strict_judge_refuses_even_the_same_patient_again() -> None:
    """Held to the letter, N-SET may not carry the patient at all."""
    with pytest.raises(errors.InvalidValue):
        mpps_rules.check_set(created(), dataset(PatientID="P1"), "strict")


@pytest.mark.parametrize("keyword", ["OperatorsName", "SeriesInstanceUID"])
def test_a_strict_judge_wants_whole_series(keyword: str) -> None:
    """Held to the letter, each series of a change says everything the table lists (0121)."""
    series = {name: value for name, value in PERFORMED_SERIES.items() if name != keyword}
    with pytest.raises(errors.MissingValue) as refusal:
        mpps_rules.check_set(created(), dataset(**{SERIES: [series]}), "strict")
    assert refusal.value.keywords == (keyword,)


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ({"CodingSchemeDesignator": "L", "CodeMeaning": "Head"}, "CodeValue"),
        ({"CodeValue": "H", "CodeMeaning": "Head"}, "CodingSchemeDesignator"),
        ({"CodeValue": "H", "CodingSchemeDesignator": "L", "CodeMeaning": ""}, "CodeMeaning"),
    ],
)
def test_a_code_needs_all_its_parts(code: dict[str, str], lacking: str) -> None:
    """Half a code is noted, and refused by who is held to the letter."""
    sent = created(PerformedProtocolCodeSequence=[code])
    name = f"PerformedProtocolCodeSequence/{lacking}"
    assert mpps_rules.check_create(sent) == [f"{name} is missing in a code"]
    with pytest.raises(errors.MissingValue) as refusal:
        mpps_rules.check_create(sent, "strict")
    assert refusal.value.keywords == (name,)


@pytest.mark.parametrize("code", [{}, {"URNCodeValue": "urn:x", "CodeMeaning": "Head"}])
def test_an_empty_code_and_a_code_by_name_are_whole(code: dict[str, str]) -> None:
    """An empty item is what some scanners send for no code; a URN needs no scheme."""
    assert mpps_rules.check_create(created(PerformedProtocolCodeSequence=[code])) == []


# ---- what others ask for ----


def test_the_whole_step_is_given_to_who_asks_for_everything() -> None:
    """Who asks for nothing in particular gets the report as it stands."""
    held, everything = mpps.retrieved(mpps.encode(created()), [])
    assert (held, everything) == (mpps_rules.merge(created(), Dataset()), True)


@pytest.mark.parametrize(
    ("keyword", "value", "everything"),
    [("PatientID", "P1", True), ("ServiceEpisodeID", None, True), ("InstitutionName", "missing", False)],
)
def test_a_part_of_a_step(keyword: str, value: str | None, everything: bool) -> None:
    """What the step does not say is given empty when the service knows it, and else left out with a warning."""
    held, whole = mpps.retrieved(mpps.encode(created()), [encoding.layout(keyword).tag])
    assert (held.get(keyword, "missing"), whole) == (value, everything)
    assert "PatientName" not in held


def test_what_the_step_made_can_be_counted() -> None:
    """Images and other objects are named one by one."""
    series = {
        **PERFORMED_SERIES,
        "ReferencedNonImageCompositeSOPInstanceSequence": [{"ReferencedSOPInstanceUID": "9.9"}],
    }
    done = created(**{SERIES: [series]})
    assert list(mpps.instances(done)) == ["1.2.3.4.5", "1.2.3.4.6", "9.9"]
    assert (mpps.summary(done).series[0].images, mpps.summary(done).series[0].others) == (2, 1)

"""Worklist queries as modalities really send them, and the answers they get (PS3.4 K.4, peers' behaviour probe)."""

from datetime import datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID
from pynetdicom import dsutils

from swf.dicom import encoding, matching, worklist, zones
from swf.dicom.matching import DateTimeRange, Equal, Range, Wildcard
from tests.net.dicom_peer import dataset

SPS = "ScheduledProcedureStepSequence"


def raw_step(keyword: str, value: str) -> Dataset:
    """A query with one key of the step, whatever its value."""
    request = dataset()
    request.ScheduledProcedureStepSequence = [dataset(**{keyword: value})]
    return request


ITEM: dict[str, Any] = {
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "ROE^RICHARD",
    "ReferencedStudySequence": [],
    "PatientName": "Müller^Jürgen",
    "PatientID": "P1",
    "PatientBirthDate": "19700101",
    "PatientSex": "M",
    "MedicalAlerts": ["PACEMAKER", "LATEX"],
    "PregnancyStatus": "4",
    "StudyInstanceUID": "1.2.3",
    "RequestedProcedureID": "RP1",
    "RequestedProcedureDescription": "CT head",
    "RequestedProcedureCodeSequence": [
        {"CodeValue": "CTH", "CodingSchemeDesignator": "99L", "CodeMeaning": "CT head"},
    ],
    SPS: [
        {
            "Modality": "CT",
            "ScheduledStationAETitle": ["CT1", "CT2"],
            "ScheduledProcedureStepStartDate": "20261122",
            "ScheduledProcedureStepStartTime": "090000",
            "ScheduledProcedureStepID": "S1",
            "ScheduledProtocolCodeSequence": [{"CodeValue": "P1", "CodeMeaning": "Kopf für alle"}],
        }
    ],
}
STORED = encoding.encode(ITEM)


def identifier(step: dict[str, Any] | None = None, **keys: Any) -> Dataset:
    """A query of these keys, those of `step` inside the step item."""
    dataset = Dataset()
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    if step is not None:
        dataset.ScheduledProcedureStepSequence = [identifier(**step)]
    return dataset


def over_the_wire(dataset: Dataset, *, implicit: bool) -> Dataset:
    """The dataset as the other side receives it."""
    encoded = dsutils.encode(dataset, implicit, True)
    assert encoded is not None
    received: Dataset = dsutils.decode(BytesIO(encoded), implicit, True)
    return received


def asked(dataset: Dataset, *, implicit: bool = True) -> worklist.WorklistQuery:
    """The query as it is read from a request off the wire, which is the same as from one made in memory."""
    query = worklist.read_query(over_the_wire(dataset, implicit=implicit))
    assert worklist.read_query(dataset) == query
    return query


# ---- the query ----


@pytest.mark.parametrize("implicit", [True, False])
def test_every_key_with_a_column_becomes_a_predicate(implicit: bool) -> None:
    """Each key of a query narrows the list by its own column, in either transfer syntax."""
    query = asked(
        identifier(
            step={
                "ScheduledStationAETitle": "CT1",
                "ScheduledProcedureStepStartDate": "20261122",
                "ScheduledProcedureStepStartTime": "08-10",
                "Modality": "CT",
                "ScheduledPerformingPhysicianName": "POE*",
                "ScheduledProcedureStepID": "S1",
                "ScheduledStationName": "ROOM1",
                "ScheduledProcedureStepLocation": "EAST",
            },
            PatientName="SMITH^JO*",
            PatientID="P1",
            IssuerOfPatientID="HOSPITAL",
            PatientBirthDate="19700101",
            PatientSex="F",
            AccessionNumber="A1",
            RequestedProcedureID="RP1",
            StudyInstanceUID="1.2.3",
            AdmissionID="V1",
            PlacerOrderNumberImagingServiceRequest="PL1",
            FillerOrderNumberImagingServiceRequest="FI1",
        ),
        implicit=implicit,
    )
    assert {getattr(each, "column", ""): each for each in query.predicates} == {
        "station": Equal("station", ("CT1",)),
        "start_date": Equal("start_date", ("20261122",)),
        "start_time": Range("start_time", "080000", "105959"),
        "modality": Equal("modality", ("CT",)),
        "performing_physician": Wildcard("performing_physician", "poe*"),
        "step_id": Equal("step_id", ("S1",)),
        "station_name": Equal("station_name", ("ROOM1",)),
        "location": Equal("location", ("EAST",)),
        "patient_name": Wildcard("patient_name", "smith^jo*"),
        "patient_id": Equal("patient_id", ("P1",)),
        "issuer_of_patient_id": Equal("issuer_of_patient_id", ("HOSPITAL",)),
        "patient_birth_date": Equal("patient_birth_date", ("19700101",)),
        "patient_sex": Equal("patient_sex", ("F",)),
        "accession_number": Equal("accession_number", ("A1",)),
        "requested_procedure_id": Equal("requested_procedure_id", ("RP1",)),
        "study_instance_uid": Equal("study_instance_uid", ("1.2.3",)),
        "admission_id": Equal("admission_id", ("V1",)),
        "placer_order_number": Equal("placer_order_number", ("PL1",)),
        "filler_order_number": Equal("filler_order_number", ("FI1",)),
    }
    assert not query.optional_unsupported
    assert not query.statuses_asked


def _without_items() -> Dataset:
    dataset = identifier(PatientName="")
    dataset.ScheduledProcedureStepSequence = []
    return dataset


@pytest.mark.parametrize(
    "request_", [_without_items(), identifier(step={}, PatientName=""), identifier(PatientName="*")], ids=str
)
def test_a_query_that_names_nothing_asks_for_everybody(request_: Dataset) -> None:
    """No step item, an empty one or none at all: the scanner gets the whole list."""
    query = asked(request_)
    assert query.predicates == []
    assert not query.optional_unsupported


def test_of_two_step_items_the_first_counts() -> None:
    """A scanner that asks with two step items is answered instead of refused."""
    request = identifier()
    request.ScheduledProcedureStepSequence = [identifier(Modality="CT"), identifier(Modality="MR")]
    query = asked(request)
    assert query.predicates == [Equal("modality", ("CT",))]
    assert query.remarks == ("of 2 items of ScheduledProcedureStepSequence the first counts",)


@pytest.mark.parametrize(
    ("request_", "remarks"),
    [
        (identifier(step={"ScheduledProcedureStepStartDate": ""}), ()),
        (identifier(step={"ScheduledProcedureStepStartDate": "*"}), ()),
        (identifier(step={"ScheduledProcedureStepStartDate": "2026.11.22"}), ()),
        (raw_step("ScheduledProcedureStepStartDate", "tomorrow"), ("ScheduledProcedureStepStartDate is no DA",)),
        (raw_step("ScheduledProcedureStepStartTime", "noon-"), ("ScheduledProcedureStepStartTime is no TM",)),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_said(request_: Dataset, remarks: tuple[str, ...]) -> None:
    """A date that is none finds nobody, and the operator can learn why; dates of any common form are no mistake."""
    assert worklist.read_query(request_).remarks == remarks


SEQUENCE_AS_UNKNOWN = (
    b"\x40\x00\x00\x01UN\x00\x00\xff\xff\xff\xff"
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\x00\x60\x00\x02\x00\x00\x00CT\xfe\xff\x0d\xe0\x00\x00\x00\x00"
    b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
)


def test_a_step_sequence_of_unknown_representation_is_read() -> None:
    """A gateway that no longer knows what the step sequence is passes it on in a form that is still understood."""
    query = worklist.read_query(dsutils.decode(BytesIO(SEQUENCE_AS_UNKNOWN), False, True))
    assert query.predicates == [Equal("modality", ("CT",))]


def test_group_lengths_stand_on_every_level() -> None:
    """Old toolkits count the bytes of each group, inside the step too; nothing is asked by it."""
    step = b"\x40\x00\x00\x00\x04\x00\x00\x00\x0a\x00\x00\x00" + b"\x40\x00\x01\x00\x04\x00\x00\x00CT1 "
    item = b"\xfe\xff\x00\xe0" + len(step).to_bytes(4, "little") + step
    raw = b"\x40\x00\x00\x00\x04\x00\x00\x00\x2a\x00\x00\x00"
    raw += b"\x40\x00\x00\x01" + len(item).to_bytes(4, "little") + item
    query = worklist.read_query(dsutils.decode(BytesIO(raw), True, True))
    assert query.predicates == [Equal("station", ("CT1",))]
    assert query.requested == {0x00400100: {0x00400001: None}}
    assert not query.optional_unsupported


def test_hundreds_of_keys_are_read() -> None:
    """A scanner that asks for everything its dictionary knows is answered with all of it."""
    request = identifier(step={"Modality": "CT"})
    for element in range(0x0002, 0x0802, 2):
        request.add(DataElement(Tag(0x0032, element), "LO", "x" if element % 64 == 2 else ""))
    query = worklist.read_query(over_the_wire(request, implicit=True))
    assert query.predicates == [Equal("modality", ("CT",))]
    assert query.optional_unsupported
    assert len(query.requested or {}) == 1025


@pytest.mark.parametrize(
    ("declared", "key", "name"),
    [
        (["", "ISO 2022 IR 87"], b"=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "山田^太郎"),
        (["", "ISO 2022 IR 149"], b"=\x1b$)C\xb1\xe8^\x1b$)C\xc8\xf1\xc1\xdf", "김^희중"),
        (["GB18030"], "王^小东".encode("gb18030"), "王^小东"),
        (["ISO_IR 144"], "Иванов*".encode("iso8859_5"), "иванов*"),
        (["ISO_IR 166"], "สมชาย".encode("tis_620"), "สมชาย"),
    ],
    ids=["Japanese", "Korean", "Chinese", "Russian", "Thai"],
)
def test_names_are_read_in_every_script(declared: list[str], key: bytes, name: str) -> None:
    """A name is understood in the character set its scanner declares, single bytes, double bytes and escapes."""
    terms = "\\".join(declared).encode()
    terms += b" " * (len(terms) % 2)
    key += b" " * (len(key) % 2)
    raw = b"\x08\x00\x05\x00" + len(terms).to_bytes(4, "little") + terms
    raw += b"\x10\x00\x10\x00" + len(key).to_bytes(4, "little") + key
    (found,) = worklist.read_query(dsutils.decode(BytesIO(raw), True, True)).predicates
    assert found in (Equal("patient_name", (matching.fold(name),)), Wildcard("patient_name", name))


# ---- the query's time zone ----

BERLIN = ZoneInfo("Europe/Berlin")


def _in_berlin(moment: datetime) -> datetime:
    return moment.astimezone(BERLIN)


@pytest.mark.parametrize(
    ("zone", "date", "time", "expected"),
    [
        ("+0100", "20261122", "", [Equal("start_date", ("20261122",))]),
        ("", "20261122", "", [Equal("start_date", ("20261122",))]),
        ("north", "20261122", "", [Equal("start_date", ("20261122",))]),
        ("+0200", "20260722", "08-10", [Equal("start_date", ("20260722",)), Range("start_time", "080000", "105959")]),
        ("+0000", "20261122", "", [DateTimeRange("20261122010000", "20261123005959")]),
        ("+0000", "20261122", "0830", [DateTimeRange("20261122093000", "20261122093000")]),
        ("+0000", "20261122", "08-10", [DateTimeRange("20261122090000", "20261122115959")]),
        ("-0500", "20261122-20261123", "2200-0100", [DateTimeRange("20261123040000", "20261123070059")]),
        ("+0530", "20261122-", "", [DateTimeRange("20261121193000", "")]),
        ("+0000", "-20261122", "", [DateTimeRange("", "20261123005959")]),
        ("+0000", "", "0830", [Equal("start_time", ("083000",))]),
        ("+0000", "20261322", "", [Equal("start_date", ("20261322",))]),
        ("+0000", "202611*", "", [Wildcard("start_date", "202611*")]),
    ],
)
def test_keys_are_meant_in_the_zone_of_their_sender(
    zone: str, date: str, time: str, expected: list[matching.Predicate]
) -> None:
    """A scanner whose clock runs on another zone's time gets the hours it means; on the site's own nothing changes."""
    step = {"ScheduledProcedureStepStartDate": date, "ScheduledProcedureStepStartTime": time}
    step = {keyword: key for keyword, key in step.items() if key}
    request = dataset(TimezoneOffsetFromUTC=zone)
    request.ScheduledProcedureStepSequence = [dataset(**step)]
    query = worklist.read_query(request, local=_in_berlin)
    assert query.predicates == expected
    assert query.zone_asked


@pytest.mark.parametrize(
    ("start", "offset"),
    [("20261122", "+0100"), ("20260722093000", "+0200"), ("20261025040000", "+0100"), ("", ""), ("soon", "")],
)
def test_the_zone_of_a_moment_is_the_one_of_its_season(start: str, offset: str) -> None:
    """An exam in July is in summer time, also when it is booked in winter."""
    assert zones.offset_at(start, _in_berlin) == offset


@pytest.mark.parametrize(
    ("request_", "unsupported"),
    [
        (identifier(RequestedProcedureComments="x"), True),
        (identifier(StudyDescription="x"), True),
        (identifier(QueryRetrieveLevel="WORKLIST"), True),
        (identifier(SOPClassUID=UID("1.2.840.10008.5.1.4.31")), True),
        (identifier(PregnancyStatus=4), True),
        (identifier(step={"ScheduledProtocolCodeSequence": [identifier(CodeValue="X")]}), True),
        (identifier(OtherPatientIDsSequence=[identifier(PatientID="X")]), True),
        (identifier(Modality="CT"), True),
        (identifier(RequestedProcedureComments=""), False),
        (identifier(PregnancyStatus=None), False),
        (identifier(SpecificCharacterSet="ISO_IR 100", TimezoneOffsetFromUTC="+0100"), False),
    ],
    ids=str,
)
def test_a_key_nothing_is_matched_with_never_narrows(request_: Dataset, unsupported: bool) -> None:
    """A key the broker does not match leaves the list as long as it is, and the scanner is told so."""
    query = asked(request_)
    assert query.predicates == []
    assert query.optional_unsupported is unsupported


def test_private_keys_and_group_lengths_do_no_harm() -> None:
    """What a vendor adds for itself neither narrows the list nor comes back."""
    request = identifier(PatientID="P1")
    request.add(DataElement(Tag(0x00090010), "LO", "ACME 1.0"))
    request.add(DataElement(Tag(0x00091001), "LO", "secret"))
    request.add(DataElement(Tag(0x00091002), "SQ", Sequence([identifier(AccessionNumber="X")])))
    raw = dsutils.encode(request, True, True)
    assert raw is not None
    with_group_length = b"\x10\x00\x00\x00\x04\x00\x00\x00\x0e\x00\x00\x00"
    at = raw.index(b"\x10\x00\x20\x00")
    query = worklist.read_query(dsutils.decode(BytesIO(raw[:at] + with_group_length + raw[at:]), True, True))
    assert query.predicates == [Equal("patient_id", ("P1",))]
    assert query.optional_unsupported
    assert query.requested == {0x00100020: None}


@pytest.mark.parametrize("padding", [b"\0\0", b"  ", b"\0 "])
def test_a_blank_key_is_an_empty_key(padding: bytes) -> None:
    """A key filled with blanks asks for nothing."""
    raw = b"\x10\x00\x20\x00\x02\x00\x00\x00" + padding
    assert worklist.read_query(dsutils.decode(BytesIO(raw), True, True)).predicates == []


def test_a_key_of_unknown_representation_is_read_by_its_tag() -> None:
    """A scanner that marks its keys as of unknown kind is understood."""
    raw = b"\x10\x00\x20\x00UN\x00\x00\x02\x00\x00\x00P1"
    assert worklist.read_query(dsutils.decode(BytesIO(raw), False, True)).predicates == [Equal("patient_id", ("P1",))]


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("ISO_IR 100", "latin-1"), ("ISO_IR 192", "utf-8"), (None, "latin-1"), (None, "utf-8")],
)
def test_names_are_read_in_the_requests_own_character_set(declared: str | None, codec: str) -> None:
    """A name with an umlaut is found from a Latin-1 scanner, a Unicode one and one that does not say."""
    raw = "Müller".encode(codec).ljust(8)
    encoded = b"\x10\x00\x10\x00\x08\x00\x00\x00" + raw
    if declared:
        encoded = b"\x08\x00\x05\x00\x0a\x00\x00\x00" + declared.encode() + encoded
    query = worklist.read_query(dsutils.decode(BytesIO(encoded), True, True))
    assert query.predicates == [Equal("patient_name", ("muller",))]
    assert query.character_sets == ((declared,) if declared else ())


def test_lists_of_values_mean_any_of_them() -> None:
    """A scanner may ask for CT and MR in one query, or for several studies."""
    query = asked(identifier(step={"Modality": ["CT", "MR"]}, StudyInstanceUID=["1.2", "1.3"]))
    assert set(query.predicates) == {Equal("modality", ("CT", "MR")), Equal("study_instance_uid", ("1.2", "1.3"))}


def test_ranges_of_date_and_time_are_combined() -> None:
    """The night from 22:00 to 08:30 is asked for as one range."""
    step = {"ScheduledProcedureStepStartDate": "20261122-20261123", "ScheduledProcedureStepStartTime": "220000-083000"}
    query = asked(identifier(step={**step, "Modality": "CT"}))
    assert set(query.predicates) == {Equal("modality", ("CT",)), DateTimeRange("20261122220000", "20261123083000")}


@pytest.mark.parametrize(("key", "by_itself"), [("COMPLETED", True), ("SCHEDULED", True), ("*", False), ("", False)])
def test_a_query_may_name_the_states_it_wants(key: str, by_itself: bool) -> None:
    """A query for finished steps is not answered with the open ones only."""
    assert asked(identifier(step={"ScheduledProcedureStepStatus": key})).statuses_asked is by_itself


KEYS = ["PatientName", "PatientID", "AccessionNumber", "RequestedProcedureID"]
STEP_KEYS = ["ScheduledProcedureStepStartDate", "Modality", "ScheduledStationAETitle"]


@pytest.mark.parametrize("chosen", range(1, 2**7))
def test_all_combinations_of_the_keys_ihe_names_are_conditions(chosen: int) -> None:
    """Patient-based and broad queries narrow by every key they name, alone and together."""
    names = [name for position, name in enumerate(KEYS + STEP_KEYS) if chosen >> position & 1]
    step = {name: "20261122" for name in names if name in STEP_KEYS}
    query = worklist.read_query(identifier(step=step, **{name: "A" for name in names if name in KEYS}))
    assert len(query.predicates) == len(names)
    assert not query.optional_unsupported


# ---- the answer ----


def answered(request: Dataset, *, implicit: bool = True, stored: bytes = STORED) -> Dataset:
    """What the modality receives; the same whichever transfer syntax the answer was made for."""
    dataset = worklist.answer(stored, worklist.read_query(request), implicit=implicit)
    received = over_the_wire(dataset, implicit=implicit)
    assert over_the_wire(dataset, implicit=not implicit) == received
    return received


@pytest.mark.parametrize("implicit", [True, False])
def test_the_answer_holds_what_was_asked_and_nothing_else(implicit: bool) -> None:
    """A scanner gets the attributes it asked for, real values in place of its own wildcards."""
    request = identifier(
        step={"Modality": "C*", "ScheduledStationAETitle": "CT2", "ScheduledProcedureStepID": ""},
        SpecificCharacterSet="ISO_IR 100",
        PatientName="M*",
        MedicalAlerts="",
        PregnancyStatus=None,
        StudyInstanceUID="",
    )
    received = answered(request, implicit=implicit)
    assert received == identifier(
        step={"Modality": "CT", "ScheduledStationAETitle": ["CT1", "CT2"], "ScheduledProcedureStepID": "S1"},
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jürgen",
        MedicalAlerts=["PACEMAKER", "LATEX"],
        PregnancyStatus=4,
        StudyInstanceUID=UID("1.2.3"),
    )


@pytest.mark.parametrize("implicit", [True, False])
def test_what_is_unknown_comes_back_empty(implicit: bool) -> None:
    """Every attribute asked for is in the answer, empty if the broker does not know it, at every depth."""
    request = identifier(
        step={"PreMedication": "", "ScheduledProtocolCodeSequence": [identifier(CodeValue="", CodingSchemeVersion="")]},
        PatientWeight=None,
        SmallestImagePixelValue=None,
        ReferencedPatientSequence=[identifier(ReferencedSOPInstanceUID="")],
        QueryRetrieveLevel="WORKLIST",
    )
    received = answered(request, implicit=implicit)
    assert received[0x00101030].is_empty
    assert received.QueryRetrieveLevel == ""
    assert received[0x00280106].is_empty
    assert list(received.ReferencedPatientSequence) == []
    step = received.ScheduledProcedureStepSequence[0]
    assert step.PreMedication == ""
    assert [(code.CodeValue, code.CodingSchemeVersion) for code in step.ScheduledProtocolCodeSequence] == [("P1", "")]
    assert "CodeMeaning" not in step.ScheduledProtocolCodeSequence[0]


@pytest.mark.parametrize("implicit", [True, False])
def test_an_attribute_nobody_knows_comes_back_empty(implicit: bool) -> None:
    """A scanner newer than our dictionary is answered, with nothing in the attribute we do not know."""
    request = identifier(PatientID="")
    request.add(DataElement(Tag(0x00080FF0), "UN", None))
    query = worklist.read_query(over_the_wire(request, implicit=implicit))
    received = over_the_wire(worklist.answer(STORED, query, implicit=implicit), implicit=implicit)
    assert received.get_item(0x00080FF0, keep_deferred=True).value in (b"", None)
    assert received.PatientID == "P1"


def test_a_step_sequence_of_undefined_length_is_read() -> None:
    """It does not matter how a scanner marks the end of its step item."""
    request = identifier(step={"Modality": "CT"}, PatientID="")
    request["ScheduledProcedureStepSequence"].is_undefined_length = True
    request.ScheduledProcedureStepSequence[0].is_undefined_length_sequence_item = True
    assert asked(request).predicates == [Equal("modality", ("CT",))]


@pytest.mark.parametrize("request_", [_without_items(), identifier(step={}, PatientName="")], ids=str)
def test_an_empty_step_item_asks_for_the_whole_step(request_: Dataset) -> None:
    """A scanner that asks for the step without naming attributes gets all of it."""
    received = answered(request_)
    whole = encoding.decode(encoding.encode({"PatientName": ITEM["PatientName"], SPS: ITEM[SPS]}))
    assert received == whole


def test_there_is_always_one_step_item() -> None:
    """A scanner finds exactly one step in an answer, even in a damaged entry."""
    stored = encoding.encode({**ITEM, SPS: []})
    received = answered(identifier(step={"Modality": ""}), stored=stored)
    assert [step.Modality for step in received.ScheduledProcedureStepSequence] == [""]


@pytest.mark.parametrize(
    ("name", "wanted", "declared"),
    [
        ("DOE^JANE", "ISO_IR 100", None),
        ("Müller^Jürgen", "ISO_IR 100", "ISO_IR 100"),
        ("Müller^Jürgen", None, "ISO_IR 192"),
        ("Иванов^Пётр", "ISO_IR 100", "ISO_IR 192"),
        ("Иванов^Пётр", "ISO_IR 144", "ISO_IR 144"),
        ("Yamada^Tarou=山田^太郎", ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 87"]),
    ],
)
@pytest.mark.parametrize("implicit", [True, False])
def test_no_letter_of_a_name_is_lost(name: str, wanted: Any, declared: Any, implicit: bool) -> None:
    """Names arrive whole and their character set is declared, the scanner's own where it is enough."""
    request = identifier(PatientName="", step={"ScheduledProcedureStepID": ""})
    if wanted:
        request.SpecificCharacterSet = wanted
    received = answered(request, implicit=implicit, stored=encoding.encode({**ITEM, "PatientName": name}))
    assert received.PatientName == name
    assert received.get("SpecificCharacterSet") == declared


def test_a_letter_in_a_nested_item_counts_for_the_character_set() -> None:
    """An umlaut deep in a protocol code is declared as well."""
    assert answered(identifier(step={"ScheduledProtocolCodeSequence": []})).SpecificCharacterSet == "ISO_IR 192"


def test_the_character_set_of_the_request_is_not_echoed_empty() -> None:
    """An answer in plain letters declares nothing, and never an empty character set."""
    assert "SpecificCharacterSet" not in answered(identifier(SpecificCharacterSet="ISO_IR 144", PatientID=""))


@settings(max_examples=80, deadline=None)
@given(st.sets(st.sampled_from(sorted(ITEM))), st.sets(st.sampled_from(sorted(ITEM[SPS][0]))), st.booleans())
def test_any_choice_of_attributes_is_answered_from_the_order(top: set[str], step: set[str], implicit: bool) -> None:
    """Whatever a scanner asks for, each value is the one of the order."""
    request = identifier(
        step=dict.fromkeys(step - {"ScheduledProtocolCodeSequence"}, ""),
        **{name: [] if name.endswith("Sequence") else None for name in top - {SPS}},
    )
    received = answered(request, implicit=implicit)
    whole = encoding.decode(STORED)
    for name in top - {SPS}:
        assert received.get(name) == whole.get(name)
    for name in step - {"ScheduledProtocolCodeSequence"}:
        assert received.ScheduledProcedureStepSequence[0].get(name) == whole.ScheduledProcedureStepSequence[0].get(name)


def test_the_answer_to_a_key_is_what_the_key_was_matched_with() -> None:
    """A patient found by name is the patient shown."""
    query = asked(identifier(PatientName="MULLER*"))
    row = {"patient_name": matching.normal("PN", ITEM["PatientName"])}
    assert all(matching.matches(each, row) for each in query.predicates)
    assert worklist.answer(STORED, query).PatientName == ITEM["PatientName"]


@pytest.mark.parametrize(("day", "offset"), [("20261122", "+0100"), ("20260722", "+0200"), ("", None)])
def test_who_speaks_of_time_zones_is_told_the_sites(day: str, offset: str | None) -> None:
    """A scanner that declares its zone learns in which one the exam's day and time are meant, summer time included."""
    item = encoding.encode({SPS: [{"ScheduledProcedureStepStartDate": day, "ScheduledProcedureStepStartTime": "0900"}]})
    for asked_in in ("+0000", ""):
        query = worklist.read_query(dataset(TimezoneOffsetFromUTC=asked_in, PatientID=""), local=_in_berlin)
        made = dsutils.decode(BytesIO(worklist.answer_bytes(item, query, implicit=True)), True, True)
        assert made.get("TimezoneOffsetFromUTC") == offset
        assert made == over_the_wire(worklist.answer(item, query), implicit=True)
    device = worklist.read_query(dataset(TimezoneOffsetFromUTC=""), local=_in_berlin, zone=ZoneInfo("Asia/Tokyo"))
    assert worklist.answer(item, device).get("TimezoneOffsetFromUTC") == (offset and "+0900")
    silent = worklist.read_query(dataset(PatientID=""), local=_in_berlin)
    assert "TimezoneOffsetFromUTC" not in worklist.answer(item, silent)


def test_a_damaged_item_is_not_answered() -> None:
    """An entry that cannot be read is an error for the operator, never half an answer."""
    with pytest.raises(ValueError, match="cut short"):
        worklist.answer(STORED[:-3], worklist.read_query(identifier(PatientID="")))

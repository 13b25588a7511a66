"""What destinations are told: messages any HL7 reader takes, whatever is in a name (RAD-3, ORU^R01)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_segment
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import encoding
from swf.dicom.mpps import Reason, Series, Summary
from swf.errors import MappingError
from swf.hl7 import dictionary, message
from swf.hl7.header import read_header
from swf.mapping import outbound, templates
from swf.mapping.outbound import Envelope, Notice
from swf.mapping.rules import SiteMapping

AT = datetime(2026, 3, 16, 9, 48, tzinfo=UTC)
KINDS = ["ORM^O01", "ORU^R01"]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\\^=\x1b"), max_size=20)  # as stored items are
NASTY = "A|B^C&D~E\\F\rPID|||EVIL\n\x0b\x1c#\u2028"


def item(**values: str) -> bytes:
    """A stored worklist item of an invented patient."""
    step = {"ScheduledProcedureStepID": values.pop("step_id", "SPS1")}
    known: dict[str, Any] = {
        "PatientID": "4711",
        "IssuerOfPatientID": "HOSP",
        "PatientName": "DOE^JANE^MARY^DR^JR",
        "PatientBirthDate": "19720411",
        "PatientSex": "F",
        "PlacerOrderNumberImagingServiceRequest": "8100",
        "OrderPlacerIdentifierSequence": [{"LocalNamespaceEntityID": "HIS"}],
        "FillerOrderNumberImagingServiceRequest": "F5500",
        "AccessionNumber": "ACC1001",
        "RequestedProcedureID": "RP1001",
        "StudyInstanceUID": "1.2.840.99.1",
        "RequestedProcedureCodeSequence": [
            {"CodeValue": "CTABD", "CodingSchemeDesignator": "99HIS", "CodeMeaning": "CT abdomen"}
        ],
        "ScheduledProcedureStepSequence": [step],
    }
    return encoding.encode({**known, **values})


def performed(**values: Any) -> Summary:
    """A completed acquisition of two series."""
    known: dict[str, Any] = {
        "status": "COMPLETED",
        "sop_instance_uid": "1.2.3",
        "performed_step_id": "PPS1",
        "performed_station": "CT1",
        "modality": "CT",
        "description": "Abdomen",
        "started": datetime(2026, 3, 16, 9, 35, 12),
        "ended": datetime(2026, 3, 16, 9, 47, 55),
        "patient_id": "4711",
        "issuer_of_patient_id": "HOSP",
        "patient_name": "DOE^JANE",
        "study_instance_uids": ("1.2.840.99.1",),
        "series": (Series("1.2.840.99.1.1", "Native", 20), Series("1.2.840.99.1.2", "Venous", 30)),
        "discontinuation_reason": None,
    }
    return Summary(**{**known, **values})


def sent(mapping: SiteMapping, kind: str, *items: bytes, charset: str = "UNICODE UTF-8", **values: Any) -> bytes:
    """The message of that kind about these items."""
    notice = Notice(items or (item(),), "CM", "R", performed(**values), AT)
    envelope = Envelope(("SWF", "RAD"), ("MIS", "HOSP"), "C1", charset)
    return outbound.message(mapping.messages[kind], notice, envelope)


def read(raw: bytes) -> message.Message:
    """The message as a receiver of ours would read it."""
    return message.parse(raw.decode(), read_header(raw))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_message_says(shipped: SiteMapping, kind: str) -> None:
    """Numbers, patient, procedure, times and status stand where every receiver looks for them."""
    told = read(sent(shipped, kind))
    assert told.header.type == kind
    assert told.header.charsets == ("UNICODE UTF-8",)
    assert told.value("MSH", 5) + told.value("MSH", 6) + told.value("MSH", 10) == "MISHOSPC1"
    assert [told.value("PID", 3), told.value("PID", 5)] == ["4711^^^HOSP", "DOE^JANE^MARY^JR^DR"]
    obr = {number: told.value("OBR", number) for number in (2, 3, 4, 7, 8, 18, 19, 20, 22, 24, 25)}
    assert obr == {
        2: "8100^HIS",
        3: "F5500",
        4: "CTABD^CT abdomen^99HIS",
        7: "20260316093512",
        8: "20260316094755",
        18: "ACC1001",
        19: "RP1001",
        20: "SPS1",
        22: "20260316094755",
        24: "CT",
        25: "R",
    }


def test_the_order_message(shipped: SiteMapping) -> None:
    """The status update is a status change (SC) with the order's status and the time of the change, not of sending."""
    told = read(sent(shipped, "ORM^O01"))
    assert [told.value("ORC", number) for number in (1, 2, 3, 5, 9)] == [
        "SC",
        "8100^HIS",
        "F5500",
        "CM",
        "20260316094755",
    ]


def test_the_result_message(shipped: SiteMapping) -> None:
    """The result carries the study, the performed times and every series, each observation with its own number."""
    told = read(sent(shipped, "ORU^R01", discontinuation_reason=Reason("110505", "DCM", "Patient refused")))
    rows = [(obx.value(2), obx.value(3, component=1), obx.value(4), obx.value(5)) for obx in told.all("OBX")]
    assert rows == [
        ("ST", "113014", "1", "1.2.840.99.1"),
        ("ST", "PPSSTATUS", "1", "COMPLETED"),
        ("TS", "PPSSTART", "1", "20260316093512"),
        ("TS", "PPSEND", "1", "20260316094755"),
        ("ST", "PPSSTATION", "1", "CT1"),
        ("CE", "PPSREASON", "1", "110505^Patient refused^DCM"),
        ("ST", "112002", "1", "1.2.840.99.1.1"),
        ("NM", "PPSIMAGES", "1", "20"),
        ("ST", "PPSPROTOCOL", "1", "Native"),
        ("ST", "112002", "2", "1.2.840.99.1.2"),
        ("NM", "PPSIMAGES", "2", "30"),
        ("ST", "PPSPROTOCOL", "2", "Venous"),
    ]
    assert [obx.value(1) for obx in told.all("OBX")] == [str(number) for number in range(1, 13)]
    assert {obx.value(11) for obx in told.all("OBX")} == {"F"}
    assert told.value("OBR", 25) == "R"


def test_several_steps_in_one_message(shipped: SiteMapping) -> None:
    """When one acquisition did several steps of an order, all of them are named."""
    told = read(sent(shipped, "ORM^O01", item(step_id="SPS1"), item(step_id="SPS2")))
    assert told.value("OBR", 20) == "SPS1 SPS2"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.one_of(TEXT, st.just(NASTY.replace("\\", "").replace("^", ""))), min_size=6, max_size=6))
def test_nothing_breaks_out_of_its_field(shipped: SiteMapping, kind: str, texts: list[str]) -> None:
    """Whatever stands in a name or a description, it stays in its field: no segment and no component is forged."""
    family, patient_id, meaning, protocol, station, reason = texts
    stored = item(
        PatientName=f"{family}^JANE",
        PatientID=patient_id,
        RequestedProcedureCodeSequence=[{"CodeValue": "X", "CodeMeaning": meaning}],  # type: ignore[arg-type]
    )
    told = read(
        sent(
            shipped,
            kind,
            stored,
            series=(Series("1.2", protocol, 1),),
            performed_station=station,
            discontinuation_reason=Reason("1", "99X", reason or "reason"),
        )
    )
    plain = read(
        sent(
            shipped,
            kind,
            item(),
            series=(Series("1.2", "P", 1),),
            performed_station=station and "S",
            discontinuation_reason=Reason("1", "99X", "reason"),
        )
    )
    assert [segment.name for segment in told.segments] == [segment.name for segment in plain.segments]
    assert [segment.last for segment in told.segments] == [segment.last for segment in plain.segments]
    assert told.value("PID", 5, component=2) == "JANE"
    assert told.value("OBR", 4, component=1) == "X"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(name=st.text(st.characters(categories=["Lu", "Ll"]), min_size=1, max_size=20), images=st.integers(0, 9999))
def test_a_strict_reader_agrees(shipped: SiteMapping, kind: str, name: str, images: int) -> None:
    """An HL7 library that judges strictly takes every message we send and reads in it what we meant."""
    raw = sent(
        shipped,
        kind,
        item(PatientName=f"{name}^JANE"),
        series=(Series("1.2.3", name, images),),
        discontinuation_reason=Reason("110505", "DCM", name),
    )
    ours = read(raw)
    assert dictionary.check(raw.decode()) == []
    for segment in ours.segments[1:]:
        theirs = parse_segment(segment.text, "2.3.1", validation_level=VALIDATION_LEVEL.STRICT)
        for number in range(1, segment.last + 1):
            assert getattr(theirs, f"{segment.name}_{number}".lower()).value == segment.raw(number)


@pytest.mark.parametrize(
    ("charset", "name", "readable"),
    [
        ("UNICODE UTF-8", "ДОЕ^JANE", True),
        ("8859/5", "ДОЕ^JANE", True),
        ("8859/1", "D\xd6E^JANE", True),
        ("8859/1", "ДОЕ^JANE", False),
        ("ASCII", "D\xd6E^JANE", False),
        ("8859/15", "D€E^JANE", True),
    ],
)
def test_the_receivers_character_set(shipped: SiteMapping, charset: str, name: str, readable: bool) -> None:
    """A name goes out in the receiver's character set or not at all; no letter ever becomes a question mark."""
    if readable:
        raw = sent(shipped, "ORM^O01", item(PatientName=name), charset=charset)
        codec = {"UNICODE UTF-8": "utf-8", "ASCII": "ascii"}.get(charset, "iso" + charset.replace("/", "-"))
        assert f"||{name}" in raw.decode(codec)
        assert f"|{charset}\r".encode() in raw
    else:
        with pytest.raises(MappingError, match=r"U\+0"):
            sent(shipped, "ORM^O01", item(PatientName=name), charset=charset)


def test_only_what_is_known_is_told(shipped: SiteMapping) -> None:
    """What the modality did not say is left out; nothing is told of the end before there is one."""
    told = read(sent(shipped, "ORU^R01", ended=None, performed_station="", series=(), status="IN PROGRESS"))
    assert [obx.value(3, component=1) for obx in told.all("OBX")] == ["113014", "PPSSTATUS", "PPSSTART"]
    assert (told.value("OBR", 8), told.value("OBR", 22)) == ("", "20260316093512")


def test_a_template_of_the_site(tmp_path: Path) -> None:
    """A site may write a template of its own; what it names must exist, and empty ends of lines vanish."""
    file = tmp_path / "own.hl7"
    file.write_text(
        "MSH|^~\\&|{{ sender.application }}||\nZSW|{{ order.status }}|{{ patient.middle }}|^^|\n", encoding="utf-8"
    )
    notice = Notice([item(PatientName="DOE")], "CM", "R", performed(), AT)
    raw = outbound.message(templates.load(file), notice, Envelope(("SWF", ""), ("", ""), "C1", "ASCII"))
    assert raw == b"MSH|^~\\&|SWF\rZSW|CM\r"

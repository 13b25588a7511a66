"""Every row of RAD TF-2 Appendix B: a field of an order, and the attribute a modality is given for it."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from swf import clock
from swf.dicom import encoding
from swf.hl7 import message, order_groups
from swf.hl7.header import read_header
from swf.mapping import inbound
from swf.mapping.rules import SiteMapping
from tests.mapping.conftest import Mapped

DOCTOR = "7001^WEBER^KARL^^^DR^^^HOSP"
WEBER = "WEBER^KARL^^DR"
CODE = {"CodeValue": "7001", "CodingSchemeDesignator": "99LOCAL", "CodeMeaning": "WEBER KARL DR"}
WEBER_ID = [{"PersonIdentificationCodeSequence": [CODE], "InstitutionName": "HOSP"}]
LOCAL = {"CodingSchemeDesignator": "99LOCAL"}


def coded(value: str, meaning: str = "", scheme: str = "99LOCAL", **more: str) -> list[dict[str, str]]:
    """One code item."""
    return [{"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning or value, **more}]


ROWS: dict[str, tuple[dict[str, str], Any]] = {
    # 3.1 Patient
    "PatientID": ({"pid_3": "4712^^^HOSP"}, "4712"),
    "IssuerOfPatientID": ({"pid_3": "4712^^^HOSP&1.2.3&ISO"}, "HOSP"),
    "IssuerOfPatientIDQualifiersSequence": (
        {"pid_3": "4712^^^HOSP&1.2.3&ISO"},
        [{"UniversalEntityID": "1.2.3", "UniversalEntityIDType": "ISO"}],
    ),
    "OtherPatientIDsSequence": (
        {"pid_3": "4712^^^HOSP~815^^^CITY&1.2.9&ISO", "pid_2": "OLD1"},
        [
            {
                "PatientID": "815",
                "TypeOfPatientID": "TEXT",
                "IssuerOfPatientID": "CITY",
                "IssuerOfPatientIDQualifiersSequence": [{"UniversalEntityID": "1.2.9", "UniversalEntityIDType": "ISO"}],
            },
            {"PatientID": "OLD1", "TypeOfPatientID": "TEXT"},
        ],
    ),
    "PatientName": ({"pid_5": "DOE^JANE^^^^^L^A~ドウ^ジェーン^^^^^L^P~土井^ジェーン^^^^^L^I"}, "DOE^JANE=土井^ジェーン=ドウ^ジェーン"),
    "OtherPatientNames": ({"pid_5": "DOE^JANE^^^^^L~ROE^JANE^^^^^M", "pid_9": "JD"}, ["ROE^JANE", "JD"]),
    "PatientMotherBirthName": ({"pid_6": "ROE^ANN"}, "ROE^ANN"),
    "PatientBirthDate": ({"pid_7": "19720411"}, "19720411"),
    "PatientBirthTime": ({"pid_7": "197204110815"}, "081500"),
    "PatientSex": ({"pid_8": "F"}, "F"),
    "EthnicGroup": ({"pid_10": "X^Martian"}, "Martian"),
    "PatientAddress": ({"pid_11": "STREET 1^^TOWN"}, "STREET 1 TOWN"),
    "PatientTelephoneNumbers": ({"pid_13": "1~2", "pid_14": "3"}, ["1", "2", "3"]),
    "PatientPrimaryLanguageCodeSequence": ({"pid_15": "DE^German"}, coded("de", "German", "RFC5646")),
    "PatientReligiousPreference": ({"pid_17": "X^None"}, "None"),
    "PatientWeight": ({"obx_3": "29463-7^Weight^LN", "obx_5": "70500", "obx_6": "g"}, "70.5"),
    "PatientSize": ({"obx_3": "8302-2^Height^LN", "obx_5": "172", "obx_6": "cm^centimetre^UCUM"}, "1.72"),
    "LastMenstrualDate": ({"obx_3": "8665-2^LMP^LN", "obx_5": "20260201"}, "20260201"),
    "SmokingStatus": ({"obx_3": "SMOKER", "obx_5": "n"}, "NO"),
    "ConfidentialityConstraintOnPatientDataDescription": ({"pv1_16": "VIP", "orc_28": "R^Restricted"}, "VIP"),
    "PatientState": ({"obr_12": "A2^Deep isolation"}, "Deep isolation"),
    "PregnancyStatus": ({"pv1_15": "A2~B6"}, "3"),
    "MedicalAlerts": ({"obr_13": "Diabetic"}, "Diabetic"),
    "Allergies": ({"al1_3": "IOD^Iodine"}, "Iodine"),
    "SpecialNeeds": ({"pv1_15": "A2~A6~A0"}, "Wheelchair or stretcher; Hearing impaired"),
    # 3.2 Visit
    "AdmissionID": ({"pv1_19": "V1^^^HOSP", "pid_18": "ACCOUNT"}, "V1"),
    "IssuerOfAdmissionIDSequence": ({"pv1_19": "V1^^^HOSP"}, [{"LocalNamespaceEntityID": "HOSP"}]),
    "InstitutionName": ({"pv1_3": "RAD^R1^1^General"}, "General"),
    "CurrentPatientLocation": ({"pv1_3": "RAD^R1^1^General"}, "RAD R1 1"),
    "ReferringPhysicianName": ({"pv1_8": DOCTOR}, WEBER),
    "ReferringPhysicianIdentificationSequence": ({"pv1_8": DOCTOR}, WEBER_ID),
    "PhysiciansOfRecord": ({"pv1_7": DOCTOR}, WEBER),
    "ConsultingPhysicianName": ({"pv1_9": f"{DOCTOR}~2^ROE^ANN"}, [WEBER, "ROE^ANN"]),
    "AdmittingDate": ({"pv1_44": "202603150815"}, "20260315"),
    "AdmittingTime": ({"pv1_44": "202603150815"}, "081500"),
    "AdmittingDiagnosesDescription": ({"dg1_3": "S06^Head injury^I10"}, "Head injury"),
    "AdmittingDiagnosesCodeSequence": ({"dg1_3": "S06^Head injury^I10"}, coded("S06", "Head injury", "I10")),
    # 3.3 Request and procedure
    "AccessionNumber": ({"obr_18": "ACC1"}, "ACC1"),
    "IssuerOfAccessionNumberSequence": ({"ipc_1": "ACC1^RIS"}, [{"LocalNamespaceEntityID": "RIS"}]),
    "RequestingPhysician": ({"obr_16": DOCTOR}, WEBER),
    "RequestingPhysicianIdentificationSequence": ({"obr_16": DOCTOR}, WEBER_ID),
    "RequestingService": ({"orc_17": "ER^Emergency"}, "Emergency"),
    "RequestingServiceCodeSequence": ({"orc_17": "ER^Emergency"}, coded("ER", "Emergency")),
    "PlacerOrderNumberImagingServiceRequest": ({"orc_2": "8200"}, "8200"),
    "OrderPlacerIdentifierSequence": ({"orc_2": "8200^HIS"}, [{"LocalNamespaceEntityID": "HIS"}]),
    "FillerOrderNumberImagingServiceRequest": ({"orc_3": "F1"}, "F1"),
    "OrderFillerIdentifierSequence": ({"orc_3": "F1^RIS"}, [{"LocalNamespaceEntityID": "RIS"}]),
    "IssueDateOfImagingServiceRequest": ({"orc_9": "202603150815"}, "20260315"),
    "IssueTimeOfImagingServiceRequest": ({"orc_9": "202603150815"}, "081500"),
    "OrderEnteredBy": ({"orc_10": DOCTOR}, WEBER),
    "OrderEntererLocation": ({"orc_17": "ER^Emergency"}, "Emergency"),
    "ReasonForTheImagingServiceRequest": ({"obr_31": "^Fall"}, "Fall"),
    "ImagingServiceRequestComments": ({"nte_3": "Call the ward"}, "Call the ward"),
    "RequestedProcedureID": ({"obr_19": "RP1"}, "RP1"),
    "StudyInstanceUID": ({"zds_1": "1.2.3^HIS^Application^DICOM"}, "1.2.3"),
    "RequestedProcedureDescription": ({"obr_44": "CTH^CT head"}, "CT head"),
    "RequestedProcedureCodeSequence": ({"obr_44": "CTH^CT head^99HIS^^^^2030"}, coded("CTH", "CT head", "99HIS", CodingSchemeVersion="2030")),
    "ReasonForTheRequestedProcedure": ({"obr_31": "S06^Fall^I10"}, "Fall"),
    "ReasonForRequestedProcedureCodeSequence": ({"obr_31": "S06^Fall^I10"}, coded("S06", "Fall", "I10")),
    "RequestedProcedurePriority": ({"orc_7": "^^^20260316^^S"}, "STAT"),
    "PatientTransportArrangements": ({"obr_30": "WHLC"}, "WHLC"),
    "ConfidentialityCode": ({"orc_28": "R^Restricted"}, "Restricted"),
    "NamesOfIntendedRecipientsOfResults": ({"obr_28": f"{DOCTOR}~2^ROE^ANN"}, [WEBER, "ROE^ANN"]),
}  # fmt: skip

STEP_ROWS: dict[str, tuple[dict[str, str], Any]] = {
    "ScheduledStationAETitle": ({"ipc_9": "CT1"}, "CT1"),
    "ScheduledProcedureStepStartDate": ({"tq1_7": "202603170800"}, "20260317"),
    "ScheduledProcedureStepStartTime": ({"orc_7": "^^^202603170800"}, "080000"),
    "ScheduledProcedureStepEndDate": ({"tq1_8": "202603170830"}, "20260317"),
    "ScheduledProcedureStepEndTime": ({"orc_7": "^^^202603170800^202603170830"}, "083000"),
    "Modality": ({"obr_24": "NMR"}, "MR"),
    "ScheduledPerformingPhysicianName": ({"obr_34": "7001&WEBER&KARL&&&DR"}, WEBER),
    "ScheduledPerformingPhysicianIdentificationSequence": (
        {"obr_34": "7001&WEBER&KARL&&&DR"},
        [{"PersonIdentificationCodeSequence": [CODE]}],
    ),
    "ScheduledProcedureStepDescription": ({"obr_4": "CT^CT^^P1^Native"}, "Native"),
    "ScheduledProtocolCodeSequence": ({"obr_4": "CT^CT^^P1^Native^99P"}, coded("P1", "Native", "99P")),
    "ScheduledProcedureStepID": ({"obr_20": "SPS1"}, "SPS1"),
    "ScheduledStationName": ({"ipc_7": "CT01"}, "CT01"),
    "ScheduledProcedureStepLocation": ({"ipc_8": "R1^Room 1"}, "Room 1"),
    "PreMedication": ({"obx_3": "PREMEDICATION", "obx_5": "Antihistamine"}, "Antihistamine"),
    "RequestedContrastAgent": ({"obx_3": "CONTRAST", "obx_5": "I^Iodinated"}, "Iodinated"),
    "CommentsOnTheScheduledProcedureStep": ({"nte_3": "Only the left"}, "Only the left"),
}


@pytest.mark.parametrize("keyword", ROWS)
def test_a_row(mapped: Mapped, keyword: str) -> None:
    """The attribute is what the row of Appendix B says, and what is stored can be read by any DICOM reader."""
    fields, expected = ROWS[keyword]
    check(mapped(**fields).item, keyword, expected)


@pytest.mark.parametrize("keyword", STEP_ROWS)
def test_a_row_of_the_step(mapped: Mapped, keyword: str) -> None:
    """The same for the attributes of the scheduled procedure step."""
    fields, expected = STEP_ROWS[keyword]
    check(mapped(**fields).step, keyword, expected)


def check(found: Any, keyword: str, expected: Any) -> None:
    """Compare one attribute, and read it back from its stored form."""
    value = found[keyword]
    assert (list(value) if isinstance(value, list) else value) == expected
    assert keyword in encoding.decode(encoding.encode({keyword: value}))


def test_no_row_is_forgotten(shipped: SiteMapping) -> None:
    """Every line of the shipped mapping has its row here, and every row its line."""
    needs_notes_on_the_patient = {"PatientComments"}  # see test_lines
    assert {rule.keyword for rule in shipped.rules} - needs_notes_on_the_patient == ROWS.keys()
    assert {rule.keyword for rule in shipped.step_rules} == STEP_ROWS.keys()


@pytest.mark.parametrize(
    ("observation", "keyword", "expected"),
    [
        ("3141-9|70,5|kg", "PatientWeight", "70.5"),
        ("29463-7|150|[lb_av]", "PatientWeight", "68.03886"),
        ("29463-7|70|stone", "PatientWeight", None),
        ("29463-7|70|", "PatientWeight", None),
        ("29463-7|about 70|kg", "PatientWeight", None),
        ("8302-2|1.72|m", "PatientSize", "1.72"),
        ("8302-2|68|in", "PatientSize", "1.7272"),
        ("9999-9|70|kg", "PatientWeight", None),
    ],
)
def test_weights_and_heights(mapped: Mapped, observation: str, keyword: str, expected: str | None) -> None:
    """Weight is in kilograms and height in metres, whatever unit was sent; one that is not known is left out."""
    code, value, unit = observation.split("|")
    assert mapped(obx_3=code, obx_5=value, obx_6=unit).item.get(keyword) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("urn:oid:1.2.3^A code", {"URNCodeValue": "urn:oid:1.2.3", **LOCAL, "CodeMeaning": "A code"}),
        ("1234567890123456789^Long", {"LongCodeValue": "1234567890123456789", **LOCAL, "CodeMeaning": "Long"}),
        ("8302-2^Height^LOINC", coded("8302-2", "Height", "LN")[0]),
        ("S06^Fall^ICD10", coded("S06", "Fall", "I10")[0]),
        ("X^Y^^^^^7", coded("X", "Y")[0]),
    ],
)
def test_forms_of_codes(mapped: Mapped, field: str, expected: dict[str, str]) -> None:
    """Long codes and URNs have attributes of their own, and schemes the names DICOM gives them."""
    assert mapped(obr_44=field).item["RequestedProcedureCodeSequence"] == [expected]


@pytest.mark.parametrize(
    ("field", "name", "others"),
    [
        ("DOE^JANE", "DOE^JANE", None),
        ("ROE^JANE^^^^^M~DOE^JANE^^^^^L", "DOE^JANE", None),
        ("DOE^JANE^^^^^L~ROE^JANE^^^^^A", "DOE^JANE", "ROE^JANE"),
        ("土井^ジェーン^^^^^L^I", "=土井^ジェーン", None),
    ],
)
def test_names(mapped: Mapped, field: str, name: str, others: str | None) -> None:
    """The legal name is the patient's name; scripts are its groups, and other names stand apart."""
    item = mapped(pid_5=field).item
    assert (item["PatientName"], item.get("OtherPatientNames")) == (name, others)


@pytest.fixture
def berlin() -> Iterator[None]:
    """The site is set to be in central Europe, whatever zone the machine has."""
    clock.use_zone("Europe/Berlin")
    yield
    clock.use_zone("")


@pytest.mark.parametrize(
    ("sent", "start", "expected"),
    [
        ("20260315083000+0100", "20260316093000", "093000"),
        ("20260315083000+0100", "20260716093000", "093000"),  # booked in winter for a day in summer: no hour is lost
        ("20260315083000+0000", "20260316093000", "103000"),
        ("20260315083000+0000", "20260316093000+0100", "093000"),
        ("20260315083000", "20260316093000", "093000"),
        ("20260315083000-0500", "20260316", "000000"),
        ("nonsense+0100", "20260316093000", "093000"),
        ("20260230083000+0100", "20260316093000", "093000"),
        ("20260315083000+9900", "20260316093000", "093000"),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_the_zone_of_the_sender(shipped: SiteMapping, sent: str, start: str, expected: str) -> None:
    """Times of a sender in another zone (MSH-7) are shown in the site's; a sender by the site's clock is taken at its
    word.
    """
    text = f"MSH|^~\\&|HIS|HOSP|||{sent}||ORM^O01|1|P|2.3.1\rPID|||1||DOE^JANE\rORC|NW|1|||||^^^{start}\rOBR|1|||CT\r"
    (group,) = order_groups.order_groups(message.parse(text, read_header(text.encode())))
    (step,) = inbound.steps(shipped, group, changing=False)
    assert step.step["ScheduledProcedureStepStartTime"] == expected


@pytest.mark.usefixtures("berlin")
def test_nobody_is_born_on_another_day(mapped: Mapped) -> None:
    """A date of birth is what is written, whatever zone the sender is in; a month alone is no date."""
    item = mapped(pid_7="197204112330-0500").item
    assert (item["PatientBirthDate"], item["PatientBirthTime"]) == ("19720411", "233000")
    assert {"PatientBirthDate", "PatientBirthTime"}.isdisjoint(mapped(pid_7="197204").item)
    assert "PatientBirthTime" not in mapped(pid_7="19720411").item


@pytest.mark.usefixtures("berlin")
def test_the_sites_zone_is_not_the_machines(mapped: Mapped) -> None:
    """A machine that runs in another zone than the site it serves still shows the site's time."""
    assert os.environ["TZ"] != "Europe/Berlin"
    assert time.tzname[0] != "CET"
    step = mapped(orc_7="^^^20260316093000+0000").step
    assert step["ScheduledProcedureStepStartTime"] == "103000"

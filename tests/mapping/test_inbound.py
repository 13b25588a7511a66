"""An order becomes worklist items: what is taken, what is refused, what is cut, what stays (RAD TF-2 Appendix B)."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swf.dicom import columns, encoding
from swf.errors import MappingError
from swf.mapping import inbound, loader
from swf.mapping.rules import SiteMapping
from tests.mapping.conftest import SHIPPED, Mapped, Written, groups, order

LONG = "X" * 17
IPC = "ACC1^SWF|RP1|1.2.3|SPS1|CT|P1^Native^99P|CT01|ROOM1^Room 1|CT1~CT2"


@pytest.mark.parametrize(
    ("fields", "location", "keyword"),
    [
        ({"obr_18": LONG}, "OBR^1^18", "AccessionNumber"),
        ({"ipc_1": LONG}, "IPC^1^1", "AccessionNumber"),
        ({"obr_19": LONG}, "OBR^1^19", "RequestedProcedureID"),
        ({"ipc_4": LONG}, "IPC^1^4", "ScheduledProcedureStepID"),
        ({"ipc_9": "A" * 17}, "IPC^1^9", "ScheduledStationAETitle"),
        ({"pid_3": "9" * 65}, "PID^1^3", "PatientID"),
        ({"pid_3": r"47\E\11"}, "PID^1^3", "PatientID"),
        ({"orc_2": "9" * 65}, "ORC^1^2", "PlacerOrderNumberImagingServiceRequest"),
        ({"orc_3": r"F\X01\1"}, "ORC^1^3", "FillerOrderNumberImagingServiceRequest"),
        ({"zds_1": "1.2.3.04"}, "ZDS^1^1", "StudyInstanceUID"),
        ({"ipc_3": "1." + "2" * 63}, "IPC^1^3", "StudyInstanceUID"),
    ],
)
def test_identifiers_are_never_cut(mapped: Mapped, fields: dict[str, str], location: str, keyword: str) -> None:
    """A number that does not fit is refused at its field: cut, it would be somebody else's number."""
    with pytest.raises(MappingError, match=keyword) as refused:
        mapped(**fields)
    assert (refused.value.location, refused.value.code, refused.value.ack_code) == (location, 102, "AE")


def test_sixteen_characters_fit(mapped: Mapped) -> None:
    """A number of exactly sixteen characters is taken."""
    step = mapped(obr_18="A" * 16, obr_19="R" * 16, obr_20="S" * 16)
    assert (step.item["AccessionNumber"], step.item["RequestedProcedureID"]) == ("A" * 16, "R" * 16)
    assert step.step["ScheduledProcedureStepID"] == "S" * 16


@pytest.mark.parametrize(
    ("fields", "keyword", "expected"),
    [
        ({"obr_4": f"CT^{'x' * 80}"}, "RequestedProcedureDescription", "x" * 64),
        ({"pid_5": f"{'X' * 70}^JANE"}, "PatientName", "X" * 64),
        ({"pid_11": "y" * 100}, "PatientAddress", "y" * 64),
        ({"obr_13": r"a\E\b"}, "MedicalAlerts", "a/b"),
        ({"obr_13": r"a\.br\b\X07\c"}, "MedicalAlerts", "a bc"),
    ],
)
def test_text_is_made_to_fit(mapped: Mapped, fields: dict[str, str], keyword: str, expected: str) -> None:
    """Text for people is cut to what a modality can hold, and whoever runs the broker is told what was cut."""
    step = mapped(**fields)
    assert step.item[keyword] == expected
    cut = len(expected) == 64
    assert any(f"was cut for {keyword}" in warning for warning in step.warnings) is cut


def test_what_cannot_be_kept_is_left_out_with_a_warning(mapped: Mapped) -> None:
    """A value that cannot be what it should be is left out and named; the order is taken."""
    step = mapped(obr_24="C-T", ipc_5="")
    assert step.step["Modality"] == "OT"
    assert step.warnings == [
        "OBR-24 holds other characters than capital letters, digits, space and underscore and was left out of Modality"
    ]


@pytest.mark.parametrize(
    ("fields", "location", "code"),
    [
        ({"pid_3": ""}, "PID^1^3", 101),
        ({"pid_3": "^^^HOSP"}, "PID^1^3", 101),
        ({"pid_5": ""}, "PID^1^5", 101),
        ({"pid_5": '""'}, "PID^1^5", 101),
        ({"orc_7": "^^^202603"}, "ORC^1^7", 102),
        ({"orc_7": "^^^16.3.2026"}, "ORC^1^7", 102),
        ({"tq1_7": "20260231"}, "TQ1^1^7", 102),
    ],
)
def test_what_a_worklist_cannot_do_without(mapped: Mapped, fields: dict[str, str], location: str, code: int) -> None:
    """Without patient or date an order is refused at the field; a date that cannot be read is never replaced."""
    with pytest.raises(MappingError) as refused:
        mapped(**fields)
    assert (refused.value.location, refused.value.code) == (location, code)


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"tq1_7": "202603170800"}, ("20260317", "080000")),
        ({}, ("20260316", "093000")),
        ({"orc_7": "", "obr_27": "^^^20260318"}, ("20260318", "000000")),
        ({"orc_7": "", "obr_36": "20260319"}, ("20260319", "000000")),
        ({"orc_7": "", "orc_9": "20260315082900"}, ("20260315", "082900")),
        ({"orc_7": ""}, ("20260315", "083000")),
    ],
)
def test_when_a_step_begins(mapped: Mapped, fields: dict[str, str], start: tuple[str, str]) -> None:
    """The first field that gives a time counts; an order without any is for the moment it was sent."""
    step = mapped(**fields).step
    assert (step["ScheduledProcedureStepStartDate"], step["ScheduledProcedureStepStartTime"]) == start


def test_two_quotes_clear_and_nothing_leaves(mapped: Mapped) -> None:
    """In a change, two quotes clear a value, an empty field says nothing, and defaults are not written over."""
    step = mapped(changing=True, pid_7='""', obr_13='""', obr_18="", obr_24="", orc_7='^^^""')
    assert step.item["PatientBirthDate"] == ""
    assert step.item["MedicalAlerts"] == ""
    assert "AccessionNumber" not in step.item
    assert "RequestedProcedurePriority" not in step.item
    assert step.step.keys() & {"Modality", "ScheduledProcedureStepStartDate", "ScheduledStationAETitle"} == set()


def test_what_is_required_cannot_be_cleared(mapped: Mapped) -> None:
    """Two quotes for the patient's name leave the name that is known."""
    assert "PatientName" not in mapped(changing=True, pid_5='""').item


def test_notes_belong_to_where_they_stand(shipped: SiteMapping) -> None:
    """Notes on the patient are not notes on the order, and each order has its own; several are its lines."""
    found = groups(
        "PID|||1||DOE^JANE",
        "NTE|1||on the patient",
        "ORC|NW|1",
        "OBR|1",
        "NTE|1||on the first",
        "NTE|2||and more",
        "ORC|NW|2",
        "OBR|2",
        "NTE|1||on the second",
    )
    comments = [
        inbound.steps(shipped, group, changing=False)[0].item["ImagingServiceRequestComments"] for group in found
    ]
    assert comments == ["on the first\nand more", "on the second"]


def test_each_ipc_is_a_step(shipped: SiteMapping) -> None:
    """Every IPC of an order is a step with its own id and protocol; order and patient are the same."""
    (group,) = groups(
        "PID|||1||DOE^JANE",
        "ORC|NW|1",
        "TQ1|1||||||20260316093000",
        "OBR|1",
        f"IPC|{IPC}",
        f"IPC|{IPC.replace('1|CT', '2|CT')}",
    )
    first, second = inbound.steps(shipped, group, changing=False)
    assert (first.step["ScheduledProcedureStepID"], second.step["ScheduledProcedureStepID"]) == ("SPS1", "SPS2")
    assert first.item["StudyInstanceUID"] == second.item["StudyInstanceUID"] == "1.2.3"
    assert first.item["IssuerOfAccessionNumberSequence"] == [{"LocalNamespaceEntityID": "SWF"}]
    assert (first.step["ScheduledStationName"], first.step["ScheduledProcedureStepLocation"]) == ("CT01", "Room 1")
    assert list(first.step["ScheduledStationAETitle"]) == ["CT1", "CT2"]
    assert columns.columns(encoding.encode(first.item))["station"] == "CT1\\CT2"


def test_a_mistake_in_the_second_ipc_is_told_of_the_second(shipped: SiteMapping) -> None:
    """The sender is told which of several steps holds the mistake."""
    wrong = IPC.replace("SPS1", LONG)
    (group,) = groups("PID|||1||DOE^JANE", "ORC|NW|1", "OBR|1", f"IPC|{IPC}", f"IPC|{wrong}")
    with pytest.raises(MappingError) as refused:
        inbound.steps(shipped, group, changing=False)
    assert refused.value.location == "IPC^2^4"


@pytest.mark.parametrize(
    ("modality", "named", "expected"),
    [
        ("CT", "", "CT1\\CT2"),
        ("MR", "", "MR1"),
        ("US", "", "ANY"),
        ("CT", "CT9", "CT9"),
    ],
)
def test_stations_of_the_site(written: Written, modality: str, named: str, expected: str) -> None:
    """An order that names no station goes to those the site lists for its modality; one that does, to that one."""
    text = f'extends = "{SHIPPED}"\n[stations]\nCT = ["CT1", "CT2"]\nMR = "MR1"\n"*" = "ANY"\n'
    mapping = loader.load(written(text))
    (step,) = inbound.steps(mapping, order(obr_24=modality, ipc_9=named), changing=False)
    assert step.step["ScheduledStationAETitle"] == expected
    (change,) = inbound.steps(mapping, order(obr_24=modality), changing=True)
    assert "ScheduledStationAETitle" not in change.step


def test_what_is_the_patients_own(shipped: SiteMapping, mapped: Mapped) -> None:
    """Name, birth date and address belong to the person; alerts, ward and visit number to the order or the visit."""
    step = mapped(pid_7="19720411", pid_11="STREET 1", pid_18="V1", pv1_3="WARD", obr_13="Diabetic", pv1_15="B6")
    person = inbound.person(shipped, step.item)
    assert person.keys() == {"PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientAddress"}
    assert step.item["AdmissionID"] == "V1"


def test_allergies_and_pregnancy(shipped: SiteMapping) -> None:
    """Each allergy is a value of its own, and pregnancy is found wherever among the visit's codes it stands."""
    (group,) = groups(
        "PID|||1||DOE^JANE", "PV1||O|||||||||||||A2~B6", "AL1|1|DA|IOD^Iodine", "AL1|2|FA|^Nuts", "ORC|NW|1", "OBR|1"
    )
    (step,) = inbound.steps(shipped, group, changing=False)
    assert list(step.item["Allergies"]) == ["Iodine", "Nuts"]
    dataset = encoding.decode(encoding.encode(step.item))
    assert (list(dataset.Allergies), dataset.PregnancyStatus) == (["Iodine", "Nuts"], 3)


TEXTS = (
    "pid_5 pid_6 pid_7 pid_8 pid_11 pid_13 pid_18 pv1_3 pv1_8 pv1_15 pv1_16 pv1_19 al1_3 orc_9 orc_10 orc_12 orc_17 "
    "obr_4 obr_5 obr_12 obr_13 obr_16 obr_24 obr_30 obr_31 obr_34 obr_44 nte_3 ipc_6 ipc_7 ipc_8 tq1_9"
)


@settings(max_examples=80, deadline=None)
@given(
    fields=st.dictionaries(
        st.sampled_from(TEXTS.split(" ")),
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=90),
    )
)
@example(fields={"pid_13": "0|\ud7fc"})  # two telephone numbers are two values
def test_whatever_is_taken_is_lawful_dicom(mapped: Mapped, fields: dict[str, str]) -> None:
    """Whatever a hospital types into an order's texts, the item either keeps the rules of DICOM or is refused."""
    try:
        step = mapped(**fields)
    except MappingError as error:
        place = error.location
        step = None
    if step is None:
        assert place
        return
    dataset = encoding.decode(encoding.encode(step.item))
    for element in dataset.iterall():
        values = list(element.value) if element.VM > 1 else [element.value]
        if element.VR not in {"SQ", "US"} and element.value:
            for value in values:
                assert encoding.violations(element.keyword, str(value)) == []

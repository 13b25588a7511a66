"""Where an attribute came from, and why another one is empty: what an administrator reads before a mapping is trusted."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swf.dicom import encoding, listing
from swf.errors import MappingError
from swf.hl7 import message, order_groups
from swf.hl7.header import read_header
from swf.hl7.message import Message
from swf.mapping import explain, inbound, loader
from swf.mapping.explain import Explanation, Finding
from swf.mapping.rules import SiteMapping
from tests.mapping.conftest import Written

STEP = "ScheduledProcedureStepSequence"
HEADER = "MSH|^~\\&|HIS|HOSP|||20260315083000||ORM^O01|1|P|2.3.1"
PID = "PID|||4711^^^HOSP||DOE^JANE||19720411|X"
ORC = "ORC|NW|8100^HIS|||||^^^20260316093000"
OBR = "OBR|1|8100^HIS||CTHEAD^CT head^99LOCAL||||||||||||||||||||CT"


def read(*segments: str) -> Message:
    """A message of these segments."""
    text = "\r".join([HEADER, *segments, ""])
    return message.parse(text, read_header(text.encode()))


def explained(mapping: SiteMapping, *segments: str, changing: bool = False) -> list[Explanation]:
    """What is said of a message of these segments."""
    return explain.orders(mapping, read(*segments), changing=lambda _group: changing)


Of = Callable[..., Finding]


@pytest.fixture
def of(shipped: SiteMapping) -> Of:
    """What is said of one attribute of a message with the shipped mapping."""

    def find(attribute: str, *segments: str, changing: bool = False) -> Finding:
        (item,) = explained(shipped, *segments, changing=changing)
        return next(finding for finding in item.findings if finding.attribute == attribute)

    return find


def test_a_value_tells_its_field_function_and_line(of: Of, shipped: SiteMapping) -> None:
    """The birth date shows that it was read from PID-7 as a date, and by which line of which file."""
    found = of("PatientBirthDate", PID, ORC, OBR)
    assert found[:4] == ("PatientBirthDate", "19720411", "PID-7", "birth_date")
    file, _, number = found.line.rpartition(":")
    assert file == str(shipped.path)
    assert shipped.path.read_text("utf-8").splitlines()[int(number) - 1].startswith("PatientBirthDate ")


def test_the_place_that_won_is_named(of: Of) -> None:
    """Of several places, the one that gave the value is named, with its repetition and segment when not the first."""
    assert of(f"{STEP}/ScheduledProcedureStepDescription", PID, ORC, OBR).origin == "OBR-4.2"
    found = of("Allergies", PID, "AL1|1||^Nuts", "AL1|2||^Iodine", ORC, OBR)
    assert (found.value, found.origin) == ("Nuts\\Iodine", "AL1-3, AL1[2]-3")


def test_a_default_is_named_as_one(of: Of) -> None:
    """A priority nobody sent says that it is the mapping's default, and a station that the site's table gave it."""
    assert of("RequestedProcedurePriority", PID, ORC, OBR)[1:3] == ("ROUTINE", "default")
    assert of(f"{STEP}/ScheduledStationAETitle", PID, ORC, OBR)[1:3] == ("UNKNOWN", "[stations]")


def test_an_empty_attribute_tells_every_place_that_was_looked_at(of: Of) -> None:
    """No accession number: there is no IPC, and OBR-18 is empty; each is said."""
    assert of("AccessionNumber", PID, ORC, OBR).reason == "there is no IPC; OBR-18.1 is empty"


def test_a_field_nothing_is_made_of_is_shown(of: Of) -> None:
    """An unknown sex is not just empty: what was sent is shown, and which function makes nothing of it."""
    assert of("PatientSex", PID, ORC, OBR).reason == "PID-8 is X: sex makes nothing of it"


def test_what_is_cleared_on_purpose_is_said(of: Of) -> None:
    """A sender that says "" clears the stored value, and the explanation says that this is so."""
    found = of("PatientAddress", f'{PID}|||""', ORC, OBR)
    assert (found.value, found.reason) == ("", 'PID-11 is "" (NULL), which clears what is stored')


def test_what_was_left_out_tells_why(of: Of) -> None:
    """A modality that is no code value is left out, and the sentence that warns of it stands at the attribute."""
    found = of(f"{STEP}/Modality", PID, ORC, OBR.replace("|CT", "|COMPUTER TOMOGRAPHY"), changing=True)
    assert found.value == ""
    assert "was left out of Modality" in found.reason


def test_a_refusal_names_the_place_and_the_line(shipped: SiteMapping) -> None:
    """A message without a patient is explained by its place in the message and the mapping line that needs it."""
    (item,) = explained(shipped, ORC, OBR)
    assert item.refusal.startswith("PID^1^3: PatientID is required and PID-3.1 is empty; ")
    assert str(shipped.path) in item.refusal
    assert item.findings == ()


def test_each_step_of_each_order_is_explained(shipped: SiteMapping) -> None:
    """Two steps of one order are told apart by the IPC segments they were read from."""
    steps = ["IPC|A1|RP1|1.2.3|S1|CT", "IPC|A1|RP1|1.2.3|S2|MR"]
    found = explained(shipped, PID, ORC, OBR, *steps)
    assert [item.title for item in found] == ["order 1 of 1, step 1 of 2", "order 1 of 1, step 2 of 2"]
    modalities = [next(line for line in item.findings if line.attribute == f"{STEP}/Modality") for item in found]
    assert [(line.value, line.origin) for line in modalities] == [("CT", "IPC-5.1"), ("MR", "IPC[2]-5.1")]


def test_a_patient_message_is_explained(shipped: SiteMapping) -> None:
    """A patient update shows what it says of the patient, and nothing of orders."""
    item = explain.patient(shipped, read("EVN||20260315", PID))
    assert item.title == "patient"
    assert next(line for line in item.findings if line.attribute == "PatientName").origin == "PID-5"
    assert not [line for line in item.findings if line.attribute == "AccessionNumber"]
    assert explain.patient(shipped, read("EVN||20260315", "PID|||")).refusal.startswith("PID^1^3: ")


def test_a_line_without_a_place_says_so(written: Written) -> None:
    """A line that only has a default names it, and a line of a change that names no place says that."""
    text = '[attributes]\nInstitutionName = { default = "HOSP" }\nPatientID = { from = "PID-3.1" }\n'
    mapping = loader.load(written(text + f'[attributes.{STEP}]\nModality = {{ from = "OBR-24" }}\n'))
    (new,) = explained(mapping, PID, ORC, OBR)
    (change,) = explained(mapping, PID, ORC, OBR, changing=True)
    assert new.findings[0][1:3] == ("HOSP", "default")
    assert change.findings[0].reason == "the line names no place"


def test_a_condition_that_is_not_met_is_the_reason(written: Written) -> None:
    """A line that counts for emergencies only says so when the patient is none."""
    line = 'RequestedProcedureComments = { from = "OBR-13", when = { "PV1-2" = "E" } }'
    text = f'[attributes]\n{line}\nPatientID = {{ from = "PID-3.1" }}\n[attributes.{STEP}]\n'
    mapping = loader.load(written(text + 'Modality = { from = "OBR-24" }\n'))
    (item,) = explained(mapping, PID, "PV1||O", ORC, "OBR|1|8100||CT^CT|||||||||BRING CHART")
    assert item.findings[0][1] == ""
    assert item.findings[0].reason == "the line counts only when PV1-2 is E"


def test_what_the_catalogue_gave_is_told_from_what_the_message_said(written: Written) -> None:
    """One service that is two steps shows the catalogue as the origin of both modalities, and the patient's field."""
    path = written(
        '[attributes]\nPatientID = { from = "PID-3.1" }\n'
        f'[attributes.{STEP}]\nModality = {{ from = "OBR-24" }}\n'
        f'ScheduledProcedureStepDescription = {{ from = "OBR-4.2" }}\n[catalogue]\nfile = "services.csv"\n'
    )
    (path.parent / "services.csv").write_text("code,modality,step\nBOTH,CT,CT part\nBOTH,MR,MR part\n", "utf-8")
    found = explained(loader.load(path), PID, ORC, "OBR|1|8100||BOTH^Both")
    values = [{line.attribute: (line.value, line.origin) for line in item.findings} for item in found]
    assert [value[f"{STEP}/Modality"] for value in values] == [("CT", "[catalogue]"), ("MR", "[catalogue]")]
    assert values[1][f"{STEP}/ScheduledProcedureStepDescription"] == ("MR part", "[catalogue]")
    assert values[1]["PatientID"] == ("4711", "PID-3.1")


@given(
    fields=st.lists(st.sampled_from(["", '""', "CT", "A^B^C", "20260316", "x" * 80, "A~B"]), min_size=48, max_size=48),
    changing=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_explanation_never_disagrees(shipped: SiteMapping, fields: list[str], changing: bool) -> None:
    """Whatever the fields hold, the explained values are those of the item, and every empty attribute has a reason."""
    content = read(PID, ORC, "|".join(["OBR", "1", "8100", "", "CT^CT", *fields]))
    (group,) = order_groups.order_groups(content)
    found = explain.orders(shipped, content, changing=lambda _group: changing)
    if found[0].refusal:
        with pytest.raises(MappingError):
            inbound.steps(shipped, group, changing=changing)
        return
    steps = inbound.steps(shipped, group, changing=changing)
    for item, step in zip(found, steps, strict=True):
        assert item.listed == listing.attributes(encoding.decode(encoding.encode(step.item)))
        for finding in item.findings:
            values = step.step if finding.attribute.startswith(STEP) else step.item
            value = values.get(finding.attribute.rpartition("/")[2], "")
            assert finding.value == (explain.shown(value) if value else "")
            assert bool(finding.reason) is not bool(finding.value)
            assert bool(finding.origin) is bool(finding.value)


def test_an_empty_further_repetition_is_not_called_an_empty_field(of: Of) -> None:
    """Of a patient with one identifier it is the second that is missing, and so it is said."""
    assert of("OtherPatientIDsSequence", PID, ORC, OBR).reason.startswith("PID-3[2+] is empty; PID-2 is empty")

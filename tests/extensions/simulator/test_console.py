"""The console of a simulated scanner names what it cannot show, attribute by attribute."""

import copy
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from swf.dicom import datasets
from swf.extensions.simulator import console
from swf.extensions.simulator.devices import DEVICES
from swf.extensions.simulator.modality import KEYS, STEP_KEYS, worklist_query

STEP = "ScheduledProcedureStepSequence"


def _item() -> Dataset:
    item = worklist_query()
    item.PatientName, item.PatientID, item.AccessionNumber = "DOE^JANE", "SIM1", "A1"
    item.StudyInstanceUID, item.RequestedProcedureID = "2.25.1", "RP1"
    item.RequestedProcedureDescription = "CT head"
    step = item.ScheduledProcedureStepSequence[0]
    step.Modality, step.ScheduledStationAETitle, step.ScheduledProcedureStepID = "CT", "CT1", "S1"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20261122", "093000"
    step.ScheduledProcedureStepDescription = "CT head"
    return item


def _came(item: Dataset) -> Dataset:
    """The same after it came over the network: bytes that nobody has looked at yet."""
    return datasets.decoded(datasets.encoded(item, ImplicitVRLittleEndian), ImplicitVRLittleEndian)


def _code(**values: str) -> Dataset:
    code = Dataset()
    for keyword, value in values.items():
        setattr(code, keyword, value)
    return code


@pytest.mark.parametrize("name", ["plain", "broad", "by-accession"])
def test_an_entry_as_the_standard_has_it(name: str) -> None:
    """A complete entry is shown by every device that reads its character set."""
    assert console.violations(_came(_item()), DEVICES[name]) == []


def _without(keyword: str) -> Callable[[Dataset], None]:
    return lambda item: delattr(item if keyword in KEYS else item.ScheduledProcedureStepSequence[0], keyword)


def _with(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda item: setattr(
        item.ScheduledProcedureStepSequence[0] if keyword in STEP_KEYS else item, keyword, value
    )


@pytest.mark.filterwarnings("ignore:.*(value|Value|VR|exceeds).*:UserWarning")
@pytest.mark.parametrize(
    ("damage", "attribute", "why"),
    [
        (_with("PatientID", ""), "PatientID", "has no value"),
        (_with("ScheduledStationAETitle", ""), f"{STEP}/ScheduledStationAETitle", "has no value"),
        (_without("Allergies"), "Allergies", "is not there, although it was asked for"),
        (_with("AccessionNumber", "A" * 17), "AccessionNumber", "is 17 characters long, and SH may be 16"),
        (_with("PatientID", "L" * 65), "PatientID", "is 65 characters long, and LO may be 64"),
        (_with("PatientName", "D" * 65), "PatientName", "is 65 characters long, and may be 64"),
        (_with("PatientName", "A^B^C^D^E^F"), "PatientName", "has 6 parts, and this device takes 5"),
        (_with("StudyInstanceUID", "1.02"), "StudyInstanceUID", "is no UI"),
        (_with("Modality", "ct"), f"{STEP}/Modality", "is no CS"),
        (_with("PatientBirthDate", "20261331"), "PatientBirthDate", "is no day of the calendar"),
        (_with("ScheduledProcedureStepStartDate", "2026.11.22"), f"{STEP}/ScheduledProcedureStepStartDate", "is no DA"),
        (_with("ScheduledProcedureStepStartTime", "2561"), f"{STEP}/ScheduledProcedureStepStartTime", "is no TM"),
        (_with("RequestedProcedureID", ["R1", "R2"]), "RequestedProcedureID", "has several values, and may have one"),
        (_with("RequestedProcedureDescription", "a\tb"), "RequestedProcedureDescription", "holds a control character"),
        (
            _with("RequestedProcedureDescription", ""),
            "RequestedProcedureDescription",
            "has no value, and RequestedProcedureCodeSequence no item",
        ),
        (_with(STEP, []), STEP, "has 0 items, and must have one"),
        (
            _with("RequestedProcedureCodeSequence", [Dataset()]),
            "RequestedProcedureCodeSequence",
            "has an item with nothing in it",
        ),
        (
            _with("RequestedProcedureCodeSequence", [_code(CodeValue="C1", CodeMeaning="CT head")]),
            "RequestedProcedureCodeSequence/CodingSchemeDesignator",
            "has no value",
        ),
    ],
)
def test_what_a_console_cannot_show(damage: Callable[[Dataset], None], attribute: str, why: str) -> None:
    """Each mistake of an entry is told once, with its attribute, and nothing else is."""
    item = _item()
    damage(item)
    assert console.violations(item, DEVICES["plain"]) == [console.Violation(attribute, why)]


@pytest.mark.filterwarnings("ignore:Failed to decode:UserWarning")
@pytest.mark.parametrize(
    ("name", "declared", "written", "attributes"),
    [
        ("latin-1", "ISO_IR 100", "DÖE^JANE".encode("latin-1"), []),
        ("latin-1", "ISO_IR 192", "DÖE^JANE".encode(), ["SpecificCharacterSet"]),
        ("plain", "ISO_IR 192", "DÖE^JANE".encode("latin-1"), ["PatientName"]),
        ("plain", "", "DÖE^JANE".encode(), ["PatientName"]),
        ("cyrillic", "ISO_IR 144", "БЪЛГАР^ЯЖ".encode("iso8859-5"), []),
        ("ascii", "", b"DOE^JANE", []),
    ],
)
def test_letters_nobody_can_read(name: str, declared: str, written: bytes, attributes: list[str]) -> None:
    """A set the device does not know is told, and so are letters that are not in the set that is declared."""
    item = _item()
    item.SpecificCharacterSet, item.PatientName = declared, "N" * len(written)
    raw = datasets.encoded(item, ImplicitVRLittleEndian).replace(b"N" * len(written), written)
    found = console.violations(datasets.decoded(raw, ImplicitVRLittleEndian), DEVICES[name])
    assert [each.attribute for each in found] == attributes


def test_what_a_strict_scanner_adds() -> None:
    """A scanner as strict as a GE CT wants an accession number and a name in one form of three parts."""
    item = _item()
    item.SpecificCharacterSet, item.AccessionNumber, item.PatientName = "ISO_IR 100", "", "MIHON^HANAKO^^DR=X^Y"
    found = console.violations(item, DEVICES["strict-ct"])
    assert [str(each) for each in found] == [
        "AccessionNumber has no value",
        "PatientName has 2 forms, and this device takes 1",
        "PatientName has 4 parts, and this device takes 3",
    ]


def test_what_was_not_asked_for() -> None:
    """An entry of another station, day or patient than was asked for is told; one station of several is right."""
    item, asked = _item(), worklist_query(ScheduledStationAETitle="CT2", PatientID="SIM1")
    assert [each.attribute for each in console.beside_the_question(item, asked)] == [f"{STEP}/ScheduledStationAETitle"]
    shared = copy.deepcopy(item)
    shared.ScheduledProcedureStepSequence[0].ScheduledStationAETitle = ["CT1", "CT2"]
    assert console.beside_the_question(shared, asked) == []
    assert [each.attribute for each in console.beside_the_question(item, worklist_query(PatientID="SIM2"))] == [
        "PatientID"
    ]

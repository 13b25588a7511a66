"""A worklist item as lines that people and programs compare."""

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from swf.dicom import datasets, encoding, listing, worklist

SPS = "ScheduledProcedureStepSequence"


def test_every_attribute_has_a_path() -> None:
    """What stands inside a sequence is found by its path, and a second item of it is told from the first."""
    codes = [{"CodeValue": "1"}, {"CodeValue": "2"}]
    item = {"PatientID": "4711", "PatientSex": "", "ScheduledProcedureStepSequence": [{"Modality": "CT"}]}
    stored = encoding.encode({**item, "RequestedProcedureCodeSequence": codes, "OtherPatientNames": "DOE\\ROE"})
    assert listing.attributes(encoding.decode(stored)) == {
        "PatientID": "4711",
        "PatientSex": "",
        "OtherPatientNames": "DOE\\ROE",
        "RequestedProcedureCodeSequence/CodeValue": "1",
        "RequestedProcedureCodeSequence[2]/CodeValue": "2",
        "ScheduledProcedureStepSequence/Modality": "CT",
    }


@pytest.mark.parametrize("term", ["", "ISO_IR 144", "ISO_IR 192", "GB18030"])
@pytest.mark.parametrize("text", ["Abdomen", "\u0411\u0440\u044e\u0448\u043d\u0430\u044f", "\u8179\u90e8"])
def test_a_page_of_answers_reads_what_the_dataset_holds(term: str, text: str) -> None:
    """The few columns of a list say the same as the dataset a modality reads, whatever its character set."""
    step = {"Modality": "CT", "ScheduledStationAETitle": "CT1\\CT2", "ScheduledProcedureStepDescription": text}
    stored = encoding.encode({"PatientID": "4711", "PatientName": "", SPS: [{**step, "ScheduledProcedureStepID": ""}]})
    query = replace(worklist.read_query(Dataset()), requested=None, character_sets=[term])
    answer = worklist.answer_bytes(stored, query, implicit=True)
    whole = listing.attributes(datasets.decoded(answer, ImplicitVRLittleEndian))
    keywords = (*step, "ScheduledProcedureStepID", "ScheduledProcedureStepStartDate")
    told = {f"{SPS}/{name}": value for name, value in listing.columns(answer, keywords, SPS).items()}
    told |= listing.columns(answer, ("PatientID", "PatientName", "PatientSex"))
    assert told == whole
    assert told[f"{SPS}/ScheduledProcedureStepDescription"] == text


def test_an_answer_without_a_step_has_no_columns_of_one() -> None:
    """A modality that asks for the patient alone is told nothing of the exam."""
    assert listing.columns(encoding.encode({"PatientID": "4711"}), ("Modality",), SPS) == {}
    assert listing.columns(encoding.encode({SPS: []}), ("Modality",), SPS) == {}

"""A worklist item as lines that people and programs compare."""

from swf.dicom import encoding, listing


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

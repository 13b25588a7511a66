"""Instance Availability Notifications as an archive sends them (PS3.4 Annex R)."""

from pydicom.dataset import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"


def notice(study: str, instances: dict[str, str], *steps: str) -> Dataset:
    """A notice about the instances of one series, each with its availability, made by these performed steps."""
    dataset, series = Dataset(), Dataset()
    dataset.ReferencedPerformedProcedureStepSequence = [_step(uid) for uid in steps]
    dataset.StudyInstanceUID = study
    series.SeriesInstanceUID = f"{study}.1"
    series.ReferencedSOPSequence = [_instance(uid, state) for uid, state in instances.items()]
    dataset.ReferencedSeriesSequence = [series]
    return dataset


def _step(uid: str) -> Dataset:
    step = Dataset()
    step.ReferencedSOPClassUID, step.ReferencedSOPInstanceUID = PERFORMED_STEP, uid
    step.PerformedWorkitemCodeSequence = []
    return step


def _instance(uid: str, state: str) -> Dataset:
    instance = Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = CT_IMAGE, uid
    instance.InstanceAvailability, instance.RetrieveAETitle = state, "PACS"
    return instance

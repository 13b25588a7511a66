"""What of an item says who a patient is, or of what he or she suffers; pages show it on request only."""

from swf.sentence import Sentence
from swf.workflow.verdict import Finding, Stage

MASK = "•••••"
_OF_THE_PATIENT = ("Patient", "OtherPatient", "Issuer", "Medical", "Allergies", "Pregnancy", "Ethnic", "Smoking")
_OF_THE_ILLNESS = ("AdmittingDiagnoses", "CommentsOn", "ReasonFor")  # what DG1, NTE and OBR-31 say
_ALSO_MASKED = frozenset(
    {"ConfidentialityConstraintOnPatientDataDescription", "SpecialNeeds", "LastMenstrualDate", "AdmissionID"}
    | {"AdditionalPatientHistory", "CurrentPatientLocation", "VisitComments"}
    | {"ImagingServiceRequestComments", "RequestedProcedureComments", "PreMedication", "RequestedContrastAgent"}
)  # fmt: skip


def is_of_the_patient(path: str) -> bool:
    """Whether an attribute says who somebody is, or of what he or she suffers."""
    return any(part.startswith(_OF_THE_PATIENT + _OF_THE_ILLNESS) or part in _ALSO_MASKED for part in path.split("/"))


def covered(told: object) -> str:
    """A sentence that tells values of a patient, without them: what is fixed in it stays."""
    if not isinstance(told, Sentence):
        return MASK
    if not told.values:
        return told
    return Sentence(told.template, {name: covered(value) for name, value in told.values.items()}, told.singular)


def finding(told: Finding) -> Finding:
    """What a rule found, without the values of a patient's attribute."""
    return told._replace(facts=covered(told.facts)) if is_of_the_patient(told.attribute) else told


def stage(told: Stage) -> Stage:
    """A condition of a list, without what it wants of a patient."""
    return told._replace(condition=f"{told.attribute}: {MASK}") if is_of_the_patient(told.attribute) else told

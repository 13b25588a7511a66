"""What of an item says who a patient is, or of what he or she suffers; pages show it on request only."""

MASK = "•••••"
_OF_THE_PATIENT = ("Patient", "OtherPatient", "Issuer", "Medical", "Allergies", "Pregnancy", "Ethnic", "Smoking")
_ALSO_MASKED = frozenset(
    {"ConfidentialityConstraintOnPatientDataDescription", "SpecialNeeds", "LastMenstrualDate", "AdmissionID"}
    | {"AdditionalPatientHistory", "CurrentPatientLocation", "ReasonForTheRequestedProcedure", "AdmittingDiagnosesDescription"}
)  # fmt: skip


def is_of_the_patient(path: str) -> bool:
    """Whether an attribute says who somebody is, or of what he or she suffers."""
    return any(part.startswith(_OF_THE_PATIENT) or part in _ALSO_MASKED for part in path.split("/"))

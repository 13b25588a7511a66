"""Performed procedure steps as modalities report them (RAD-6, RAD-7; PS3.4 F.7)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class Matching(StrEnum):
    """How a performed step came to its scheduled steps; whoever is `TO_BE_RESOLVED` waits for an operator."""

    NAMED = "named"  # the modality named them
    FOUND = "found"  # by lesser identifiers
    LINKED = "linked"  # by an operator, or by an order that came later
    PARTLY = "partly"  # some of those it names are not known
    OTHER_PATIENT = "other patient"  # it names a step of somebody else
    UNMATCHED = "unmatched"


TO_BE_RESOLVED = (Matching.PARTLY, Matching.OTHER_PATIENT, Matching.UNMATCHED)


class PerformedProcedureStep(SQLModel, table=True):
    """One MPPS instance; `dataset` is what N-CREATE and every N-SET left, the columns what it is looked for by.

    `called_ae_title` is which of our titles it was reported to: that of the site, or of a partition.

    `presumed` is the end it is taken to have had when the modality never reported one.
    """

    __tablename__ = "performed_procedure_step"
    __table_args__ = (
        Index("performed_by_matching", "matching", "patient_id"),
        Index("performed_by_status", "status", "updated_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    sop_instance_uid: str = Field(unique=True)
    status: str
    calling_ae_title: str
    called_ae_title: str
    dataset: bytes
    matching: str
    patient_id: str
    study_instance_uid: str
    accession_number: str
    presumed: str = ""
    overdue_at: datetime | None = Field(default=None, sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class PerformedFor(SQLModel, table=True):
    """Which scheduled step a performed step is for: several for a group case, several performed for an append case."""

    __tablename__ = "performed_for"

    performed: int = Field(foreign_key="performed_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True)
    scheduled: int = Field(foreign_key="scheduled_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True, index=True)


PERFORMED = SQLModel.metadata.tables["performed_procedure_step"]
PERFORMED_FOR = SQLModel.metadata.tables["performed_for"]

"""Performed procedure steps as modalities report them (RAD-6, RAD-7; PS3.4 F.7)."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class PerformedProcedureStep(SQLModel, table=True):
    """One MPPS instance; `dataset` is what N-CREATE and every N-SET left."""

    __tablename__ = "performed_procedure_step"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    sop_instance_uid: str = Field(unique=True)
    status: str
    calling_ae_title: str
    dataset: bytes
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class PerformedFor(SQLModel, table=True):
    """Which scheduled step a performed step is for: several for a group case, several performed for an append case."""

    __tablename__ = "performed_for"

    performed: int = Field(foreign_key="performed_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True)
    scheduled: int = Field(foreign_key="scheduled_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True, index=True)


PERFORMED = SQLModel.metadata.tables["performed_procedure_step"]
PERFORMED_FOR = SQLModel.metadata.tables["performed_for"]

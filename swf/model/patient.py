"""The patient an order is for (RAD-1, RAD-12): known by identifier and assigning authority together."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER

_MERGED = text("merged_into IS NOT NULL")


class Patient(SQLModel, table=True):
    """One identity. A merged identity stays as a pointer, so late messages still find the survivor.

    So does a further identifier of a patient, which was never merged and has no `merged_at`. `said_by` sent the newest
    ADT message about the patient, whose EVN-2 is `said_at` and whose MSH-7 `sent_at`.
    """

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("patient_id", "issuer"),
        Index("patient_by_survivor", "merged_into", sqlite_where=_MERGED, postgresql_where=_MERGED),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    patient_id: str
    issuer: str = ""
    dataset: bytes = b""
    merged_into: int | None = Field(default=None, foreign_key="patient.id", sa_type=ROW_NUMBER)
    merged_at: datetime | None = Field(default=None, sa_type=Moment)
    said_by: str | None = None
    said_at: datetime | None = Field(default=None, sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


PATIENT = SQLModel.metadata.tables["patient"]

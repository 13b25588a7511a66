"""What visits were before they changed, so that a change can be taken back (RAD-12; ADT^A11, A12, A38)."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class VisitChange(SQLModel, table=True):
    """What an event changed of a visit: encoded attributes of group 0038 before it and after it.

    A row without a step is of the visit itself; rows of one change have the same patient, visit, event and time.
    """

    __tablename__ = "visit_change"
    __table_args__ = (Index("visit_change_by_visit", "patient", "admission_id", "at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    patient: int = Field(foreign_key="patient.id", sa_type=ROW_NUMBER)
    admission_id: str
    event: str
    step: int | None = Field(
        default=None,
        foreign_key="scheduled_procedure_step.id",
        sa_type=ROW_NUMBER,
        index=True,
        ondelete="CASCADE",
    )
    before: bytes
    after: bytes
    at: datetime = Field(sa_type=Moment)


VISIT_CHANGE = SQLModel.metadata.tables["visit_change"]

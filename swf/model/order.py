"""Orders and their scheduled procedure steps (RAD-2, RAD-4; PS3.3 C.4.10).

The step row carries the whole worklist item as encoded bytes; a column exists only for what is matched, found again or
sorted by. Studies and steps performed are n to m, so links to performed steps live in a table of their own.
"""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class Order(SQLModel, table=True):
    """One placer or filler order. The issuer of a number is its namespace, else the sender of the message.

    `patient` is who the order is for now, `identity` whom it came for: after a merge the two differ, and a merge that is
    taken back brings the order home. `parent` is the order this one is a child of; a parent is performed by performing its
    children. `result_status` is OBR-25 of the last report, HL7 table 0123.
    """

    __tablename__ = "order"
    __table_args__ = (
        Index(
            "order_by_placer",
            "placer_order_number",
            "placer_issuer",
            unique=True,
            sqlite_where=text("placer_order_number <> ''"),
            postgresql_where=text("placer_order_number <> ''"),
        ),
        Index("order_by_filler", "filler_order_number", "filler_issuer"),
        Index(
            "order_by_parent",
            "parent",
            sqlite_where=text("parent IS NOT NULL"),
            postgresql_where=text("parent IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},  # identifiers are made of the row's number, so a number is never used again
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    patient: int = Field(foreign_key="patient.id", sa_type=ROW_NUMBER, index=True)
    identity: int = Field(foreign_key="patient.id", sa_type=ROW_NUMBER, index=True)
    placer_order_number: str = ""
    placer_issuer: str = ""
    filler_order_number: str = ""
    filler_issuer: str = ""
    accession_number: str = Field(default="", index=True)
    status: str
    result_status: str = ""
    parent: int | None = Field(default=None, foreign_key="order.id", sa_type=ROW_NUMBER)
    is_parent: bool = False
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class ScheduledProcedureStep(SQLModel, table=True):
    """One worklist item. `own_identifiers`: its step id was given by us and yields to one the sender gives later."""

    __tablename__ = "scheduled_procedure_step"
    __table_args__ = (
        UniqueConstraint("study_instance_uid", "step_id"),
        # What is done and gone is most of the table and on nobody's list: the status narrows before anything else.
        Index("step_by_station", "station", "status", "start"),
        Index("step_by_start", "start"),
        Index("step_by_status", "status", "start"),
        Index("step_by_modality", "modality", "status", "start"),
        Index("step_by_accession", "accession_number"),
        Index("step_by_patient_id", "patient_id"),
        Index("step_by_patient_name", "patient_name"),
        Index("step_by_physician", "performing_physician"),
        Index("step_by_requested_procedure", "requested_procedure_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    order: int = Field(foreign_key="order.id", sa_type=ROW_NUMBER, index=True)
    status: str
    own_identifiers: bool = False
    version: int = 1
    dataset: bytes
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    # what a modality may match by; names are those of swf.dicom.attributes
    station: str = ""
    start: str = ""  # YYYYMMDDHHMMSS, for combined ranges and for the order of the list
    start_date: str = ""
    start_time: str = ""
    modality: str = ""
    performing_physician: str = ""
    patient_name: str = ""
    patient_id: str = ""
    accession_number: str = ""
    requested_procedure_id: str = ""
    study_instance_uid: str
    step_id: str
    station_name: str = ""
    location: str = ""
    admission_id: str = ""
    issuer_of_patient_id: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    placer_order_number: str = ""
    filler_order_number: str = ""


class FurtherStation(SQLModel, table=True):
    """The second and later stations of a step that any of several may perform."""

    __tablename__ = "further_station"
    __table_args__ = (Index("further_station_by_title", "ae_title", "step"),)

    step: int = Field(
        foreign_key="scheduled_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True, ondelete="CASCADE"
    )
    ae_title: str = Field(primary_key=True)


class WorklistAnswer(SQLModel, table=True):
    """Which modality was given which step, first and last, and how often (RAD-5)."""

    __tablename__ = "worklist_answer"

    step: int = Field(
        foreign_key="scheduled_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True, ondelete="CASCADE"
    )
    ae_title: str = Field(primary_key=True)
    first_at: datetime = Field(sa_type=Moment)
    last_at: datetime = Field(sa_type=Moment)
    times: int = 1


ORDER = SQLModel.metadata.tables["order"]
STEP = SQLModel.metadata.tables["scheduled_procedure_step"]
FURTHER_STATION = SQLModel.metadata.tables["further_station"]
WORKLIST_ANSWER = SQLModel.metadata.tables["worklist_answer"]

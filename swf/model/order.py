"""Orders and their scheduled procedure steps (RAD-2, RAD-4; PS3.3 C.4.10).

The step row carries the whole worklist item as encoded bytes; a column exists only for what is matched, found again or
sorted by. Studies and steps performed are n to m, so links to performed steps live in a table of their own.
"""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER

# Compared by code point, as SQLite does by itself: so a wildcard is a range of an index, whatever the server's language.
MATCHED = String().with_variant(String(collation="C"), "postgresql")


class Order(SQLModel, table=True):
    """One placer or filler order. The issuer of a number is its namespace, else the sender of the message.

    `patient` is who the order is for now, `identity` whom it came for: after a merge the two differ, and a merge that is
    taken back brings the order home. `parent` is the order this one is a child of; a parent is performed by performing its
    children. `result_status` is OBR-25 of the last report, HL7 table 0123. `said_by` sent the newest message about it,
    whose ORC-9 is `said_at` and whose MSH-7 `sent_at`.
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
    said_by: str | None = None
    said_at: datetime | None = Field(default=None, sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class ScheduledProcedureStep(SQLModel, table=True):
    """One worklist item. `own_identifiers`: its step id was given by us and yields to one the sender gives later.

    `on_hold`: somebody asked to hold it (ORC-1 HD), which an appointment neither begins nor ends.
    """

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
        Index("step_by_flaws", "start", sqlite_where=text("flaws <> 0"), postgresql_where=text("flaws <> 0")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    order: int = Field(foreign_key="order.id", sa_type=ROW_NUMBER, index=True)
    status: str
    own_identifiers: bool = False
    on_hold: bool = False
    version: int = 1
    flaws: int = 0  # what a strict modality would choke on, as swf.dicom.flaws counts it
    dataset: bytes
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    # what a modality may match by; names are those of swf.dicom.attributes
    station: str = Field(default="", sa_type=MATCHED)
    start: str = Field(default="", sa_type=MATCHED)  # YYYYMMDDHHMMSS, for combined ranges and for the order of the list
    start_date: str = Field(default="", sa_type=MATCHED)
    start_time: str = Field(default="", sa_type=MATCHED)
    modality: str = Field(default="", sa_type=MATCHED)
    performing_physician: str = Field(default="", sa_type=MATCHED)
    patient_name: str = Field(default="", sa_type=MATCHED)
    patient_id: str = Field(default="", sa_type=MATCHED)
    accession_number: str = Field(default="", sa_type=MATCHED)
    requested_procedure_id: str = Field(default="", sa_type=MATCHED)
    study_instance_uid: str = Field(sa_type=MATCHED)
    step_id: str = Field(sa_type=MATCHED)
    station_name: str = Field(default="", sa_type=MATCHED)
    location: str = Field(default="", sa_type=MATCHED)
    admission_id: str = Field(default="", sa_type=MATCHED)
    issuer_of_patient_id: str = Field(default="", sa_type=MATCHED)
    patient_birth_date: str = Field(default="", sa_type=MATCHED)
    patient_sex: str = Field(default="", sa_type=MATCHED)
    placer_order_number: str = Field(default="", sa_type=MATCHED)
    filler_order_number: str = Field(default="", sa_type=MATCHED)
    worklist_label: str = Field(default="", sa_type=MATCHED)


# The columns that may hold several values; a `\` in any other is a mistake of its own (swf.dicom.findings).
SEVERAL = frozenset({"station", "station_name", "patient_name", "performing_physician", "location"})


class FurtherValue(SQLModel, table=True):
    """The second and later values of a column of `SEVERAL`: stations that share a step, a name in another script.

    `start` is that of the step, so that the days asked for narrow here too.
    """

    __tablename__ = "further_value"
    __table_args__ = (Index("further_value_by_value", "column", "value", "start", "step"),)

    step: int = Field(
        foreign_key="scheduled_procedure_step.id", sa_type=ROW_NUMBER, primary_key=True, ondelete="CASCADE"
    )
    column: str = Field(primary_key=True)
    value: str = Field(primary_key=True, sa_type=MATCHED)
    start: str = Field(default="", sa_type=MATCHED)


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
FURTHER_VALUE = SQLModel.metadata.tables["further_value"]
WORKLIST_ANSWER = SQLModel.metadata.tables["worklist_answer"]

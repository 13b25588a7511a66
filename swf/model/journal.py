"""What happened, in the order it was committed: the one source for `swf trace` and for every extension."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class Event(StrEnum):
    """The kinds of entries."""

    MESSAGE_APPLIED = "message applied"
    MESSAGE_REFUSED = "message refused"
    MESSAGE_REPEATED = "message repeated"
    MESSAGE_REPLAYED = "message replayed"
    ORDER_CREATED = "order created"
    ORDER_CHANGED = "order changed"
    ORDER_LINKED = "order linked"
    ORDER_STATUS = "order status"
    STEP_SCHEDULED = "step scheduled"
    STEP_STATUS = "step status"
    STEP_SUPERSEDED = "step superseded"
    STEP_FLAWED = "step flawed"
    STEP_MENDED = "step mended"
    STATUS_RECEIVED = "status received"
    STATUS_REQUESTED = "status requested"
    NUMBER_ASSIGNED = "number assigned"
    REPORT_RECEIVED = "report received"
    APPOINTMENT_BOOKED = "appointment booked"
    APPOINTMENT_CANCELLED = "appointment cancelled"
    APPOINTMENT_MISSED = "appointment missed"
    PATIENT_CHANGED = "patient changed"
    PATIENT_MERGED = "patient merged"
    PATIENT_SPLIT = "patient split"
    PATIENT_ARRIVED = "patient arrived"
    PATIENT_LEFT = "patient left"
    VISIT_CHANGED = "visit changed"
    WARNING = "warning"
    CONNECTIONS_LIMITED = "connections limited"
    ASSOCIATION_REJECTED = "association rejected"
    MPPS_IN_PROGRESS = "mpps in progress"
    MPPS_CHANGED = "mpps changed"
    MPPS_COMPLETED = "mpps completed"
    MPPS_DISCONTINUED = "mpps discontinued"
    MPPS_UNMATCHED = "mpps unmatched"
    MPPS_REFUSED = "mpps refused"
    MPPS_LINKED = "mpps linked"
    MPPS_UNLINKED = "mpps unlinked"
    MPPS_SUGGESTED = "mpps suggested"
    MPPS_OVERDUE = "mpps overdue"
    END_PRESUMED = "end presumed"
    IMAGES_AVAILABLE = "images available"
    NOTICE_REFUSED = "notice refused"
    DELIVERY_QUEUED = "delivery queued"
    DELIVERY_FAILED = "delivery failed"
    DELIVERY_ACKNOWLEDGED = "delivery acknowledged"
    DELIVERY_PARKED = "delivery parked"
    ACKNOWLEDGEMENT_RECEIVED = "acknowledgement received"
    PATIENT_REVEALED = "patient revealed"
    OPERATOR_ACTED = "operator acted"
    SIGNED_IN = "signed in"
    SIGN_IN_REFUSED = "sign-in refused"
    SIGNED_OUT = "signed out"
    USER_CHANGED = "user changed"
    TOKEN_CHANGED = "token changed"  # noqa: S105  no token, only that one was changed


AT_THE_DOORS = (Event.CONNECTIONS_LIMITED, Event.ASSOCIATION_REJECTED)
"""What happens before anybody has said anything: seldom, and looked for among all that happens to orders."""
OF_THE_DOORS = text(f"event IN ({', '.join(repr(str(each)) for each in AT_THE_DOORS)})")


class JournalEntry(SQLModel, table=True):
    """One event; `detail` holds what an operator wants to read, never a whole message."""

    __tablename__ = "journal"
    __table_args__ = (Index("journal_of_the_doors", "at", sqlite_where=OF_THE_DOORS, postgresql_where=OF_THE_DOORS),)

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    at: datetime = Field(sa_type=Moment)
    event: str
    order: int | None = Field(default=None, foreign_key="order.id", sa_type=ROW_NUMBER, index=True)
    message: int | None = Field(default=None, foreign_key="message.id", sa_type=ROW_NUMBER, index=True)
    detail: dict[str, Any] = Field(sa_type=JSON)


JOURNAL = SQLModel.metadata.tables["journal"]

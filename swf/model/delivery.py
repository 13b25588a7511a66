"""What destinations are told, queued with the change it tells of (RAD-3)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class DeliveryStatus(StrEnum):
    """Where a delivery stands; a skipped one was given up by an operator."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    PARKED = "PARKED"
    SKIPPED = "SKIPPED"


class Delivery(SQLModel, table=True):
    """One message for one destination; bytes and control id never change, so a repeat is recognised as one.

    An application acknowledgement is about a message, and has no `order`; nor has a report of an exam without one.
    Deliveries with the same `subject`, such as the reports of one performed step, never overtake each other, not even
    when one of them is parked.
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("delivery_by_turn", "destination", "status", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    destination: str
    order: int | None = Field(default=None, foreign_key="order.id", sa_type=ROW_NUMBER, index=True)
    type: str
    subject: str = ""
    control_id: str = Field(unique=True)
    payload: bytes
    status: str
    attempts: int = 0
    refusals: int = 0
    next_attempt_at: datetime = Field(sa_type=Moment)
    last_error: str = ""
    acknowledgement: str = ""
    created_at: datetime = Field(sa_type=Moment)
    delivered_at: datetime | None = Field(default=None, sa_type=Moment)


DELIVERY = SQLModel.metadata.tables["delivery"]

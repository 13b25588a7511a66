"""Every HL7 message that came in, as it came, with the answer it got."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class Disposition(StrEnum):
    """What became of a message; a broken one did not come whole, so that nothing was and nothing can be done with it."""

    APPLIED = "APPLIED"
    REFUSED = "REFUSED"
    BROKEN = "BROKEN"


BY_HAND = -1
"""The door of messages that are the broker's own, made of what an operator said; no peer can knock at it."""
_NO_EFFECT = text(f"disposition <> '{Disposition.APPLIED}'")


class Message(SQLModel, table=True):
    """One received message; `raw` and `acknowledgement` are the very bytes of the wire, without the frame.

    `door` is the port it came by when that is its sources' own, else 0; `BY_HAND` for one an operator made, whose `peer` is
    that operator. Of a message above the limit `raw` holds the first bytes, and `reason` says how many came.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_by_control_id", "control_id", "source", "content_hash"),
        Index("message_without_effect", "received_at", sqlite_where=_NO_EFFECT, postgresql_where=_NO_EFFECT),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    received_at: datetime = Field(sa_type=Moment, index=True)
    peer: str
    door: int = 0
    source: str
    type: str
    control_id: str
    version: str
    charset: str
    content_hash: str
    raw: bytes
    disposition: str
    ack_code: str
    reason: str = ""
    acknowledgement: bytes


MESSAGE = SQLModel.metadata.tables["message"]

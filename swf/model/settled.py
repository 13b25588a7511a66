"""What an operator has said of messages that failed and of destinations; nothing of either is thrown away by it."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class SettledFailure(SQLModel, table=True):
    """A cause of failure that is dealt with for every message up to row `up_to`; one that comes later raises it anew."""

    __tablename__ = "settled_failure"

    cause: str = Field(primary_key=True)
    up_to: int = Field(sa_type=ROW_NUMBER)
    remark: str
    by: str
    at: datetime = Field(sa_type=Moment)


class HeldDestination(SQLModel, table=True):
    """A destination that is told nothing until somebody releases it."""

    __tablename__ = "held_destination"

    name: str = Field(primary_key=True)
    reason: str
    by: str
    at: datetime = Field(sa_type=Moment)


SETTLED = SQLModel.metadata.tables["settled_failure"]
HELD = SQLModel.metadata.tables["held_destination"]

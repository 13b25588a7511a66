"""One row that is written to prove that the store still takes what is written."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class Pulse(SQLModel, table=True):
    """When the store was last asked whether it is ready, and could say so durably."""

    __tablename__ = "pulse"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    at: datetime = Field(sa_type=Moment)


PULSE = SQLModel.metadata.tables["pulse"]

"""What modalities asked and got (RAD-5): for `swf queries` and for `swf why`."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class ModalityQuery(SQLModel, table=True):
    """A query as it came, or a run of the same query with the same outcome: who polls leaves one row, not one a second.

    `identifier` are the very bytes, in the transfer syntax `syntax`. `status` is that of the last response in
    hexadecimal, or "gone" when the modality left before it. `withheld` are the items kept from it by the `needs` of its
    profile. `milliseconds` is the longest of the run.
    """

    __tablename__ = "modality_query"
    __table_args__ = (Index("modality_query_by_title", "ae_title", "id"), Index("modality_query_by_last", "last_at"))

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    ae_title: str
    called: str
    address: str
    syntax: str
    identifier: bytes
    status: str
    answers: int
    withheld: int = 0
    milliseconds: int
    times: int = 1
    first_at: datetime = Field(sa_type=Moment)
    last_at: datetime = Field(sa_type=Moment)


QUERY = SQLModel.metadata.tables["modality_query"]

"""Counts of what happened, by hour or day: what statistics are read from, so that they need not read the journal."""

from sqlmodel import Field, SQLModel

from swf.model.number import ROW_NUMBER


class Tally(SQLModel, table=True):
    """How often something happened in a `period` of the site's clock, YYYY-MM-DD or YYYY-MM-DDTHH.

    `name` is a modality, a destination or an event; of spans of time `bucket` says how long. The row of the kind
    `reached` holds the last entry of the journal that was counted.
    """

    __tablename__ = "tally"

    kind: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    bucket: int = Field(primary_key=True)
    count: int = Field(sa_type=ROW_NUMBER)


TALLY = SQLModel.metadata.tables["tally"]

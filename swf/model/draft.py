"""Mapping files as somebody wants them, and as they were before: what is tried before it counts, and can be undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class MappingDraft(SQLModel, table=True):
    """A file as it is to be; `base` is what it held when the draft was begun, None for one that was not there.

    `revision` counts its changes, so that nobody writes over what somebody else has just kept.
    """

    __tablename__ = "mapping_draft"

    path: str = Field(primary_key=True)
    base: str | None
    content: str
    revision: int
    by: str
    at: datetime = Field(sa_type=Moment)


class MappingVersion(SQLModel, table=True):
    """One saving: path → what each file held before and after; before is None for a file that was not there."""

    __tablename__ = "mapping_version"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    at: datetime = Field(sa_type=Moment)
    by: str
    remark: str
    files: dict[str, Any] = Field(sa_type=JSON)


DRAFT = SQLModel.metadata.tables["mapping_draft"]
VERSION = SQLModel.metadata.tables["mapping_version"]

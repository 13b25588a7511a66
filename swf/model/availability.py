"""What archives say of the images they hold (RAD-49; PS3.4 Annex R)."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class AvailabilityNotice(SQLModel, table=True):
    """One Instance Availability Notification as it came; a study may have several, for parts of it or for changes.

    `called_ae_title` is which of our titles was told. `settles_at` is when the study counts as whole, unless a further
    notice comes before.
    """

    __tablename__ = "availability_notice"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    sop_instance_uid: str = Field(unique=True)
    calling_ae_title: str
    called_ae_title: str
    study_instance_uid: str = Field(index=True)
    dataset: bytes
    received_at: datetime = Field(sa_type=Moment)
    settles_at: datetime | None = Field(default=None, sa_type=Moment, index=True)


AVAILABILITY_NOTICE = SQLModel.metadata.tables["availability_notice"]

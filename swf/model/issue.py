"""Who looks after a problem. The problems themselves are found anew whenever somebody looks; only this is kept."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from swf.model.moment import Moment
from swf.model.number import ROW_NUMBER


class IssueCare(SQLModel, table=True):
    """What operators said of one problem: `owner` has it, "" nobody; until `snoozed_until` it is not shown.

    `key` is made of `kind` and `subject`; a problem that comes back is the same one.
    """

    __tablename__ = "issue_care"

    id: int | None = Field(default=None, primary_key=True, sa_type=ROW_NUMBER)
    key: str = Field(unique=True)
    kind: str
    subject: str
    owner: str = ""
    remark: str = ""
    snoozed_until: datetime | None = Field(default=None, sa_type=Moment)
    changed_by: str
    changed_at: datetime = Field(sa_type=Moment)


ISSUE_CARE = SQLModel.metadata.tables["issue_care"]

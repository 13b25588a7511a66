"""Notices of which images an archive holds, by study (RAD-49)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from swf.model.availability import AVAILABILITY_NOTICE
from swf.store.database import Record, Transaction


def find(connection: Connection, sop_instance_uid: str) -> Record | None:
    """The notice of that SOP Instance UID."""
    mine = AVAILABILITY_NOTICE.c.sop_instance_uid == sop_instance_uid
    return connection.execute(select(AVAILABILITY_NOTICE).where(mine)).first()


def add(transaction: Transaction, **columns: Any) -> None:
    """Keep a notice."""
    transaction.execute(insert(AVAILABILITY_NOTICE), columns)


def of_study(connection: Connection, study_instance_uid: str) -> Sequence[Record]:
    """Every notice about a study, the oldest first."""
    mine = AVAILABILITY_NOTICE.c.study_instance_uid == study_instance_uid
    return connection.execute(select(AVAILABILITY_NOTICE).where(mine).order_by(AVAILABILITY_NOTICE.c.id)).all()

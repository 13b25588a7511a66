"""Notices of which images an archive holds, by study (RAD-49)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from swf.model.availability import AVAILABILITY_NOTICE
from swf.store.database import Record, Transaction

_SETTLING = AVAILABILITY_NOTICE.c.settles_at.is_not(None)


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


def unsettle(transaction: Transaction, study_instance_uid: str) -> None:
    """Nothing of a study settles any more by what came until now."""
    mine = (AVAILABILITY_NOTICE.c.study_instance_uid == study_instance_uid) & _SETTLING
    transaction.execute(update(AVAILABILITY_NOTICE).where(mine).values(settles_at=None))


def settling(connection: Connection, at: datetime) -> Sequence[Record]:
    """The notices whose studies count as whole at a moment, the oldest first."""
    due = _SETTLING & (AVAILABILITY_NOTICE.c.settles_at <= at)
    return connection.execute(
        select(AVAILABILITY_NOTICE).where(due).order_by(AVAILABILITY_NOTICE.c.id).with_for_update()
    ).all()

"""Patients by identifier and assigning authority."""

from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, select, update
from sqlalchemy.sql.dml import ReturningInsert

from swf.model.order import ORDER
from swf.model.patient import PATIENT
from swf.store import dialect
from swf.store.database import Record, Transaction

LONGEST_MERGE_CHAIN = 100
_BY_IDENTIFIER = (
    select(PATIENT)
    .where(PATIENT.c.patient_id == bindparam("identifier"), PATIENT.c.issuer == bindparam("authority"))
    .with_for_update()
)
_BY_NUMBER = select(PATIENT).where(PATIENT.c.id == bindparam("number")).with_for_update()


def find(transaction: Transaction, patient_id: str, issuer: str) -> Record | None:
    """The patient of that identifier; a merged identifier leads to the survivor."""
    row = transaction.execute(_BY_IDENTIFIER, {"identifier": patient_id, "authority": issuer}).first()
    for _ in range(LONGEST_MERGE_CHAIN):
        if row is None or row.merged_into is None:
            break
        row = transaction.execute(_BY_NUMBER, {"number": row.merged_into}).first()
    return row


def save(transaction: Transaction, patient_id: str, issuer: str, dataset: bytes, at: datetime) -> int:
    """Add the patient or replace the attributes known of him or her; returns the row number."""
    values = {"patient_id": patient_id, "issuer": issuer, "dataset": dataset, "updated_at": at}
    return int(transaction.execute(_save(transaction.dialect.name), values).scalar_one())


@cache
def _save(kind: str) -> ReturningInsert[int]:
    new = dialect.new_row(kind, PATIENT)
    changes = {"dataset": new.excluded.dataset, "updated_at": new.excluded.updated_at}
    return new.on_conflict_do_update(index_elements=["patient_id", "issuer"], set_=changes).returning(PATIENT.c.id)


def set_dataset(transaction: Transaction, number: int, dataset: bytes, at: datetime) -> None:
    """Replace the attributes known of patient row `number`."""
    transaction.execute(update(PATIENT).where(PATIENT.c.id == number), {"dataset": dataset, "updated_at": at})


def merge(transaction: Transaction, loser: int, survivor: int, at: datetime) -> None:
    """Let the identifier of row `loser` lead to row `survivor`, and move the loser's orders there."""
    transaction.execute(update(PATIENT).where(PATIENT.c.id == loser), {"merged_into": survivor, "updated_at": at})
    transaction.execute(update(ORDER).where(ORDER.c.patient == loser), {"patient": survivor, "updated_at": at})

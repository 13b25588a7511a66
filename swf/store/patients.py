"""Patients by identifier and assigning authority."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from swf.model.order import ORDER
from swf.model.patient import PATIENT
from swf.store import dialect
from swf.store.database import Record, Transaction
from swf.store.prepared import Prepared

LONGEST_MERGE_CHAIN = 100
_BY_IDENTIFIER = Prepared(
    select(PATIENT)
    .where(PATIENT.c.patient_id == bindparam("identifier"), PATIENT.c.issuer == bindparam("authority"))
    .with_for_update()
)
_OF_IDENTIFIER = Prepared(select(PATIENT).where(PATIENT.c.patient_id == bindparam("identifier")).order_by(PATIENT.c.id))
_BY_NUMBER = Prepared(select(PATIENT).where(PATIENT.c.id == bindparam("number")).with_for_update())
_CHANGE = Prepared(update(PATIENT).where(PATIENT.c.id == bindparam("number")))


def of_others(connection: Connection, issuer: str) -> bool:
    """Whether there is a patient whose identifier comes from anybody but `issuer`."""
    return connection.execute(select(PATIENT.c.id).where(PATIENT.c.issuer != issuer).limit(1)).first() is not None


def find(transaction: Transaction, patient_id: str, issuer: str) -> Record | None:
    """The patient of that identifier; a merged identifier leads to the survivor."""
    return survivor(transaction, identity(transaction, patient_id, issuer))


def identity(transaction: Transaction, patient_id: str, issuer: str) -> Record | None:
    """The row of that identifier itself, merged or not."""
    return _BY_IDENTIFIER.first(transaction, identifier=patient_id, authority=issuer)


def of_identifier(transaction: Transaction, patient_id: str) -> Sequence[Record]:
    """The rows of that identifier, whoever issued it."""
    return _OF_IDENTIFIER.all(transaction, identifier=patient_id)


def ensure(transaction: Transaction, patient_id: str, issuer: str, dataset: bytes, at: datetime) -> Record:
    """The row of that identifier itself, made with `dataset` when nobody had it; another sender may make it meanwhile."""
    found = identity(transaction, patient_id, issuer)
    return found or _saved(transaction, patient_id, issuer, dataset, at)


def one(transaction: Transaction, number: int) -> Record:
    """Patient row `number`."""
    return _BY_NUMBER.one(transaction, number=number)


def survivor(transaction: Transaction, row: Record | None) -> Record | None:
    """Who is left of the identity `row` after all merges: itself when it was never merged."""
    for _ in range(LONGEST_MERGE_CHAIN):
        if row is None or row.merged_into is None:
            break
        row = _BY_NUMBER.first(transaction, number=row.merged_into)
    return row


def save(transaction: Transaction, patient_id: str, issuer: str, dataset: bytes, at: datetime) -> int:
    """Add the patient or replace the attributes known of him or her; returns the row number."""
    return int(_saved(transaction, patient_id, issuer, dataset, at).id)


def _saved(transaction: Transaction, patient_id: str, issuer: str, dataset: bytes, at: datetime) -> Record:
    statement = _save(transaction.dialect.name)
    return statement.one(transaction, patient_id=patient_id, issuer=issuer, dataset=dataset, updated_at=at)


def add_alias(transaction: Transaction, patient_id: str, issuer: str, patient: int, at: datetime) -> None:
    """Let another identifier lead to row `patient`; nothing is done when somebody else was quicker to name it."""
    values = {"patient_id": patient_id, "issuer": issuer, "dataset": b"", "merged_into": patient, "updated_at": at}
    new = dialect.new_row(transaction.dialect.name, PATIENT)
    statement = new.on_conflict_do_nothing(index_elements=["patient_id", "issuer"])
    transaction.execute(statement, values)


@cache
def _save(kind: str) -> Prepared:
    new = dialect.new_row(kind, PATIENT)
    changes = {"dataset": new.excluded.dataset, "updated_at": new.excluded.updated_at}
    saving = new.on_conflict_do_update(index_elements=["patient_id", "issuer"], set_=changes)
    return Prepared(saving.returning(*PATIENT.c))


def set_dataset(transaction: Transaction, number: int, dataset: bytes, at: datetime) -> None:
    """Replace the attributes known of patient row `number`."""
    _CHANGE.run(transaction, number=number, dataset=dataset, updated_at=at)


def change(transaction: Transaction, number: int, **columns: Any) -> None:
    """Set `columns` of patient row `number`."""
    _CHANGE.run(transaction, number=number, **columns)


def merge(transaction: Transaction, loser: int, survivor: int, at: datetime) -> None:
    """Let the identifier of row `loser` lead to row `survivor`, and move the loser's orders there."""
    values = {"merged_into": survivor, "merged_at": at, "updated_at": at}
    transaction.execute(update(PATIENT).where(PATIENT.c.id == loser), values)
    transaction.execute(update(ORDER).where(ORDER.c.patient == loser), {"patient": survivor, "updated_at": at})


def promote(transaction: Transaction, alias: Record, at: datetime) -> None:
    """Let a further identifier stand by itself, with what is known of the patient it led to."""
    known = _BY_NUMBER.one(transaction, number=alias.merged_into)
    values = {"merged_into": None, "merged_at": None, "dataset": known.dataset, "updated_at": at}
    transaction.execute(update(PATIENT).where(PATIENT.c.id == alias.id), values)


def split(transaction: Transaction, number: int, at: datetime) -> None:
    """Take the merge of row `number` back: it and what leads to it are on their own again, with the orders they brought."""
    part(transaction, number, at)
    mine = ORDER.c.identity.in_(leading_to(transaction, number))
    transaction.execute(update(ORDER).where(mine), {"patient": number, "updated_at": at})


def part(transaction: Transaction, number: int, at: datetime) -> None:
    """Let row `number`, and what leads to it, stand by itself again; no order is moved."""
    values = {"merged_into": None, "merged_at": None, "updated_at": at}
    transaction.execute(update(PATIENT).where(PATIENT.c.id == number), values)


def merges(connection: Connection, *, limit: int, search: str = "") -> Sequence[Record]:
    """The merges in force, the newest first: each identity with the one it was merged into."""
    into = PATIENT.alias("into")
    statement = (
        select(
            PATIENT.c.patient_id,
            PATIENT.c.issuer,
            into.c.patient_id.label("into"),
            into.c.issuer.label("into_issuer"),
            PATIENT.c.merged_at,
        )
        .join(into, into.c.id == PATIENT.c.merged_into)
        .where(PATIENT.c.merged_at.is_not(None))
    )
    if search:
        statement = statement.where(or_(PATIENT.c.patient_id == search, into.c.patient_id == search))
    return connection.execute(statement.order_by(PATIENT.c.merged_at.desc(), PATIENT.c.id.desc()).limit(limit)).all()


def leading_to(transaction: Transaction, number: int) -> set[int]:
    """The row and every row whose merges end in it."""
    found: set[int] = set()
    newest = {number}
    while newest:
        found |= newest
        statement = select(PATIENT.c.id).where(PATIENT.c.merged_into.in_(newest))
        newest = set(transaction.scalars(statement)) - found
    return found

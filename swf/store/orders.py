"""Orders and the steps scheduled for them."""

from collections import namedtuple
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, insert, or_, select, text, union, update

from swf.model.order import FURTHER_VALUE, ORDER, SEVERAL, STEP
from swf.store import dialect
from swf.store.database import Record, Transaction
from swf.store.prepared import Prepared

_BY_PLACER = Prepared(
    select(ORDER)
    .where(
        ORDER.c.placer_order_number == bindparam("number"),
        ORDER.c.placer_issuer == bindparam("authority"),
        text("placer_order_number <> ''"),  # the very words of the index, which covers these orders only
    )
    .with_for_update()
)
_BY_FILLER = Prepared(
    select(ORDER)
    .where(
        ORDER.c.filler_order_number == bindparam("number"),
        ORDER.c.filler_issuer.in_((bindparam("authority"), bindparam("ours"))),
    )
    .order_by((ORDER.c.filler_issuer != bindparam("authority")), ORDER.c.id)
    .with_for_update()
)
_STEPS = Prepared(select(STEP).where(STEP.c.order == bindparam("number")).order_by(STEP.c.id).with_for_update())
_OF_STUDY = Prepared(
    select(STEP.c.id, STEP.c.step_id, ORDER.c.id.label("order"), ORDER.c.patient)
    .join(ORDER, ORDER.c.id == STEP.c.order)
    .where(STEP.c.study_instance_uid == bindparam("study"))
)
_ONE = Prepared(select(ORDER).where(ORDER.c.id == bindparam("number")).with_for_update())
_CHILDREN = select(ORDER.c.id).where(ORDER.c.parent == bindparam("number")).order_by(ORDER.c.id)
_OF_ACCESSION = select(ORDER).where(ORDER.c.accession_number == bindparam("accession")).limit(2)
_INSERT_ORDER = Prepared(insert(ORDER))
_ADDED = cast(Any, namedtuple)("Row", [column.key for column in ORDER.columns])  # noqa: PYI024  what a query gives
_INSERT_STEP = Prepared(insert(STEP).returning(STEP.c.id))
_INSERT_VALUES = Prepared(insert(FURTHER_VALUE))
_DELETE_VALUES = Prepared(delete(FURTHER_VALUE).where(FURTHER_VALUE.c.step == bindparam("number")))
_CHANGE_ORDER = Prepared(update(ORDER).where(ORDER.c.id == bindparam("number")))
_CHANGE_STEP = Prepared(update(STEP).where(STEP.c.id == bindparam("number")).values(version=STEP.c.version + 1))
_UNTOLD = {
    "result_status": "",
    "parent": None,
    "is_parent": False,
    "said_by": None,
    "said_at": None,
    "sent_at": None,
}


def find(
    transaction: Transaction, *, placer: tuple[str, str], filler: tuple[str, str], ours: str | None = None
) -> Record | None:
    """The order with this placer (number, issuer), else the one with this filler (number, issuer).

    A filler number that `ours` gave is found too: it may come back without saying whose it is.
    """
    number, issuer = placer
    row = _BY_PLACER.first(transaction, number=number, authority=issuer) if number else None
    number, issuer = filler
    if row is not None or not number:
        return row
    return _BY_FILLER.first(transaction, number=number, authority=issuer, ours=issuer if ours is None else ours)


def numbered(number: str) -> Select[tuple[int]]:
    """The rows of the orders with that accession, placer or filler number; each kind looked up by its index."""
    whole = text("placer_order_number <> ''")  # the very words of the index, which covers these orders only
    found = union(
        select(ORDER.c.id).where(ORDER.c.accession_number == number),
        select(ORDER.c.id).where(ORDER.c.placer_order_number == number, whole),
        select(ORDER.c.id).where(ORDER.c.filler_order_number == number),
    )
    return select(found.subquery().c.id)


def of_accession(transaction: Transaction, accession_number: str) -> Sequence[Record]:
    """At most two orders of that accession number: one is found, two are ambiguous."""
    return transaction.execute(_OF_ACCESSION, {"accession": accession_number}).all()


def next_number(transaction: Transaction) -> int:
    """The number of the row that is added next; no other order ever gets it, whether this one is added or not."""
    return int(_next(transaction.dialect.name).one(transaction).number)


@cache
def _next(kind: str) -> Prepared:
    return Prepared(select(dialect.next_number(kind, ORDER).label("number")))


def add(transaction: Transaction, **columns: Any) -> Record:
    """Add an order, under the `id` that `next_number` gave if one is told; returns its row.

    It came under the identity of its patient unless told otherwise.
    """
    number = columns.get("id") or next_number(transaction)
    values = {**_UNTOLD, "identity": columns["patient"], **columns, "id": number}
    _INSERT_ORDER.run(transaction, **values)
    return cast(Record, _ADDED(**values))


def change(transaction: Transaction, number: int, **columns: Any) -> None:
    """Set `columns` of order row `number`."""
    _CHANGE_ORDER.run(transaction, number=number, **columns)


def steps(transaction: Transaction, order: int) -> Sequence[Record]:
    """The steps of order row `order`, in the order they were scheduled."""
    return _STEPS.all(transaction, number=order)


def of_identities(transaction: Transaction, identities: Collection[int]) -> Sequence[Record]:
    """The orders that came under these patient rows, whoever they are for now."""
    statement = select(ORDER).where(ORDER.c.identity.in_(identities)).order_by(ORDER.c.id)
    return transaction.execute(statement.with_for_update()).all()


def descendants(transaction: Transaction, number: int) -> list[int]:
    """The children of order row `number`, theirs, and so on; there is never a circle."""
    found: list[int] = []
    for child in transaction.scalars(_CHILDREN, {"number": number}):
        found += [child, *descendants(transaction, child)]
    return found


def family_steps(transaction: Transaction, order: Record) -> list[Record]:
    """The steps of an order and, of a parent, those of all its descendants."""
    others = descendants(transaction, order.id) if order.is_parent else ()
    return [row for number in (order.id, *others) for row in steps(transaction, number)]


def steps_of_study(transaction: Transaction, study_instance_uid: str) -> Sequence[Record]:
    """Row, step id, order row and patient row of every step in a study."""
    return _OF_STUDY.all(transaction, study=study_instance_uid)


def steps_of_patients(transaction: Transaction, patients: Collection[int]) -> Sequence[Record]:
    """Every step of the orders of these patient rows."""
    statement = select(STEP).join(ORDER, ORDER.c.id == STEP.c.order).where(ORDER.c.patient.in_(patients))
    return transaction.execute(statement.order_by(STEP.c.id).with_for_update(of=STEP)).all()


def add_step(transaction: Transaction, stations: Sequence[str], **columns: Any) -> int:
    r"""Add a step that any of `stations` may perform; returns its row number. Values in a column are joined by `\`."""
    first, further = _parted(stations, columns)
    number = int(_INSERT_STEP.one(transaction, **{"on_hold": False, **first}).id)
    _add_further_values(transaction, number, further, columns)
    return number


def change_step(transaction: Transaction, number: int, stations: Sequence[str], **columns: Any) -> None:
    """Replace what step row `number` holds, every column that is matched among it; its version moves on."""
    first, further = _parted(stations, columns)
    _CHANGE_STEP.run(transaction, number=number, **first)
    _DELETE_VALUES.run(transaction, number=number)
    _add_further_values(transaction, number, further, columns)


def set_step_status(transaction: Transaction, number: int, status: str, dataset: bytes, at: datetime) -> None:
    """Give step row `number` another status, in its column and in its dataset."""
    _CHANGE_STEP.run(transaction, number=number, status=status, dataset=dataset, updated_at=at)


def set_step_hold(transaction: Transaction, number: int, *, on_hold: bool) -> None:
    """Keep whether somebody asked to hold step row `number`."""
    transaction.execute(update(STEP).where(STEP.c.id == number), {"on_hold": on_hold})


def find_steps(transaction: Transaction, references: Mapping[str, str]) -> Sequence[Record]:
    """The steps whose columns equal all of `references`, each with its order's patient row."""
    statement = select(STEP, ORDER.c.patient).join(ORDER, ORDER.c.id == STEP.c.order)
    conditions = [STEP.c[column] == value for column, value in references.items()]
    return transaction.execute(statement.where(and_(*conditions)).order_by(STEP.c.id)).all()


def steps_before(
    transaction: Transaction, stations: Collection[str], statuses: Collection[str], before: str
) -> Sequence[Record]:
    """The steps of these stations in one of these statuses that should have begun before a moment, YYYYMMDDHHMMSS."""
    conditions = (STEP.c.station.in_(stations), STEP.c.status.in_(statuses), STEP.c.start != "", STEP.c.start < before)
    return transaction.execute(select(STEP).where(*conditions).order_by(STEP.c.id).with_for_update()).all()


def one(transaction: Transaction, number: int) -> Record:
    """Order row `number`."""
    return _ONE.one(transaction, number=number)


def overview(connection: Connection, *, limit: int, status: str = "", search: str = "") -> Sequence[Record]:
    """The orders that changed last, each with its number of steps, its earliest start and one step's dataset."""
    earliest = select(
        STEP.c.order,
        func.count().label("steps"),
        func.min(STEP.c.start).label("start"),
        func.min(STEP.c.modality).label("modality"),
        func.min(STEP.c.station).label("station"),
        func.min(STEP.c.patient_id).label("patient_id"),
        func.min(STEP.c.study_instance_uid).label("study_instance_uid"),
    ).group_by(STEP.c.order)
    scheduled = earliest.subquery()
    statement = select(ORDER, *(column for column in scheduled.c if column.name != "order")).outerjoin(
        scheduled, scheduled.c.order == ORDER.c.id
    )
    if status:
        statement = statement.where(ORDER.c.status == status)
    if search:
        numbers = (ORDER.c.accession_number, ORDER.c.placer_order_number, ORDER.c.filler_order_number)
        statement = statement.where(or_(*(number == search for number in numbers), scheduled.c.patient_id == search))
    return connection.execute(statement.order_by(ORDER.c.updated_at.desc(), ORDER.c.id.desc()).limit(limit)).all()


def _parted(stations: Sequence[str], columns: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The columns of the step's row, each with its first value, and the further values of those that have several."""
    first = {**columns, "station": stations[0] if stations else ""}
    further = {"station": list(stations[1:])} if len(stations) > 1 else {}
    for column in SEVERAL:
        value = columns.get(column, "")
        if "\\" in value:
            first[column], *further[column] = value.split("\\")
    return first, further


def _add_further_values(
    transaction: Transaction, step: int, further: Mapping[str, Sequence[str]], columns: Mapping[str, Any]
) -> None:
    rows = [
        {"step": step, "column": column, "value": value, "start": columns.get("start", "")}
        for column, values in further.items()
        for value in dict.fromkeys(values)
        if value
    ]
    if rows:
        _INSERT_VALUES.run_many(transaction, rows)

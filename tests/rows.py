"""Rows with nothing in them but what a test is about; every person is invented."""

import itertools
from datetime import UTC, datetime
from typing import Any

from swf.store import deliveries, mpps, orders, patients
from swf.store.database import Transaction

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def patient(transaction: Transaction, identifier: str = "", issuer: str = "HOSP") -> int:
    """A patient row, by default one nobody has seen before."""
    return patients.save(transaction, identifier or f"DOE{next(_numbers)}", issuer, b"", AT)


def order(transaction: Transaction, **columns: Any) -> int:
    """An order row, by default of a new patient and with numbers of its own."""
    number = next(_numbers)
    default = {
        "placer_order_number": f"P{number}",
        "placer_issuer": "HIS",
        "filler_order_number": f"F{number}",
        "filler_issuer": "RIS",
        "accession_number": f"A{number}",
        "status": "SCHEDULED",
        "created_at": AT,
        "updated_at": AT,
    }
    owner = columns.pop("patient", None) or patient(transaction)
    return int(orders.add(transaction, patient=owner, **{**default, **columns}).id)


def step(transaction: Transaction, of_order: int | None = None, stations: tuple[str, ...] = (), **columns: Any) -> int:
    """A scheduled step row, by default of a new order and in a study of its own."""
    number = next(_numbers)
    default = {
        "study_instance_uid": f"1.2.{number}",
        "step_id": f"S{number}",
        "status": "SCHEDULED",
        "flaws": 0,
        "dataset": b"",
        "created_at": AT,
        "updated_at": AT,
    }
    owner = of_order or order(transaction)
    return orders.add_step(transaction, stations, order=owner, **{**default, **columns})


def performed(transaction: Transaction, **columns: Any) -> int:
    """A performed step row in progress, by default of nobody."""
    default = {
        "sop_instance_uid": f"1.3.{next(_numbers)}",
        "status": "IN PROGRESS",
        "calling_ae_title": "CT1",
        "dataset": b"",
        "matching": "unmatched",
        "patient_id": "",
        "study_instance_uid": "",
        "accession_number": "",
        "created_at": AT,
        "updated_at": AT,
    }
    return mpps.add(transaction, **{**default, **columns})


def delivery(transaction: Transaction, of_order: int | None = None, **columns: Any) -> int:
    """A queued delivery to `mis`, a small message that can go over a wire."""
    control_id = f"C{next(_numbers):05d}"
    default = {
        "destination": "mis",
        "type": "ORM^O01",
        "control_id": control_id,
        "payload": f"MSH|^~\\&|SWF|RAD|MIS|HOSP|20261122090000||ORM^O01|{control_id}|P|2.3.1\r".encode(),
        "created_at": AT,
    }
    return deliveries.add(transaction, order=of_order or order(transaction), **{**default, **columns})

"""How quickly the window's pages answer when there are 100,000 orders in the store (`--bench`).

Of each page: what one answer costs the broker's processor, which other work on the machine changes little, and how long
it took by the clock.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import httpx
import pytest
from sqlmodel import SQLModel

from swf import clock
from swf.broker import Broker
from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.jobs import counting
from swf.model.moment import Moment
from swf.net import mllp_client
from swf.store import tallies
from swf.store.database import Transaction
from tests.conftest import MakeBroker

ORDERS, DAYS, OPEN = 100_000, 30, 2_000
ASKED = 30
SLOW_MS = 100
PAGES = (
    "/",
    "/orders",
    "/orders?status=SC",
    "/orders?q={accession}",
    "/orders?q=NOBODY-KNOWS",
    "/orders/new",
    "/orders/{accession}",
    "/orders/{accession}/change",
    "/orders/{accession}/requisition",
    "/why?number={accession}&ae=CT1",
    "/why?number=NOBODY-KNOWS&ae=CT1",
    "/worklist?ae=CT1",
    "/worklist?ae=CT1&asks=all",
    "/bench",
    "/bench?message=1",
    "/bench/file?path={mapping}",
    "/messages",
    "/messages?refused=1",
    "/deliveries",
    "/deliveries?status=PARKED",
    "/exams",
    "/exams?only=UNRESOLVED",
    "/held",
    "/devices",
    "/statistics?days=1",
    "/statistics?days=7",
    "/statistics?days=30",
    "/metrics",
    "/livez",
    "/api/v1/orders?limit=1000",
)
BEFORE = f"printf('-%d seconds', {DAYS} * 86400 * ({ORDERS} - n) / {ORDERS})"
OPEN_ORDER = f"n >= {ORDERS - OPEN}"
SPACE = 1_000_000  # between the rows of the order that was played and their copies
# What is otherwise in the copy number n of a row; `x` is the row itself
COPIES: dict[str, dict[str, str]] = {
    "patient": {"id": "n", "patient_id": "'PA' || n"},
    "order": {
        "id": "n", "patient": "n", "identity": "n", "placer_order_number": "'PL' || n",
        "filler_order_number": "'FI' || n", "accession_number": "'AC' || n",
        "status": f"CASE WHEN {OPEN_ORDER} THEN 'SC' ELSE x.status END",
    },
    "scheduled_procedure_step": {
        "id": "n", "order": "n", "step_id": "'ST' || n", "accession_number": "'AC' || n", "patient_id": "'PA' || n",
        "study_instance_uid": "'1.2.' || n", "placer_order_number": "'PL' || n",
        "modality": "substr('CTMRDXUS', 1 + 2 * (n % 4), 2)",
        "status": f"CASE WHEN {OPEN_ORDER} THEN 'SCHEDULED' ELSE x.status END",
        "start": f"strftime('%Y%m%d%H%M%S', x.created_at, {BEFORE})",
        "start_date": f"strftime('%Y%m%d', x.created_at, {BEFORE})",
    },
    "message": {"id": f"n + {SPACE} * x.id", "control_id": "'M' || n || '-' || x.id", "content_hash": "n || '-' || x.id"},
    "journal": {
        "id": f"n * 50 + x.id + {SPACE}", "order": "CASE WHEN x.'order' IS NOT NULL THEN n END",
        "message": f"CASE WHEN x.message IS NOT NULL THEN n + {SPACE} * x.message END",
        "detail": "CASE WHEN json_extract(x.detail, '$.mpps') IS NULL THEN x.detail "
        "ELSE json_set(x.detail, '$.mpps', '1.9.' || n) END",
    },
    "performed_procedure_step": {"id": "n", "sop_instance_uid": "'1.9.' || n", "accession_number": "'AC' || n"},
    "performed_for": {"performed": "n", "scheduled": "n"},
    "worklist_answer": {"step": "n"},
    "delivery": {"id": f"n + {SPACE} * x.id", "order": "n", "control_id": "'D' || n || '-' || x.id"},
}  # fmt: skip
PERFORMED_ONLY = {"performed_procedure_step", "performed_for", "delivery"}


def _played(broker: Broker) -> None:
    """One order from beginning to end: its rows are copied."""
    mllp_client.exchange(*broker.hl7.address, his.order_orm(his.Order(station_ae="CT1")), 10)
    scanner = Modality(*broker.dicom.address, "CT1")
    scanner.complete(scanner.begin(*scanner.query()), images=2)


def _copy(transaction: Transaction, table: str) -> None:
    """A row of each order, by SQLite itself: spread over the days, and each number another."""
    last = ORDERS - OPEN if table in PERFORMED_ONLY else ORDERS
    columns = SQLModel.metadata.tables[table].columns
    names_of = [each.name for each in columns]
    moments = {each.name for each in columns if isinstance(each.type, Moment)}
    taken = [
        COPIES[table].get(
            name, f"strftime('%Y-%m-%d %H:%M:%f000', x.{name}, {BEFORE})" if name in moments else f"x.'{name}'"
        )
        for name in names_of
    ]
    names = ", ".join(f'"{name}"' for name in names_of)
    transaction.exec_driver_sql(
        f"WITH RECURSIVE numbers(n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"  # noqa: S608
        f' INSERT INTO "{table}" ({names}) SELECT {", ".join(taken)} FROM numbers, (SELECT * FROM "{table}") x'
    )


def _is_counted(broker: Broker) -> bool:
    with broker.database.reading() as connection:
        return not tallies.entries(connection, tallies.reached(connection), clock.now() - timedelta(seconds=10), 1)


@pytest.fixture
def window() -> bool:
    """These brokers show the window."""
    return True


@pytest.fixture
def filled(make_broker: MakeBroker) -> Iterator[Broker]:
    """A broker with a hundred thousand orders of thirty days."""
    with Mis() as mis:
        broker = make_broker(mis, modality=[{"ae_title": "CT1"}])
        _played(broker)
        assert mis.wait_for(4)
        began = time.perf_counter()
        for table in COPIES:
            broker.database.run(partial(_copy, table=table))
        broker.database.tidy()
        print(f"\nfilling: {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        while not _is_counted(broker):
            counting.watch(broker.database)
        print(f"counting {ORDERS} orders for the first time: {time.perf_counter() - began:.0f} s")
        yield broker


@pytest.mark.bench
def test_pages_with_a_hundred_thousand_orders(filled: Broker) -> None:
    """The table of what every page costs; a page that takes longer than 100 ms is marked in it."""
    host, port = filled.web.address
    print(f"{'CPU min':>10} {'p50':>7}    {'min':>7} {'p50':>7} {'p99':>7}    ms of an answer")
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=30) as http:
        mapping = http.get("/api/v1/bench").json()["documents"][0]["path"]
        for page in PAGES:
            address = page.format(accession=f"AC{ORDERS // 2}", mapping=mapping)
            _measured(http, address)  # a template is read once, and figures count what came since they were asked for
            both = [_measured(http, address) for _ in range(ASKED)]
            busy, took = (sorted(each) for each in zip(*both, strict=True))
            p50 = took[len(took) // 2]
            mark = "  over 100 ms" if p50 >= SLOW_MS else ""
            figures = f"{busy[0]:10.1f} {busy[len(busy) // 2]:7.1f}    {took[0]:7.1f} {p50:7.1f} {took[-1]:7.1f}"
            print(f"{figures}    {page}{mark}")


def _measured(http: httpx.Client, address: str) -> tuple[float, float]:
    """Milliseconds of processor time of everybody but who asks, and by the clock."""
    began, busy = time.perf_counter(), time.process_time() - time.thread_time()
    response = http.get(address)
    busy = time.process_time() - time.thread_time() - busy
    took = time.perf_counter() - began
    assert response.status_code == 200, f"{address}: {response.status_code}"
    return busy * 1000, took * 1000

"""A broker in several processes on one store: each has its roles, and together they do what one does."""

import statistics
import threading
import time
from pathlib import Path
from typing import Any

from swf.extensions.simulator import his
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.store.database import Database
from tests.processes import PATIENCE_S, MllpClient, Serve, Served

DELIVERY_ALONE_S = 2.0  # as often a worker looks by itself
ROLES = (("hl7",), ("dicom",), ("delivery", "housekeeping"))


def _node(serve: Serve, folder: Path, store_url: str, mis: Mis, *roles: str) -> Served:
    """A process with these roles; all of them have the same settings otherwise."""
    host, port = mis.address
    destination = {"name": "mis", "host": host, "port": port}
    return serve(folder, node_roles=list(roles), store_url=store_url, destination=[destination])


def test_three_processes_do_what_one_does(serve: Serve, tmp_path: Path, store_url: str, mis: Mis) -> None:
    """An order taken by one process is on the list of another, and its exam is told to the MIS by a third, at once."""
    nodes = [_node(serve, tmp_path, store_url, mis, *roles) for roles in ROLES]
    orders, modalities, deliveries = nodes
    assert (orders.dicom[1], modalities.hl7[1], deliveries.hl7[1], deliveries.dicom[1]) == (0, 0, 0, 0)
    scanner = Modality(*modalities.dicom, "CT1")
    took = []
    for number in range(5):
        order = his.Order()
        with MllpClient(orders.hl7) as client:
            assert client.send(his.order_orm(order)) == "AA"
        (item,) = scanner.query(AccessionNumber=order.accession)
        began = time.monotonic()
        uid = scanner.begin(item)
        assert mis.wait_for(lambda received, count=3 * number + 1: len(received) >= count)
        took.append(time.monotonic() - began)
        scanner.complete(uid)
        assert mis.wait_for(lambda received, count=3 * number + 3: len(received) >= count)
    print(f"N-CREATE to the MIS, over two processes: median {statistics.median(took) * 1000:.0f} ms")
    assert statistics.median(took) < DELIVERY_ALONE_S / 2
    for node in nodes:
        code, printed, seconds = node.terminate()
        assert (code, printed) == (0, "swf stopped\n")
        assert seconds < PATIENCE_S


def test_writers_of_two_processes_take_turns(tmp_path: Path) -> None:
    """Reports of a modality are kept in time while another process takes orders without a pause."""
    url = f"sqlite:///{tmp_path}/swf.db"
    first, second = Database(url, shared=True), Database(url, shared=True)
    first.migrate()
    stop = threading.Event()
    busy = threading.Thread(target=_write_without_pause, args=(first, stop))
    busy.start()
    waits = []
    for _ in range(50):
        began = time.monotonic()
        second.run(lambda transaction: transaction.exec_driver_sql("CREATE TABLE IF NOT EXISTS mine (n INTEGER)"))
        waits.append(time.monotonic() - began)
    stop.set()
    busy.join()
    first.close()
    second.close()
    assert max(waits) < 1.0


def _write_without_pause(database: Database, stop: threading.Event) -> None:
    def work(transaction: Any) -> None:
        transaction.exec_driver_sql("CREATE TABLE IF NOT EXISTS theirs (n INTEGER)")
        for number in range(50):
            transaction.exec_driver_sql("INSERT INTO theirs VALUES (?)", (number,))

    while not stop.is_set():
        database.run(work)


def test_a_process_that_was_killed_leaves_the_others_working(serve: Serve, tmp_path: Path, mis: Mis) -> None:
    """When the process of one door dies, the others go on, and a new one takes its place."""
    url = f"sqlite:///{tmp_path}/swf.db"
    orders, modalities, deliveries = (_node(serve, tmp_path, url, mis, *roles) for roles in ROLES)
    modalities.kill()
    order = his.Order()
    with MllpClient(orders.hl7) as client:
        assert client.send(his.order_orm(order)) == "AA"
    again = _node(serve, tmp_path, url, mis, "dicom")
    scanner = Modality(*again.dicom, "CT1")
    (item,) = scanner.query(AccessionNumber=order.accession)
    scanner.begin(item)
    assert mis.wait_for(lambda received: len(received) >= 1)
    assert deliveries.process.poll() is None

"""PostgreSQL crashes under the broker: no false acknowledgement, and no restart of the broker."""

import os
import signal
import threading

import psycopg

from swf.extensions.simulator.modality import Modality
from tests import databases
from tests.chaos.conftest import Ward
from tests.conftest import MakeBroker

CRASHES = 3


def test_a_database_that_crashes(make_broker: MakeBroker, ward: Ward) -> None:
    """The database crashes and recovers while orders come in: what was acknowledged is there, and work goes on by itself."""
    with databases.postgres_server(fsync=True) as server:
        url = server.create_database()
        broker = make_broker(store={"url": url})
        sender = threading.Thread(target=ward.order, args=(broker.hl7.address,))
        sender.start()
        for _ in range(CRASHES):
            assert ward.wait_for(ward.count("AA") + 10)
            refused = ward.count("AR")
            _crash(url)
            assert ward.wait_for(refused + 1, "AR")
        assert ward.wait_for(ward.count("AA") + 10)
        ward.closing.set()
        sender.join()
        listed = [str(item.AccessionNumber) for item in Modality(*broker.dicom.address, "CT1").query()]
        broker.stop()
    print(f"{len(ward.accepted)} of {len(ward.sent)} orders were acknowledged over {CRASHES} crashes")
    assert set(ward.answered.values()) == {"AA", "AR"}
    assert ward.accepted <= set(listed) <= ward.sent
    assert len(listed) == len(set(listed))


def _crash(url: str) -> None:
    """Kill the session of the broker that works; PostgreSQL then ends all of them and recovers from its log."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " ORDER BY state_change DESC LIMIT 1"
        ).fetchone()
    assert found
    os.kill(found[0], signal.SIGKILL)

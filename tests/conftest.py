"""What every room's tests may ask for: a database of either kind, a real broker on free ports, the other side, no leaks.

The zone is UTC for every test, so that local times in fixtures mean the same everywhere.
"""

import gc
import io
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from swf import config, log
from swf.broker import Broker
from swf.config import Settings
from swf.extensions.simulator.mis import Mis
from swf.extensions.simulator.modality import Modality
from swf.store.database import Database
from tests import databases

# Some two hundred interpreters are started, and each would compile the product and rewrite the asserts anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

os.environ["TZ"] = "UTC"
time.tzset()

# Every acknowledged message is flushed to the disk: on one that others use too, the suite would wait for it and little else.
_MEMORY, _ROOM = Path("/dev/shm"), 2 * 2**30  # noqa: S108  pytest makes folders of its own there
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
SAMPLES = FIXTURES / "samples"
_PATIENCE_S = 10.0

MakeBroker = Callable[..., Broker]
Scanner = Callable[[str], Modality]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Long soaks and tables of measurements run only when asked for."""
    parser.addoption("--soak", action="store_true", help="run long soaks too")
    parser.addoption("--bench", action="store_true", help="run the benchmarks and print their tables")
    parser.addoption("--million", action="store_true", help="with --bench: a worklist of a million steps too")
    parser.addoption("--update-golden", action="store_true", help="write fixtures/ anew from what is seen")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for."""
    for mark in ("soak", "bench"):
        if not config.getoption(f"--{mark}"):
            skip = pytest.mark.skip(reason=f"only with --{mark}")
            for item in items:
                if item.get_closest_marker(mark):  # not item.keywords: the name of a folder is among them
                    item.add_marker(skip)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Five thousand tests and what they imported stay to the end: a collection need not look through them each time."""
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.PostgresServer]:
    """One PostgreSQL for the whole run."""
    with databases.postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: databases.PostgresServer) -> str:
    """The name of a PostgreSQL database with all tables, to be copied: that is quicker than to make them each time."""
    url = postgres.create_database()
    template = Database(url)
    template.migrate()
    template.close()
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied for the same reason."""
    file = tmp_path_factory.mktemp("empty") / "swf.db"
    made = Database(f"sqlite:///{file}")
    made.migrate()
    made.close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """Both kinds of database."""
    return str(request.param)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, store_kind: str, tmp_path: Path) -> str:
    """A database without a table."""
    return _url(request, store_kind, tmp_path, template="template0")


@pytest.fixture
def store_url(request: pytest.FixtureRequest, store_kind: str, tmp_path: Path) -> str:
    """A database for one test; it has its tables already."""
    if store_kind == "sqlite":
        shutil.copy(request.getfixturevalue("empty_store"), tmp_path / "swf.db")
        return _url(request, store_kind, tmp_path, "")
    return _url(request, store_kind, tmp_path, request.getfixturevalue("migrated"))


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A store with its tables, on SQLite and on PostgreSQL."""
    opened = Database(store_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def mis() -> Iterator[Mis]:
    """An MIS that acknowledges what it is told."""
    with Mis() as running:
        yield running


@pytest.fixture
def window() -> bool:
    """Whether brokers show the operator's window where a test says nothing of it; its own tests say yes."""
    return False


@pytest.fixture
def make_broker(tmp_path: Path, empty_store: Path, mis: Mis, window: bool) -> Iterator[MakeBroker]:
    """Starts brokers on free ports, with SQLite in the test's folder unless told otherwise; stops them at the end.

    The MIS outlives them: one that hangs up first lingers for what may still come, half a second in every test.
    """
    shutil.copy(empty_store, tmp_path / "swf.db")
    running: list[Broker] = []

    def make(mis: Mis | None = None, **changes: Any) -> Broker:
        broker = Broker(settings_for(tmp_path, mis, **{"web": {"enabled": window}, **changes}))
        broker.start()
        running.append(broker)
        return broker

    yield make
    for broker in running:
        broker.stop()


@pytest.fixture
def broker(make_broker: MakeBroker, mis: Mis) -> Broker:
    """A running broker whose one destination is `mis`."""
    return make_broker(mis)


@pytest.fixture
def modality(broker: Broker) -> Callable[[str], Modality]:
    """A modality of any AE title that knows the broker's address."""
    return lambda ae_title: Modality(*broker.dicom.address, ae_title)


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Everything the product logs during the test."""
    logger = logging.getLogger("swf")
    before = (logger.handlers[:], logger.level, logger.propagate)
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """A test that leaves a thread running fails: what leaks in a test leaks in a hospital."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in left:
        thread.join(_PATIENCE_S)
    assert not [thread.name for thread in left if thread.is_alive()]


def settings_for(folder: Path, mis: Mis | None = None, **changes: Any) -> Settings:
    """Settings on free loopback ports; `changes` are keys of swf.toml, sections as dictionaries."""
    table: dict[str, Any] = {
        "mapping": str(config.shipped_mappings() / "default.toml"),
        "store": {"url": f"sqlite:///{folder}/swf.db"},
        "hl7": {"port": 0},
        "dicom": {"port": 0},
        "web": {"port": 0},
    }
    if mis is not None:
        host, port = mis.address
        table["destination"] = [
            {"name": "mis", "host": host, "port": port, "retry_first_seconds": 0.05, "retry_last_seconds": 0.2}
        ]
    for name, value in changes.items():
        table[name] = {**table.get(name, {}), **value} if isinstance(value, dict) else value
    return Settings(**table)


def _url(request: pytest.FixtureRequest, kind: str, folder: Path, template: str) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/swf.db"
    server: databases.PostgresServer = request.getfixturevalue("postgres")
    return server.create_database(template)

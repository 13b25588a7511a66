"""The store of the settings, opened for looking."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swf import config
from swf.cli.options import NOT_AS_HOPED
from swf.cli.refusals import refusals, refuse
from swf.config import Settings
from swf.errors import ConfigError
from swf.store import messages as message_store
from swf.store.database import Database, Record


@contextmanager
def looking(config_file: Path | None) -> Iterator[Database]:
    """The store of the settings, for looking; a store nobody has made yet is refused, not made."""
    with refusals():
        settings = config.load(config_file)
        _need_store(settings)
    with _opened(settings) as database:
        yield database


@contextmanager
def making(config_file: Path | None) -> Iterator[Database]:
    """The store of the settings, made when there is none."""
    with refusals():
        settings = config.load(config_file)
    with _opened(settings) as database:
        yield database


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    with refusals():
        database = Database(settings.store.url)
        database.migrate()
    try:
        with refusals():
            yield database
    finally:
        database.close()


def _need_store(settings: Settings) -> None:
    path = settings.store.url.removeprefix("sqlite:///")
    if path != settings.store.url and not Path(path).is_file():
        raise ConfigError([f"store.url: there is no database {path}; start the broker once, or name the right one"])


def stored_message(database: Database, number: int) -> Record:
    """The row of a received message; refused when there is none."""
    with database.reading() as connection:
        row = message_store.one(connection, number)
    if row is None:
        refuse([f"there is no message {number}"], NOT_AS_HOPED)
    return row

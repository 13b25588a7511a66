"""Brings the tables to the version this program needs, forward only (Alembic)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


def problem(connection: Connection) -> str:
    """Why these tables cannot be used, or an empty text: they were written by a newer program."""
    present = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if present is None or present in known:
        return ""
    return f"its tables are of version {present}, which this program does not know; it needs a newer swf"


def upgrade(connection: Connection) -> None:
    """Run every step that is missing, inside the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

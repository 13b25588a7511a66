"""Brings the tables to the version this program needs, forward only (Alembic).

Alembic is read only where a step is missing: most starts, and every look of a command, find the tables as they have to be.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect

NEWEST = "0001"
"""The last step in `migrations/versions`, whose tables this program needs."""
_MIGRATIONS = Path(__file__).parent / "migrations"


def version(connection: Connection) -> str | None:
    """The step these tables have been brought to; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def problem(present: str | None) -> str:
    """Why tables of that version cannot be used, or an empty text: they were written by a newer program."""
    if present in (None, NEWEST):
        return ""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  see above

    if present in {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}:
        return ""
    return f"its tables are of version {present}, which this program does not know; it needs a newer swf"


def upgrade(connection: Connection) -> None:
    """Run every step that is missing, inside the caller's transaction."""
    from alembic import command  # noqa: PLC0415  see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

"""Alembic steps, forward only."""

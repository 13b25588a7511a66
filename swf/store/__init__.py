"""The archive: every statement sent to the database."""

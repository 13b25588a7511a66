"""Where Alembic gets its connection: from the caller, never from a file."""

from alembic import context
from sqlmodel import SQLModel

import swf.model.availability
import swf.model.delivery
import swf.model.draft
import swf.model.issue
import swf.model.journal
import swf.model.message
import swf.model.mpps
import swf.model.order
import swf.model.patient
import swf.model.pulse
import swf.model.query
import swf.model.settled
import swf.model.tally
import swf.model.user
import swf.model.visit  # noqa: F401  imported so that the metadata knows every table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()

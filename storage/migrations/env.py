"""Alembic's entry: runs inside the transaction that ``storage.migrate`` opened."""

from alembic import context

from storage.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by rebuilding it
)
context.run_migrations()

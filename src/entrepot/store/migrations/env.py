"""Alembic's entry: runs on the connection that store.migrate hands over, inside its transaction and lock."""

from alembic import context

from entrepot.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Environment in which Alembic executes migrations: the transaction of the caller."""

from __future__ import annotations

from alembic import context

from framework.registry.schema.tables import metadata

# One transaction for all of them, begun by the caller: a migration that fails leaves nothing.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()

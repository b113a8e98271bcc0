"""Upgrade of the registry's tables to the newest migration, with their comments and views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import SetColumnComment, SetTableComment

from framework.registry.schema.filetype_views import drop_views, make_views
from framework.registry.schema.tables import REVISION, metadata

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry


def upgrade(registry: Registry, to: str = REVISION) -> None:
    """Execute the missing migrations, all or none; two processes may do it at the same time."""
    # Alembic takes as long to import as all the rest, so only here.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%"))
    with registry.write() as connection:
        if registry.dialect == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(7209613)"))
        # SQLite makes tables anew to change them, and refuses where a view has one.
        drop_views(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if to == REVISION:
            make_views(connection)
            write_comments(connection)


def write_comments(connection: Connection) -> None:
    """Write the comments on tables and columns into PostgreSQL; SQLite has none."""
    if connection.dialect.name != "postgresql":
        return
    existing = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in existing:
            connection.execute(SetTableComment(table))
            for column in table.columns:
                connection.execute(SetColumnComment(column))

"""Declarations of filetypes, with a view for each and an index for each searchable key."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from framework.errors import FrameworkError
from framework.registry.database import bulk
from framework.registry.database.connection import Registry
from framework.registry.schema.filetype_views import (
    _OTHER_VIEWS,
    NAME,
    Declaration,
    declarations,
    make_views,
    read_groups,
)
from framework.registry.schema.tables import metadata, ops_file_group, ops_filetype, ops_filetype_metadata


def declare(db: Registry, wanted: Sequence[Declaration], groups: Iterable[str] = ()) -> None:
    """Declare filetypes and groups, each with its view; declarations that are there already cost one statement."""
    groups = set(groups)
    _refuse_taken({*(one.filetype for one in wanted), *groups})
    with db.read() as connection:
        if not _news(connection, wanted) and groups <= read_groups(connection):
            return
    with db.write() as connection:
        _hold(connection)
        # Another one may have declared the same in the meantime.
        changed = _news(connection, wanted)
        for declaration in changed:
            _record(connection, declaration)
        bulk.insert_missing(connection, ops_file_group, [(name,) for name in sorted(groups)])
        make_views(connection, [declaration.filetype for declaration in changed])


# ---------------------------------------------------------------- what is written


def _refuse_taken(names: Iterable[str]) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise FrameworkError(f"{name!r} cannot be a filetype's name: letters, digits, _ - and .")
        if name in metadata.tables or name in _OTHER_VIEWS:
            raise FrameworkError(f"{name!r} is a table of the registry: call the filetype something else")


def _hold(connection: Connection) -> None:
    """Wait for other declarations: two that create the same view at once would fail."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(7209614)"))


def _news(connection: Connection, wanted: Sequence[Declaration]) -> list[Declaration]:
    known = declarations(connection)
    return [one for one in wanted if known.get(one.filetype) != one]


def _record(connection: Connection, declaration: Declaration) -> None:
    for table in (ops_filetype_metadata, ops_filetype):
        connection.execute(table.delete().where(table.c.filetype == declaration.filetype))
    row = (declaration.filetype, declaration.description, time.time())
    bulk.insert(connection, ops_filetype, [row])
    keys = [
        (declaration.filetype, key.name, place, key.data_type, key.searchable, "r" if key.required else "o")
        for place, key in enumerate(declaration.keys, start=1)
    ]
    bulk.insert(connection, ops_filetype_metadata, keys)


# ---------------------------------------------------------------- views and indexes

"""Views of the files of each filetype, and indexes of its searchable keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, exc, inspect, select

from framework.errors import FrameworkError, RegistryError
from framework.registry.schema.metadata_sql import typed
from framework.registry.schema.tables import ops_file_group, ops_filetype, ops_filetype_metadata

#: What a filetype may be called: its view is called so.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")


#: Columns of every view, before those of the metadata; a key of such a name stands as metadata_KEY.
COLUMNS = ("id", "filename", "path", "filetype", "filesize", "sha256", "created_date", "pfw_attempt_id")


_OTHER_VIEWS = frozenset({"task_state", "alembic_version"})


@dataclass(frozen=True)
class Key:
    """A metadata key that is recorded of the files of a filetype."""

    name: str
    data_type: str
    searchable: bool
    required: bool


@dataclass(frozen=True)
class Declaration:
    """A filetype as a pipeline declares it."""

    filetype: str
    description: str | None
    keys: tuple[Key, ...]


def declarations(connection: Connection) -> dict[str, Declaration]:
    """Return the declared filetypes by name."""
    keys: dict[str, list[Key]] = {}
    of_key = ops_filetype_metadata.c
    for row in connection.execute(ops_filetype_metadata.select().order_by(of_key.filetype, of_key.position)):
        key = Key(row.column_name, row.data_type, bool(row.searchable), row.status == "r")
        keys.setdefault(row.filetype, []).append(key)
    types = connection.execute(select(ops_filetype.c.filetype, ops_filetype.c.description))
    return {name: Declaration(name, description, tuple(keys.get(name, ()))) for name, description in types}


def read_groups(connection: Connection) -> set[str]:
    """Return the metadata keys that have views of their own."""
    return set(connection.execute(select(ops_file_group.c.column_name)).scalars())


def make_views(connection: Connection, filetypes: Iterable[str] | None = None) -> None:
    """Create the views and indexes of some filetypes, or of all, and replace the views of groups."""
    known = declarations(connection)
    chosen = known.values() if filetypes is None else [known[name] for name in filetypes]
    for declaration in chosen:
        for key in declaration.keys:
            if key.searchable:
                _make_index(connection, key)
        _replace_view(connection, declaration.filetype, _view_sql(connection.dialect.name, declaration))
    for group in sorted(read_groups(connection)):
        members = {name: one for name, one in known.items() if any(key.name == group for key in one.keys)}
        _replace_view(connection, group, _group_sql(connection.dialect.name, group, members))


def drop_views(connection: Connection) -> None:
    """Drop all views, and SQLite's indexes, before a migration that replaces the tables below them."""
    if not inspect(connection).has_table(ops_filetype.name):
        return
    known = declarations(connection)
    for name in (*known, *read_groups(connection)):
        connection.exec_driver_sql(f'drop view if exists "{_check_name(name)}"')
    if connection.dialect.name == "sqlite":
        for index in {index_name(key) for one in known.values() for key in one.keys}:
            connection.exec_driver_sql(f'drop index if exists "{index}"')


def index_name(key: Key) -> str:
    """Return the name of the index of a searchable key."""
    return f"ix_desfile_metadata_{key.name}_{key.data_type}"


def _replace_view(connection: Connection, name: str, definition: str | None) -> None:
    """Create or replace a view; without a definition, only drop it.

    Statements about views take no parameters: every name in them has been checked.
    """
    try:
        connection.exec_driver_sql(f'drop view if exists "{_check_name(name)}"')
        if definition is not None:
            connection.exec_driver_sql(f'create view "{_check_name(name)}" as {definition}')
    except exc.DBAPIError as error:
        reason = str(error.orig).splitlines()[0]
        raise RegistryError(
            f"the view {name} cannot be made: {reason}: drop what is called so, or what was made from it"
        ) from error


def _view_sql(dialect: str, declaration: Declaration) -> str:
    recorded = (f'{typed(dialect, key.name, key.data_type)} as "{_column(key.name)}"' for key in declaration.keys)
    return (
        f"select {', '.join((*COLUMNS, *recorded))} from desfile where filetype = '{_check_name(declaration.filetype)}'"  # noqa: S608
    )


def _group_sql(dialect: str, group: str, members: Mapping[str, Declaration]) -> str | None:
    """Return the SQL of a view of the files of all filetypes that have a key; None if no type has it."""
    types = {key.data_type for one in members.values() for key in one.keys if key.name == group}
    if not types:
        return None
    data_type = types.pop() if len(types) == 1 else "text"
    columns = f'{typed(dialect, group, data_type)} as "{_column(group)}", {", ".join(COLUMNS)}'
    # One part for each type, so that each is found by the index.
    parts = (f"select {columns} from desfile where filetype = '{_check_name(name)}'" for name in sorted(members))  # noqa: S608
    return " union all ".join(parts)


def _make_index(connection: Connection, key: Key) -> None:
    # Shared by all types that have the key: an index for each type would cost every row that is written.
    value, name = typed(connection.dialect.name, key.name, key.data_type), index_name(key)
    connection.exec_driver_sql(
        f'create index if not exists "{name}" on desfile (filetype, {value}) where {value} is not null'
    )
    if connection.dialect.name == "postgresql":
        # It learns nothing of a partial index, and would take a key with one value for as telling as one with many.
        connection.exec_driver_sql(f'create statistics if not exists "st_{name[3:]}" on {value} from desfile')


def _column(key: str) -> str:
    return f"metadata_{key}" if key in COLUMNS else key


def _check_name(name: str) -> str:
    """Return a name that may stand in SQL as it is; raise FrameworkError for any other."""
    if not NAME.fullmatch(name):
        raise FrameworkError(f"{name!r} cannot stand in SQL")
    return name

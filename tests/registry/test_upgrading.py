"""A registry of any age, with rows in every table, becomes what the newest skyfw makes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select

from framework.errors import RegistryError
from framework.registry.database import upgrade as upgrading
from framework.registry.database.connection import connect
from framework.registry.database.opening import open_registry
from framework.registry.questions.filetypes import declare
from framework.registry.schema.filetype_views import Declaration, Key
from framework.registry.schema.tables import REVISION, metadata


def revisions():
    config = Config()
    config.set_main_option("script_location", str(Path(upgrading.__file__).parents[1] / "migrations"))
    return sorted(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def a_registry_of(request, tmp_path):
    """Makes registries as a migration left them."""
    made = []

    def make(revision):
        if request.param == "sqlite":
            db = connect(f"sqlite:///{tmp_path}/{revision}.sqlite")
        else:
            db = connect(request.getfixturevalue("an_empty_database")())
        upgrading.upgrade(db, revision)
        made.append(db)
        return db

    yield make
    for db in made:
        db.close()


def reflected(connection):
    tables = MetaData()
    tables.reflect(connection)
    return [table for table in tables.sorted_tables if table.name not in ("alembic_version", "id_block")]


def fill(db):
    """A row in every table; foreign keys hold, since all numbers are alike."""
    with db.write() as connection:
        for table in reflected(connection):
            connection.execute(table.insert(), {column.name: a_value(column) for column in table.columns})


def a_value(column):
    if column.name == "data_type":
        return "integer"
    kind = str(column.type).split("(")[0].upper()
    if "INT" in kind or kind in ("DOUBLE", "DOUBLE PRECISION", "REAL", "FLOAT"):
        return 7
    if "TIMESTAMP" in kind:
        return "2025-01-02 03:04:05+00"
    return {"JSON": {"visit": 7}, "JSONB": {"visit": 7}, "BOOLEAN": True}.get(kind, "words")


def rows_of(db):
    with db.read() as connection:
        return {table.name: connection.execute(select(table)).mappings().all() for table in reflected(connection)}


def is_of_a_migration(name, kind, parents):
    """The indexes of searchable keys come and go with filetypes."""
    return not (kind == "index" and name.startswith("ix_desfile_metadata_"))


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.parametrize("revision", revisions())
def test_every_row_of_an_older_registry_is_there_after_an_upgrade(a_registry_of, revision):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    db = a_registry_of(revision)
    fill(db)
    before = rows_of(db)
    upgrading.upgrade(db)
    after = rows_of(db)
    kept = {name: [{key: new[key] for key in old} for old, new in zip(rows, after[name], strict=True)]
            for name, rows in before.items()}  # fmt: skip
    with db.read() as connection:
        opts = {"compare_type": db.dialect == "sqlite", "include_name": is_of_a_migration}
        context = MigrationContext.configure(connection, opts=opts)
        assert (compare_metadata(context, metadata), kept) == ([], before)
    assert db.revision() == REVISION


def test_the_schema_knows_the_newest_migration():
    assert revisions()[-1] == REVISION


def test_an_older_file_is_brought_up_to_date_and_an_older_server_is_left_alone(a_registry_of):
    db = a_registry_of("0001")
    if db.dialect == "sqlite":
        open_registry(db.url).close()
        assert db.revision() == REVISION
    else:
        with pytest.raises(RegistryError, match=r"older than this skyfw \(schema 0001; .*: .* fw registry upgrade"):
            open_registry(db.url)
        assert db.revision() == "0001"


def test_the_views_of_filetypes_live_through_an_upgrade(any_db):
    declare(any_db, [Declaration("red", "reduced", (Key("visit", "integer", True, True),))], ["visit"])
    upgrading.upgrade(any_db)
    with any_db.read() as connection:
        assert {"red", "visit"} <= set(inspect(connection).get_view_names())


def test_nothing_is_without_a_comment():
    things: list[Any] = [
        *metadata.sorted_tables,
        *itertools.chain(*(table.columns for table in metadata.sorted_tables)),
    ]
    assert [str(thing) for thing in things if not thing.comment] == []


@pytest.mark.postgres
def test_postgresql_knows_what_everything_is(a_postgres_registry):
    with a_postgres_registry().read() as connection:
        seen = inspect(connection)
        said = {
            (name, column["name"]): column["comment"] for name in metadata.tables for column in seen.get_columns(name)
        }
        tables = {name: seen.get_table_comment(name)["text"] for name in metadata.tables}
    assert tables == {name: table.comment for name, table in metadata.tables.items()}
    assert said == {(t.name, c.name): c.comment for t in metadata.sorted_tables for c in t.columns}

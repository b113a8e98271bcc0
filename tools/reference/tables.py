"""Page of the registry's tables, from their declarations."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Table

from framework.registry.schema.tables import REVISION, metadata
from tools.reference.markdown import table

title = "Tables of the registry"

INTRODUCTION = """\
Names are those of DESDM, so that its queries run as they stand. Times are UTC: `timestamptz` on PostgreSQL, seconds
since 1970 on SQLite, so that `end_time - start_time` is the elapsed time on both. Beside these tables there is a view
for each filetype with a column for each metadata key, and one for each file group: `fw sql "select * from FILETYPE"`.
`fw registry schema` prints the tables of an installation, with `--mermaid` as a diagram.
"""


def lines() -> Iterator[str]:
    """Yield the page: a section for each table, parents before children."""
    yield from INTRODUCTION.splitlines()
    yield f"This is revision {REVISION} of the schema."
    for declared in metadata.sorted_tables:
        yield from ("", f"## {declared.name}", "", f"{declared.comment or ''}.", "")
        yield from table(("column", "type", "refers to", "meaning"), (_row(column) for column in declared.columns))


def _row(column: Column[object]) -> tuple[str, str, str, str]:
    key = " (key)" if column.primary_key else ""
    required = "" if column.nullable or column.primary_key else ", not null"
    targets = ", ".join(f"`{key.target_fullname}`" for key in column.foreign_keys)
    return f"`{column.name}`{key}", f"{column.type.__class__.__name__.lower()}{required}", targets, column.comment or ""


def uncommented() -> list[str]:
    """Return the tables and columns that the page cannot explain."""
    tables: list[Table] = metadata.sorted_tables
    missing = [each.name for each in tables if not each.comment]
    return missing + [f"{each.name}.{column.name}" for each in tables for column in each.columns if not column.comment]

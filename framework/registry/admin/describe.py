"""Description of the registry's tables and columns, as text, diagram or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Table

from framework.registry.admin.references import all_references
from framework.registry.schema.column_types import Json, Number, Time, Words
from framework.registry.schema.tables import metadata


def text_lines() -> Iterator[str]:
    """Yield lines of text that list each table with its columns, their types and comments."""
    targets = {reference.near: str(reference.far) for reference in all_references()}
    for table in _tables():
        yield f"{table.name}: {table.comment}"
        width = max(len(column.name) for column in table.columns)
        for column in table.columns:
            marks = [type_name(column)]
            marks += ["key"] if column.primary_key else []
            marks += ["may be none"] if column.nullable else []
            marks += [f"= {targets[column]}"] if column in targets else []
            yield f"    {column.name:<{width}}  {column.comment} ({', '.join(marks)})"
        yield ""


def mermaid_lines() -> Iterator[str]:
    """Yield the lines of an entity-relationship diagram of the tables, for Mermaid."""
    yield "erDiagram"
    for table in _tables():
        yield f"    {table.name} {{"
        for column in table.columns:
            key = " PK" if column.primary_key else ""
            comment = (column.comment or "").replace('"', "'")
            yield f'        {type_name(column)} {column.name}{key} "{comment}"'
        yield "    }"
    for near, far in sorted(all_references(), key=str):
        yield f"    {far.table.name} ||--o{{ {near.table.name} : {near.name}"


def describe_tables() -> list[dict[str, object]]:
    """Return the tables with their columns as values for JSON."""
    targets = {reference.near: str(reference.far) for reference in all_references()}
    return [
        {
            "table": table.name,
            "comment": table.comment,
            "columns": [
                {
                    "name": column.name,
                    "type": type_name(column),
                    "key": column.primary_key,
                    "nullable": bool(column.nullable),
                    "refers_to": targets.get(column),
                    "comment": column.comment,
                }
                for column in table.columns
            ],
        }
        for table in _tables()
    ]


def type_name(column: Column[Any]) -> str:
    """Return the name of a column's type, the same for SQLite and PostgreSQL."""
    if isinstance(column.type, Time):
        return "time"
    for kind, name in ((Words, "text"), (Number, "integer"), (Json, "json")):
        if column.type is kind:
            return name
    return str(column.type).lower().split()[0]


def _tables() -> list[Table]:
    return [table for _, table in sorted(metadata.tables.items())]

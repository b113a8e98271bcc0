"""Rows by column names: where the values of named columns stand in a row of a table."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any

from framework.registry.schema.tables import metadata


class RowLayout:
    """Makes rows of a table from the values of some of its columns; the other columns are null."""

    def __init__(self, table: str, *columns: str) -> None:
        source = {name: number for number, name in enumerate(columns, 1)}
        names = [column.name for column in metadata.tables[table].columns]
        if unknown := source.keys() - set(names):
            raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
        # One call of itemgetter, since a journal makes many rows; 0 stands for null.
        self._arrange = itemgetter(*(source.get(name, 0) for name in names))

    def row(self, *values: Any) -> tuple[Any, ...]:
        """Return a row in the order of the table, from values in the order of the layout's columns."""
        arranged: tuple[Any, ...] = self._arrange((None, *values))
        return arranged


@cache
def column_indexes(table: str, columns: tuple[str, ...]) -> tuple[int, ...]:
    """Return the index of each of these columns in a row of the table."""
    names = [column.name for column in metadata.tables[table].columns]
    return tuple(names.index(name) for name in columns)

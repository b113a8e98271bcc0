"""Bulk inserts and updates: many rows of a table at once, by the fastest way that the database has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Table, exc

from framework.registry.schema.column_types import Json, Time, metadata

Row = Sequence[Any]

#: From how many rows on PostgreSQL's COPY pays.
COPY_FROM = 30


class Batch:
    """New rows of a table, in the order of its columns, in the form that the database takes fastest.

    None of the rows may exist. Times are seconds since 1970, JSON is text.
    """

    def __init__(self, dialect: str, table: Table, rows: Sequence[Row]) -> None:
        self._table = table
        self._rows = rows
        self._text = _copy_text(table, rows) if dialect == "postgresql" and len(rows) >= COPY_FROM else ""

    def insert(self, connection: Connection) -> None:
        """Insert the rows."""
        if self._text:
            _copy(connection, self._table, self._text)
        else:
            _execute_many(connection, _insert_sql(connection.dialect.name, self._table.name), self._rows)


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows into a table, none of which may exist."""
    Batch(connection.dialect.name, table, rows).insert(connection)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows that a table does not have yet."""
    _execute_many(connection, _insert_sql(connection.dialect.name, table.name) + " on conflict do nothing", rows)


def replace(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each in the place of the row that has its primary key."""
    _execute_many(connection, _replace_sql(connection.dialect.name, table.name), rows)


def delete_others(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Delete the rows that share the first column of the primary key with a pair, and differ in the second."""
    _execute_many(connection, _delete_others_sql(connection.dialect.name, table.name), rows)


def update(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Update columns of rows; each tuple ends with the first column of the row's primary key."""
    _execute_many(connection, _update_sql(connection.dialect.name, table.name, columns), rows)


def _execute_many(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    # By the driver alone: SQLAlchemy would go over each row twice.
    if rows:
        driver: Any = connection.connection.driver_connection
        with translate_driver_errors(connection, statement):
            cursor = driver.cursor()
            cursor.executemany(statement, rows)
            cursor.close()


@contextmanager
def translate_driver_errors(connection: Connection, statement: str) -> Iterator[None]:
    """Raise the driver's errors as those of SQLAlchemy."""
    dialect: Any = connection.dialect
    any_error = dialect.loaded_dbapi.Error
    try:
        yield
    except any_error as error:
        raise exc.DBAPIError.instance(statement, None, error, any_error, dialect=dialect) from error


def allow_late_flush(connection: Connection) -> None:
    """Let this transaction's commit return before the disk has it; a loss of power may undo the whole transaction."""
    # SQLite does so always (synchronous = normal); the journals still tell what was undone, positions and all.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("set local synchronous_commit = off")


def placeholder(dialect: str, column: Any) -> str:
    """Return the placeholder for a value of a column in a statement."""
    if dialect == "sqlite":
        return "?"
    if isinstance(column.type, Time):
        return "to_timestamp(%s)"
    return "%s::jsonb" if column.type is Json else "%s"


@cache
def _insert_sql(dialect: str, name: str) -> str:
    columns = metadata.tables[name].columns
    values = ", ".join(placeholder(dialect, column) for column in columns)
    return f"insert into {name} ({', '.join(column.name for column in columns)}) values ({values})"  # noqa: S608


@cache
def _replace_sql(dialect: str, name: str) -> str:
    table = metadata.tables[name]
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(
        f"{column.name} = excluded.{column.name}" for column in table.columns if column.name not in keys
    )
    return f"{_insert_sql(dialect, name)} on conflict ({', '.join(keys)}) do update set {changes}"


@cache
def _delete_others_sql(dialect: str, name: str) -> str:
    first, second = metadata.tables[name].primary_key
    same, other = placeholder(dialect, first), placeholder(dialect, second)
    return f"delete from {name} where {first.name} = {same} and {second.name} <> {other}"  # noqa: S608


@cache
def _update_sql(dialect: str, name: str, columns: tuple[str, ...]) -> str:
    table = metadata.tables[name]
    key = next(iter(table.primary_key))
    changes = ", ".join(f"{column} = {placeholder(dialect, table.c[column])}" for column in columns)
    return f"update {name} set {changes} where {key.name} = {placeholder(dialect, key)}"  # noqa: S608


# ---------------------------------------------------------------- PostgreSQL's COPY


def _copy_text(table: Table, rows: Sequence[Row]) -> str:
    """Return rows in the text format of PostgreSQL's COPY."""
    formatted = [
        _formatter(column)(values) for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
    ]
    return "\n".join(map("\t".join, zip(*formatted, strict=True))) + "\n"


def _copy(connection: Connection, table: Table, text: str) -> None:
    names = ", ".join(column.name for column in table.columns)
    driver: Any = connection.connection.driver_connection
    statement = f"copy {table.name} ({names}) from stdin"
    with translate_driver_errors(connection, statement), driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text)


def _formatter(column: Any) -> Callable[[Sequence[Any]], list[str]]:
    if isinstance(column.type, Time):
        return _format_times
    return _format_texts if column.type is Json or column.type.python_type is str else _format_numbers


def _format_numbers(values: Sequence[Any]) -> list[str]:
    return ["\\N" if value is None else str(value) for value in values]


def _format_times(values: Sequence[float | None]) -> list[str]:
    return ["\\N" if value is None else _format_time(value) for value in values]


def _format_time(value: float) -> str:
    second, microseconds = divmod(round(value * 1e6), 1_000_000)
    return f"{_format_second(second)}.{microseconds:06}+00"


@lru_cache
def _format_second(second: int) -> str:
    # Many facts share a second, and a date takes a while to work out.
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _format_texts(values: Sequence[str | None]) -> list[str]:
    together = "".join(filter(None, values))
    if any(special in together for special in "\\\t\n\r"):
        return ["\\N" if value is None else value.translate(_ESCAPES) for value in values]
    return ["\\N" if value is None else value for value in values]

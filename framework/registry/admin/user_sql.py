"""Execution of SQL statements that a user has written, one at a time and unchanged."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, exc

from framework.errors import FrameworkError
from framework.registry.database.bulk import translate_driver_errors
from framework.registry.database.connection import Registry
from framework.registry.schema.column_types import Time
from framework.registry.schema.tables import metadata

_TIME_COLUMNS = frozenset(
    column.name for table in metadata.tables.values() for column in table.columns if isinstance(column.type, Time)
) | {"state_time"}


class InvalidStatementError(FrameworkError):
    """An SQL statement that the database rejects."""


@dataclass(frozen=True, kw_only=True)
class StatementResult:
    """Result of an SQL statement: text, numbers, booleans and nulls; times as the database stores them."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    #: How many rows it changed; -1 if it could not.
    changed: int

    def format_value(self, index: int, value: Any) -> str:
        """Return a value of a column as text for people."""
        if value is None:
            return ""
        if self.columns[index] in _TIME_COLUMNS and isinstance(value, float):
            return datetime.fromtimestamp(value, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
        if self.columns[index] in _TIME_COLUMNS and isinstance(value, str):
            return datetime.fromisoformat(value).isoformat(" ", "milliseconds").removesuffix("+00:00")
        return str(value)

    def number_columns(self) -> frozenset[str]:
        """Return the names of the columns that hold numbers only."""
        numbers = set()
        for index, name in enumerate(self.columns):
            values = [row[index] for row in self.rows if row[index] is not None]
            if values and name not in _TIME_COLUMNS and all(isinstance(value, int | float) for value in values):
                numbers.add(name)
        return frozenset(numbers)


def execute_read_only(db: Registry, statement: str) -> StatementResult:
    """Execute a statement that changes nothing, in a registry that is opened for reading only."""
    with db.read() as connection:
        return _execute(connection, statement)


def execute_change(db: Registry, statement: str) -> StatementResult:
    """Execute a statement that may change the registry."""
    with db.write() as connection:
        return _execute(connection, statement)


def _execute(connection: Connection, statement: str) -> StatementResult:
    # By the driver, so that nothing in it is taken for a parameter.
    driver: Any = connection.connection.driver_connection
    # In text, PostgreSQL would take several statements at once, and so leave the read-only transaction.
    options = {"binary": True} if connection.dialect.name == "postgresql" else {}
    try:
        with translate_driver_errors(connection, statement):
            cursor = driver.execute(statement, **options)
            rows = [tuple(map(_plain, row)) for row in cursor] if cursor.description else []
    except (exc.DBAPIError, sqlite3.Warning) as error:
        fault = error.orig if isinstance(error, exc.DBAPIError) else error
        if fault is None or not _is_of_statement(fault):
            raise
        raise InvalidStatementError(_explain(fault)) from error
    columns = tuple(entry[0] for entry in cursor.description or ())
    return StatementResult(columns=columns, rows=rows, changed=cursor.rowcount)


def _plain(value: Any) -> Any:
    """Return a value of the driver as a value that JSON has."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _is_of_statement(error: BaseException) -> bool:
    """Return whether an error is caused by the statement, and not by the connection or the server."""
    if isinstance(error, sqlite3.Warning):
        return True
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
    # Connection, resources, operator intervention, system: SQLSTATE classes 08, 53, 57, 58.
    return (getattr(error, "sqlstate", None) or "08")[:2] not in ("08", "53", "57", "58")


def _explain(error: BaseException) -> str:
    text = str(error).strip()
    refused = "readonly" in text or "read-only transaction" in text
    return f"the registry does not take this statement: {text}" + (": --write lets it change rows" if refused else "")

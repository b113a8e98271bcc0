"""Copy of a whole registry into another database, compared row by row afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import closing
from itertools import chain, zip_longest
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, cast, func, select

from framework.errors import RegistryError
from framework.output.text import counted
from framework.registry.database import bulk
from framework.registry.database.connection import Registry
from framework.registry.schema.column_types import Json, Time
from framework.registry.schema.filetype_views import make_views
from framework.registry.schema.tables import id_block, ingest_lease, metadata

#: Number of rows in memory at a time.
_CHUNK = 10_000
#: Largest difference of equal times, in seconds: a server keeps microseconds.
_TIME_TOLERANCE = 2e-6

Row = tuple[Any, ...]


def copy(source: Registry, target: Registry, report: Callable[[str], None]) -> dict[str, int]:
    """Copy every row into an empty registry, all or nothing, and return the number of rows by table.

    Ids stay. The rows written are read again and compared before the transaction is committed.
    """
    if source.url == target.url:
        raise RegistryError(f"{target.place}: a registry cannot be copied into itself")
    counts = {}
    with source.read() as reading, target.write() as writing:
        if source.dialect == "postgresql":
            # Everything as of one moment, whoever goes on writing.
            reading.exec_driver_sql("set transaction isolation level repeatable read")
        _refuse_written(reading, source)
        _refuse_filled(writing, target)
        writing.execute(id_block.delete())
        for table in metadata.sorted_tables:
            counts[table.name] = _copy_table(reading, writing, table)
            report(f"{table.name}: {counted(counts[table.name], 'row')}")
        make_views(writing)
        for table in metadata.sorted_tables:
            _compare(reading, writing, table)
        set_next_ids(writing)
    return counts


def set_next_ids(connection: Connection) -> None:
    """Set the next id of each table above the largest id that it has."""
    for name in connection.execute(select(id_block.c.name)).scalars().all():
        largest = connection.execute(select(func.max(metadata.tables[name].c.id))).scalar() or 0
        behind = (id_block.c.name == name) & (id_block.c.next_id <= largest)
        connection.execute(id_block.update().where(behind).values(next_id=largest + 1))


def _refuse_written(connection: Connection, source: Registry) -> None:
    if connection.execute(select(ingest_lease.c.holder).where(ingest_lease.c.expiry > time.time())).first():
        raise RegistryError(
            f"{source.place}: runs are being recorded in it, and later rows would not be copied: wait for their end "
            "(fw stat)"
        )


def _refuse_filled(connection: Connection, target: Registry) -> None:
    for table in metadata.sorted_tables:
        if table is not id_block and connection.execute(select(*table.primary_key or table.columns).limit(1)).first():
            raise RegistryError(f"{target.place}: it already has rows ({table.name}): name a database that is empty")


def _copy_table(reading: Connection, writing: Connection, table: Table) -> int:
    count = 0
    for rows in _rows(reading, table):
        bulk.insert(writing, table, rows)
        count += len(rows)
    return count


def _rows(connection: Connection, table: Table) -> Generator[list[Row], None, None]:
    """Yield the rows of a table in the order of its key, in chunks, as :func:`bulk.insert` takes them."""
    columns = [cast(column, Text).label(column.name) if column.type is Json else column for column in table.columns]
    order = list(table.primary_key) or [table.c[name] for name in _ORDER[table.name]]
    streamed = {"stream_results": True, "yield_per": _CHUNK}
    with connection.execute(select(*columns).order_by(*order), execution_options=streamed) as result:
        for part in result.partitions():
            yield [tuple(row) for row in part]


#: Order of the rows of tables without a key.
_ORDER = {"task_message": ("task_id", "message_lvl", "message", "message_time")}


def _compare(reading: Connection, writing: Connection, table: Table) -> None:
    """Raise RegistryError for the first row of a table that differs between two registries."""
    columns = list(table.columns)
    with closing(_rows(reading, table)) as before, closing(_rows(writing, table)) as after:
        for row, other in zip_longest(chain.from_iterable(before), chain.from_iterable(after)):
            if row is None or other is None or not all(map(_same, columns, row, other)):
                raise RegistryError(f"{table.name}: {row} became {other}: nothing was copied; please report this")


def _same(column: Column[Any], value: Any, other: Any) -> bool:
    if value is not None and other is not None:
        if isinstance(column.type, Time):
            return bool(abs(value - other) < _TIME_TOLERANCE)
        if column.type is Json:
            value, other = json.loads(value), json.loads(other)
    return bool(value == other)

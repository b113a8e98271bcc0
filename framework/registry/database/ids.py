"""Ids of rows: integers reserved in ranges, so that later rows have greater ids on every database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import id_block


def reserve(connection: Connection, name: str, count: int) -> int:
    """Reserve ``count`` ids of a table and return the first; other writers wait until the commit."""
    reserved = (
        id_block.update()
        .where(id_block.c.name == name)
        .values(next_id=id_block.c.next_id + count)
        .returning(id_block.c.next_id)
    )
    return int(connection.execute(reserved).scalar_one()) - count


#: How many ids are reserved at first; each next range is twice as large, up to the largest.
_FIRST_RANGE = 256
_LARGEST_RANGE = 65_536


class IdSource:
    """Source of ids of a table, from ranges that are reserved in short transactions of their own."""

    def __init__(self, registry: Registry, name: str) -> None:
        #: The next id.
        self.take: Callable[[], int] = _ids(registry, name).__next__


def _ids(registry: Registry, name: str) -> Iterator[int]:
    size = _FIRST_RANGE
    while True:
        with registry.write() as connection:
            first = reserve(connection, name, size)
        yield from range(first, first + size)
        size = min(2 * size, _LARGEST_RANGE)

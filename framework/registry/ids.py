"""Ids: integers, handed out in ranges, so that later rows have greater ones on every database."""

from __future__ import annotations

from sqlalchemy import Connection

from framework.registry.database import Registry
from framework.registry.schema import id_block


def reserve(connection: Connection, name: str, count: int) -> int:
    """Take ``count`` ids of a table for good; the first of them. Holds up other writers until the commit."""
    reserved = (
        id_block.update()
        .where(id_block.c.name == name)
        .values(next_id=id_block.c.next_id + count)
        .returning(id_block.c.next_id)
    )
    return int(connection.execute(reserved).scalar_one()) - count


#: The largest range that is reserved at once; the first one is small, each next one twice as large.
_LARGEST_RANGE = 65_536


class IdSource:
    """Ids of one table, from ranges that are reserved in short transactions of their own."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry, self._name = registry, name
        self._next = self._end = 0
        self._size = 128

    def take(self) -> int:
        """The next id."""
        if self._next == self._end:
            self._reserve()
        self._next += 1
        return self._next - 1

    def _reserve(self) -> None:
        self._size = min(2 * self._size, _LARGEST_RANGE)
        with self._registry.write() as connection:
            self._next = reserve(connection, self._name, self._size)
        self._end = self._next + self._size

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


class IdSource:
    """Ids of one table, from ranges that are reserved in short transactions of their own."""

    def __init__(self, registry: Registry, name: str, range_size: int = 1000) -> None:
        self._registry, self._name, self._range_size = registry, name, range_size
        self._next = self._end = 0

    def have(self, count: int) -> None:
        """See to it that the next ``count`` ids can be taken without asking the database."""
        if self._end - self._next < count:
            size = max(count, self._range_size)
            with self._registry.write() as connection:
                self._next = reserve(connection, self._name, size)
            self._end = self._next + size

    def take(self) -> int:
        """The next id."""
        if self._next == self._end:
            self.have(1)
        self._next += 1
        return self._next - 1

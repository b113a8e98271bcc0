"""Rows of files: a file that is written again keeps its row, and the newest writing of it counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, exc, select

from framework.registry.database import bulk
from framework.registry.schema.tables import desfile

Row = tuple[Any, ...]
#: Ids of files that turned out to be there already, from the new to the old one.
SameFiles = dict[int, int]

#: How many values one statement asks for, within what every SQLite takes.
_CHUNK = 500

_PLACE = {column.name: place for place, column in enumerate(desfile.columns)}
_ID, _PATH, _VERSION, _CREATED = (_PLACE[name] for name in ("id", "path", "path_version", "created_date"))
#: What a newer writing of a file changes.
_CHANGING = tuple(name for name in _PLACE if name not in ("id", "path", "path_version"))


class Files:
    """Rows of ``desfile`` to write."""

    def __init__(self, dialect: str, rows: Sequence[Row]) -> None:
        # Files from outside are mostly known, those of archives seldom.
        self._outside = [row for row in rows if row[_VERSION]]
        self._within = [row for row in rows if not row[_VERSION]]
        self._batch = bulk.Batch(dialect, desfile, self._within)

    def write(self, connection: Connection) -> SameFiles:
        """Write them; which were there already."""
        same = _write_some_known(connection, self._outside) if self._outside else {}
        try:
            with connection.begin_nested():
                self._batch.insert(connection)
        except exc.IntegrityError:
            same.update(_write_some_known(connection, self._within))
        return same


class KnownFile(NamedTuple):
    """A file that has a row, and when it was last written."""

    path: str
    version: str
    id: int
    written: float


def ids_of_paths(connection: Connection, paths: Iterable[str]) -> Iterator[KnownFile]:
    """The files that are known by these paths."""
    table = desfile.c
    wanted = iter(paths)
    while chunk := list(islice(wanted, _CHUNK)):
        query = select(table.path, table.path_version, table.id, table.created_date).where(table.path.in_(chunk))
        for row in connection.execute(query):
            yield KnownFile(row.path, row.path_version, row.id, row.created_date or 0.0)


def _write_some_known(connection: Connection, rows: Sequence[Row]) -> SameFiles:
    found = ids_of_paths(connection, sorted({row[_PATH] for row in rows}))
    known = {(file.path, file.version): (file.id, file.written) for file in found}
    fresh: dict[int, Row] = {}
    newer: dict[int, Row] = {}
    same: SameFiles = {}
    for row in rows:
        key = (row[_PATH], row[_VERSION])
        if key not in known:
            known[key] = (row[_ID], row[_CREATED])
            fresh[row[_ID]] = row
            continue
        id_, written = known[key]
        same[row[_ID]] = id_
        # A file outside of archives is the same file when it has the same contents.
        if row[_CREATED] > written and not row[_VERSION]:
            known[key] = (id_, row[_CREATED])
            (fresh if id_ in fresh else newer)[id_] = (id_, *row[1:])
    bulk.insert(connection, desfile, list(fresh.values()))
    if newer:
        changed = [(*(row[_PLACE[name]] for name in _CHANGING), id_) for id_, row in newer.items()]
        bulk.update(connection, desfile, _CHANGING, changed)
    return same

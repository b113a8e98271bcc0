"""Rows of files: a file that is made again keeps its row, which describes the newest version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any, NamedTuple

from sqlalchemy import Connection, exc, select

from framework.registry.database import bulk
from framework.registry.database.chunks import chunks
from framework.registry.schema.tables import desfile

Row = tuple[Any, ...]
#: Files that the registry has already: from the new id to the id of their row.
SameFiles = dict[int, int]

_INDEX = {column.name: index for index, column in enumerate(desfile.columns)}
_ID, _PATH, _VERSION, _CREATED, _SHA256 = (
    _INDEX[name] for name in ("id", "path", "path_version", "created_date", "sha256")
)
#: Columns that change if the file is made again.
_CHANGING = tuple(name for name in _INDEX if name not in ("id", "path", "path_version"))


class FileBatch:
    """Rows of ``desfile`` to write."""

    def __init__(self, dialect: str, rows: Sequence[Row], later: Set[int] = frozenset()) -> None:
        """``later`` are new ids of files that are newer than those on record, whatever their times say."""
        self._later = later
        # External files are mostly known, those of archives seldom.
        self._external = [row for row in rows if row[_VERSION]]
        self._within = [row for row in rows if not row[_VERSION]]
        self._batch = bulk.Batch(dialect, desfile, self._within)
        #: New ids of files that took the place of the file of a row; known after ``write``.
        self.newest: set[int] = set()
        #: Ids of rows whose file has another content now; known after ``write``.
        self.with_other_content: set[int] = set()

    def write(self, connection: Connection) -> SameFiles:
        """Write the rows; return the files that were in the registry already."""
        same = self._write_some_known(connection, self._external) if self._external else {}
        try:
            with connection.begin_nested():
                self._batch.insert(connection)
        except exc.IntegrityError:
            same.update(self._write_some_known(connection, self._within))
        return same

    def _write_some_known(self, connection: Connection, rows: Sequence[Row]) -> SameFiles:
        found = read_files_by_path(connection, sorted({row[_PATH] for row in rows}))
        recorded = {(file.path, file.version): file for file in found}
        # By path and version: id of the row, when the file was made, new id of that file.
        known = {key: (file.id, file.written, file.id) for key, file in recorded.items()}
        fresh: dict[int, Row] = {}
        newer: dict[int, Row] = {}
        same: SameFiles = {}
        for row in rows:
            key = (row[_PATH], row[_VERSION])
            if key not in known:
                known[key] = (row[_ID], row[_CREATED], row[_ID])
                fresh[row[_ID]] = row
                continue
            id_, written, _ = known[key]
            same[row[_ID]] = id_
            # A file outside of archives is the same file when it has the same contents.
            if not row[_VERSION] and (row[_ID] in self._later or row[_CREATED] > written):
                known[key] = (id_, row[_CREATED], row[_ID])
                (fresh if id_ in fresh else newer)[id_] = (id_, *row[1:])
        bulk.insert(connection, desfile, list(fresh.values()))
        if newer:
            changed = [(*(row[_INDEX[name]] for name in _CHANGING), id_) for id_, row in newer.items()]
            bulk.update(connection, desfile, _CHANGING, changed)
        self.newest.update(new_id for id_, _, new_id in known.values() if new_id != id_)
        checksums = {file.id: file.sha256 for file in recorded.values()}
        self.with_other_content.update(id_ for id_, row in newer.items() if row[_SHA256] != checksums[id_])
        return same


class RecordedFile(NamedTuple):
    """A file that has a row, and when it was made last."""

    path: str
    version: str
    id: int
    written: float
    sha256: str | None


def read_files_by_path(connection: Connection, paths: Iterable[str]) -> Iterator[RecordedFile]:
    """Return the recorded files with these paths."""
    table = desfile.c
    for chunk in chunks(paths):
        query = select(table.path, table.path_version, table.id, table.created_date, table.sha256)
        for row in connection.execute(query.where(table.path.in_(chunk))):
            yield RecordedFile(row.path, row.path_version, row.id, row.created_date or 0.0, row.sha256)

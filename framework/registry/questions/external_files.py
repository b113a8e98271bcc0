"""Records of files from outside, which no run has made."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from framework.registry.database.chunks import chunks
from framework.registry.database.connection import Registry
from framework.registry.database.ids import reserve
from framework.registry.schema.tables import desfile, file_archive_info


class NewFile(Protocol):
    """A file in an archive that is not recorded yet."""

    @property
    def filetype(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, object]: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class FileState(Enum):
    """What the registry knew of a file that was to be recorded."""

    NEW = "new"
    #: It was on record in the archive with this content.
    KNOWN = "known"
    #: Another file has its path, and is not recorded as removed from everywhere.
    OTHER = "other"


class _RecordedFile(Struct, frozen=True, gc=False):
    """A file on record at the path of a new one."""

    id: int
    path_version: str
    size: int | None
    sha256: str | None
    is_of_run: bool
    archives: tuple[str, ...]

    def has_content_of(self, file: NewFile) -> bool:
        return (self.size, self.sha256) == (file.size, file.sha256)

    @property
    def may_give_way(self) -> bool:
        """Whether the file is in no archive any more and no run made it: its path may be another file's."""
        return not self.archives and not self.is_of_run and bool(self.sha256)


def record_files(db: Registry, archive: str, files: Sequence[NewFile]) -> list[FileState]:
    """Record files in an archive, and return what was known of each.

    A file that is on record and not in this archive (removed, or only in another one) is recorded in it again. One
    that was removed from everywhere makes room for another file of its path: it stays on record by its checksum.
    """
    if not files:
        return []
    with db.write() as connection:
        first = reserve(connection, "desfile", len(files))  # from here on no other writer records files
        recorded = _find_recorded(connection, [file.path for file in files])
        changes = _Changes(archive, time.time())
        states = [changes.add(file, id_, recorded.get(file.path, [])) for id_, file in enumerate(files, start=first)]
        changes.write(connection)
    return states


class _Changes:
    """Rows to change and to insert for new files."""

    def __init__(self, archive: str, now: float) -> None:
        self._archive = archive
        self._now = now
        self._versions: list[tuple[int, str]] = []
        self._files: list[dict[str, object]] = []
        self._copies: list[dict[str, object]] = []

    def add(self, file: NewFile, id_: int, recorded: Sequence[_RecordedFile]) -> FileState:
        """Decide what becomes of a file, by the files that are on record at its path."""
        current = next((row for row in recorded if not row.path_version), None)
        same = next(
            (row for row in recorded if row.has_content_of(file) and (row is current or not row.is_of_run)), None
        )
        if current is not None and current is not same:
            if not current.may_give_way:
                return FileState.OTHER
            self._versions.append((current.id, str(current.sha256)))
        if same is None:
            self._add_file(file, id_)
        elif self._archive in same.archives:
            return FileState.KNOWN
        elif same is not current:
            self._versions.append((same.id, ""))
        directory, _, name = file.path.rpartition("/")
        copy = {"archive_name": self._archive, "filename": name, "path": directory}
        self._copies.append({"desfile_id": same.id if same else id_, **copy})
        return FileState.NEW

    def _add_file(self, file: NewFile, id_: int) -> None:
        content = {"filesize": file.size, "sha256": file.sha256, "metadata": dict(file.metadata)}
        name = file.path.rpartition("/")[2]
        of_path = {"filetype": file.filetype, "filename": name, "path": file.path, "path_version": ""}
        self._files.append({"id": id_, **of_path, **content, "created_date": self._now})

    def write(self, connection: Connection) -> None:
        """Write the changes: former files give way before others take their paths."""
        for id_, version in self._versions:
            connection.execute(desfile.update().where(desfile.c.id == id_).values(path_version=version))
        if self._files:
            connection.execute(insert(desfile), self._files)
        if self._copies:
            connection.execute(insert(file_archive_info), self._copies)


def _find_recorded(connection: Connection, paths: Sequence[str]) -> dict[str, list[_RecordedFile]]:
    """Return the files on record at paths, with the archives that have them."""
    file, copy = desfile.c, file_archive_info.c
    found: dict[str, list[_RecordedFile]] = {}
    for chunk in chunks(paths):
        here = file.path.in_(chunk)
        copies: dict[int, list[str]] = {}
        of_copies = select(copy.desfile_id, copy.archive_name).join(desfile, file.id == copy.desfile_id)
        for id_, archive in connection.execute(of_copies.where(here)):
            copies.setdefault(id_, []).append(archive)
        of_files = select(file.id, file.path, file.path_version, file.filesize, file.sha256, file.pfw_attempt_id)
        for row in connection.execute(of_files.where(here)):
            archives = tuple(copies.get(row.id, ()))
            is_of_run = row.pfw_attempt_id is not None
            recorded = _RecordedFile(row.id, row.path_version, row.filesize, row.sha256, is_of_run, archives)
            found.setdefault(row.path, []).append(recorded)
    return found

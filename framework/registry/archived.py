"""Archived files: what an archive should hold, and where runs may still be writing."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from framework.registry.database import Registry
from framework.registry.files import FileRow
from framework.registry.schema import desfile, file_archive_info, pfw_attempt, task


def archived_files(db: Registry, archive: str) -> Iterator[FileRow]:
    """Every file that is on record in an archive, by id."""
    file = desfile.c
    query = (
        select(file.id, file.path, file.filetype, file.filesize, file.sha256)
        .join(file_archive_info, file_archive_info.c.desfile_id == file.id)
        .where(file_archive_info.c.archive_name == archive)
        .order_by(file.id)
    )
    with db.read() as connection:
        for id_, path, filetype, size, sha256 in connection.execute(query):
            yield FileRow(id=id_, path=path, filetype=filetype, size=size, sha256=sha256, metadata={}, run=None)


def open_run_paths(db: Registry) -> list[str]:
    """The directories in the home archive of the runs that have not ended."""
    query = (
        select(pfw_attempt.c.archive_path)
        .join(task, task.c.id == pfw_attempt.c.task_id)
        .where(task.c.end_time.is_(None), pfw_attempt.c.archive_path.is_not(None))
        .order_by(pfw_attempt.c.id)
    )
    with db.read() as connection:
        return list(connection.execute(query).scalars())


def strike(db: Registry, archive: str, file_id: int) -> None:
    """A file is in an archive no more; what it was, and where it came from, stays on record."""
    place = file_archive_info.c
    with db.write() as connection:
        connection.execute(file_archive_info.delete().where(place.desfile_id == file_id, place.archive_name == archive))

"""Files that a selection chooses, among all that are recorded or those of one archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from framework.registry.database.connection import Registry
from framework.registry.questions.files import (
    Copy,
    FileRow,
    copy_from_row,
    file_row,
    file_rows,
    select_copies,
    select_files,
)
from framework.registry.questions.selection import Selection
from framework.registry.questions.selection_sql import selection_conditions
from framework.registry.schema.tables import desfile, file_archive_info, pfw_attempt, proctag


def find_files(db: Registry, selection: Selection) -> list[FileRow]:
    """Return the selected files in the order of their paths, kept in an archive or not."""
    with db.read() as connection:
        query = select_files().order_by(desfile.c.path, desfile.c.path_version)
        return list(file_rows(connection, query.where(*selection_conditions(connection, selection))))


def find_copies(db: Registry, archive: str, selection: Selection) -> Iterator[tuple[FileRow, Copy]]:
    """Yield the selected files of an archive in the order of their ids, each with the archive's copy."""
    query = (
        select_copies()
        .add_columns(desfile.c.metadata, pfw_attempt.c.run)
        .outerjoin(pfw_attempt, pfw_attempt.c.id == desfile.c.pfw_attempt_id)
        .where(file_archive_info.c.archive_name == archive)
        .order_by(desfile.c.id)
    )
    if selection.tag:
        # Joined, so that a database begins with the few runs that have the tag.
        tagged = (proctag.c.pfw_attempt_id == desfile.c.pfw_attempt_id) & (proctag.c.tag == selection.tag)
        query, selection = query.join(proctag, tagged), replace(selection, tag="")
    with db.read() as connection:
        for row in connection.execute(query.where(*selection_conditions(connection, selection))):
            columns = (row.id, row.path, row.filetype, row.filesize, row.sha256, row.metadata, row.run)
            yield file_row(*columns), copy_from_row(row)

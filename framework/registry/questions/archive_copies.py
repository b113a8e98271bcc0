"""Copies of files in archives: those on record, new ones, and removals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite

from framework.registry.database.chunks import chunks
from framework.registry.database.connection import Registry
from framework.registry.questions.files import Copy, copy_from_row, select_copies
from framework.registry.schema.tables import desfile, file_archive_info, file_tombstone, pfw_attempt, task

Key = TypeVar("Key", int, str)


class ArchivedRow(Struct, frozen=True, gc=False):
    """Record of a file in an archive."""

    id: int
    copy: Copy


def archived_files(db: Registry, archive: str) -> Iterator[ArchivedRow]:
    """Yield every file that is recorded in an archive, by id."""
    query = select_copies().where(file_archive_info.c.archive_name == archive).order_by(desfile.c.id)
    with db.read() as connection:
        for row in connection.execute(query):
            yield ArchivedRow(row.id, copy_from_row(row))


def has_archived_files(db: Registry, archive: str) -> bool:
    """Return whether any file is recorded in an archive."""
    query = select(file_archive_info.c.desfile_id).where(file_archive_info.c.archive_name == archive).limit(1)
    with db.read() as connection:
        return connection.execute(query).first() is not None


def open_run_paths(db: Registry) -> list[str]:
    """Return the directories, in their archive, of the runs that have not ended."""
    query = (
        select(pfw_attempt.c.archive_path)
        .join(task, task.c.id == pfw_attempt.c.task_id)
        .where(task.c.end_time.is_(None), pfw_attempt.c.archive_path.is_not(None))
        .order_by(pfw_attempt.c.id)
    )
    with db.read() as connection:
        return list(connection.execute(query).scalars())


def record_copies(db: Registry, archive: str, copies: Sequence[tuple[int, Copy]]) -> None:
    """Record copies in an archive by the ids of their files; copies that are recorded already stay as they are."""
    dialect = postgresql if db.dialect == "postgresql" else sqlite
    rows = []
    for id_, copy in copies:
        directory, _, name = copy.path.removesuffix(copy.ending).rpartition("/")
        of_form = (copy.ending, copy.size, copy.sha256) if copy.ending else (None, None, None)
        form = dict(zip(("compression", "filesize", "sha256"), of_form, strict=True))
        rows.append({"desfile_id": id_, "archive_name": archive, "filename": name, "path": directory, **form})
    if rows:
        with db.write() as connection:
            connection.execute(dialect.insert(file_archive_info).on_conflict_do_nothing(), rows)


def remove_record(db: Registry, archive: str, file_id: int) -> None:
    """Delete the record that a file is in an archive; metadata and provenance of the file stay."""
    copy_row = file_archive_info.c
    with db.write() as connection:
        connection.execute(
            file_archive_info.delete().where(copy_row.desfile_id == file_id, copy_row.archive_name == archive)
        )


# ---------------------------------------------------------------- removals on purpose


class Removal(Struct, frozen=True, kw_only=True, gc=False):
    """Record of a copy that was removed on purpose."""

    archive: str
    time: float
    by: str
    reason: str
    #: The run that made the file; none for one from outside.
    run: str | None

    def message(self, path: str) -> str:
        """Return when, by whom and why the copy was removed, and how to get the file again."""
        day = datetime.fromtimestamp(self.time, UTC).date()
        removal = f"was removed from {self.archive} on {day} by {self.by}: {self.reason}"
        if self.run is None:
            return f"{removal}; it came from outside, ingest it again"
        return f"{removal}; rerun {self.run} to have it again (fw lineage {path} says how it was made)"


def removals_of(db: Registry, ids: Sequence[int]) -> dict[int, Removal]:
    """Return the last removal of a copy of each file, by the ids of files."""
    return _removals(db, [desfile.c.id.in_(chunk) for chunk in chunks(ids)], desfile.c.id)


def removals_at(db: Registry, paths: Sequence[str]) -> dict[str, Removal]:
    """Return the last removal of a copy of each file, by the paths of files."""
    return _removals(db, [desfile.c.path.in_(chunk) for chunk in chunks(paths)], desfile.c.path)


def _removals(db: Registry, conditions: Sequence[ColumnElement[bool]], key: ColumnElement[Key]) -> dict[Key, Removal]:
    tomb = file_tombstone.c
    of_removal = (tomb.archive_name, tomb.removed_date, tomb.removed_by, tomb.reason, pfw_attempt.c.run)
    query = (
        select(key.label("of"), *of_removal)
        .select_from(desfile)
        .join(file_tombstone, tomb.desfile_id == desfile.c.id)
        .outerjoin(pfw_attempt, pfw_attempt.c.id == desfile.c.pfw_attempt_id)
        .order_by(tomb.removed_date)
    )
    found: dict[Key, Removal] = {}
    with db.read() as connection:
        for condition in conditions:
            for of, archive, time, by, reason, run in connection.execute(query.where(condition)):
                found[of] = Removal(archive=archive, time=time, by=by, reason=reason, run=run)
    return found


def removed_from(db: Registry, archive: str) -> set[str]:
    """Return the paths of files that were removed from an archive and are not recorded in it again."""
    tomb, copy_row = file_tombstone.c, file_archive_info.c
    again = select(copy_row.desfile_id).where(copy_row.desfile_id == tomb.desfile_id, copy_row.archive_name == archive)
    query = select(desfile.c.path).join(file_tombstone, tomb.desfile_id == desfile.c.id)
    with db.read() as connection:
        return set(connection.execute(query.where(tomb.archive_name == archive, ~again.exists())).scalars())


def record_removals(db: Registry, archive: str, ids: Sequence[int], *, by: str, reason: str, now: float) -> None:
    """Record that copies were removed from an archive; all other records of the files stay."""
    dialect = postgresql if db.dialect == "postgresql" else sqlite
    row = dialect.insert(file_tombstone)
    changes = {name: row.excluded[name] for name in ("removed_date", "removed_by", "reason")}
    row = row.on_conflict_do_update(index_elements=["desfile_id", "archive_name"], set_=changes)
    copy_row = file_archive_info.c
    with db.write() as connection:
        for chunk in chunks(ids):
            of_chunk = {"archive_name": archive, "removed_date": now, "removed_by": by, "reason": reason}
            connection.execute(row, [{"desfile_id": id_, **of_chunk} for id_ in chunk])
            connection.execute(
                file_archive_info.delete().where(copy_row.desfile_id.in_(chunk), copy_row.archive_name == archive)
            )

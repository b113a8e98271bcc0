"""Replication of files from one archive to another, several at a time, each checked while it is copied."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.archives.archive import Archive
from framework.archives.copy import copy_to_store, has_intact_copy, map_in_threads
from framework.archives.tape import stage_files
from framework.archives.vanished_root import check_root
from framework.archives.writers import lock_for_writing
from framework.errors import FrameworkError
from framework.registry.questions.archive_copies import record_copies
from framework.registry.questions.files import copies_of

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow

#: Copies are recorded after so many files or seconds: after a kill, as many are compared again.
RECORDED_FILES = 200
RECORDED_SECONDS = 5.0


@dataclass(frozen=True)
class Replica:
    """A file that was copied to another archive, or the error that prevented it."""

    path: str
    size: int
    error: str | None = None


def find_missing(db: Registry, target: Archive, files: Sequence[tuple[FileRow, Copy]]) -> list[tuple[FileRow, Copy]]:
    """Return the files that the target archive does not have on record."""
    there = copies_of(db, [file.id for file, _ in files])
    return [
        (file, copy) for file, copy in files if target.name not in {each.archive for each in there.get(file.id, ())}
    ]


def replicate(
    db: Registry, source: Archive, target: Archive, files: Sequence[tuple[FileRow, Copy]]
) -> Iterator[Replica]:
    """Copy files that the target does not have, in the form that the source keeps them.

    An intact file that an interrupted replication left in the target is recorded without being copied again.
    """
    if target.store.is_read_only:
        raise FrameworkError(f"nothing can be put into {target.name}: {target.store.address} is read-only")
    check_root(db, target)
    unreachable = stage_files(source, [copy.path for _, copy in files])
    with lock_for_writing(target, f"a copy from {source.name}"):
        yield from _copy(db, source, target, files, unreachable)


def _copy(
    db: Registry,
    source: Archive,
    target: Archive,
    files: Sequence[tuple[FileRow, Copy]],
    unreachable: Mapping[str, str],
) -> Iterator[Replica]:
    """Copy files, several at a time, and record them."""

    def copy_one(item: tuple[FileRow, Copy]) -> tuple[FileRow, Copy, str | None]:
        file, copy = item
        if copy.path in unreachable:
            return file, copy, unreachable[copy.path]
        return (
            file,
            copy,
            None if has_intact_copy(copy, target.store) else copy_to_store(copy, source.store, target.store),
        )

    done: list[tuple[int, Copy]] = []
    recorded = time.monotonic()
    try:
        for file, copy, error in map_in_threads(copy_one, files, min(source.connections, target.connections)):
            if error is None:
                done.append((file.id, copy))
            if len(done) >= RECORDED_FILES or time.monotonic() - recorded > RECORDED_SECONDS:
                record_copies(db, target.name, done)
                done, recorded = [], time.monotonic()
            yield Replica(copy.path, copy.size or 0, error)
    finally:
        record_copies(db, target.name, done)

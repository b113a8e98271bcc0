"""Replicating: files of one archive into another, several at a time, each checked on the way and recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.archives.archive import Archive
from framework.archives.copy import copy_to_store, holds, side_by_side
from framework.archives.tape import bring_near
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow

#: After how many copies, or seconds, they are recorded: what a kill may leave to be looked at again.
RECORDED_FILES = 200
RECORDED_SECONDS = 5.0


@dataclass(frozen=True)
class Replica:
    """A file that another archive has now, or why it has not."""

    path: str
    size: int
    trouble: str = ""


def wanting(db: Registry, target: Archive, files: Sequence[tuple[FileRow, Copy]]) -> list[tuple[FileRow, Copy]]:
    """Those of the files that the target archive does not have on record."""
    from framework.registry.questions.files import copies_of

    there = copies_of(db, [file.id for file, _ in files])
    return [
        (file, copy) for file, copy in files if target.name not in {each.archive for each in there.get(file.id, ())}
    ]


def replicate(
    db: Registry, source: Archive, target: Archive, files: Sequence[tuple[FileRow, Copy]]
) -> Iterator[Replica]:
    """Copy files that the target does not have, in the form that the source keeps them.

    What an earlier, killed replication has left there whole is recorded without being copied again.
    """
    from framework.registry.questions.archive_copies import record_copies

    if target.store.is_read_only:
        raise FrameworkError(f"nothing can be put into {target.name}: {target.store.place} only gives")
    unreachable = bring_near(source, [copy.path for _, copy in files])

    def bring(item: tuple[FileRow, Copy]) -> tuple[FileRow, Copy, str]:
        file, copy = item
        if copy.path in unreachable:
            return file, copy, unreachable[copy.path]
        return file, copy, "" if holds(copy, target.store) else copy_to_store(copy, source.store, target.store)

    done: list[tuple[int, Copy]] = []
    recorded = time.monotonic()
    try:
        for file, copy, trouble in side_by_side(bring, files, min(source.connections, target.connections)):
            if not trouble:
                done.append((file.id, copy))
            if len(done) >= RECORDED_FILES or time.monotonic() - recorded > RECORDED_SECONDS:
                record_copies(db, target.name, done)
                done, recorded = [], time.monotonic()
            yield Replica(copy.path, copy.size or 0, trouble)
    finally:
        record_copies(db, target.name, done)

"""Removal of copies from an archive; the records of the files stay, with the removal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.archives.archive import Archive
from framework.archives.copy import has_file
from framework.registry.questions.archive_copies import open_run_paths, record_removals
from framework.registry.questions.file_selection import find_copies
from framework.registry.questions.files import copies_of

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow
    from framework.registry.questions.selection import Selection

#: Files whose removal is recorded together.
AT_A_TIME = 500
#: Filetype of the plan of a run, which a rerun needs.
PLAN = "plan"


@dataclass(frozen=True)
class RemovalCandidate:
    """A copy to remove, and the objection to its removal, if there is one."""

    file: FileRow
    copy: Copy
    objection: str = ""


def candidates(
    db: Registry, archive: Archive, others: Mapping[str, Archive], selection: Selection
) -> Iterator[RemovalCandidate]:
    """Yield the selected copies of an archive, each with the objection to its removal."""
    chosen = list(find_copies(db, archive.name, selection))
    running = tuple(f"{path}/" for path in open_run_paths(db))
    irreplaceable = [file.id for file, _ in chosen if file.run is None or file.filetype == PLAN]
    last = set(_last_copies(copies_of(db, irreplaceable), archive, others))
    for file, copy in chosen:
        objection = ""
        if file.path.startswith(running):
            objection = f"{file.run} has not ended"
        elif file.id in last:
            what = "the plan by which its run could be run again" if file.run else "what came from outside"
            objection = f"it is the last copy of {what}"
        yield RemovalCandidate(file, copy, objection)


def _last_copies(copies: Mapping[int, list[Copy]], archive: Archive, others: Mapping[str, Archive]) -> Iterator[int]:
    """Yield the ids of the files that no other archive has."""
    for id_, found in copies.items():
        if not any(_is_there(copy, others) for copy in found if copy.archive != archive.name):
            yield id_


def remove(
    db: Registry, archive: Archive, copies: Sequence[tuple[FileRow, Copy]], *, by: str, reason: str
) -> Iterator[tuple[FileRow, str | None]]:
    """Remove copies; yield each file with the error, None if its copy was removed.

    The removals are recorded first: ``fw fsck`` finds copies that a kill has left.
    """
    for at in range(0, len(copies), AT_A_TIME):
        chunk = copies[at : at + AT_A_TIME]
        record_removals(db, archive.name, [file.id for file, _ in chunk], by=by, reason=reason, now=time.time())
        for file, copy in chunk:
            problem = None
            try:
                archive.store.remove(copy.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                problem = f"{error.strerror or error}; fw fsck {archive.name} goes on from there"
            yield file, problem


def _is_there(copy: Copy, others: Mapping[str, Archive]) -> bool:
    """Return whether an archive that the site knows has a copy, of the recorded size."""
    return copy.archive in others and has_file(others[copy.archive].store, copy.path, copy.size)

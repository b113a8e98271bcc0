"""Removing: copies that an archive need not keep any more; what they were stays on record, with who removed them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.archives.archive import Archive
from framework.archives.copy import has

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow
    from framework.registry.questions.selection import Selection

#: How many files are removed between two entries in the registry.
AT_A_TIME = 500
#: The filetype of a run's plan, by which it can be run again.
PLAN = "plan"


@dataclass(frozen=True)
class Candidate:
    """A copy that is to be removed, or why it is better kept."""

    file: FileRow
    copy: Copy
    objection: str = ""


def candidates(
    db: Registry, archive: Archive, others: Mapping[str, Archive], selection: Selection
) -> Iterator[Candidate]:
    """The chosen files of an archive, each with what speaks against its removal."""
    from framework.registry.questions.archive_copies import open_run_paths
    from framework.registry.questions.file_selection import find_copies
    from framework.registry.questions.files import copies_of

    chosen = list(find_copies(db, archive.name, selection))
    irreplaceable = [file.id for file, _ in chosen if file.run is None or file.filetype == PLAN]
    elsewhere = {
        id_: [copy for copy in copies if copy.archive != archive.name]
        for id_, copies in copies_of(db, irreplaceable).items()
    }
    running = tuple(f"{path}/" for path in open_run_paths(db))
    for file, copy in chosen:
        objection = ""
        if file.path.startswith(running):
            objection = f"{file.run} has not ended"
        elif file.id in elsewhere and not any(_is_there(each, others) for each in elsewhere[file.id]):
            what = "the plan by which its run could be run again" if file.run else "what came from outside"
            objection = f"it is the last copy of {what}"
        yield Candidate(file, copy, objection)


def remove(
    db: Registry, archive: Archive, copies: Sequence[tuple[FileRow, Copy]], *, by: str, reason: str
) -> Iterator[tuple[FileRow, str]]:
    """Remove copies; each file with why its copy could not be removed, or empty.

    They are on record as removed first: what a kill leaves there, ``fw fsck`` finds.
    """
    from framework.registry.questions.archive_copies import bury

    for at in range(0, len(copies), AT_A_TIME):
        chunk = copies[at : at + AT_A_TIME]
        bury(db, archive.name, [file.id for file, _ in chunk], by=by, reason=reason, now=time.time())
        for file, copy in chunk:
            trouble = ""
            try:
                archive.store.remove(copy.path)
            except FileNotFoundError:
                pass
            except OSError as error:
                trouble = f"{error.strerror or error}; fw fsck {archive.name} goes on from there"
            yield file, trouble


def _is_there(copy: Copy, others: Mapping[str, Archive]) -> bool:
    """Whether an archive that the site knows has a copy indeed."""
    return copy.archive in others and has(others[copy.archive].store, copy.path, copy.size)

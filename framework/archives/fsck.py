"""Check of an archive against the registry, in both directions, and repair."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives.archive import Archive
from framework.archives.copy import copy_to_store, map_in_threads
from framework.archives.store import is_path
from framework.archives.writers import writers_at_work
from framework.errors import InfrastructureError
from framework.registry.questions.archive_copies import archived_files, open_run_paths, remove_record, removed_from
from framework.registry.questions.files import copies_of
from framework.worker.files.transfer import copy_measured

if TYPE_CHECKING:
    from framework.archives.store import Store
    from framework.registry.database.connection import Registry
    from framework.registry.questions.archive_copies import ArchivedRow

#: Kinds of problems, and what ``repair`` does about each.
REMEDIES = {
    "missing": "copy it from another archive, or strike it from this one",
    "size": "set it aside, then as a missing one",
    "content": "set it aside, then as a missing one",
    "unreadable": "nothing: see to the disk or the rights",
    "orphan": "set it aside",
    "removed": "set it aside",
}
#: Result of a repair that leaves a problem.
LEFT = "left"


@dataclass(frozen=True)
class ArchiveProblem:
    """A problem with a file of an archive."""

    kind: str
    path: str
    detail: str = ""
    #: None for a file without a record.
    file_id: int | None = None


@dataclass
class ArchiveCheck:
    """Result of the check of an archive."""

    files: int = 0
    findings: list[ArchiveProblem] = field(default_factory=list)
    #: Directories of runs that have not ended: files there may not be recorded yet.
    passed_over: tuple[str, ...] = ()
    #: Who wrote to the archive meanwhile: files that they put there may not be recorded yet.
    writers: tuple[str, ...] = ()
    #: Whether the archive could list its files, so that those without a record were found.
    is_both_ways: bool = True


def check(db: Registry, archive: Archive, *, contents: bool) -> ArchiveCheck:
    """Compare every recorded file with the archive, its content on demand, and every file there with the records."""
    store = archive.store
    if store.access_error:
        raise InfrastructureError(f"archive {archive.name}: {store.access_error}")
    # Whatever is at work before or after the list is made may have files in it that are not recorded yet.
    open_runs, writers = open_run_paths(db), writers_at_work(archive)
    present = dict(store.files()) if store.can_list else {}
    open_runs, writers = [*open_runs, *open_run_paths(db)], [*writers, *writers_at_work(archive)]
    checked = ArchiveCheck(
        passed_over=tuple(dict.fromkeys(open_runs)),
        writers=tuple(dict.fromkeys(writers)),
        is_both_ways=store.can_list,
    )

    def compare(file: ArchivedRow) -> tuple[ArchivedRow, str, str]:
        return (file, *_compare(store, file, present.get(file.copy.path), contents))

    at_a_time = archive.connections if contents or not store.can_list else 1
    for file, kind, detail in map_in_threads(compare, archived_files(db, archive.name), at_a_time):
        checked.files += 1
        present.pop(file.copy.path, None)
        if kind:
            checked.findings.append(ArchiveProblem(kind, file.copy.path, detail, file.id))
    # Files without a record may be theirs.
    if not checked.writers:
        checked.findings += _unrecorded_files(present, removed_from(db, archive.name), checked.passed_over)
    return checked


def _unrecorded_files(
    paths: Iterable[str], removed: Collection[str], open_runs: Sequence[str]
) -> Iterator[ArchiveProblem]:
    """Yield the problems with files that the archive has without a record."""
    for path in paths:
        if not is_path(path):
            yield ArchiveProblem("unreadable", path, "its name is no path in an archive")
        elif path in removed or path.rpartition(".")[0] in removed:
            yield ArchiveProblem("removed", path, "it was removed on purpose, and is there still")
        elif not any(path.startswith(f"{run}/") for run in open_runs):
            yield ArchiveProblem("orphan", path)


def repair(
    db: Registry, archive: Archive, others: Mapping[str, Archive], findings: Sequence[ArchiveProblem], aside: Path
) -> Iterator[tuple[ArchiveProblem, str]]:
    """Repair problems without deleting anything; yield each with what was done.

    Bad and unknown files are moved below ``aside``.
    """
    for finding in findings:
        if finding.kind == "unreadable" or archive.store.is_read_only:
            yield finding, LEFT
            continue
        done = []
        if finding.kind != "missing":
            done.append(f"set aside as {_set_aside(archive, finding.path, aside)}")
        if finding.file_id is not None:
            source = _copy_again(db, archive, others, finding.file_id)
            if source:
                done.append(f"copied from {source}")
            else:
                remove_record(db, archive.name, finding.file_id)
                done.append(f"struck from {archive.name}: no archive has it as it was")
        yield finding, ", ".join(done)


def _compare(store: Store, file: ArchivedRow, listed: int | None, contents: bool) -> tuple[str, str]:
    """Return the kind and the detail of the problem with a recorded file; empty texts where there is none."""
    copy = file.copy
    try:
        size = store.size(copy.path) if listed is None else listed
        if size < 0:
            return "content", "it is not a plain file"
        if copy.size is not None and size != copy.size:
            return "size", f"{size} bytes, not {copy.size}"
        if contents and copy.sha256 is not None and (found := _sha256(store, copy.path)) != copy.sha256:
            return "content", f"sha256 {found}, not {copy.sha256}"
    except FileNotFoundError:
        return "missing", ""
    except OSError as error:
        return "unreadable", error.strerror or str(error)
    return "", ""


def _sha256(store: Store, path: str) -> str:
    with store.read(path) as reading:
        return copy_measured(reading.read, len).sha256


def _set_aside(archive: Archive, path: str, aside: Path) -> Path:
    """Move a file, plain or not, out of the archive; return its new location."""
    target = aside / archive.name / path
    number = 0
    while target.exists():
        number += 1
        target = aside / archive.name / f"{path}.{number}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        archive.store.move_out(path, target)
    except OSError as error:
        raise InfrastructureError(f"{archive.name}: {path} cannot be set aside: {error.strerror or error}") from error
    return target


def _copy_again(db: Registry, archive: Archive, others: Mapping[str, Archive], file_id: int) -> str:
    """Return the archive that an intact copy was taken from; empty where none has one in the form recorded here."""
    copies = copies_of(db, [file_id]).get(file_id, [])
    ending = next((copy.ending for copy in copies if copy.archive == archive.name), "")
    for copy in copies:
        is_fit = copy.archive != archive.name and copy.archive in others and copy.ending == ending
        if is_fit and copy_to_store(copy, others[copy.archive].store, archive.store) is None:
            return copy.archive
    return ""

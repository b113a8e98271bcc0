"""Retrieval of files from archives, each checked against its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives.archive import CONNECTIONS, Archive, archives
from framework.archives.copy import fetch, find_duplicate, is_as_recorded, map_in_threads
from framework.archives.tape import stage_files
from framework.configuration.site_file import site_values
from framework.errors import FrameworkError, InfrastructureError
from framework.registry.questions.archive_copies import removals_of
from framework.registry.questions.files import copies_of
from framework.worker.files.transfer import GZIP

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow


@dataclass(frozen=True)
class FetchedFile:
    """A file that was copied out of an archive, or the error that prevented it."""

    path: str
    target: Path
    error: str | None = None


def get(db: Registry, files: Sequence[FileRow], into: Path) -> Iterator[FetchedFile]:
    """Copy files into a directory, each checked against its record; an intact file that is there already is kept.

    Where a copy is missing or not as recorded, the next archive is tried.
    """
    _refuse_duplicate_names(files)
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"{into}: {error.strerror}") from error
    known = archives(site_values())
    ids = [file.id for file in files]
    copies, removals = copies_of(db, ids), removals_of(db, ids)

    unreachable = _stage(files, copies, known)

    def get_one(file: FileRow) -> FetchedFile:
        found = copies.get(file.id, [])
        target = into / _target_name(file, [copy for copy in found if copy.archive in known])
        error = _fetch_first(file, target, found, known, unreachable)
        if error and not found and file.id in removals:
            error = removals[file.id].message(file.path)
        return FetchedFile(file.path, target, error)

    yield from map_in_threads(get_one, files, CONNECTIONS)


def _refuse_duplicate_names(files: Sequence[FileRow]) -> None:
    pair = find_duplicate(dict.fromkeys(file.path for file in files), lambda path: path.rpartition("/")[2])
    if pair:
        raise FrameworkError(f"{pair[1]} and {pair[0]} have one name: get them into directories of their own")


def _target_name(file: FileRow, copies: Sequence[Copy]) -> str:
    """Return the name of a file, with the suffix of a compression that is not undone here."""
    kept = {copy.ending for copy in copies}
    own = file.path.rpartition("/")[2]
    return own if kept & {"", GZIP} or not kept else own + min(kept)


def _stage(
    files: Sequence[FileRow], copies: Mapping[int, Sequence[Copy]], known: Mapping[str, Archive]
) -> dict[tuple[str, str], str]:
    """Stage files that no archive has online; return the errors by archive and path."""
    wanted: dict[str, list[str]] = {}
    for file in files:
        found = [copy for copy in copies.get(file.id, ()) if copy.archive in known]
        if found and all(known[copy.archive].stage for copy in found):
            wanted.setdefault(found[0].archive, []).append(found[0].path)
    return {
        (name, path): error for name, paths in wanted.items() for path, error in stage_files(known[name], paths).items()
    }


def _fetch_first(
    file: FileRow,
    target: Path,
    copies: Sequence[Copy],
    known: Mapping[str, Archive],
    unreachable: Mapping[tuple[str, str], str],
) -> str | None:
    """Copy a file from the first archive that has it as recorded; return the errors if none has."""
    if target.exists():
        return None if is_as_recorded(file, target) else f"{target} is there already, and is another file"
    errors = []
    for copy in copies:
        if copy.archive in known:
            not_staged = unreachable.get((copy.archive, copy.path))
            error = not_staged or fetch(file, copy, known[copy.archive].store, target)
            if error is None:
                return None
            errors.append(f"{copy.archive}: {error}")
    if errors:
        return "; ".join(errors)
    elsewhere = ", ".join(copy.archive for copy in copies)
    return f"it is in {elsewhere}, which this site does not know" if elsewhere else "no archive keeps it"

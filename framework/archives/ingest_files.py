"""Ingest of files from outside into an archive and the registry, with their metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives.copy import find_duplicate, map_in_threads
from framework.archives.external_filetypes import ExternalFiletype, UnclassifiedFileError
from framework.errors import FrameworkError, InfrastructureError
from framework.model.plan import ARCHIVE_PATH
from framework.output.progress import Tally
from framework.registry.questions.external_files import record_files
from framework.registry.questions.files import find_in_archive
from framework.worker.files.transfer import copy_measured, measure

if TYPE_CHECKING:
    from framework.archives.store import Store
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import FileRow

#: Files that are read or copied at a time.
AT_A_TIME = 4
#: Files that are recorded together: a kill leaves at most as many in the archive without a record.
RECORDED_FILES = 500


@dataclass(frozen=True)
class IncomingFile:
    """A file from outside, with its filetype, metadata and path in the archive."""

    source: str
    filetype: str
    path: str
    metadata: dict[str, object]
    size: int
    #: Empty until the file has been read.
    sha256: str = ""


@dataclass(frozen=True)
class IngestResult:
    """Result of an ingest: files that were new, known already, or refused."""

    new: tuple[IncomingFile, ...]
    known: tuple[IncomingFile, ...]
    #: Paths of files without a filetype or without its required metadata, each with the reason.
    refused: tuple[tuple[str, str], ...]


def ingest(
    registry: Registry, archive: str, store: Store, kinds: list[ExternalFiletype], paths: Iterable[Path], tally: Tally
) -> IngestResult:
    """Copy files into the archive and record them, several at a time; files that are there already stay as they are.

    Nothing is copied if one of them would replace another file. After a kill, call it again: files that are recorded
    by then are compared only.
    """
    candidates, refused = _candidates(paths, kinds)
    rows = find_in_archive(registry, archive, [candidate.path for candidate in candidates])
    new = [candidate for candidate in candidates if candidate.path not in rows]
    known = [candidate for candidate in candidates if candidate.path in rows]
    _refuse_duplicate_paths(new)
    try:
        _refuse_other_contents(known, rows)
        tally.expect(len(new), sum(candidate.size for candidate in new))
        stored = map_in_threads(lambda candidate: _store(candidate, store), new, AT_A_TIME)
        done: list[IncomingFile] = []
        while some := list(islice(_count(stored, tally), RECORDED_FILES)):
            record_files(registry, archive, some)
            done += some
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
    return IngestResult(tuple(done), tuple(known), tuple(refused))


def _refuse_other_contents(known: list[IncomingFile], rows: Mapping[str, FileRow]) -> None:
    """Raise FrameworkError if the archive has one of the files with other contents."""
    for candidate in map_in_threads(_measure, known, AT_A_TIME):
        if rows[candidate.path].sha256 != candidate.sha256:
            raise FrameworkError(
                f"{candidate.source} would replace {candidate.path}, which has another content: "
                "give it another name, or its filetype another directory"
            )


def _candidates(
    paths: Iterable[Path], kinds: list[ExternalFiletype]
) -> tuple[list[IncomingFile], list[tuple[str, str]]]:
    """Return files with what their names and headers say, and the refused paths with their reasons."""
    candidates, refused = [], []
    for path, found in map_in_threads(lambda path: (path, _candidate(path, kinds)), _files(paths), AT_A_TIME):
        if isinstance(found, IncomingFile):
            candidates.append(found)
        else:
            refused.append((str(path), str(found)))
    return candidates, refused


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        else:
            yield path


def _candidate(path: Path, kinds: list[ExternalFiletype]) -> IncomingFile | UnclassifiedFileError:
    try:
        return _identify(path, kinds)
    except UnclassifiedFileError as error:
        return error


def _identify(path: Path, kinds: list[ExternalFiletype]) -> IncomingFile:
    fitting = [kind for kind in kinds if kind.fits(path.name)]
    if not fitting:
        raise UnclassifiedFileError("it fits no filetype")
    if len(fitting) > 1:
        raise UnclassifiedFileError(f"it fits several filetypes: {', '.join(kind.name for kind in fitting)}")
    metadata = fitting[0].gather(str(path))
    target = f"{fitting[0].directory(metadata)}/{path.name}"
    if not ARCHIVE_PATH.fullmatch(target):
        raise UnclassifiedFileError(f"{target!r} cannot be a path in an archive")
    return IncomingFile(str(path), fitting[0].name, target, metadata, path.stat().st_size)


def _refuse_duplicate_paths(candidates: list[IncomingFile]) -> None:
    pair = find_duplicate(candidates, lambda candidate: candidate.path)
    if pair:
        raise FrameworkError(f"{pair[1].source} and {pair[0].source} would both be {pair[0].path}")


def _measure(candidate: IncomingFile) -> IncomingFile:
    found = measure(candidate.source)
    return replace(candidate, size=found.size, sha256=found.sha256)


def _store(candidate: IncomingFile, store: Store) -> IncomingFile:
    """Copy a file into the archive; size and checksum are taken while it is copied."""
    with open(candidate.source, "rb", buffering=0) as reading, store.write(candidate.path) as writing:
        found = copy_measured(reading.read, writing.write)
    return replace(candidate, size=found.size, sha256=found.sha256)


def _count(candidates: Iterable[IncomingFile], tally: Tally) -> Iterator[IncomingFile]:
    for candidate in candidates:
        tally.add(candidate.size)
        yield candidate

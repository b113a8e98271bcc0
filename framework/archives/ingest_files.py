"""Ingest of files from outside into an archive and the registry, with their metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives.copy import ANY_CONTENT, OtherFileError, add_file, map_in_threads
from framework.archives.external_filetypes import ExternalFiletype, UnclassifiedFileError
from framework.archives.file_walk import UnreachableFile, walk
from framework.errors import InfrastructureError
from framework.model.plan import ARCHIVE_PATH
from framework.output.progress import Tally
from framework.registry.questions.external_files import FileState, record_files
from framework.registry.questions.files import find_in_archive
from framework.worker.files.transfer import TransferError, copy_measured

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
    #: Paths that were not taken, each with the reason.
    refused: tuple[tuple[str, str], ...]


def ingest(
    registry: Registry, archive: str, store: Store, kinds: list[ExternalFiletype], paths: Iterable[Path], tally: Tally
) -> IngestResult:
    """Copy files into the archive and record them, several at a time; files that are there already stay as they are.

    A file that cannot be read, or would replace another one, is refused, and hinders no other. After a kill, call it
    again: files that are recorded by then are compared only.
    """
    candidates, refused = _candidates(paths, kinds)
    first, twins = _split_twins(candidates)
    tally.expect(len(candidates), sum(candidate.size for candidate in candidates))
    new: list[IncomingFile] = []
    known: list[IncomingFile] = []
    try:
        # What has the path of one before is compared when that one is on record.
        for group in filter(None, (first, twins)):
            for file, state in _ingest_group(registry, archive, store, group, tally):
                if isinstance(file, _RefusedFile):
                    refused.append((file.source, file.reason))
                elif state == FileState.OTHER:
                    refused.append((file.source, f"the registry has another file at {file.path}"))
                else:
                    (new if state == FileState.NEW else known).append(file)
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
    return IngestResult(tuple(new), tuple(known), tuple(refused))


def _ingest_group(
    registry: Registry, archive: str, store: Store, candidates: list[IncomingFile], tally: Tally
) -> Iterator[tuple[IncomingFile | _RefusedFile, FileState | None]]:
    """Store and record files of different paths; yield each with what the registry knew of it."""
    rows = find_in_archive(registry, archive, [candidate.path for candidate in candidates])
    stored = map_in_threads(lambda each: _store(each, store, rows.get(each.path)), candidates, AT_A_TIME)
    counted = _count(stored, tally)
    while some := list(islice(counted, RECORDED_FILES)):
        good = [each for each in some if isinstance(each, IncomingFile)]
        yield from ((each, None) for each in some if isinstance(each, _RefusedFile))
        yield from zip(good, record_files(registry, archive, good), strict=True)


def _split_twins(candidates: list[IncomingFile]) -> tuple[list[IncomingFile], list[IncomingFile]]:
    """Return the first file of each path in the archive, and the others."""
    first: dict[str, IncomingFile] = {}
    twins = [candidate for candidate in candidates if first.setdefault(candidate.path, candidate) is not candidate]
    return list(first.values()), twins


def _candidates(
    paths: Iterable[Path], kinds: list[ExternalFiletype]
) -> tuple[list[IncomingFile], list[tuple[str, str]]]:
    """Return files with what their names and headers say, and the refused paths with their reasons."""
    candidates, refused = [], []
    for path, found in map_in_threads(lambda path: _candidate(path, kinds), walk(paths), AT_A_TIME):
        if isinstance(found, IncomingFile):
            candidates.append(found)
        else:
            refused.append((str(path), found))
    return candidates, refused


def _candidate(path: Path | UnreachableFile, kinds: list[ExternalFiletype]) -> tuple[Path, IncomingFile | str]:
    """Return a path with what is known of its file, or with the reason why it is refused."""
    if isinstance(path, UnreachableFile):
        return path.path, path.reason
    try:
        return path, _identify(path, kinds)
    except UnclassifiedFileError as error:
        return path, str(error)
    except OSError as error:
        return path, f"it cannot be read: {error.strerror}"


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


@dataclass(frozen=True)
class _RefusedFile:
    """A file that is not taken, with the reason."""

    source: str
    size: int
    reason: str


class _SourceError(TransferError):
    """A file from outside cannot be read; errors of the archive are others."""


@contextmanager
def _open(source: str) -> Iterator[_Source]:
    try:
        file = open(source, "rb", buffering=0)  # noqa: SIM115  (closed below; only its errors are the source's)
    except OSError as error:
        raise _SourceError(error.strerror) from error
    with file:
        yield _Source(file)


class _Source:
    """A file from outside, being read."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise _SourceError(error.strerror) from error


def _store(candidate: IncomingFile, store: Store, row: FileRow | None) -> IncomingFile | _RefusedFile:
    """Copy a file into the archive, or compare it with its record; size and checksum are taken while it is read."""
    source = candidate.source
    try:
        if row is None:
            found = add_file(store, candidate.path, lambda: _open(source), ANY_CONTENT)
        else:
            with _open(source) as reading:
                found = copy_measured(reading.read, len)
            if row.sha256 != found.sha256:
                reason = f"it would replace {candidate.path}, which has another content"
                return _RefusedFile(
                    source, candidate.size, f"{reason}: give it another name, or its filetype another ops"
                )
    except _SourceError as error:
        return _RefusedFile(source, candidate.size, f"it cannot be read: {error}")
    except OtherFileError as error:
        reason = f"{error}, which this registry does not know: fw fsck tells more"
        return _RefusedFile(source, candidate.size, reason)
    return replace(candidate, size=found.size, sha256=found.sha256)


def _count(candidates: Iterable[IncomingFile | _RefusedFile], tally: Tally) -> Iterator[IncomingFile | _RefusedFile]:
    for candidate in candidates:
        tally.add(candidate.size)
        yield candidate

"""Ingesting: files from outside into the home archive and the registry, with their metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives.copy import side_by_side
from framework.archives.external_filetypes import Filetype, NotSuchAFileError
from framework.errors import FrameworkError, InfrastructureError
from framework.model.plan import ARCHIVE_PATH
from framework.output.progress import Tally
from framework.worker.files.transfer import copy_measured, measure

if TYPE_CHECKING:
    from framework.archives.store import Store
    from framework.registry.database.connection import Registry

#: Files that are read or copied at a time.
AT_A_TIME = 4
#: How many files are put on record together: what a kill may leave in the archive without a record.
RECORDED_FILES = 500


@dataclass(frozen=True)
class Candidate:
    """A file from outside, and where it goes."""

    source: str
    filetype: str
    path: str
    metadata: dict[str, object]
    size: int
    #: Empty until it has been read.
    sha256: str = ""


@dataclass(frozen=True)
class Ingested:
    """What became of some files."""

    new: tuple[Candidate, ...]
    known: tuple[Candidate, ...]
    #: Files of no kind, and files that their kind cannot make sense of, with the reason.
    refused: tuple[tuple[str, str], ...]


def ingest(
    registry: Registry, archive: str, store: Store, kinds: list[Filetype], paths: Iterable[Path], tally: Tally
) -> Ingested:
    """Put files into the archive and on record, several at a time; what is there already stays as it is.

    Nothing is put there when one of them would take another file's place. Killed, it may be called again: what is on
    record by then is known, and only compared.
    """
    from framework.registry.questions.external_files import record_files
    from framework.registry.questions.files import existing

    candidates, refused = _candidates(paths, kinds)
    rows = existing(registry, archive, [candidate.path for candidate in candidates])
    new = [candidate for candidate in candidates if candidate.path not in rows]
    known = [candidate for candidate in candidates if candidate.path in rows]
    _refuse_twins(new)
    try:
        for candidate in side_by_side(_measured, known, AT_A_TIME):
            if rows[candidate.path].sha256 != candidate.sha256:
                raise FrameworkError(
                    f"{candidate.source} would take the place of {candidate.path}, which has another content: "
                    "give it another name, or its filetype another directory"
                )
        tally.expect(len(new), sum(candidate.size for candidate in new))
        stored = side_by_side(lambda candidate: _stored(candidate, store), new, AT_A_TIME)
        done: list[Candidate] = []
        while some := list(islice(_counted(stored, tally), RECORDED_FILES)):
            record_files(registry, archive, some)
            done += some
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
    return Ingested(tuple(done), tuple(known), tuple(refused))


def _candidates(paths: Iterable[Path], kinds: list[Filetype]) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """What the files are by their names and headers, and those that make no sense."""
    candidates, refused = [], []
    for path, found in side_by_side(lambda path: (path, _candidate(path, kinds)), _files(paths), AT_A_TIME):
        if isinstance(found, Candidate):
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


def _candidate(path: Path, kinds: list[Filetype]) -> Candidate | NotSuchAFileError:
    try:
        return _understood(path, kinds)
    except NotSuchAFileError as error:
        return error


def _understood(path: Path, kinds: list[Filetype]) -> Candidate:
    fitting = [kind for kind in kinds if kind.fits(path.name)]
    if not fitting:
        raise NotSuchAFileError("it fits no filetype")
    if len(fitting) > 1:
        raise NotSuchAFileError(f"it fits several filetypes: {', '.join(kind.name for kind in fitting)}")
    metadata = fitting[0].gather(str(path))
    target = f"{fitting[0].directory(metadata)}/{path.name}"
    if not ARCHIVE_PATH.fullmatch(target):
        raise NotSuchAFileError(f"{target!r} cannot be a path in an archive")
    return Candidate(str(path), fitting[0].name, target, metadata, path.stat().st_size)


def _refuse_twins(candidates: list[Candidate]) -> None:
    places: dict[str, Candidate] = {}
    for candidate in candidates:
        other = places.setdefault(candidate.path, candidate)
        if other is not candidate:
            raise FrameworkError(f"{candidate.source} and {other.source} would both be {candidate.path}")


def _measured(candidate: Candidate) -> Candidate:
    found = measure(candidate.source)
    return replace(candidate, size=found.size, sha256=found.sha256)


def _stored(candidate: Candidate, store: Store) -> Candidate:
    """Copy a file into the archive, measured on the way."""
    with open(candidate.source, "rb", buffering=0) as reading, store.write(candidate.path) as writing:
        found = copy_measured(reading.read, writing.write)
    return replace(candidate, size=found.size, sha256=found.sha256)


def _counted(candidates: Iterable[Candidate], tally: Tally) -> Iterator[Candidate]:
    for candidate in candidates:
        tally.add(candidate.size)
        yield candidate

"""Ingesting: files from outside into the home archive and the registry, with their metadata."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import FrameworkError, InfrastructureError
from framework.filetypes import Filetype, NotSuchAFileError
from framework.job.transfer import READ_ONLY, make_directory, measure
from framework.plan.model import ARCHIVE_PATH

if TYPE_CHECKING:
    from framework.registry.database import Registry


@dataclass(frozen=True)
class Candidate:
    """A file from outside, and where it goes."""

    source: str
    filetype: str
    path: str
    metadata: dict[str, object]
    size: int
    sha256: str


@dataclass(frozen=True)
class Ingested:
    """What became of some files."""

    new: tuple[Candidate, ...]
    known: tuple[Candidate, ...]
    #: Files of no kind, and files that their kind cannot make sense of, with the reason.
    refused: tuple[tuple[str, str], ...]


def ingest(registry: Registry, archive: str, root: str, kinds: list[Filetype], paths: Iterable[Path]) -> Ingested:
    """Put files into the archive and on record, all or none of them; what is there already stays as it is."""
    from framework.registry.files import existing
    from framework.registry.ingested import record_files

    candidates, refused = [], []
    for path in _files(paths):
        try:
            candidates.append(_candidate(path, kinds))
        except NotSuchAFileError as error:
            refused.append((str(path), str(error)))
    rows = existing(registry, archive, [candidate.path for candidate in candidates])
    new: list[Candidate] = []
    known: list[Candidate] = []
    for candidate in candidates:
        row = rows.get(candidate.path)
        if row is not None and row.sha256 != candidate.sha256:
            raise FrameworkError(
                f"{candidate.source} would take the place of {candidate.path}, which has another content: "
                "give it another name, or its filetype another directory"
            )
        (new if row is None else known).append(candidate)
    _refuse_twins(new)
    try:
        for candidate in new:
            _copy(candidate, root)
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
    record_files(registry, archive, new)
    return Ingested(tuple(new), tuple(known), tuple(refused))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        else:
            yield path


def _candidate(path: Path, kinds: list[Filetype]) -> Candidate:
    fitting = [kind for kind in kinds if kind.fits(path.name)]
    if not fitting:
        raise NotSuchAFileError("it fits no filetype")
    if len(fitting) > 1:
        raise NotSuchAFileError(f"it fits several filetypes: {', '.join(kind.name for kind in fitting)}")
    metadata = fitting[0].gather(str(path))
    target = f"{fitting[0].directory(metadata)}/{path.name}"
    if not ARCHIVE_PATH.fullmatch(target):
        raise NotSuchAFileError(f"{target!r} cannot be a path in an archive")
    found = measure(str(path))
    return Candidate(str(path), fitting[0].name, target, metadata, found.size, found.sha256)


def _refuse_twins(candidates: list[Candidate]) -> None:
    places: dict[str, Candidate] = {}
    for candidate in candidates:
        other = places.setdefault(candidate.path, candidate)
        if other is not candidate:
            raise FrameworkError(f"{candidate.source} and {other.source} would both be {candidate.path}")


def _copy(candidate: Candidate, root: str) -> None:
    target = os.path.join(root, candidate.path)
    make_directory(target)
    part = f"{target}.part-{os.getpid()}"
    shutil.copyfile(candidate.source, part)
    os.chmod(part, READ_ONLY)
    os.replace(part, target)

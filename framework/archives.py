"""Archives: where their files lie, and bringing files out of them, verified."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from framework.errors import FrameworkError, InfrastructureError
from framework.job.transfer import measure
from framework.submission import archive_root, site_values
from wcl import Section

if TYPE_CHECKING:
    from framework.registry.database import Registry
    from framework.registry.files import FileRow


@dataclass(frozen=True)
class Archive:
    """A place that keeps files."""

    name: str
    root: Path

    def at(self, path: str) -> Path:
        """Where a file of the archive lies; FrameworkError for a path that would leave it."""
        if path.startswith("/") or ".." in path.split("/"):
            raise FrameworkError(f"{path!r} lies in no archive")
        return self.root / path


@dataclass(frozen=True)
class Got:
    """A file that was brought out of an archive, or the reason why it was not."""

    path: str
    target: Path
    trouble: str = ""


def archives(values: Section) -> Mapping[str, Archive]:
    """The archives that are configured, by their names."""
    names = (name for name, _ in values.section("archive").sections())
    return {name: Archive(name, Path(archive_root(values, name))) for name in names}


def get(db: Registry, files: Sequence[FileRow], into: Path) -> Iterator[Got]:
    """Copy files into a directory, each checked against its record; one that is there already and right is left.

    The next archive is tried where a copy is missing or not what the registry says.
    """
    from framework.registry.files import archives_of

    targets: dict[str, str] = {}
    for file in files:
        other = targets.setdefault(file.path.rpartition("/")[2], file.path)
        if other != file.path:
            raise FrameworkError(f"{file.path} and {other} have one name: get them into directories of their own")
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"{into}: {error.strerror}") from error
    known = archives(site_values())
    places = archives_of(db, [file.id for file in files])
    for file in files:
        target = into / file.path.rpartition("/")[2]
        sources = [(name, known[name].at(file.path)) for name in places.get(file.id, ()) if name in known]
        yield Got(file.path, target, _brought(file, target, sources, places.get(file.id, ())))


class Measured(Protocol):
    """What is recorded of a file's content."""

    @property
    def size(self) -> int | None: ...
    @property
    def sha256(self) -> str | None: ...


def copy_verified(file: Measured, source: Path, target: Path) -> str:
    """Copy a file if it is as recorded, else say what is wrong; the target is whole or not there."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        shutil.copyfile(source, part)
        if not _is_right(file, part):
            return "has other content"
        part.replace(target)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        part.unlink(missing_ok=True)
    return ""


def _brought(file: FileRow, target: Path, sources: Iterable[tuple[str, Path]], places: Sequence[str]) -> str:
    """Copy from the first place that has it as recorded; why not, if none has."""
    if target.exists():
        return "" if _is_right(file, target) else f"{target} is there already, and is another file"
    troubles = []
    for name, source in sources:
        trouble = copy_verified(file, source, target)
        if not trouble:
            return ""
        troubles.append(f"{name}: {trouble}")
    if not troubles:
        return f"it is in {', '.join(places)}, which this site does not know" if places else "no archive keeps it"
    return "; ".join(troubles)


def _is_right(file: Measured, path: Path) -> bool:
    found = measure(str(path))
    return found.size == file.size and file.sha256 in (None, found.sha256)

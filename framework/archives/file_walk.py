"""Walk over the files that paths name, with what cannot be reached."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class UnreachableFile:
    """A path that is no readable file or directory, with the reason."""

    path: Path
    reason: str


def walk(paths: Iterable[Path]) -> Iterator[Path | UnreachableFile]:
    """Yield the files of paths and of the directories among them, and each path that cannot be reached.

    Links are followed. Each directory is read once, so that links which lead upwards end; each path is yielded once.
    """
    seen_files: set[str] = set()
    seen_directories: set[tuple[int, int]] = set()
    for path in paths:
        for found in _enter(path, seen_directories):
            reached = str(found) if isinstance(found, Path) else str(found.path)
            if reached not in seen_files:
                seen_files.add(reached)
                yield found


def _enter(path: Path, seen: set[tuple[int, int]]) -> Iterator[Path | UnreachableFile]:
    try:
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            yield path if stat.S_ISREG(status.st_mode) else UnreachableFile(path, _kind(status.st_mode))
            return
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        names = sorted(os.listdir(path))
    except FileNotFoundError as error:
        yield UnreachableFile(path, "a link that leads nowhere" if path.is_symlink() else str(error.strerror))
        return
    except OSError as error:
        yield UnreachableFile(path, f"it cannot be read: {error.strerror}")
        return
    for name in names:
        yield from _enter(path / name, seen)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"))
    name = next((name for is_kind, name in kinds if is_kind(mode)), "a device")
    return f"it is {name}, not a file"

"""Store in a directory of this machine or of a mounted file system."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from framework.archives.store import check_path
from framework.worker.files.transfer import READ_ONLY


class DirectoryStore:
    """Files below a root; links are not followed, and a directory that is a link must stay below the root."""

    is_read_only = False
    can_list = True

    def __init__(self, root: str) -> None:
        self.address = root
        self._root = Path(root)

    @property
    def access_error(self) -> str | None:
        return None if self._root.is_dir() else f"there is no directory {self._root}"

    def size(self, path: str) -> int:
        return self._plain(self.at(path)).st_size

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        at = self.at(path)
        self._plain(at)
        with os.fdopen(os.open(at, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:
            yield file

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target = self.at(path)
        part = target.with_name(f"{target.name}.part-{os.getpid()}")
        try:
            with open(part, "wb", buffering=0) as file:
                yield file
                os.fsync(file.fileno())
            part.chmod(READ_ONLY)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        self.at(path).unlink()

    def move_out(self, path: str, target: Path) -> None:
        shutil.move(self.at(path), target)

    def files(self) -> Iterator[tuple[str, int]]:
        for directory, _, names in os.walk(self._root):
            below = os.path.relpath(directory, self._root)
            for name in sorted(names):
                status = os.lstat(os.path.join(directory, name))
                size = status.st_size if stat.S_ISREG(status.st_mode) else -1
                yield name if below == "." else f"{below}/{name}", size

    def at(self, path: str) -> Path:
        """Return the location of a file; PermissionError where a link on the way leads out of the root."""
        target = self._root / check_path(path)
        if not target.parent.resolve().is_relative_to(self._root.resolve()):
            raise PermissionError(errno.EACCES, "a link leads out of the archive", str(target))
        return target

    @staticmethod
    def _plain(path: Path) -> os.stat_result:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EACCES, "it is not a plain file", str(path))
        return status

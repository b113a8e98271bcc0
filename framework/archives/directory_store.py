"""Store in a directory of this machine or of a mounted file system."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from framework.archives.store import check_path
from framework.worker.files.transfer import READ_ONLY

#: Suffix of the names of files that are being written.
PART_SUFFIX = ".part"
#: Directory at the root with the locks of writers and repairs; its files are none of the archive.
OWN_DIRECTORY = ".writers"


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
        _check_free(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        target = self.at(path)
        part = target.with_name(f".{uuid.uuid4().hex}{PART_SUFFIX}")
        try:
            with open(part, "xb", buffering=0) as file:
                yield file
                os.fsync(file.fileno())
            part.chmod(READ_ONLY)
            _give_name(part, target)
        finally:
            part.unlink(missing_ok=True)
        _sync_directory(target.parent)

    def remove(self, path: str) -> None:
        self.at(path).unlink()

    def move_out(self, path: str, target: Path) -> None:
        shutil.move(self.at(path), target)

    def files(self) -> Iterator[tuple[str, int]]:
        for directory, directories, names in os.walk(self._root):
            below = os.path.relpath(directory, self._root)
            if below == "." and OWN_DIRECTORY in directories:
                directories.remove(OWN_DIRECTORY)
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


def _check_free(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _give_name(part: Path, target: Path) -> None:
    """Give a complete file its name; FileExistsError where another file has got it meanwhile."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        # Whoever comes first makes the empty file, and is the one who may replace it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
        part.replace(target)


def _sync_directory(directory: Path) -> None:
    """Write the names of a directory to its disk, so that a record of them is not ahead of them."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that have nothing to write
            raise
    finally:
        os.close(descriptor)

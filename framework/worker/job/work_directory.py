"""Work directory of a worker, where its jobs run one after another, each in an empty directory."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


#: Free bytes below which a disk counts as full.
LEAST_FREE = 1 << 20


class WorkDirectory:
    """Directory of the present job.

    A job finds the directories that it needs, empty, and nothing else. Those are kept from one job to the next, since
    making them takes longer than starting a program.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._kept: set[str] = set()

    def prepare(self, files: Iterable[str]) -> None:
        """Make the directories of files, given by paths relative to the root."""
        needed = {part for path in files for part in _parents(path)}
        if not os.path.isdir(self.root):
            os.makedirs(self.root)
            self._kept.clear()
        for directory in sorted(self._kept - needed, reverse=True):
            os.rmdir(os.path.join(self.root, directory))
        for directory in sorted(needed - self._kept):
            os.mkdir(os.path.join(self.root, directory))
        self._kept = needed

    def at(self, path: str) -> str:
        """Return the absolute path of a file of the job."""
        return os.path.join(self.root, path)

    def is_full(self) -> bool:
        """Return whether its disk is full, so that a program may have failed for that."""
        try:
            disk = os.statvfs(self.root)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize < LEAST_FREE

    def clear(self) -> None:
        """Remove all files that a job left; links are removed, not followed."""
        kept, self._kept = self._kept, set()
        try:
            self._clear(self.root, "", kept)
        except FileNotFoundError:
            self._kept.clear()  # the job removed its own directory

    def set_aside(self, target: str) -> None:
        """Move all files that a job left to another directory."""
        self._kept.clear()
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.rename(self.root, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            import shutil  # only a failed job of a pool, whose scratch disk is not that of the run

            shutil.move(self.root, target)

    def give_up(self, target: str) -> None:
        """Move all files away, or use another directory if that fails."""
        try:
            os.chdir("/")
            self.set_aside(target)
        except OSError:
            self.root += "+"

    def _clear(self, directory: str, below: str, kept: set[str]) -> None:
        with _scan_writable(directory) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                name = below + entry.name
                self._clear(entry.path, name + "/", kept)
                if name in kept:
                    self._kept.add(name)
                else:
                    os.rmdir(entry.path)


def _scan_writable(directory: str) -> os._ScandirIterator[str]:
    """Return the entries of a directory, writable again if a program made it read-only."""
    status = os.stat(directory)
    if status.st_mode & 0o700 != 0o700:
        os.chmod(directory, status.st_mode | 0o700)
    return os.scandir(directory)


def _parents(path: str) -> list[str]:
    """Return the parent directories: ``a`` and ``a/b`` of ``a/b/c.fits``."""
    found = []
    at = path.find("/")
    while at > 0:
        found.append(path[:at])
        at = path.find("/", at + 1)
    return found

"""The workplace: a worker's directory, where its jobs run one after another and find nothing of each other."""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


#: Bytes without which nothing can be written that is worth it.
ROOM = 1 << 20


class WorkDirectory:
    """Directories that jobs ask for are kept from one job to the next: making them costs more than a program's start.

    A job finds the directories that it asked for, empty, and nothing else, whatever ran before it.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._kept: set[str] = set()

    def prepare(self, files: Iterable[str]) -> None:
        """Be ready for files at these places, relative to the root."""
        wanted = {part for path in files for part in _parents(path)}
        if not os.path.isdir(self.root):
            os.makedirs(self.root)
            self._kept.clear()
        for directory in sorted(self._kept - wanted, reverse=True):
            os.rmdir(os.path.join(self.root, directory))
        for directory in sorted(wanted - self._kept):
            os.mkdir(os.path.join(self.root, directory))
        self._kept = wanted

    def at(self, path: str) -> str:
        return os.path.join(self.root, path)

    def is_full(self) -> bool:
        """Whether its disk has no room left, so that a program that failed may have failed for that."""
        try:
            disk = os.statvfs(self.root)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize < ROOM

    def clear(self) -> None:
        """Remove all that a job left; links are removed, not followed."""
        kept, self._kept = self._kept, set()
        try:
            self._clear(self.root, "", kept)
        except FileNotFoundError:
            self._kept.clear()  # the job removed its own directory

    def set_aside(self, target: str) -> None:
        """Keep what a job left somewhere else."""
        self._kept.clear()
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.rename(self.root, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            import shutil  # a job's own disk is not the run's: this is a pool, and the job has failed

            shutil.move(self.root, target)

    def give_up(self, target: str) -> None:
        """Begin anew somewhere else, whatever state this place is in."""
        try:
            os.chdir("/")
            self.set_aside(target)
        except OSError:
            self.root += "+"

    def _clear(self, directory: str, below: str, kept: set[str]) -> None:
        with _writable(directory) as entries:
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


def _writable(directory: str) -> os._ScandirIterator[str]:
    """The entries of a directory that a program may have closed to its owner."""
    status = os.stat(directory)
    if status.st_mode & 0o700 != 0o700:
        os.chmod(directory, status.st_mode | 0o700)
    return os.scandir(directory)


def _parents(path: str) -> list[str]:
    """``a/b/c.fits``: ``a``, ``a/b``."""
    found = []
    at = path.find("/")
    while at > 0:
        found.append(path[:at])
        at = path.find("/", at + 1)
    return found

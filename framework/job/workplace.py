"""The workplace: a worker's directory, where its jobs run one after another and find nothing of each other."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Workplace:
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

    def clear(self) -> None:
        """Remove all that a job left; links are removed, not followed."""
        self._clear(self.root, "")

    def set_aside(self, target: str) -> None:
        """Keep what a job left somewhere else."""
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(self.root, target)
        self._kept.clear()

    def _clear(self, directory: str, below: str) -> None:
        with os.scandir(directory) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                name = below + entry.name
                self._clear(entry.path, name + "/")
                if name not in self._kept:
                    os.rmdir(entry.path)


def _parents(path: str) -> list[str]:
    """``a/b/c.fits``: ``a``, ``a/b``."""
    found = []
    at = path.find("/")
    while at > 0:
        found.append(path[:at])
        at = path.find("/", at + 1)
    return found

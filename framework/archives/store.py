"""Stores: where the files of archives lie, on this machine's disks or elsewhere, behind one door.

A store is a file of this folder. Paths are those of the archive: no path leads out of its root, whatever it says and
whatever links lie there. What goes wrong is an OSError, whichever library it comes from. All may be called from
several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from framework.errors import FrameworkError
from framework.model.plan import ARCHIVE_PATH


class Store(Protocol):
    """A place with files in it."""

    @property
    def place(self) -> str:
        """What messages call it."""
        ...

    @property
    def trouble(self) -> str:
        """Why nothing can be said of its files now; empty where it can."""
        ...

    @property
    def is_read_only(self) -> bool: ...

    @property
    def can_list(self) -> bool:
        """Whether ``files`` tells what is there."""
        ...

    def size(self, path: str) -> int:
        """Bytes of a file; FileNotFoundError where there is none."""
        ...

    def read(self, path: str) -> AbstractContextManager[BinaryIO]: ...

    def write(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file to write, which is there under its name when the ``with`` ends well; else not at all."""
        ...

    def remove(self, path: str) -> None: ...

    def move_out(self, path: str, target: Path) -> None:
        """Take a file out to a path of this machine, whatever it is."""
        ...

    def files(self) -> Iterator[tuple[str, int]]:
        """Path and size of every file; -1 for what is no plain file."""
        ...


def checked(path: str) -> str:
    """The path, if it lies in an archive; FrameworkError where it would lead anywhere else."""
    if not is_path(path):
        raise FrameworkError(f"{path!r} lies in no archive")
    return path


def is_path(path: str) -> bool:
    """Whether a text is the path of a file in an archive."""
    return ARCHIVE_PATH.fullmatch(path) is not None

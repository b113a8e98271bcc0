"""Stores of files, on this machine's disks or behind an address: the contract that every store fulfils.

Paths are relative to the root of the archive; no path leads out of it, through links either. Every failure is an
OSError, whichever library it comes from. All methods may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from framework.errors import FrameworkError
from framework.model.plan import ARCHIVE_PATH


class Store(Protocol):
    """Files of an archive, by their paths in it."""

    @property
    def address(self) -> str:
        """The root as messages name it: a path or an address."""
        ...

    @property
    def access_error(self) -> str | None:
        """The reason why the store cannot be reached now; None if it can."""
        ...

    @property
    def is_read_only(self) -> bool: ...

    @property
    def can_list(self) -> bool:
        """True if ``files`` can list the store."""
        ...

    def size(self, path: str) -> int:
        """Return the bytes of a file; FileNotFoundError where there is none."""
        ...

    def read(self, path: str) -> AbstractContextManager[BinaryIO]: ...

    def write(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Return a file to write, which gets its name when the ``with`` ends without an error, and else is dropped.

        FileExistsError, at the beginning or at the end, where a file has that name already: it stays as it is.
        """
        ...

    def remove(self, path: str) -> None: ...

    def move_out(self, path: str, target: Path) -> None:
        """Move a file, plain or not, to a path of this machine."""
        ...

    def files(self) -> Iterator[tuple[str, int]]:
        """Yield path and size of every file; -1 for one that is not a plain file."""
        ...


def check_path(path: str) -> str:
    """Return the path, if it lies in an archive; FrameworkError where it leads out of it."""
    if not is_path(path):
        raise FrameworkError(f"{path!r} lies in no archive")
    return path


def is_path(path: str) -> bool:
    """Return whether a text is the path of a file in an archive."""
    return ARCHIVE_PATH.fullmatch(path) is not None

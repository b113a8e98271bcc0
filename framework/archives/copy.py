"""Copies of files between stores, checksummed while they are read, complete or not at all."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar, cast

from framework.errors import FrameworkError
from framework.worker.files.transfer import GZIP, Checksum, TransferError, copy_measured, measure

if TYPE_CHECKING:
    from framework.archives.store import Store
    from framework.registry.questions.files import Copy

Item = TypeVar("Item")
Result = TypeVar("Result")


class RecordedContent(Protocol):
    """Size and checksum of a file, as recorded."""

    @property
    def size(self) -> int | None: ...
    @property
    def sha256(self) -> str | None: ...


class Readable(Protocol):
    """A file to read from its beginning to its end."""

    def read(self, size: int = -1, /) -> bytes: ...


class OtherFileError(FrameworkError):
    """A store has another file at a path already."""


def add_file(
    store: Store, path: str, open_source: Callable[[], AbstractContextManager[Readable]], expected: RecordedContent
) -> Checksum:
    """Copy a file into a store, where the same file may be already, and return its size and checksum.

    TransferError where the source is not as expected; OtherFileError where the store has another file at the path,
    which stays as it is.
    """
    try:
        with open_source() as reading, store.write(path) as writing:
            found = copy_measured(reading.read, writing.write)
            _check_content(expected, found)
    except FileExistsError:
        with open_source() as reading:
            found = copy_measured(reading.read, len)
        _check_content(expected, found)
        with store.read(path) as there:
            if copy_measured(there.read, len) != found:
                raise OtherFileError(f"{store.address}/{path} is there already, and is another file") from None
    return found


class _AnyContent:
    size = None
    sha256 = None


#: Record of a file of which nothing is known yet.
ANY_CONTENT: RecordedContent = _AnyContent()


def copy_to_store(copy: Copy, source: Store, target: Store) -> str | None:
    """Copy a file to another store in the form that it has; return the error, None if there was none."""
    try:
        add_file(target, copy.path, lambda: source.read(copy.path), copy)
        if copy.size is not None and target.size(copy.path) != copy.size:
            return f"{target.address} has not stored it completely"
    except (OSError, TransferError, OtherFileError) as error:
        return _message(error)
    return None


def fetch(file: RecordedContent, copy: Copy, source: Store, target: Path) -> str | None:
    """Copy a file out of a store, uncompressed if it was gzipped; return the error, None if there was none."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    unpacked = target.with_name(f"{part.name}-unpacked")
    try:
        with source.read(copy.path) as reading, part.open("wb", buffering=0) as writing:
            _check_content(copy, copy_measured(reading.read, writing.write))
        if copy.ending == GZIP:
            with gzip.open(part) as reading, unpacked.open("wb") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)
            unpacked.replace(part)
            if not is_as_recorded(file, part):
                return "has other content"
        part.replace(target)
    except (OSError, EOFError, TransferError) as error:
        return _message(error)
    finally:
        part.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)
    return None


@contextmanager
def reading(copy: Copy, source: Store) -> Iterator[BinaryIO]:
    """Open a copy, uncompressed and without a check of its content; OSError where it cannot be read."""
    if copy.ending not in ("", GZIP):
        raise OSError(errno.ENOTSUP, f"it is kept in a form ({copy.ending}) that only a program can undo", copy.path)
    with source.read(copy.path) as kept:
        if not copy.ending:
            yield kept
            return
        with gzip.open(kept) as plain:
            yield cast("BinaryIO", plain)


def has_file(store: Store, path: str, size: int | None) -> bool:
    """Return whether a store has a file of this size; its content is not read."""
    try:
        return store.size(path) == size
    except OSError:
        return False


def has_intact_copy(copy: Copy, store: Store) -> bool:
    """Return whether a store has a copy whose content, read in full, is as recorded."""
    if not has_file(store, copy.path, copy.size):
        return False
    try:
        with store.read(copy.path) as reading:
            _check_content(copy, copy_measured(reading.read, len))
    except (OSError, TransferError):
        return False
    return True


def is_as_recorded(file: RecordedContent, path: Path) -> bool:
    """Return whether a file on disk has the recorded size and checksum."""
    found = measure(str(path))
    return found.size == file.size and file.sha256 in (None, found.sha256)


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item], at_a_time: int) -> Iterator[Result]:
    """Yield the result of a function for each item, in order; some run at a time, and items are read as needed."""
    remaining = iter(items)
    with ThreadPoolExecutor(at_a_time) as pool:
        submitted = [pool.submit(function, item) for item in islice(remaining, 2 * at_a_time)]
        try:
            while submitted:
                yield submitted.pop(0).result()
                submitted += [pool.submit(function, item) for item in islice(remaining, 1)]
        finally:
            for future in submitted:
                future.cancel()


def find_duplicate(items: Iterable[Item], name: Callable[[Item], str]) -> tuple[Item, Item] | None:
    """Return the first two items that would get the same name; None where all names differ."""
    first: dict[str, Item] = {}
    for item in items:
        if name(item) in first:
            return first[name(item)], item
        first[name(item)] = item
    return None


def _check_content(recorded: RecordedContent, found: Checksum) -> None:
    if recorded.size not in (None, found.size) or recorded.sha256 not in (None, found.sha256):
        raise TransferError("has other content")


def _message(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return (isinstance(error, OSError) and error.strerror) or str(error)

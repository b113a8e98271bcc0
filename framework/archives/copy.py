"""Copying: files from one store to another, checksummed on the way, whole or not at all."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar, cast

from framework.worker.files.transfer import GZIP, Checksum, TransferError, copy_measured, measure

if TYPE_CHECKING:
    from framework.archives.store import Store
    from framework.registry.questions.files import Copy

One = TypeVar("One")
Other = TypeVar("Other")


class Measured(Protocol):
    """What is recorded of a file's content."""

    @property
    def size(self) -> int | None: ...
    @property
    def sha256(self) -> str | None: ...


def copy_to_store(copy: Copy, source: Store, target: Store) -> str:
    """Put a copy into another store in the form that it has; why that failed, or empty."""
    try:
        with source.read(copy.path) as reading, target.write(copy.path) as writing:
            _refuse_other(copy, copy_measured(reading.read, writing.write))
        if copy.size is not None and target.size(copy.path) != copy.size:
            return f"{target.place} has not taken it whole"
    except (OSError, TransferError) as error:
        return _said(error)
    return ""


def fetch(file: Measured, copy: Copy, source: Store, target: Path) -> str:
    """Bring a copy out of a store, uncompressed where it was gzipped; why that failed, or empty."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    unpacked = target.with_name(f"{part.name}-unpacked")
    try:
        with source.read(copy.path) as reading, part.open("wb", buffering=0) as writing:
            _refuse_other(copy, copy_measured(reading.read, writing.write))
        if copy.ending == GZIP:
            with gzip.open(part) as reading, unpacked.open("wb") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)
            unpacked.replace(part)
            if not is_as_recorded(file, part):
                return "has other content"
        part.replace(target)
    except (OSError, EOFError, TransferError) as error:
        return _said(error)
    finally:
        part.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)
    return ""


@contextmanager
def reading(copy: Copy, source: Store) -> Iterator[BinaryIO]:
    """A copy, to be read as the file that it is of; not checked. OSError where that cannot be."""
    if copy.ending not in ("", GZIP):
        raise OSError(errno.ENOTSUP, f"it is kept in a form ({copy.ending}) that only a program can undo", copy.path)
    with source.read(copy.path) as kept:
        if not copy.ending:
            yield kept
            return
        with gzip.open(kept) as plain:
            yield cast("BinaryIO", plain)


def has(store: Store, path: str, size: int | None) -> bool:
    """Whether a store has a file of this size; not read."""
    try:
        return store.size(path) == size
    except OSError:
        return False


def holds(copy: Copy, store: Store) -> bool:
    """Whether a store has a copy, read and found to be as recorded."""
    if not has(store, copy.path, copy.size):
        return False
    try:
        with store.read(copy.path) as reading:
            _refuse_other(copy, copy_measured(reading.read, len))
    except (OSError, TransferError):
        return False
    return True


def is_as_recorded(file: Measured, path: Path) -> bool:
    """Whether a file on disk is the one on record."""
    found = measure(str(path))
    return found.size == file.size and file.sha256 in (None, found.sha256)


def side_by_side(work: Callable[[One], Other], items: Iterable[One], at_a_time: int) -> Iterator[Other]:
    """The work on each item, in their order, some at a time; items are taken as they are needed."""
    wanted = iter(items)
    with ThreadPoolExecutor(at_a_time) as pool:
        under_way = [pool.submit(work, item) for item in islice(wanted, 2 * at_a_time)]
        try:
            while under_way:
                yield under_way.pop(0).result()
                under_way += [pool.submit(work, item) for item in islice(wanted, 1)]
        finally:
            for future in under_way:
                future.cancel()


def _refuse_other(copy: Copy, found: Checksum) -> None:
    if copy.size not in (None, found.size) or copy.sha256 not in (None, found.sha256):
        raise TransferError("has other content")


def _said(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    return (isinstance(error, OSError) and error.strerror) or str(error)

"""A place that an address names: a bucket, a web server, whatever fsspec has a library for."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from framework.archives.store import check_path
from framework.errors import FrameworkError
from framework.worker.files.transfer import TransferError

#: Protocols without writing.
READ_ONLY_PROTOCOLS = ("http", "https")
#: Bytes that are sent and asked for at a time.
BLOCK = 8 << 20


class RemoteStore:
    """Files below an address; a file that is sent incompletely never gets its name."""

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        self.address = address
        protocol = urlsplit(address).scheme
        self.is_read_only = protocol in READ_ONLY_PROTOCOLS
        self._is_s3 = protocol in ("s3", "s3a")
        #: Web servers need not list their files.
        self.can_list = not self.is_read_only
        self._files, self._root = _file_system(address.rstrip("/"), protocol, dict(options))

    @property
    def access_error(self) -> str | None:
        try:
            with self._as_os_error(self._root):
                there = not self.can_list or self._files.exists(self._root.partition("/")[0] or "/")
        except OSError as error:
            return f"{self.address} cannot be reached: {error.strerror or error}"
        return None if there else f"there is nothing at {self.address}"

    def size(self, path: str) -> int:
        at = self._at(path)
        with self._as_os_error(path):
            size = self._files.info(at)["size"]
        if size is None:
            raise OSError(errno.EIO, "the server does not tell its size", path)
        return int(size)

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        at = self._at(path)
        with self._as_os_error(path), self._files.open(at, "rb", block_size=BLOCK, cache_type="readahead") as file:
            yield file

    @contextmanager
    def write(self, path: str) -> Iterator[BinaryIO]:
        at = self._at(path)
        with self._as_os_error(path):
            if self.is_read_only:
                raise PermissionError(errno.EROFS, "nothing can be put there", path)
            if self._files.exists(at):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            from fsspec import spec  # optional library, for addresses only

            file = self._open_new(at)
            try:
                yield file
                is_empty = file.tell() == 0
                file.close()
            except BaseException:
                file.discard()
                if isinstance(file, spec.AbstractBufferedFile):
                    file.closed = True  # or its end would send what there is
                raise
            self._commit(file, at, path, is_empty=is_empty)
            self._files.invalidate_cache()

    def _open_new(self, at: str) -> Any:
        """Open a file that must not be there, in the mode for that where the library has it."""
        try:
            return self._files.open(at, "xb", block_size=BLOCK, autocommit=False)
        except (ValueError, NotImplementedError):
            return self._files.open(at, "wb", block_size=BLOCK, autocommit=False)

    def _commit(self, file: Any, at: str, path: str, *, is_empty: bool) -> None:
        """Give a file its name, on the condition that it is free where the server knows conditions."""
        try:
            if is_empty and "x" in file.mode and self._is_s3:
                file.discard()
                self._files.pipe_file(at, b"", mode="create")  # its commit would have no condition
            else:
                file.commit()
        except Exception as error:
            if self._files.exists(at):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
            if "NotImplemented" not in str(error):
                raise
            file.mode = "wb"
            file.commit()

    def remove(self, path: str) -> None:
        at = self._at(path)
        with self._as_os_error(path):
            if self.is_read_only:
                raise PermissionError(errno.EROFS, "nothing can be removed there", path)
            self._files.rm_file(at)
            self._files.invalidate_cache()

    def move_out(self, path: str, target: Path) -> None:
        with self.read(path) as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, BLOCK)
        self.remove(path)

    def files(self) -> Iterator[tuple[str, int]]:
        with self._as_os_error(self._root):
            found = self._files.find(self._root, detail=True)
        for at, about in found.items():
            yield at[len(self._root) :].lstrip("/"), int(about["size"] or 0)

    def _at(self, path: str) -> str:
        return f"{self._root}/{quote(check_path(path)) if self.is_read_only else check_path(path)}"

    @contextmanager
    def _as_os_error(self, path: str) -> Iterator[None]:
        """Raise errors of the protocols' libraries, which have no common base class, as OSError."""
        try:
            yield
        except (OSError, FrameworkError, TransferError):
            raise
        except Exception as error:
            raise OSError(errno.EIO, f"{type(error).__name__}: {error}", path) from error


def _file_system(address: str, protocol: str, options: dict[str, str]) -> tuple[Any, str]:
    """Return the file system of an address, and the root as that file system names it."""
    if protocol in READ_ONLY_PROTOCOLS:
        options = {**options, "encoded": True}  # type: ignore[dict-item]
    try:
        import fsspec  # optional library, for addresses only

        files, root = fsspec.core.url_to_fs(address, use_listings_cache=False, **options)
    except ImportError as error:
        raise FrameworkError(f"{address}: needs a library: pip install 'skyfw[s3]' ({error})") from error
    except (ValueError, TypeError) as error:
        raise FrameworkError(f"the archive's root {address!r} cannot be used: {error}") from error
    return files, str(root).rstrip("/")

"""Packing: files that an archive keeps compressed, and how a job gets them back."""

from __future__ import annotations

import hashlib
import os
import zlib

from framework.worker.files.transfer import (
    CHUNK,
    GZIP,
    READ_ONLY,
    Checksum,
    TransferError,
    copy_measured,
    make_parents,
    measure,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import FileIO

#: What the name of a tile-compressed FITS file ends with.
FPACK = ".fz"
#: What fpack is told where the pipeline says nothing: nothing may be lost.
LOSSLESS = ("-g2", "-q", "0")


def pack(source: str, target: str, ending: str, arguments: Sequence[str]) -> tuple[Checksum, Checksum]:
    """Put a file compressed into the archive, whole or not at all; what it is, and what the archive has."""
    make_parents(target)
    part = f"{target}.part-{os.getpid()}"
    try:
        if ending == FPACK:
            found = measure(source)
            _run("fpack", *(arguments or LOSSLESS), "-O", part, source)
            packed = measure(part)
        else:
            found, packed = _deflate(source, part)
        os.chmod(part, READ_ONLY)
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return found, packed


def unpack(source: str, target: str, ending: str) -> None:
    """Make the file itself out of what an archive has of it, which has been checked."""
    try:
        if ending == FPACK:
            _run("funpack", "-O", target, source)
        elif ending == GZIP:
            _inflate(source, target)
        else:
            raise TransferError(f"{source}: nobody here can undo {ending}")
    except (OSError, zlib.error) as error:
        raise TransferError(f"{source}: {error}") from error


def _deflate(source: str, target: str) -> tuple[Checksum, Checksum]:
    # No name and no time are written: the same file gives the same bytes.
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    with open(source, "rb", buffering=0) as reading, open(target, "wb", buffering=0) as writing:
        sink = _Sink(writing)
        found = copy_measured(reading.read, lambda chunk: sink.write(squeeze.compress(chunk)))
        sink.write(squeeze.flush())
        os.fsync(writing.fileno())
    return found, sink.facts


class _Sink:
    """A file that is measured while it is written."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._size += len(chunk)
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    @property
    def facts(self) -> Checksum:
        return Checksum(self._size, self._digest.hexdigest())


def _inflate(source: str, target: str) -> None:
    with open(source, "rb", buffering=0) as reading, open(target, "wb") as writing:
        stretch = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while chunk := reading.read(CHUNK):
            while chunk:
                writing.write(stretch.decompress(chunk))
                chunk = stretch.unused_data
                if stretch.eof and chunk:
                    stretch = zlib.decompressobj(16 + zlib.MAX_WBITS)
        if not stretch.eof:
            raise TransferError(f"{source} ends too early")


def _run(*argv: str) -> None:
    import subprocess  # costs as much as the rest of the worker's start, and is seldom needed

    try:
        done = subprocess.run(argv, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise TransferError(f"{argv[0]} is not on this machine") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-1:] or ["it says nothing"]
        raise TransferError(f"{argv[0]} ended with status {done.returncode}: {said[0]}")

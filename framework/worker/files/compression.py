"""Compression: files that an archive keeps compressed, and how a job expands them."""

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

#: Suffix of tile-compressed FITS files.
FPACK = ".fz"
#: Default arguments of fpack: no data are lost.
LOSSLESS = ("-g2", "-q", "0")


def compress(source: str, target: str, suffix: str, arguments: Sequence[str]) -> tuple[Checksum, Checksum]:
    """Compress a file into the archive, whole or not at all; return the checksums of the file and of the result."""
    make_parents(target)
    part = f"{target}.part-{os.getpid()}"
    try:
        if suffix == FPACK:
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


def decompress(source: str, target: str, suffix: str) -> None:
    """Expand a verified file of an archive."""
    try:
        if suffix == FPACK:
            _run("funpack", "-O", target, source)
        elif suffix == GZIP:
            _inflate(source, target)
        else:
            raise TransferError(f"{source}: unknown compression {suffix}")
    except (OSError, zlib.error) as error:
        raise TransferError(f"{source}: {error}") from error


def _deflate(source: str, target: str) -> tuple[Checksum, Checksum]:
    # Neither name nor time are written: the same file gives the same bytes.
    compressor = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    with open(source, "rb", buffering=0) as reading, open(target, "wb", buffering=0) as writing:
        sink = _MeasuredFile(writing)
        found = copy_measured(reading.read, lambda chunk: sink.write(compressor.compress(chunk)))
        sink.write(compressor.flush())
        os.fsync(writing.fileno())
    return found, sink.checksum


class _MeasuredFile:
    """File whose size and checksum are computed while it is written."""

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
    def checksum(self) -> Checksum:
        return Checksum(self._size, self._digest.hexdigest())


def _inflate(source: str, target: str) -> None:
    with open(source, "rb", buffering=0) as reading, open(target, "wb") as writing:
        decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while chunk := reading.read(CHUNK):
            while chunk:
                writing.write(decompressor.decompress(chunk))
                chunk = decompressor.unused_data
                if decompressor.eof and chunk:
                    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
        if not decompressor.eof:
            raise TransferError(f"{source} ends too early")


def _run(*argv: str) -> None:
    import subprocess  # seldom needed, and costs as much as the rest of the worker's start

    try:
        done = subprocess.run(argv, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise TransferError(f"{argv[0]} is not installed on this machine") from error
    if done.returncode:
        output = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        last = output.splitlines()[-1] if output else "no output"
        raise TransferError(f"{argv[0]} ended with status {done.returncode}: {last}")

"""Transfer of files between archive and job: inputs are verified, outputs are measured while they are copied."""

from __future__ import annotations

import errno
import os
import stat

from framework.worker.files.checksum import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 20
#: Mode of files that an archive keeps.
READ_ONLY = 0o444
#: Mode of files that wait to be transferred: HTCondor may transfer them a second time, over the first.
IN_TRANSIT = 0o644
#: Suffix of gzipped files.
GZIP = ".gz"


class TransferError(Exception):
    """A file cannot be transferred; another try, or another machine, may succeed."""


class Checksum:
    """Size in bytes and sha256 of a file's content."""

    __slots__ = ("sha256", "size")

    def __init__(self, size: int, sha256: str) -> None:
        self.size = size
        self.sha256 = sha256

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Checksum) and (self.size, self.sha256) == (other.size, other.sha256)

    def __hash__(self) -> int:
        return hash((self.size, self.sha256))


#: Path, inode, size and modification time of a file.
State = tuple[str, int, int, int]


def _state(path: str) -> State:
    status = os.stat(path)
    return (path, status.st_ino, status.st_size, status.st_mtime_ns)


def with_suffix(path: str, suffix: str) -> str:
    """Return the path with a suffix before the extension of its name."""
    directory, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{directory}{slash}{stem}{suffix}{dot}{ending}" if dot else f"{path}{suffix}"


class ChecksumCache:
    """Cache of checksums by the state of a file: an input that many jobs share is read once a worker."""

    def __init__(self) -> None:
        self._known: dict[State, Checksum] = {}
        self._seen: dict[str, State] = {}

    def checksum(self, path: str) -> Checksum:
        """Return size and sha256 of a file, which is read only if it is new or was changed."""
        key = _state(path)
        if key not in self._known:
            self._known[key] = measure(path)
            self._seen[path] = key
        return self._known[key]

    def is_changed(self, path: str) -> bool:
        """Return whether a file was changed since its checksum was computed."""
        try:
            return path in self._seen and self._seen[path] != _state(path)
        except FileNotFoundError:
            return True


def measure(path: str) -> Checksum:
    """Compute size and sha256 of a file's content."""
    with open(path, "rb", buffering=0) as file:
        return copy_measured(file.read, lambda chunk: None)


def link(source: str, target: str, expected: Checksum | None, measurer: ChecksumCache) -> Checksum:
    """Link a file into the job; raise TransferError if it is not the expected one."""
    try:
        found = measurer.checksum(source)
        compare(source, found, expected)
        place(source, target)
    except OSError as error:
        raise TransferError(f"{source}: {error.strerror}") from error
    return found


def check(source: str, expected: Checksum | None, measurer: ChecksumCache) -> Checksum:
    """Verify a file of an archive; raise TransferError if it is not the expected one."""
    try:
        found = measurer.checksum(source)
    except OSError as error:
        raise TransferError(f"{source}: {error.strerror}") from error
    compare(source, found, expected)
    return found


def place(source: str, target: str) -> None:
    """Give a file a second name: a hard link, which costs a tenth of a symbolic one, where both can share it."""
    try:
        os.link(source, target)
    except OSError:
        os.symlink(source, target)


def copy(source: str, target: str, expected: Checksum | None) -> Checksum:
    """Copy a file that programs must not change; raise TransferError if it is not the expected one."""
    try:
        with open(source, "rb", buffering=0) as reading, open(target, "wb", buffering=0) as writing:
            found = copy_measured(reading.read, writing.write)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise TransferError(f"{source}: {error.strerror}") from error
    compare(source, found, expected)
    return found


def store(source: str, target: str, mode: int = READ_ONLY) -> Checksum:
    """Move a file into the archive under its final name, whole or not at all.

    It is renamed where archive and job share a file system and it has no other link, else copied and measured in one
    pass.
    """
    make_parents(target)
    status = os.lstat(source)
    own = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
    if own and status.st_dev == os.stat(os.path.dirname(target)).st_dev:
        found = measure(source)
        os.chmod(source, mode)
        try:
            os.replace(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return found
    # Two file systems, or two mounts of one.
    found = _copy(source, target, mode)
    os.unlink(source)
    return found


def move(source: str, target: str) -> None:
    """Move a file that was transferred back into the archive, whole or not at all."""
    make_parents(target)
    os.chmod(source, READ_ONLY)
    try:
        os.replace(source, target)
    except OSError:
        _copy(source, target, READ_ONLY)
        os.unlink(source)


def lost_log_path(path: str, execution_id: str) -> str:
    """Return the archive path for the log of a lost execution."""
    return with_suffix(path, f"_lost{execution_id}")


def _copy(source: str, target: str, mode: int) -> Checksum:
    part = f"{target}.part-{os.getpid()}"
    try:
        with open(source, "rb", buffering=0) as reading, open(part, "wb", buffering=0) as writing:
            found = copy_measured(reading.read, writing.write)
            os.fsync(writing.fileno())
        os.chmod(part, mode)
        os.replace(part, target)
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise
    return found


def copy_measured(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> Checksum:
    """Copy a stream; return size and sha256 of what was copied."""
    chunk = read(CHUNK)
    digest = sha256(chunk)
    size = 0
    while chunk:
        view = memoryview(chunk)
        while view:
            done = write(view)  # type: ignore[arg-type]
            view = view[done if isinstance(done, int) else len(view) :]
        size += len(chunk)
        if chunk := read(CHUNK):
            digest.update(chunk)
    return Checksum(size, digest.hexdigest())


def compare(name: str, found: Checksum, expected: Checksum | None) -> None:
    """Raise TransferError if a file is not the expected one."""
    if expected is None or found == expected:
        return
    if found.size != expected.size:
        raise TransferError(f"{name} has {found.size} bytes where {expected.size} are recorded")
    raise TransferError(f"{name} is not what was recorded: its sha256 is {found.sha256}, not {expected.sha256}")


#: Directories that this process made.
_made: set[str] = set()


def make_parents(path: str) -> None:
    """Make the directory of a file."""
    directory = os.path.dirname(path)
    if directory not in _made or not os.path.isdir(directory):
        os.makedirs(directory, exist_ok=True)
        _made.add(directory)

"""Locks of an archive: a repair has it alone, so that it takes away nothing that is being put there.

The locks lie in the archive itself, since several machines and registries may use it. The system ends the lock of a
process that ends, however it ends, and a file server that of a machine that is gone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from framework.archives.archive import Archive
from framework.archives.directory_store import OWN_DIRECTORY
from framework.errors import InfrastructureError
from framework.output.log import get_logger

log = get_logger(__name__)

LOCK = "lock"
#: Names of the files that say who works there begin so.
WRITER = "writer-"
#: What file systems without locks answer.
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


class ArchiveInUseError(InfrastructureError):
    """Others write to an archive that is to be repaired."""


@contextmanager
def lock_for_writing(archive: Archive, verb: str) -> Iterator[None]:
    """Keep repairs out of an archive while a verb writes to it; wait for one that is at work.

    Archives behind an address have no locks.
    """
    if "://" in archive.root:
        yield
        return
    folder = _folder(archive)
    with _opened(folder / LOCK) as lock:
        if not _lock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB):
            log.warning("%s: %s waits until fw fsck --repair has ended there", archive.name, verb)
            _lock(lock, fcntl.LOCK_SH)
        own = folder / f"{WRITER}{uuid.uuid4().hex}"
        with _opened(own) as about:
            _lock(about, fcntl.LOCK_EX)
            began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            os.write(about, f"{verb} (process {os.getpid()} on {socket.gethostname()}, since {began})".encode())
            try:
                yield
            finally:
                own.unlink(missing_ok=True)


@contextmanager
def lock_for_repair(archive: Archive) -> Iterator[None]:
    """Have an archive alone for its repair; ArchiveInUseError, which names the writers, while others write there."""
    if "://" in archive.root:
        yield
        return
    # A place that has vanished would be made anew, and every file taken for lost.
    if archive.store.access_error:
        raise InfrastructureError(f"archive {archive.name}: {archive.store.access_error}")
    folder = _folder(archive)
    with _opened(folder / LOCK) as lock:
        is_alone = _lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        writers = writers_at_work(archive)
        if not is_alone or writers:
            who = ", ".join(writers) or "another fw fsck --repair"
            raise ArchiveInUseError(
                f"archive {archive.name} cannot be repaired while others work there: {who}; repeat it when they have "
                f"ended (files in {folder} say who works there)"
            )
        for left in folder.glob(f"{WRITER}*"):  # of writers that were killed
            left.unlink(missing_ok=True)
        yield


def writers_at_work(archive: Archive) -> list[str]:
    """Return who writes to an archive now: verb, process and machine."""
    found = []
    for path in sorted(Path(archive.root, OWN_DIRECTORY).glob(f"{WRITER}*")):
        with suppress(OSError):  # it has ended meanwhile
            if _is_held(path):
                found.append(path.read_text(errors="replace") or "a writer that begins")
    return found


def _folder(archive: Archive) -> Path:
    """Return the directory of the locks, with the rights of the archive."""
    folder = Path(archive.root, OWN_DIRECTORY)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))
    except OSError as error:
        raise InfrastructureError(f"archive {archive.name}: {folder}: {error.strerror}") from error
    return folder


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise InfrastructureError(f"{path}: {error.strerror}") from error
    try:
        with suppress(PermissionError):  # another one's file, who has given the rights
            os.fchmod(descriptor, stat.S_IMODE(path.parent.stat().st_mode) & 0o666)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    """Lock a file; return False where another process has it. Without locks, the files of writers must say it."""
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise InfrastructureError(f"the archive cannot be locked: {error.strerror}") from error
    return True


def _is_held(path: Path) -> bool:
    """Return whether the writer of a file is at work; True where that cannot be found out."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except PermissionError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

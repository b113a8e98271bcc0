"""Run lock: a run belongs to one process at a time, as long as that lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class RunLock:
    """Lock file in a run's directory, with the id of the process that holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def acquire(self) -> int:
        """Take the lock; return the descriptor that holds it until it is closed. BlockingIOError names the owner."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 64, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise BlockingIOError(f"process {owner}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def find_owner(self) -> int | None:
        """Return the id of the process that holds the lock; None where nobody does."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(descriptor, 64, 0) or b"0")
        else:
            return None
        finally:
            os.close(descriptor)

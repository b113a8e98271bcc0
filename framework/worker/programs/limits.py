"""Limits of time and memory for a program and the processes that it starts."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Seconds between SIGTERM and SIGKILL.
GRACE = 10.0
#: Seconds between two measurements of a program's memory.
MEMORY_INTERVAL = 0.05
#: Resources that a program can exceed.
MEMORY, TIME = "memory", "time"

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limits:
    """Limits of one program; None for no limit."""

    __slots__ = ("deadline", "memory_mb")

    def __init__(self, deadline: float | None = None, memory_mb: int | None = None) -> None:
        #: By time.monotonic().
        self.deadline = deadline
        self.memory_mb = memory_mb

    def pause(self) -> float | None:
        """Return seconds until the limits are to be checked again; None without limits."""
        pauses = [] if self.deadline is None else [max(0.0, self.deadline - time.monotonic())]
        return min([*pauses, *([] if self.memory_mb is None else [MEMORY_INTERVAL])], default=None)

    def exceeded(self, pid: int, detached: Callable[[], Iterable[int]]) -> tuple[str, str]:
        """Return the exceeded resource (MEMORY or TIME) and the message; empty strings within limits.

        ``detached`` returns processes that the program left outside of its process group; they count as well.
        """
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return TIME, "its time was up"
        if self.memory_mb is not None and (used := used_mb(pid, detached, self.memory_mb)) > self.memory_mb:
            return MEMORY, f"it used {used} MB of memory, and had asked for {self.memory_mb}"
        return "", ""


def wait_within(limits: Limits, pid: int, detached: Callable[[], Iterable[int]]) -> tuple[str, str]:
    """Wait until a program ends, or end it; return the exceeded resource and the message, else empty strings."""
    if limits.pause() is None:
        return "", ""
    descriptor = os.pidfd_open(pid)
    try:
        while not _wait_for_end(descriptor, limits.pause()):
            exceeded, reason = limits.exceeded(pid, detached)
            if exceeded == TIME:
                _terminate(descriptor, pid)
            elif exceeded == MEMORY:
                signal_group(pid, signal.SIGKILL)
                _wait_for_end(descriptor, None)
            if exceeded:
                return exceeded, reason
        return "", ""
    finally:
        os.close(descriptor)


def used_mb(pid: int, detached: Callable[[], Iterable[int]], limit_mb: int) -> int:
    """Return the memory of processes and their descendants; above the limit, shared pages are counted once."""
    tree = _find_descendants([pid, *detached()])
    used = sum(map(_resident_pages, tree)) * _PAGE >> 20
    if used > limit_mb and len(tree) > 1:
        used = sum(map(_proportional_kb, tree)) >> 10
    return used


def _find_descendants(roots: list[int]) -> list[int]:
    """Return processes with all their descendants."""
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        with suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                    waiting += map(int, file.read().split())
    return found


def _resident_pages(pid: int) -> int:
    """Return the resident set size in pages."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1])
    except (OSError, IndexError):
        return 0


def _proportional_kb(pid: int) -> int:
    """Return the proportional set size in kB: a shared page counts in parts."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return 0


def _terminate(descriptor: int, pid: int) -> None:
    signal_group(pid, signal.SIGTERM)
    if not _wait_for_end(descriptor, GRACE):
        signal_group(pid, signal.SIGKILL)
        _wait_for_end(descriptor, None)


def _wait_for_end(descriptor: int, seconds: float | None) -> bool:
    """Wait for the end of a process; return whether it ended in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process group, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

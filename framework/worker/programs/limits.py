"""Limits: how long a program may run and how much memory it and what it starts may use, watched from outside."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Seconds between asking a program to end and ending it.
GRACE = 10.0
#: Seconds between two looks at the memory of a program.
LOOK_EVERY = 0.05
#: What a program that was ended had too little of.
MEMORY, TIME = "memory", "time"

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limits:
    """What one program may take; None for as much as it likes."""

    __slots__ = ("deadline", "memory_mb")

    def __init__(self, deadline: float | None = None, memory_mb: int | None = None) -> None:
        #: By time.monotonic().
        self.deadline = deadline
        self.memory_mb = memory_mb

    def pause(self) -> float | None:
        """Seconds until the next look; None where there is nothing to look for."""
        pauses = [] if self.deadline is None else [max(0.0, self.deadline - time.monotonic())]
        return min([*pauses, *([] if self.memory_mb is None else [LOOK_EVERY])], default=None)

    def exceeded(self, pid: int, strays: Callable[[], Iterable[int]]) -> tuple[str, str]:
        """What the program wants more of than it may have, and how that is told; empty where it keeps within.

        ``strays`` are processes that it left to themselves; they count as well.
        """
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return TIME, "its time was up"
        if self.memory_mb is not None and (used := used_mb(pid, strays, self.memory_mb)) > self.memory_mb:
            return MEMORY, f"it used {used} MB of memory, and had asked for {self.memory_mb}"
        return "", ""


def wait_within(limits: Limits, pid: int, strays: Callable[[], Iterable[int]]) -> tuple[str, str]:
    """Wait until a program has ended or had to be ended; what it wanted more of and the reason, if so."""
    if limits.pause() is None:
        return "", ""
    descriptor = os.pidfd_open(pid)
    try:
        while not _ended(descriptor, limits.pause()):
            want, reason = limits.exceeded(pid, strays)
            if want == TIME:
                _end_gently(descriptor, pid)
            elif want == MEMORY:
                signal_group(pid, signal.SIGKILL)
                _ended(descriptor, None)
            if want:
                return want, reason
        return "", ""
    finally:
        os.close(descriptor)


def used_mb(pid: int, strays: Callable[[], Iterable[int]], limit_mb: int) -> int:
    """The memory of a process and all below it; what they share is counted once where that decides."""
    tree = _tree([pid, *strays()])
    used = sum(map(_resident, tree)) * _PAGE >> 20
    if used > limit_mb and len(tree) > 1:
        used = sum(map(_proportional, tree)) >> 10
    return used


def _tree(roots: list[int]) -> list[int]:
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


def _resident(pid: int) -> int:
    """Pages."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1])
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """kB, each page shared out among those that have it."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return 0


def _end_gently(descriptor: int, pid: int) -> None:
    signal_group(pid, signal.SIGTERM)
    if not _ended(descriptor, GRACE):
        signal_group(pid, signal.SIGKILL)
        _ended(descriptor, None)


def _ended(descriptor: int, seconds: float | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def signal_group(pid: int, number: int) -> None:
    """To a process group, where it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

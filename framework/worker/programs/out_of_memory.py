"""OutOfMemoryMonitor: whether the system ended a program because the memory that this job may take ran out."""

from __future__ import annotations

import os

#: Where a control group's memory events are, by the version of the system's interface.
UNIFIED = "/sys/fs/cgroup{path}/memory.events"
SEPARATE = "/sys/fs/cgroup/memory{path}/memory.oom_control"


class OutOfMemoryMonitor:
    """Counts the programs that the system has ended in this process's control group.

    A program that was killed by somebody else, or that crashed, is not taken for one of these.
    """

    def __init__(self) -> None:
        self._places = list(_places())
        self._seen = self._count()

    def has_struck(self) -> bool:
        """Whether it happened since this was asked before."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    def _count(self) -> int:
        return sum(map(_kills, self._places))


def _places() -> list[str]:
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    found = [UNIFIED.format(path=path) for _, names, path in groups if not names]
    found += [SEPARATE.format(path=path) for _, names, path in groups if "memory" in names.split(",")]
    return [place for place in found if os.path.exists(place)]


def _kills(place: str) -> int:
    try:
        with open(place, encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except OSError:
        return 0

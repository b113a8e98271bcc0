"""Out-of-memory kills: whether the kernel ended a program because the memory of its control group ran out."""

from __future__ import annotations

import os

#: Files with the memory events of a control group, in version 2 and version 1 of cgroups.
CGROUP_2 = "/sys/fs/cgroup{path}/memory.events"
CGROUP_1 = "/sys/fs/cgroup/memory{path}/memory.oom_control"


class OutOfMemoryMonitor:
    """Counter of the kernel's out-of-memory kills in the control group of this process.

    It distinguishes them from other kills and from crashes.
    """

    def __init__(self) -> None:
        self._files = _event_files()
        self._seen = self._count()

    def has_killed(self) -> bool:
        """Return whether there was a kill since the last call of this method."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    def _count(self) -> int:
        return sum(map(_count_kills, self._files))


def _event_files() -> list[str]:
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    found = [CGROUP_2.format(path=path) for _, names, path in groups if not names]
    found += [CGROUP_1.format(path=path) for _, names, path in groups if "memory" in names.split(",")]
    return [path for path in found if os.path.exists(path)]


def _count_kills(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except OSError:
        return 0

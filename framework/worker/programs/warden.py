"""The warden: a process beside the worker that ends the worker's programs when the worker is gone.

A parent-death signal would have to be set between fork and exec, and forking instead of spawning doubles the cost
of a short program. The warden costs one small process for all programs of a worker.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import threading
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: As many programs may run at a time in one worker.
SLOTS = 256
SLOT = struct.Struct("=i")
#: prctl(2): the signal a process gets when its parent dies; and that it becomes the parent of its orphans.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: In the environment of a worker and of all that it starts; its value is the worker's name.
WORKER = "FW_WORKER"


class Warden:
    """Knows the process groups that run now, in memory that the two processes share."""

    def __init__(self) -> None:
        shared = os.memfd_create("programs", 0)
        os.ftruncate(shared, SLOTS * SLOT.size)
        self._table = mmap.mmap(shared, SLOTS * SLOT.size)
        self._free = list(range(SLOTS))
        self._lock = threading.Lock()
        reading, self._alive = os.pipe()
        os.set_inheritable(reading, True)
        self.pid = os.posix_spawn(
            sys.executable, [sys.executable, "-S", "-I", __file__, str(shared), str(reading)], os.environ
        )  # fmt: skip
        os.close(reading)
        os.close(shared)

    def watch(self, group: int) -> int:
        """Note a process group; the slot it is given is handed back with forget."""
        with self._lock:
            slot = self._free.pop()
        SLOT.pack_into(self._table, slot * SLOT.size, group)
        return slot

    def forget(self, slot: int) -> None:
        SLOT.pack_into(self._table, slot * SLOT.size, 0)
        with self._lock:
            self._free.append(slot)

    def dismiss(self) -> None:
        """The worker ends in good order; the warden goes first."""
        os.close(self._alive)
        os.waitpid(self.pid, 0)


def die_with_parent(parent: int) -> None:
    """End this process when its parent ends; at once where it has ended already."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of whatever the programs leave behind, so that it can be found and ended."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_orphans(call: str, orphans: Callable[[], set[int]]) -> int:
    """End what a call's programs left running in sessions of their own; how many there were."""
    ended: set[int] = set()
    # The children of an orphan that is ended are the next ones.
    while left := strays_of(call, orphans) - ended:
        for pid in left:
            for end in (os.killpg, os.kill):
                try:
                    end(pid, signal.SIGKILL)
                except OSError:
                    continue
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        ended |= left
    return len(ended)


def strays_of(call: str, orphans: Callable[[], set[int]]) -> set[int]:
    """What a call's programs left running in sessions of their own."""
    return {pid for pid in orphans() if _is_of(pid, call)}


def _is_of(pid: int, call: str) -> bool:
    """Whether a process is one of a call's, and not of another one that runs beside it."""
    return _environment(pid).get(b"FW_CALL", call.encode()) == call.encode()


def children() -> set[int]:
    """The processes whose parent is this one."""
    found: set[int] = set()
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children", "rb") as file:
                found.update(map(int, file.read().split()))
        except OSError:
            continue
    return found


def _environment(pid: int) -> dict[bytes, bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = (entry.partition(b"=") for entry in file.read().split(b"\0"))
            return {name: value for name, _, value in pairs}
    except OSError:
        return {}


def _end_strays(worker: bytes) -> None:
    """End every process of this machine that a worker started and that went away from it."""
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid() and _environment(int(name)).get(WORKER.encode()) == worker:
            try:
                os.kill(int(name), signal.SIGKILL)
            except OSError:
                continue


def keep_watch(shared: int, reading: int) -> None:
    """Wait for the end of the worker, which closes its side of the pipe, and end what it left running."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in (0, 1):
        os.close(descriptor)  # the pipes to the engine, which waits for the worker's end of them to close
    table = mmap.mmap(shared, SLOTS * SLOT.size)
    while os.read(reading, 1):
        continue
    for (group,) in SLOT.iter_unpack(table[:]):
        if group > 0:
            try:
                os.killpg(group, signal.SIGKILL)
            except OSError:
                continue
    worker = os.environb.get(WORKER.encode())
    if worker:
        _end_strays(worker)


if __name__ == "__main__":
    keep_watch(int(sys.argv[1]), int(sys.argv[2]))

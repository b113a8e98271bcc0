"""Warden: a process that ends the programs of a worker when the worker is gone.

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

#: Greatest number of programs that run at a time in one worker.
SLOTS = 256
SLOT = struct.Struct("=i")
#: Options of prctl(2): the signal at the parent's death; adoption of orphaned descendants.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: Environment variable of a worker and of all processes that it starts; its value is the worker's name.
WORKER = "FW_WORKER"


class Warden:
    """Table of the running process groups, in memory that the worker shares with the warden's process."""

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
        """Note a process group; return its slot, for ``forget``."""
        with self._lock:
            slot = self._free.pop()
        SLOT.pack_into(self._table, slot * SLOT.size, group)
        return slot

    def forget(self, slot: int) -> None:
        """Free the slot of a process group that has ended."""
        SLOT.pack_into(self._table, slot * SLOT.size, 0)
        with self._lock:
            self._free.append(slot)

    def dismiss(self) -> None:
        """End the warden's process, at the end of the worker."""
        os.close(self._alive)
        os.waitpid(self.pid, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends; end it now if the parent is gone."""
    import ctypes  # the job of a pool starts without it

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of processes that programs leave, so that these can be found and ended."""
    import ctypes  # the job of a pool starts without it

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_orphans(call: str, orphans: Callable[[], set[int]]) -> int:
    """End processes that a call's programs left in sessions of their own; return how many there were."""
    ended: set[int] = set()
    # The children of an ended orphan become orphans in turn.
    while left := detached_of(call, orphans) - ended:
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


def detached_of(call: str, orphans: Callable[[], set[int]]) -> set[int]:
    """Return processes that a call's programs left in sessions of their own."""
    return {pid for pid in orphans() if _belongs_to(pid, call)}


def _belongs_to(pid: int, call: str) -> bool:
    """Return whether a process belongs to a call, and not to another one that runs at the same time."""
    return _environment(pid).get(b"FW_CALL", call.encode()) == call.encode()


def children() -> set[int]:
    """Return the child processes of this one."""
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


def _end_detached(worker: bytes) -> None:
    """End all processes of this machine that a worker started."""
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid() and _environment(int(name)).get(WORKER.encode()) == worker:
            try:
                os.kill(int(name), signal.SIGKILL)
            except OSError:
                continue


def keep_watch(shared: int, reading: int) -> None:
    """Wait for the end of the worker, which closes its side of the pipe, and end its programs."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in (0, 1):
        os.close(descriptor)  # pipes to the engine, which waits until all of their ends are closed
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
        _end_detached(worker)


if __name__ == "__main__":
    keep_watch(int(sys.argv[1]), int(sys.argv[2]))

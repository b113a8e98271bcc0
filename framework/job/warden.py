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

#: As many programs may run at a time in one worker.
SLOTS = 256
SLOT = struct.Struct("=i")
#: prctl(2): the signal a process gets when its parent dies.
PR_SET_PDEATHSIG = 1


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


if __name__ == "__main__":
    keep_watch(int(sys.argv[1]), int(sys.argv[2]))

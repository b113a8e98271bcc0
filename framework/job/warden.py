"""The warden: a process beside the worker that ends the worker's programs when the worker is gone.

A parent-death signal would have to be set between fork and exec, and forking instead of spawning doubles the cost
of a short program. The warden costs a worker one fork for all its programs.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import threading

#: As many programs may run at a time in one worker.
SLOTS = 256
SLOT = struct.Struct("=i")


class Warden:
    """Knows the process groups that run now, in memory that the two processes share."""

    def __init__(self) -> None:
        self._table = mmap.mmap(-1, SLOTS * SLOT.size)
        self._free = list(range(SLOTS))
        self._lock = threading.Lock()
        reading, self._alive = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _keep_watch(self._table, reading, self._alive)
        os.close(reading)

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


def _keep_watch(table: mmap.mmap, reading: int, writing: int) -> None:
    """Wait for the end of the worker, which closes its side of the pipe, and end what it left running."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in os.listdir("/proc/self/fd"):
        if int(descriptor) != reading:
            try:
                os.close(int(descriptor))
            except OSError:
                continue
    while os.read(reading, 1):
        continue
    for (group,) in SLOT.iter_unpack(table[:]):
        if group > 0:
            try:
                os.killpg(group, signal.SIGKILL)
            except OSError:
                continue
    os._exit(0)

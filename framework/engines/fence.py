"""Fence: no process of an earlier execution of a run goes on writing once the run is restarted."""

from __future__ import annotations

import os
import signal
import time

from framework.errors import InfrastructureError

#: In the environment of a run's workers and of all that they start; its value is the run's directory.
MARK = "FW_FENCE"
#: Seconds to wait for killed processes to be gone.
PATIENCE = 10.0


def end_marked_processes(mark: str) -> list[int]:
    """End every process of this machine that carries the mark; return their process ids.

    Raises InfrastructureError when one cannot be ended, which a file system that hangs may cause.
    """
    ended: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while found := find_marked_processes(mark):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        ended += [pid for pid in found if pid not in ended]
        if time.monotonic() > deadline:
            raise InfrastructureError(f"processes of an earlier execution cannot be ended: {found}")
        time.sleep(0.01)
    return ended


def find_marked_processes(mark: str) -> list[int]:
    """Return the living processes that carry the mark, without this one."""
    entry = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if entry in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            continue  # it has ended, or belongs to another user
    return found

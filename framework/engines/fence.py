"""The fence: nothing of an earlier execution of a run goes on writing once the run is taken up again."""

from __future__ import annotations

import os
import signal
import time

from framework.errors import InfrastructureError

#: In the environment of a run's workers and of all that they start; its value is the run's directory.
MARK = "FW_FENCE"
#: Seconds to wait for killed processes to be gone.
PATIENCE = 10.0


def fence(mark: str) -> list[int]:
    """End every process of this machine that carries the mark; their process ids.

    Raises InfrastructureError when one cannot be ended, which a file system that hangs may cause.
    """
    ended: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while found := marked(mark):
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


def marked(mark: str) -> list[int]:
    """The living processes that carry the mark, this one left out."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            continue  # it has ended, or is somebody else's
    return found

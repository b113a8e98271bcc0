"""Process that the steps of a job share: Python functions, called one after another, that leave objects for each other.

An order comes on standard input, a socket: a JSON line, and with it the open file that is the step's standard output
and error; the answer is a JSON line. ``shared_process.py`` is the other side, and describes both.

This file is run by its path, in the Python of the pipeline's programs, where the framework need not be installed: it
imports the standard library only, and the modules that orders name.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import socket
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from framework.worker.job.records import StepAnswer, StepOrder

CHUNK = 1 << 16
#: Fields of getrusage that are sums, reported for each step.
SUMS = ("utime", "stime", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")


def main() -> None:
    """Execute orders until there are no more."""
    orders = socket.socket(fileno=os.dup(0))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    objects: dict[str, object] = {}
    meter = UsageMeter()
    directory, environment = os.getcwd(), dict(os.environ)
    while received := receive(orders):
        order, log = received
        # Steps share the objects only: directory and environment are reset.
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment, **order["environment"])
        answer = execute(order, log, objects)
        # The log is complete when its step has ended: nothing may be added to it.
        os.dup2(null, 1)
        os.dup2(null, 2)
        orders.sendall(json.dumps({**answer, "usage": meter.read()}).encode() + b"\n")


def receive(orders: socket.socket) -> tuple[StepOrder, int] | None:
    """Return the next order with the descriptor of its log; None when there are no more."""
    text, descriptors, _, _ = socket.recv_fds(orders, CHUNK, 1)
    while text and not text.endswith(b"\n"):
        text += orders.recv(CHUNK)
    return (json.loads(text), descriptors[0]) if text else None


def execute(order: StepOrder, log: int, objects: dict[str, object]) -> StepAnswer:
    """Execute one order; return the exit status and the paths that were left in memory."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    for path in order["forget"]:
        objects.pop(path, None)
    for path, other in order["names"]:
        objects[path] = objects[other]
    try:
        status = call(order["step"], order["arguments"], objects, frozenset(order["memory"]))
    except Exception:  # noqa: BLE001 (an error of the step is its own, with a traceback in its log)
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)  # buffers of C libraries
    return {"status": status, "held": [path for path in order["memory"] if path in objects]}


def call(step: str, arguments: list[str], objects: dict[str, object], memory: frozenset[str]) -> int:
    """Call the function of a step; return its exit status, as its program would have it."""
    module, _, name = step.partition(":")
    try:
        status = getattr(importlib.import_module(module), name)(arguments, objects, memory)
    except SystemExit as error:
        status = error.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    if status is None:
        return 0
    if not isinstance(status, int) or not 0 <= status < 256:
        raise TypeError(f"{step} should give an exit status, not {status!r}")
    return int(status)


class UsageMeter:
    """Meter of what each step uses; the start of Python counts for the first step."""

    def __init__(self) -> None:
        self._before = dict.fromkeys(SUMS, 0.0)
        self._largest_child = 0

    def read(self) -> dict[str, float]:
        """Return what was used since the last call, and the peak of memory in that time."""
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        sums = {name: getattr(own, f"ru_{name}") + getattr(children, f"ru_{name}") for name in SUMS}
        used = {name: value - self._before[name] for name, value in sums.items()}
        grown = children.ru_maxrss > self._largest_child
        used["maxrss"] = max(own.ru_maxrss, children.ru_maxrss if grown else 0)
        self._before, self._largest_child = sums, children.ru_maxrss
        _reset_peak()
        return used


def _reset_peak() -> None:
    """Reset the peak of memory; where the kernel cannot, the peak is that since the process began."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return


if __name__ == "__main__":
    main()

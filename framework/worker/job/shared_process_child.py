"""The process that a job's steps share: Python functions, called one after another, that leave objects for each other.

An order comes on standard input, a socket: a JSON line, and with it the open file that is the step's standard output
and error; the answer is a JSON line. ``shared_process.py`` is the other side, and has what both hold.

This file is run by its path, in the Python of the pipeline's programs, which may know nothing of the framework: it
imports the standard library only, and of the rest what the order names.
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
    from typing import Any

CHUNK = 1 << 16
#: What getrusage has of a process in sums, and is told of each step.
SUMS = ("utime", "stime", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")


def main() -> None:
    """Serve orders until there are no more."""
    orders = socket.socket(fileno=os.dup(0))
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    objects: dict[str, Any] = {}
    meter = UsageMeter()
    directory, environment = os.getcwd(), dict(os.environ)
    while received := receive(orders):
        order, log = received
        # A step finds nothing of what another one did to the process, but for the objects.
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment, **order["environment"])
        answer = obey(order, log, objects)
        # A log is whole when its step has ended: nothing may be added to it.
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        orders.sendall(json.dumps({**answer, "usage": meter.read()}).encode() + b"\n")


def receive(orders: socket.socket) -> tuple[dict[str, Any], int] | None:
    """The next order with its log; None when there are no more."""
    text, descriptors, _, _ = socket.recv_fds(orders, CHUNK, 1)
    while text and not text.endswith(b"\n"):
        text += orders.recv(CHUNK)
    return (json.loads(text), descriptors[0]) if text else None


def obey(order: dict[str, Any], log: int, objects: dict[str, Any]) -> dict[str, Any]:
    """Call one step; its status, and what it left in memory."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    for place in order["forget"]:
        objects.pop(place, None)
    for place, other in order["names"]:
        objects[place] = objects[other]
    try:
        status = call(order["step"], order["arguments"], objects, frozenset(order["memory"]))
    except Exception:  # noqa: BLE001 (as any program's, its mistake ends the step with a traceback in the log)
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)  # what libraries in C have still to say
    return {"status": status, "held": [place for place in order["memory"] if place in objects]}


def call(step: str, arguments: list[str], objects: dict[str, Any], memory: frozenset[str]) -> int:
    """The exit status of a step, as that of its program would be."""
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
    """Measures what each step takes; what came before the first one, the start of Python, is the first one's."""

    def __init__(self) -> None:
        self._before = dict.fromkeys(SUMS, 0.0)
        self._largest_child = 0

    def read(self) -> dict[str, float]:
        """What was taken since the last reading; the most memory that the process had in that time."""
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        sums = {name: getattr(own, f"ru_{name}") + getattr(children, f"ru_{name}") for name in SUMS}
        taken = {name: value - self._before[name] for name, value in sums.items()}
        grown = children.ru_maxrss > self._largest_child
        taken["maxrss"] = max(own.ru_maxrss, children.ru_maxrss if grown else 0)
        self._before, self._largest_child = sums, children.ru_maxrss
        _reset_peak()
        return taken


def _reset_peak() -> None:
    """Begin to measure the peak anew; where the kernel does not, the peak is that since the process began."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return


if __name__ == "__main__":
    main()
